using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Transactions: all or nothing.</summary>
public abstract class MultiRows(TargetFixture fixture) : RowTest(fixture)
{
    private const ErrorCode Ok = ErrorCode.Ok, NotTried = ErrorCode.RuntimeInconsistency;

    public sealed class OnApache(SharedApache fixture) : MultiRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : MultiRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : MultiRows(fixture);

    [Fact]
    [Row("B82", "B91")]
    public async Task B82_B91_results_come_in_order_and_all_of_one_zxid()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", [1]);
        await zk.CreatedAsync(root + "/old");
        WireReply reply = await zk.MultiAsync(
            (OpCode.Create, Body.Create(root + "/a", [1, 2])),
            (OpCode.SetData, Body.Set(root + "/n", [7, 7, 7], 0)),
            (OpCode.Check, Body.Number(root + "/n", 1)),
            (OpCode.Delete, Body.Number(root + "/old", 0)),
            (OpCode.Create, Body.Create(root + "/s-", flags: 3)),
            (OpCode.Create2, Body.Create(root + "/b")),
            (OpCode.Check, Body.Number(root + "/a", -1)));
        MultiPart[] parts = reply.Parts();
        Stat stat = await zk.StatAsync(root + "/n");
        Assert.Equal((1, reply.Zxid, 3), (stat.Version, stat.Mzxid, stat.DataLength));
        Assert.Equal(new(OpCode.Create, Ok, root + "/a"), parts[0]);
        Assert.Equal(new(OpCode.SetData, Ok, Stat: stat), parts[1]);
        Assert.Equal(new(OpCode.Check, Ok), parts[2]);
        Assert.Equal(new(OpCode.Delete, Ok), parts[3]);
        Assert.Equal(new(OpCode.Create, Ok, root + "/s-0000000003"), parts[4]); // n, old and a came before
        Assert.Equal(Is38 ? new(OpCode.Create, Ok, root + "/b") : new(OpCode.Create2, Ok, root + "/b", await zk.StatAsync(root + "/b")), parts[5]);
        Assert.Equal(new(OpCode.Check, Ok), parts[6]);
        Assert.Equal(7, parts.Length);
        foreach (string name in (string[])["/a", "/b", "/s-0000000003"]) Assert.Equal(reply.Zxid, (await zk.StatAsync(root + name)).Czxid);
        Assert.Equal(reply.Zxid, (await zk.StatAsync(root)).Pzxid);
        Assert.Equal(zk.SessionId, (await zk.StatAsync(root + "/s-0000000003")).EphemeralOwner);
        Assert.Equal(["a", "b", "n", "s-0000000003"], await zk.NamesAsync(root));
    }

    [Fact]
    [Row("B82")]
    public async Task B82_containers_and_times_to_live_can_be_made_in_a_transaction()
    {
        (WireClient zk, string root) = await StartAsync();
        MultiPart[] parts = (await zk.MultiAsync(
            (OpCode.CreateContainer, Body.Create(root + "/c", flags: 4)),
            (OpCode.CreateTtl, Body.Create(root + "/t", flags: 5, ttlMs: 100_000)))).Parts();
        Assert.Equal(["c", "t"], await zk.NamesAsync(root));
        Assert.Equal(root + "/c", parts[0].Path);
        Assert.Equal(await zk.StatAsync(root + "/c"), parts[0].Stat);
        Assert.Equal(root + "/t", parts[1].Path);
        Assert.Equal(await zk.StatAsync(root + "/t"), parts[1].Stat);
    }

    /// <summary>The operations, and what is told of them.</summary>
    public static TheoryData<string, ErrorCode[]> Failures { get; } = new()
    {
        { "create /a, delete /none, create /b, set /n", [Ok, ErrorCode.NoNode, NotTried, NotTried] },
        { "delete /none", [ErrorCode.NoNode] },
        { "set /n, set /n, check /n 1", [Ok, Ok, ErrorCode.BadVersion] },
        { "check /n 7, set /n", [ErrorCode.BadVersion, NotTried] },
        { "check /none -1, set /n", [ErrorCode.NoNode, NotTried] },
        { "create /a, create /a", [Ok, ErrorCode.NodeExists] },
        { "delete /n, set /n", [Ok, ErrorCode.NoNode] },
        { "delete /n, check /n -1", [Ok, ErrorCode.NoNode] },
        { "delete /p, delete /n", [ErrorCode.NotEmpty, NotTried] },
        { "delete /p/c, delete /p, create /p/c", [Ok, Ok, ErrorCode.NoNode] },
        { "create /n/c, delete /n", [Ok, ErrorCode.NotEmpty] },
        { "create /n/, set /n", [ErrorCode.BadArguments, NotTried] },
        { "set /n/, set /n", [ErrorCode.BadArguments, NotTried] },
        { "check /n/ -1, set /n", [ErrorCode.BadArguments, NotTried] },
        { "ephemeral /e, create /e/c", [Ok, ErrorCode.NoChildrenForEphemerals] },
        { "sequential /s-, sequential /s-, delete /none", [Ok, Ok, ErrorCode.NoNode] },
        { "set /locked, set /n", [ErrorCode.NoAuth, NotTried] },
        { "check /locked -1, set /n", [ErrorCode.NoAuth, NotTried] },
        { "check /locked 7, set /n", [ErrorCode.NoAuth, NotTried] },
        { "create /locked/c", [ErrorCode.NoAuth] },
    };

    [Theory]
    [Row("B83", "B84", "B87")]
    [MemberData(nameof(Failures))]
    public async Task B83_B84_B87_a_failure_tells_where_and_leaves_nothing(string operations, ErrorCode[] told)
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (string each in (string[])["/n", "/p", "/p/c"]) await zk.CreatedAsync(root + each);
        await zk.CreatedAsync(root + "/locked", acl: [new(Permissions.None, "world", "anyone")]);
        WireClient watcher = await OpenAsync();
        (await watcher.AddWatchAsync(root, 1)).WatchAdded();
        string[] paths = ["", "/n", "/p", "/p/c"];
        async Task<Stat[]> StatsAsync()
        {
            var stats = new List<Stat>();
            foreach (string path in paths) stats.Add(await zk.StatAsync(root + path));
            return [.. stats];
        }

        Stat[] before = await StatsAsync();
        WireReply reply = await zk.MultiAsync([.. operations.Split(", ").Select(each => Operation(each, root))]);
        Assert.Equal(told, reply.Codes());
        Assert.True(reply.Zxid > before.Max(stat => stat.Pzxid)); // it was given a zxid all the same
        Assert.Equal(before, await StatsAsync());
        Assert.Empty(await watcher.EventsAsync());
        Assert.Equal(root + "/next-0000000003", await zk.CreatedAsync(root + "/next-", flags: 2));
    }

    [Fact]
    [Row("B84")]
    public async Task B84_what_is_pipelined_behind_a_failure_does_not_see_it()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.SendAsync(OpCode.SetData, Body.Set(root + "/n", [1], 0));
        await zk.SendAsync(OpCode.Multi, Body.Multi((OpCode.SetData, Body.Set(root + "/n", [2], 1)), (OpCode.Create, Body.Create(root + "/s-", flags: 2)), (OpCode.Delete, Body.Number(root + "/n", 7))));
        await zk.SendAsync(OpCode.SetData, Body.Set(root + "/n", [3], 1));
        await zk.SendAsync(OpCode.Create, Body.Create(root + "/s-", flags: 2));
        await zk.SendAsync(OpCode.Multi, Body.Multi((OpCode.Delete, Body.Number(root + "/n", 2)), (OpCode.Create, Body.Create(root + "/n"))));
        Assert.Equal(1, (await zk.ReadReplyAsync()).Ok(Stat.Read).Version);
        Assert.Equal([Ok, Ok, ErrorCode.BadVersion], (await zk.ReadReplyAsync()).Codes());
        Assert.Equal(2, (await zk.ReadReplyAsync()).Ok(Stat.Read).Version);
        Assert.Equal(root + "/s-0000000001", (await zk.ReadReplyAsync()).Ok(PathReply.Read).Path);
        Assert.Equal(2, (await zk.ReadReplyAsync()).Parts().Length);
        Assert.Equal(0, (await zk.StatAsync(root + "/n")).Version);
    }

    [Fact]
    [Row("B86")]
    public async Task B86_later_operations_see_earlier_ones()
    {
        (WireClient zk, string root) = await StartAsync();
        Assert.Equal(
            [OpCode.Create, OpCode.SetData, OpCode.Check, OpCode.Create, OpCode.Delete, OpCode.Delete, OpCode.Create],
            (await zk.MultiAsync(
                (OpCode.Create, Body.Create(root + "/n")),
                (OpCode.SetData, Body.Set(root + "/n", [1], 0)),
                (OpCode.Check, Body.Number(root + "/n", 1)),
                (OpCode.Create, Body.Create(root + "/n/c")),
                (OpCode.Delete, Body.Number(root + "/n/c", 0)),
                (OpCode.Delete, Body.Number(root + "/n", 1)),
                (OpCode.Create, Body.Create(root + "/s", flags: 2)))).Parts().Select(part => part.Type));
        Assert.Equal(["s0000000001"], await zk.NamesAsync(root));
    }

    [Fact]
    [Row("B87")]
    public async Task B87_check_needs_the_right_to_read_and_minus_one_is_any_version()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", acl: [new(Permissions.Read, "world", "anyone")]);
        Assert.Equal([new(OpCode.Check, Ok)], (await zk.MultiAsync((OpCode.Check, Body.Number(root + "/n", -1)))).Parts());
        Assert.Equal([new(OpCode.Check, Ok)], (await zk.MultiAsync((OpCode.Check, Body.Number(root + "/n", 0)))).Parts());
        Assert.Equal([ErrorCode.BadVersion], (await zk.MultiAsync((OpCode.Check, Body.Number(root + "/n", 1)))).Codes());
        Assert.Equal([ErrorCode.BadVersion], (await zk.MultiAsync((OpCode.Check, Body.Number(root + "/n", -2)))).Codes());
        Assert.Equal(0, (await zk.StatAsync(root + "/n")).Version);
    }

    public static TheoryData<OpCode> Strangers { get; } =
        [OpCode.SetAcl, OpCode.Exists, OpCode.GetChildren2, OpCode.GetAcl, OpCode.Sync, OpCode.AddWatch, OpCode.Multi, OpCode.DeleteContainer, OpCode.Reconfig, (OpCode)99, OpCode.CloseSession];

    [Theory]
    [Row("B88")]
    [MemberData(nameof(Strangers))]
    public async Task B88_an_operation_that_no_transaction_may_hold_spoils_the_whole(OpCode stranger)
    {
        (WireClient zk, string root) = await StartAsync();
        BodyWriter body = stranger switch
        {
            OpCode.SetAcl => Body.SetAcl(root, Acl.Open),
            OpCode.Exists or OpCode.GetChildren2 => Body.Read(root),
            OpCode.AddWatch => Body.Number(root, 0),
            _ => Body.Path(root),
        };
        (await zk.MultiAsync((OpCode.Create, Body.Create(root + "/n")), (stranger, body))).Is(ErrorCode.MarshallingError);
        Assert.Empty(await zk.NamesAsync(root));
        (await zk.PingAsync()).Ok();
    }

    [Fact]
    [Row("B89")]
    public async Task B89_without_a_leading_slash_it_is_the_parent_that_is_missed()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.DeleteAsync("m/d")).Is(ErrorCode.NoNode);
        (await zk.CreateAsync("m/d")).Is(ErrorCode.NoNode);
        Assert.Equal([ErrorCode.NoNode], (await zk.MultiAsync((OpCode.Delete, Body.Number("m/d", -1)))).Codes());
        Assert.Equal([Ok, ErrorCode.NoNode], (await zk.MultiAsync((OpCode.Create, Body.Create(root + "/n")), (OpCode.Create, Body.Create("m/d")))).Codes());
    }

    [Theory]
    [Row("B90")]
    [InlineData(99)]
    [InlineData(-1)]
    public async Task B90_a_bad_flag_is_told_of_its_operation_on_3_8_and_spoils_the_whole_from_3_9_on(int flags)
    {
        (WireClient zk, string root) = await StartAsync();
        WireReply reply = await zk.MultiAsync((OpCode.Create, Body.Create(root + "/a")), (OpCode.Create, Body.Create(root + "/n", flags: flags)), (OpCode.SetData, Body.Set(root)));
        if (Is38) Assert.Equal([Ok, ErrorCode.BadArguments, NotTried], reply.Codes());
        else reply.Is(ErrorCode.MarshallingError);
        Assert.Empty(await zk.NamesAsync(root));
    }

    private static (OpCode Type, BodyWriter Body) Operation(string text, string root)
    {
        string[] words = text.Split(' ');
        string path = root + words[1];
        return words[0] switch
        {
            "create" => (OpCode.Create, Body.Create(path)),
            "ephemeral" => (OpCode.Create, Body.Create(path, flags: 1)),
            "sequential" => (OpCode.Create, Body.Create(path, flags: 2)),
            "delete" => (OpCode.Delete, Body.Number(path, -1)),
            "set" => (OpCode.SetData, Body.Set(path)),
            "check" => (OpCode.Check, Body.Number(path, int.Parse(words[2]))),
            _ => throw new ArgumentException(text),
        };
    }
}
