using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>How sessions are opened and resumed.</summary>
public abstract class HandshakeRows(TargetFixture fixture) : RowTest(fixture)
{
    private static readonly ConnectResponse Refused = new(0, 0, 0, new byte[16], ReadOnly: false);

    public sealed class OnApache(SharedApache fixture) : HandshakeRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : HandshakeRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : HandshakeRows(fixture);

    [Theory]
    [Row("B1", "B2")]
    [InlineData(0, 16, true)]
    [InlineData(0, 16, false)]
    [InlineData(1, 16, true)]
    [InlineData(-1, 16, true)]
    [InlineData(int.MaxValue, 0, true)]
    [InlineData(0, -1, true)]
    [InlineData(0, -1, false)]
    [InlineData(0, 3, true)]
    public async Task B1_B2_a_first_frame_opens_a_session_whatever_its_version_and_password(int version, int passwordLength, bool hasReadOnly)
    {
        WireClient zk = await ConnectAsync();
        await zk.SendFrameAsync(Hello(version, 0, 10_000, 0, passwordLength < 0 ? null : new byte[passwordLength], hasReadOnly ? false : null));
        byte[] frame = (await zk.ReadFrameAsync())!;

        // An old client knows nothing of the last byte.
        Assert.Equal(hasReadOnly ? 37 : 36, frame.Length);
        ConnectResponse session = Read(frame);
        Assert.Equal((0, 10_000, 16, false), (session.ProtocolVersion, session.TimeoutMs, session.Password.Length, session.ReadOnly));
        Assert.NotEqual(0, session.SessionId);
        Assert.NotEqual(new byte[16], session.Password);
        (await zk.PingAsync()).Ok();
        await zk.CloseAsync();
    }

    [Fact]
    [Row("B1")]
    public async Task B1_a_client_that_may_read_only_gets_a_whole_session_of_a_whole_server()
    {
        WireClient zk = await OpenAsync(readOnly: true);
        Assert.False(zk.Session.ReadOnly);
        await RootAsync(zk);
    }

    [Theory]
    [Row("B1")]
    [InlineData(4)]
    [InlineData(12)]
    [InlineData(24)]
    [InlineData(28)]
    [InlineData(43)]
    public async Task B1_a_first_frame_that_ends_early_ends_the_connection(int length)
    {
        WireClient zk = await ConnectAsync();
        byte[] frame = Hello(0, 0, 10_000, 0, new byte[16], false).Bytes()[..length];
        await zk.SendFrameAsync((ref JuteWriter writer) =>
        {
            foreach (int each in frame.Chunk(4).Where(chunk => chunk.Length == 4).Select(chunk => System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(chunk))) writer.WriteInt(each);
        });
        await zk.ExpectCloseAsync();
    }

    [Theory]
    [Row("B3")]
    [InlineData(0, 1_000)]
    [InlineData(1, 1_000)]
    [InlineData(-1, 1_000)]
    [InlineData(int.MinValue, 1_000)]
    [InlineData(999, 1_000)]
    [InlineData(1_000, 1_000)]
    [InlineData(1_001, 1_001)]
    [InlineData(7_777, 7_777)]
    [InlineData(10_000, 10_000)]
    public async Task B3_a_timeout_is_at_least_two_ticks(int asked, int granted)
    {
        WireClient zk = await OpenAsync(asked);
        Assert.Equal(granted, zk.Session.TimeoutMs);
    }

    [Fact]
    [Row("B4")]
    public async Task B4_a_session_id_has_the_servers_number_and_grows()
    {
        WireClient one = await OpenAsync(), two = await OpenAsync();
        Assert.Equal(1, one.SessionId >> 56); // a standalone server is number 1
        Assert.True(two.SessionId > one.SessionId);
    }

    [Fact]
    [Row("B6")]
    public async Task B6_a_session_is_resumed_with_another_timeout()
    {
        WireClient first = await OpenAsync();
        string root = await RootAsync(first);
        await first.CreatedAsync(root + "/e", flags: 1);
        WireClient second = await OpenAsync(20_000, first.Session);
        Assert.Equal((first.SessionId, 20_000), (second.SessionId, second.Session.TimeoutMs));
        Assert.Equal(first.Session.Password, second.Session.Password);
        Assert.Equal(first.SessionId, (await second.StatAsync(root + "/e")).EphemeralOwner);
        WireClient third = await OpenAsync(resume: second.Session, lastZxid: await second.LastZxidAsync());
        Assert.Equal((first.SessionId, Target.TimeoutMs), (third.SessionId, third.Session.TimeoutMs));
        await third.DisposeAsync();
        WireClient fourth = await OpenAsync(resume: third.Session); // resumed from nothing as well
        Assert.True(await fourth.IsThereAsync(root + "/e"));
        WireClient fifth = await OpenAsync(1, fourth.Session); // the last, for a second is soon over
        Assert.Equal((first.SessionId, 1_000), (fifth.SessionId, fifth.Session.TimeoutMs));
    }

    [Theory]
    [Row("B7")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task B7_a_wrong_password_is_refused_and_ends_the_connection_that_was_there(bool hasReadOnly)
    {
        WireClient zk = await OpenAsync();
        string root = await RootAsync(zk);
        await zk.CreatedAsync(root + "/e", flags: 1);
        byte[] wrong = [.. zk.Session.Password];
        wrong[15] ^= 1;
        foreach (byte[]? password in (byte[]?[])[wrong, new byte[16], [], null, zk.Session.Password[..15]])
        {
            WireClient thief = await ConnectAsync();
            await thief.SendFrameAsync(Hello(0, 0, 10_000, zk.SessionId, password, hasReadOnly ? false : null));
            byte[] frame = (await thief.ReadFrameAsync())!;
            Assert.Equal(hasReadOnly ? 37 : 36, frame.Length);
            AssertRefused(Read(frame));
            await thief.ExpectCloseAsync();
        }

        await zk.ExpectCloseAsync();

        // The session itself has come to no harm.
        WireClient again = await OpenAsync(resume: zk.Session);
        Assert.Equal(zk.SessionId, (await again.StatAsync(root + "/e")).EphemeralOwner);
    }

    [Fact]
    [Row("B8")]
    public async Task B8_a_session_that_is_not_known_or_closed_is_refused()
    {
        WireClient zk = await OpenAsync();
        await zk.CloseAsync();
        ConnectResponse unknown = zk.Session with { SessionId = 0x7fff_0000_1234_5678 }, negative = zk.Session with { SessionId = -5 };
        foreach (ConnectResponse session in (ConnectResponse[])[zk.Session, unknown, negative])
        {
            WireClient again = await ConnectAsync();
            AssertRefused(await again.HandshakeAsync(10_000, session));
            await again.ExpectCloseAsync();
        }
    }

    [Fact]
    [Row("B9")]
    public async Task B9_who_has_seen_more_than_the_server_is_cut_off()
    {
        (WireClient zk, string _) = await StartAsync();
        long last = await zk.LastZxidAsync();
        foreach (long ahead in (long[])[last + 1_000_000, long.MaxValue])
        {
            foreach (ConnectResponse? session in (ConnectResponse?[])[null, zk.Session])
            {
                WireClient other = await ConnectAsync();
                await other.SendFrameAsync(Hello(0, ahead, 10_000, session?.SessionId ?? 0, session?.Password ?? new byte[16], false));
                await other.ExpectCloseAsync();
            }
        }

        // Nothing has come of it for the session; and what is not ahead is welcome.
        (await zk.PingAsync()).Ok();
        await OpenAsync(lastZxid: last);
        await OpenAsync(lastZxid: -1);
    }

    [Fact]
    [Row("B12")]
    public async Task B12_who_resumes_a_session_ends_its_old_connection_at_once()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient second = await OpenAsync(resume: zk.Session);
        await zk.ExpectCloseAsync();
        (await second.SetAsync(root)).Ok(Stat.Read);
        WireClient third = await OpenAsync(resume: zk.Session);
        await second.ExpectCloseAsync();
        (await third.SetAsync(root)).Ok(Stat.Read);
    }

    [Fact]
    [Row("B13")]
    public async Task B13_a_second_hello_is_a_request_that_is_not_known()
    {
        WireClient zk = await OpenAsync();
        await zk.SendFrameAsync(Hello(0, 0, 10_000, 0, new byte[16], false));
        WireReply reply = (await zk.ReadAsync())!;
        Assert.Equal(new ReplyHeader(0, -1, ErrorCode.Unimplemented), reply.Is(ErrorCode.Unimplemented).Header);
        await zk.ExpectCloseAsync();
        await OpenAsync(resume: zk.Session);
    }

    private static BodyWriter Hello(int version, long lastZxid, int timeoutMs, long sessionId, byte[]? password, bool? readOnly) => (ref JuteWriter writer) =>
    {
        writer.WriteInt(version);
        writer.WriteLong(lastZxid);
        writer.WriteInt(timeoutMs);
        writer.WriteLong(sessionId);
        writer.WriteBuffer(password is null ? default(ReadOnlyMemory<byte>?) : password);
        if (readOnly is { } value) writer.WriteBoolean(value);
    };

    private static ConnectResponse Read(byte[] frame)
    {
        var reader = new JuteReader(frame);
        return ConnectResponse.Read(ref reader);
    }

    private static void AssertRefused(ConnectResponse told) => Assert.Equivalent(Refused, told, strict: true);
}
