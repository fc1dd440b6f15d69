using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Which watch sees which change.</summary>
public abstract class WatchRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : WatchRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : WatchRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : WatchRows(fixture);

    /// <summary>What is done; what watches on /n see: those on data, those on children, a persistent one, a recursive one; and a child watch on its parent.</summary>
    public static TheoryData<string, string, string, string, string, string> Changes { get; } = new()
    {
        { "set /n", "DataChanged /n", "", "DataChanged /n", "DataChanged /n", "" },
        { "set /n, set /n", "DataChanged /n", "", "DataChanged /n, DataChanged /n", "DataChanged /n, DataChanged /n", "" },
        { "create /n/c", "", "ChildrenChanged /n", "ChildrenChanged /n", "Created /n/c", "" },
        { "create2 /n/c", "", "ChildrenChanged /n", "ChildrenChanged /n", "Created /n/c", "" },
        { "container /n/c", "", "ChildrenChanged /n", "ChildrenChanged /n", "Created /n/c", "" },
        { "ttl /n/c", "", "ChildrenChanged /n", "ChildrenChanged /n", "Created /n/c", "" },
        { "ephemeral /n/c", "", "ChildrenChanged /n", "ChildrenChanged /n", "Created /n/c", "" },
        { "sequential /n/s", "", "ChildrenChanged /n", "ChildrenChanged /n", "Created /n/s0000000001", "" },
        { "create /n/c, create /n/d", "", "ChildrenChanged /n", "ChildrenChanged /n, ChildrenChanged /n", "Created /n/c, Created /n/d", "" },
        { "delete /n/child", "", "ChildrenChanged /n", "ChildrenChanged /n", "Deleted /n/child", "" },
        { "set /n/child", "", "", "", "DataChanged /n/child", "" },
        { "create /n/child/g", "", "", "", "Created /n/child/g", "" },
        { "create /n/child/g, set /n/child/g, delete /n/child/g", "", "", "", "Created /n/child/g, DataChanged /n/child/g, Deleted /n/child/g", "" },
        { "acl /n", "", "", "", "", "" },
        { "acl /n/child", "", "", "", "", "" },
        { "delete /n/child, delete /n", "Deleted /n", "ChildrenChanged /n", "ChildrenChanged /n, Deleted /n", "Deleted /n/child, Deleted /n", "ChildrenChanged /" },
        {
            "delete /n/child, delete /n, create /n, create /n/c, set /n", "Deleted /n", "ChildrenChanged /n",
            "ChildrenChanged /n, Deleted /n, Created /n, ChildrenChanged /n, DataChanged /n", "Deleted /n/child, Deleted /n, Created /n, Created /n/c, DataChanged /n", "ChildrenChanged /"
        },
        { "create /n2, set /n2, delete /n2", "", "", "", "", "ChildrenChanged /" },
        { "create /nn", "", "", "", "", "ChildrenChanged /" },
        { "stale set /n, stale delete /n, create /n, create /n/none/x, delete /n", "", "", "", "", "" },
        { "sync /n, get /n", "", "", "", "", "" },
    };

    [Theory]
    [Row("B95", "B96", "B97", "B98", "B101", "B102", "B103")]
    [MemberData(nameof(Changes))]
    public async Task B95_B96_B97_B98_B101_B102_B103_a_change_is_seen_by_the_watches_it_concerns(string what, string onData, string onChildren, string persistent, string recursive, string onParent)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.CreatedAsync(root + "/n/child");

        // Each watch on a connection of its own: modes on one path have rows of their own.
        (string Kind, Func<WireClient, Task<WireReply>> ArmAsync, string Seen)[] watches =
        [
            ("data", each => each.GetAsync(root + "/n", watch: true), onData),
            ("exists", each => each.ExistsAsync(root + "/n", watch: true), onData),
            ("children", each => each.ChildrenAsync(root + "/n", watch: true), onChildren),
            ("children2", each => each.Children2Async(root + "/n", watch: true), onChildren),
            ("persistent", each => each.AddWatchAsync(root + "/n", 0), persistent),
            ("recursive", each => each.AddWatchAsync(root + "/n", 1), recursive),
            ("parent", each => each.ChildrenAsync(root, watch: true), onParent),
            ("none", each => each.GetAsync(root + "/n"), ""),
        ];
        var watchers = new List<(string Kind, WireClient Client, string Seen)>();
        foreach (var watch in watches)
        {
            WireClient client = await OpenAsync();
            Assert.Equal(ErrorCode.Ok, (await watch.ArmAsync(client)).Error);
            watchers.Add((watch.Kind, client, watch.Seen));
        }

        foreach (string step in what.Split(", ")) await DoAsync(zk, step, root);
        foreach ((string kind, WireClient client, string seen) in watchers) Assert.Equal($"{kind}: {seen}", $"{kind}: {string.Join(", ", await client.EventTextsAsync(root))}");
    }

    [Fact]
    [Row("B95", "B96", "B109")]
    public async Task B95_B96_B109_events_come_in_order_and_before_the_reply_of_what_caused_them()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.ExistsAsync(root + "/n", watch: true)).Is(ErrorCode.NoNode);
        await zk.ChildrenAsync(root, watch: true);
        Assert.Equal(["Created /n", "ChildrenChanged /", "reply"], await FramesAsync(zk, OpCode.Create, Body.Create(root + "/n"), root));

        await zk.GetAsync(root + "/n", watch: true);
        Assert.Equal(["DataChanged /n", "reply"], await FramesAsync(zk, OpCode.SetData, Body.Set(root + "/n"), root));

        await zk.GetAsync(root + "/n", watch: true);
        await zk.ChildrenAsync(root + "/n", watch: true);
        await zk.ChildrenAsync(root, watch: true);
        Assert.Equal(["Deleted /n", "ChildrenChanged /", "reply"], await FramesAsync(zk, OpCode.Delete, Body.Number(root + "/n", -1), root));
        Assert.Equal(["reply"], await FramesAsync(zk, OpCode.Create, Body.Create(root + "/n"), root));
    }

    [Fact]
    [Row("B109")]
    public async Task B109_pipelined_requests_have_their_events_between_their_replies()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.AddWatchAsync(root, 1);
        int first = await zk.SendAsync(OpCode.SetData, Body.Set(root + "/n", [1]));
        int second = await zk.SendAsync(OpCode.GetData, Body.Read(root + "/n"));
        int third = await zk.SendAsync(OpCode.Create, Body.Create(root + "/m"));
        int fourth = await zk.SendAsync(OpCode.SetData, Body.Set(root + "/n", [2], 7));
        int fifth = await zk.SendAsync(OpCode.Delete, Body.Number(root + "/n", -1));
        var seen = new List<string>();
        while (seen.Count < 8)
        {
            WireReply frame = (await zk.ReadAsync())!;
            seen.Add(frame.IsEvent ? frame.EventText(root) : $"{frame.Xid}");
        }

        Assert.Equal(["DataChanged /n", $"{first}", $"{second}", "Created /m", $"{third}", $"{fourth}", "Deleted /n", $"{fifth}"], seen);
    }

    [Fact]
    [Row("B94")]
    public async Task B94_a_connection_gets_one_event_of_a_change_however_many_watches_match()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.CreatedAsync(root + "/n/c");
        WireClient watcher = await OpenAsync();
        await watcher.AddWatchAsync(root, 1);
        await watcher.AddWatchAsync(root + "/n", 1);
        await watcher.GetAsync(root + "/n/c", watch: true);
        await watcher.ExistsAsync(root + "/n/c", watch: true);
        await watcher.ChildrenAsync(root + "/n/c", watch: true);
        (await zk.SetAsync(root + "/n/c")).Ok(Stat.Read);
        Assert.Equal(["DataChanged /n/c"], await watcher.EventTextsAsync(root));
        await watcher.GetAsync(root + "/n/c", watch: true);
        (await zk.DeleteAsync(root + "/n/c")).Ok();
        Assert.Equal(["Deleted /n/c"], await watcher.EventTextsAsync(root));
        await zk.CreatedAsync(root + "/n/c");
        Assert.Equal(["Created /n/c"], await watcher.EventTextsAsync(root));
    }

    [Fact]
    [Row("B99")]
    public async Task B99_only_exists_leaves_a_watch_on_what_is_missing()
    {
        (WireClient zk, string root) = await StartAsync();
        async Task<string[]> SeenAsync(Func<WireClient, Task<WireReply>> armAsync)
        {
            WireClient watcher = await OpenAsync();
            (await armAsync(watcher)).Is(ErrorCode.NoNode);
            await zk.CreatedAsync(root + "/n");
            (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
            (await zk.DeleteAsync(root + "/n")).Ok();
            return await watcher.EventTextsAsync(root);
        }

        Assert.Equal(["Created /n"], await SeenAsync(each => each.ExistsAsync(root + "/n", watch: true)));
        Assert.Empty(await SeenAsync(each => each.ExistsAsync(root + "/n")));
        Assert.Empty(await SeenAsync(each => each.GetAsync(root + "/n", watch: true)));
        Assert.Empty(await SeenAsync(each => each.ChildrenAsync(root + "/n", watch: true)));
        Assert.Empty(await SeenAsync(each => each.Children2Async(root + "/n", watch: true)));

        // Not even the parent of the missing one has to be there.
        WireClient far = await OpenAsync();
        (await far.ExistsAsync(root + "/p/n", watch: true)).Is(ErrorCode.NoNode);
        await zk.CreatedAsync(root + "/p");
        Assert.Empty(await far.EventTextsAsync(root));
        await zk.CreatedAsync(root + "/p/n");
        Assert.Equal(["Created /p/n"], await far.EventTextsAsync(root));
    }

    [Fact]
    [Row("B100")]
    public async Task B100_a_one_shot_watch_is_used_up_by_the_first_change()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient watcher = await OpenAsync();
        for (int round = 0; round < 2; round++)
        {
            // Armed twice, it is still one watch.
            await watcher.GetAsync(root + "/n", watch: true);
            await watcher.GetAsync(root + "/n", watch: true);
            await watcher.GetAsync(root + "/n");
            for (int i = 0; i < 3; i++) (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
            Assert.Equal(["DataChanged /n"], await watcher.EventTextsAsync(root));
        }

        await watcher.ChildrenAsync(root + "/n", watch: true);
        await zk.CreatedAsync(root + "/n/a");
        await zk.CreatedAsync(root + "/n/b");
        Assert.Equal(["ChildrenChanged /n"], await watcher.EventTextsAsync(root));
    }

    [Fact]
    [Row("B110")]
    public async Task B110_a_notification_carries_the_zxid_from_3_9_on()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient watcher = await OpenAsync();
        await watcher.GetAsync(root + "/n", watch: true);
        await watcher.AddWatchAsync(root, 1);
        long zxid = (await zk.SetAsync(root + "/n")).Zxid;
        WireReply fired = Assert.Single(await watcher.EventsAsync());
        Assert.Equal(new ReplyHeader(-1, Is38 ? -1 : zxid, ErrorCode.Ok), fired.Header);
        Assert.Equal(new WatcherEvent(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, root + "/n"), fired.Whole(WatcherEvent.Read));
    }

    private static async Task<string[]> FramesAsync(WireClient zk, OpCode type, BodyWriter body, string root)
    {
        int xid = await zk.SendAsync(type, body);
        var seen = new List<string>();
        while (true)
        {
            WireReply frame = (await zk.ReadAsync())!;
            seen.Add(frame.IsEvent ? frame.EventText(root) : "reply");
            if (frame.IsEvent) continue;
            Assert.Equal((xid, ErrorCode.Ok), (frame.Xid, frame.Error));
            return [.. seen];
        }
    }

    private static async Task DoAsync(WireClient zk, string step, string root)
    {
        string[] words = step.Split(' ');
        string path = root + words[^1];
        (WireReply reply, bool isGood) = string.Join(' ', words[..^1]) switch
        {
            "set" => (await zk.SetAsync(path), true),
            "create" when words[^1] is "/n/none/x" => (await zk.CreateAsync(path), false),
            "create" when words[^1] is "/n" && await zk.IsThereAsync(path) => (await zk.CreateAsync(path), false),
            "create" => (await zk.CreateAsync(path), true),
            "create2" => (await zk.Create2Async(path), true),
            "container" => (await zk.CreateContainerAsync(path), true),
            "ttl" => (await zk.CreateTtlAsync(path, 100_000), true),
            "ephemeral" => (await zk.CreateAsync(path, flags: 1), true),
            "sequential" => (await zk.CreateAsync(path, flags: 2), true),
            "delete" => (await zk.DeleteAsync(path), (await zk.ExistsAsync(path)).Error == ErrorCode.NoNode),
            "acl" => (await zk.SetAclAsync(path, Acl.Open), true),
            "stale set" => (await zk.SetAsync(path, null, 77), false),
            "stale delete" => (await zk.DeleteAsync(path, 77), false),
            "sync" => (await zk.SyncAsync(path), true),
            "get" => (await zk.GetAsync(path), true),
            _ => throw new ArgumentException(step),
        };
        Assert.Equal(isGood, reply.Error == ErrorCode.Ok);
    }
}
