using System.Buffers.Binary;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Frames that are too long, too short or not what they say, and the order of replies.</summary>
public abstract class FrameRows(TargetFixture fixture) : RowTest(fixture)
{
    private const int Longest = 0xfffff;

    public sealed class OnApache(SharedApache fixture) : FrameRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : FrameRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : FrameRows(fixture);

    [Theory]
    [Row("B22")]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(Longest + 1)]
    [InlineData(int.MaxValue)]
    public async Task B22_a_length_that_cannot_be_ends_the_connection(int length)
    {
        WireClient zk = await OpenAsync();
        byte[] frame = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        await zk.SendBytesAsync(length == 4 ? frame : frame[..4]);
        await zk.ExpectCloseAsync();
        Assert.Equal(zk.SessionId, (await OpenAsync(resume: zk.Session)).SessionId);
    }

    [Fact]
    [Row("B22")]
    public async Task B22_the_longest_frame_is_taken()
    {
        (WireClient zk, string root) = await StartAsync();
        byte[] data = new byte[Longest - 8 - Body.Set(root, []).Bytes().Length];
        Assert.Equal(data.Length, (await zk.SetAsync(root, data)).Ok(Stat.Read).DataLength);
    }

    /// <summary>A request and a body that is not its own.</summary>
    public static TheoryData<OpCode, string> Broken { get; } = MakeBroken();

    [Theory]
    [Row("B23")]
    [MemberData(nameof(Broken))]
    public async Task B23_a_body_that_cannot_be_read_is_told_of_and_the_connection_stays(OpCode type, string hex)
    {
        WireClient zk = await OpenAsync();
        await zk.SendRawAsync(4711, type, Convert.FromHexString(hex));
        Assert.Equal(4711, (await zk.ReadReplyAsync()).Is(ErrorCode.MarshallingError).Xid);
        (await zk.PingAsync()).Ok();
    }

    public static TheoryData<OpCode> WithPath { get; } =
    [
        OpCode.Create, OpCode.Create2, OpCode.Delete, OpCode.SetData, OpCode.SetAcl, OpCode.Exists, OpCode.GetData, OpCode.GetChildren, OpCode.GetChildren2, OpCode.GetAcl, OpCode.GetAllChildrenNumber,
    ];

    [Theory]
    [Row("B23")]
    [MemberData(nameof(WithPath))]
    public async Task B23_a_null_path_is_refused_and_the_connection_stays(OpCode type)
    {
        WireClient zk = await OpenAsync();
        BodyWriter body = type switch
        {
            OpCode.Create or OpCode.Create2 => Body.Create(null),
            OpCode.Delete => Body.Number(null, -1),
            OpCode.SetData => Body.Set(null),
            OpCode.SetAcl => Body.SetAcl(null, Acl.Open),
            OpCode.GetAcl or OpCode.GetAllChildrenNumber => Body.Path(null),
            _ => Body.Read(null),
        };
        // These two look at the path as a path before they use it.
        (await zk.CallAsync(type, body)).Is(type is OpCode.SetData or OpCode.SetAcl ? ErrorCode.BadArguments : ErrorCode.MarshallingError);
        (await zk.PingAsync()).Ok();
    }

    [Fact]
    [Row("B24")]
    public async Task B24_what_follows_a_body_is_not_looked_at()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.SendRawAsync(1, OpCode.SetData, [.. Body.Set(root, [1]).Bytes(), 1, 2, 3]);
        (await zk.ReadReplyAsync()).Ok(Stat.Read);
        await zk.SendRawAsync(2, OpCode.GetData, [.. Body.Read(root).Bytes(), .. new byte[1000]]);
        (await zk.ReadReplyAsync()).Ok(DataReply.Read);
        await zk.SendRawAsync(3, OpCode.Multi, [.. Body.Multi((OpCode.Check, Body.Number(root, 1))).Bytes(), 0xff]);
        Assert.Single((await zk.ReadReplyAsync()).Parts());
        await zk.SendRawAsync(Xids.Ping, OpCode.Ping, [1, 2, 3]);
        (await zk.ReadReplyAsync()).Ok();
        await zk.SendRawAsync(4, OpCode.Create, [.. Body.Create(root + "/n").Bytes(), 0, 0, 0, 0, 0, 0, 0, 9]);
        (await zk.ReadReplyAsync()).Ok(PathReply.Read);
    }

    [Theory]
    [Row("B24")]
    [InlineData("00000003" + "2FFFFE" + "00")]
    [InlineData("00000003" + "2F80C0" + "00")]
    [InlineData("00000004" + "2FEDA080" + "00")]
    public async Task B24_a_string_that_is_not_utf8_is_a_path_like_another(string hex)
    {
        WireClient zk = await OpenAsync();
        await zk.SendRawAsync(7, OpCode.GetData, Convert.FromHexString(hex));
        (await zk.ReadReplyAsync()).Is(ErrorCode.NoNode);
    }

    [Theory]
    [Row("B25")]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(10)]
    [InlineData(23)]
    [InlineData(99)]
    [InlineData(108)]
    [InlineData(-12)]
    [InlineData(int.MaxValue)]
    public async Task B25_an_opcode_that_is_not_known_ends_the_connection(int type)
    {
        WireClient zk = await OpenAsync();
        WireReply reply = await zk.CallAsync((OpCode)type, xid: 5);
        Assert.Equal(new ReplyHeader(5, -1, ErrorCode.Unimplemented), reply.Is(ErrorCode.Unimplemented).Header);
        await zk.ExpectCloseAsync();
        Assert.Equal(zk.SessionId, (await OpenAsync(resume: zk.Session)).SessionId);
    }

    [Fact]
    [Row("B27")]
    public async Task B27_a_client_cannot_open_a_session_by_a_request()
    {
        WireClient zk = await OpenAsync();
        (await zk.CallAsync(OpCode.CreateSession)).Is(ErrorCode.MarshallingError);
        (await zk.PingAsync()).Ok();
    }

    [Fact]
    [Row("B27")]
    public async Task B27_the_servers_own_delete_of_containers_is_of_no_use_to_clients_before_3_9()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.CreateContainerAsync(root + "/c")).Ok(CreateReply.Read);
        await zk.CreatedAsync(root + "/c/child");
        await zk.CreatedAsync(root + "/e", flags: 1);
        if (Is38)
        {
            // It takes all bytes of the frame for the path, those of the header as well, and there is always a NUL among those.
            await zk.SendRawAsync(0x41414141, OpCode.DeleteContainer, (root + "/c").Utf8());
            (await zk.ReadReplyAsync()).Is(ErrorCode.BadArguments);
            (await zk.CallAsync(OpCode.DeleteContainer, Body.Path(root + "/c"))).Is(ErrorCode.BadArguments);
            (await zk.CallAsync(OpCode.DeleteContainer)).Is(ErrorCode.BadArguments);
        }
        else
        {
            (await zk.CallAsync(OpCode.DeleteContainer, Body.Path(root + "/c"))).Is(ErrorCode.NotEmpty);
            (await zk.CallAsync(OpCode.DeleteContainer, Body.Path(root + "/e"))).Is(ErrorCode.BadVersion);
            (await zk.CallAsync(OpCode.DeleteContainer, Body.Path(root + "/none"))).Is(ErrorCode.NoNode);
        }

        Assert.Equal(["c", "e"], await zk.NamesAsync(root));
    }

    [Fact]
    [Row("B28")]
    public async Task B28_an_xid_is_given_back_and_not_looked_at()
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (int xid in (int[])[0, -7, 5, 5, 5, 4, int.MaxValue, int.MinValue, -2, -4, -8])
        {
            Assert.Equal(xid, (await zk.CallAsync(OpCode.GetData, Body.Read(root), xid)).Xid);
            Assert.Equal(xid, (await zk.CallAsync(OpCode.SetData, Body.Set(root), xid)).Xid);
        }
    }

    [Fact]
    [Row("B29")]
    public async Task B29_a_word_that_is_not_first_is_a_length_that_cannot_be()
    {
        WireClient zk = await OpenAsync();
        await zk.SendBytesAsync("ruok"u8.ToArray());
        await zk.ExpectCloseAsync();
        Assert.Equal("imok", await Target.WordAsync("ruok"));
    }

    [Fact]
    [Row("B30", "B31")]
    public async Task B30_B31_thousands_of_pipelined_requests_are_answered_in_order_and_see_what_came_before()
    {
        const int Pairs = 2_500;
        (WireClient zk, string root) = await StartAsync();
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < Pairs; i++)
            {
                await zk.SendAsync(OpCode.SetData, Body.Set(root, BitConverter.GetBytes(i)), xid: 2 * i);
                await zk.SendAsync(OpCode.GetData, Body.Read(root), xid: (2 * i) + 1);
            }
        });
        long zxid = 0;
        for (int i = 0; i < Pairs; i++)
        {
            WireReply written = await zk.ReadReplyAsync(), read = await zk.ReadReplyAsync();
            Assert.Equal((2 * i, (2 * i) + 1), (written.Xid, read.Xid));
            Assert.True(written.Zxid > zxid && read.Zxid >= written.Zxid);
            zxid = read.Zxid;
            Assert.Equal(i + 1, written.Ok(Stat.Read).Version);
            DataReply data = read.Ok(DataReply.Read);
            Assert.Equal((i, i + 1, written.Zxid), (BitConverter.ToInt32(data.Data), data.Stat.Version, data.Stat.Mzxid));
        }

        await sending;
    }

    [Fact]
    [Row("B32")]
    public async Task B32_a_reply_may_be_longer_than_any_request()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.SetAsync(root, new byte[900_000])).Ok(Stat.Read);
        WireReply reply = await zk.CallAsync(OpCode.MultiRead, Body.Multi((OpCode.GetData, Body.Read(root)), (OpCode.GetData, Body.Read(root)), (OpCode.GetData, Body.Read(root))));
        Assert.True(reply.Body.Length > 2 * Longest);
        Assert.All(reply.Parts(), part => Assert.Equal(900_000, part.Data!.Length));
    }

    [Fact]
    [Row("B32")]
    public async Task B32_a_frame_that_never_ends_does_nothing()
    {
        (WireClient zk, string root) = await StartAsync();
        byte[] body = Body.Create(root + "/n").Bytes(), frame = new byte[12 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, 8 + body.Length);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), 9);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(8), (int)OpCode.Create);
        body.CopyTo(frame, 12);
        foreach (int cut in (int[])[2, 4, 11, 12, frame.Length - 1])
        {
            await using WireClient each = await Target.OpenAsync();
            await each.SendBytesAsync(frame.AsMemory(0, cut));
            each.Stream.Close();
            WireClient again = await OpenAsync(resume: each.Session);
            Assert.False(await again.IsThereAsync(root + "/n"));
            await again.CloseAsync();
        }

        // In pieces, it is a frame like another.
        foreach (byte each in frame) await zk.SendBytesAsync(new[] { each });
        Assert.Equal(root + "/n", (await zk.ReadReplyAsync()).Ok(PathReply.Read).Path);
    }

    // Bodies in hex, so that a test's name says all.
    private static TheoryData<OpCode, string> MakeBroken()
    {
        const string Path = "000000022F61", NoPath = "00000001", Negative = "FFFFFFFE2F61", Huge = "7FFFFFFF2F61", JustTooLong = "000000032F61";
        var data = new TheoryData<OpCode, string>();
        OpCode[] all =
        [
            OpCode.Create, OpCode.Create2, OpCode.CreateContainer, OpCode.CreateTtl, OpCode.Delete, OpCode.Exists, OpCode.GetData, OpCode.SetData, OpCode.GetAcl, OpCode.SetAcl, OpCode.GetChildren,
            OpCode.GetChildren2, OpCode.Sync, OpCode.Multi, OpCode.MultiRead, OpCode.CheckWatches, OpCode.RemoveWatches, OpCode.AddWatch, OpCode.SetWatches, OpCode.SetWatches2, OpCode.GetEphemerals,
            OpCode.GetAllChildrenNumber,
        ];
        foreach (OpCode type in all)
        {
            data.Add(type, "");
            data.Add(type, "0000");
            if (type is OpCode.SetWatches or OpCode.SetWatches2 or OpCode.Multi or OpCode.MultiRead) continue;
            foreach (string path in (string[])[NoPath, Negative, Huge, JustTooLong]) data.Add(type, path);
            if (type is not (OpCode.Sync or OpCode.GetAcl or OpCode.GetEphemerals or OpCode.GetAllChildrenNumber)) data.Add(type, Path);
        }

        foreach (OpCode type in (OpCode[])[OpCode.Create, OpCode.Create2])
        {
            data.Add(type, Path + "FFFFFFFE"); // data of length -2
            data.Add(type, Path + "7FFFFFFF");
            data.Add(type, Path + "FFFFFFFF" + "7FFFFFFF"); // an ACL of 2^31 - 1 entries
            data.Add(type, Path + "FFFFFFFF" + "00000001" + "0000001F");
            data.Add(type, Path + "FFFFFFFF" + "FFFFFFFF");
        }

        foreach (OpCode type in (OpCode[])[OpCode.SetWatches, OpCode.SetWatches2])
        {
            data.Add(type, "0000000000000001");
            data.Add(type, "0000000000000001" + "7FFFFFFF");
            data.Add(type, "0000000000000001" + "00000000" + "00000000" + "00000001" + JustTooLong);
        }

        data.Add(OpCode.SetWatches2, "0000000000000001" + "00000000" + "00000000" + "00000000");
        foreach (OpCode type in (OpCode[])[OpCode.Multi, OpCode.MultiRead])
        {
            data.Add(type, "00000001" + "00" + "FFFFFFFF");
            data.Add(type, "0000000D" + "00" + "FFFFFFFF" + Path + "FFFFFFFF"); // no end mark
            data.Add(type, "00000004" + "00" + "FFFFFFFF" + Path + "00");
        }

        return data;
    }
}
