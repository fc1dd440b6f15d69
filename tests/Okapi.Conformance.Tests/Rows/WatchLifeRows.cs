using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Watches and transactions, permissions, connections and sessions.</summary>
public abstract class WatchLifeRows(TargetFixture fixture) : RowTest(fixture)
{
    private static readonly Acl[] Unreadable = [new(Permissions.All & ~Permissions.Read, "world", "anyone")];

    public sealed class OnApache(SharedApache fixture) : WatchLifeRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : WatchLifeRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : WatchLifeRows(fixture);

    [Fact]
    [Row("B111")]
    public async Task B111_a_transaction_fires_in_the_order_of_its_operations()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient data = await OpenAsync(), children = await OpenAsync(), persistent = await OpenAsync(), recursive = await OpenAsync();
        await data.GetAsync(root + "/n", watch: true);
        await children.ChildrenAsync(root + "/n", watch: true);
        await persistent.AddWatchAsync(root + "/n");
        await recursive.AddWatchAsync(root, 1);
        WireReply reply = await zk.MultiAsync(
            (OpCode.SetData, Body.Set(root + "/n")),
            (OpCode.Create, Body.Create(root + "/n/a")),
            (OpCode.Check, Body.Number(root + "/n", 1)),
            (OpCode.SetData, Body.Set(root + "/n")),
            (OpCode.Create, Body.Create(root + "/n/b")),
            (OpCode.Delete, Body.Number(root + "/n/a", -1)));
        Assert.Equal(6, reply.Parts().Length);
        Assert.Equal(["DataChanged /n"], await data.EventTextsAsync(root));
        Assert.Equal(["ChildrenChanged /n"], await children.EventTextsAsync(root));
        Assert.Equal(["DataChanged /n", "ChildrenChanged /n", "DataChanged /n", "ChildrenChanged /n", "ChildrenChanged /n"], await persistent.EventTextsAsync(root));
        IReadOnlyList<WireReply> all = await recursive.EventsAsync();
        Assert.Equal(["DataChanged /n", "Created /n/a", "DataChanged /n", "Created /n/b", "Deleted /n/a"], all.Select(each => each.EventText(root)));
        Assert.All(all, each => Assert.Equal(Is38 ? -1 : reply.Zxid, each.Zxid));
    }

    [Fact]
    [Row("B111")]
    public async Task B111_a_one_shot_watch_sees_a_create_and_not_the_delete_of_the_same_transaction()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.ExistsAsync(root + "/n", watch: true)).Is(ErrorCode.NoNode);
        int xid = await zk.SendAsync(OpCode.Multi, Body.Multi((OpCode.Create, Body.Create(root + "/n")), (OpCode.Delete, Body.Number(root + "/n", -1))));
        Assert.Equal("Created /n", (await zk.ReadAsync())!.EventText(root));
        Assert.Equal(xid, (await zk.ReadAsync())!.Xid);
        Assert.Empty(await zk.EventsAsync());
    }

    [Fact]
    [Row("B112")]
    public async Task B112_watches_that_are_set_again_tell_what_was_missed_or_wait()
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (string each in (string[])["/same", "/set", "/gone", "/kids", "/nokids", "/lost"]) await zk.CreatedAsync(root + each);
        foreach (string each in (string[])["/kids/a", "/lost/a"]) await zk.CreatedAsync(root + each);
        long seen = await zk.LastZxidAsync();
        (await zk.SetAsync(root + "/set")).Ok(Stat.Read);
        (await zk.DeleteAsync(root + "/gone")).Ok();
        await zk.CreatedAsync(root + "/kids/b");
        (await zk.DeleteAsync(root + "/lost/a")).Ok();
        await zk.CreatedAsync(root + "/came");

        WireClient watcher = await OpenAsync();
        string[] Paths(params string[] names) => [.. names.Select(name => root + name)];
        await watcher.SendAsync(OpCode.SetWatches, Body.SetWatches(
            seen, Paths("/same", "/set", "/gone", "/kids"), Paths("/none", "/came", "/same"), Paths("/nokids", "/kids", "/lost", "/gone", "/set")), Xids.SetWatches);
        var told = new List<string>();
        WireReply frame;
        while ((frame = (await watcher.ReadAsync())!).IsEvent)
        {
            Assert.Equal(-1, frame.Zxid);
            told.Add(frame.EventText(root));
        }

        Assert.Equal(["DataChanged /set", "Deleted /gone", "Created /came", "Created /same", "ChildrenChanged /kids", "ChildrenChanged /lost", "Deleted /gone"], told);
        Assert.Equal(Xids.SetWatches, frame.Ok().Xid);

        // The rest is armed, and what was told is not.
        foreach (string each in (string[])["/same", "/set", "/kids"]) (await zk.SetAsync(root + each)).Ok(Stat.Read);
        foreach (string each in (string[])["/none", "/gone", "/nokids/a", "/kids/c", "/set/a"]) await zk.CreatedAsync(root + each);
        Assert.Equal(["DataChanged /same", "DataChanged /kids", "Created /none", "ChildrenChanged /nokids", "ChildrenChanged /set"], await watcher.EventTextsAsync(root));
    }

    [Fact]
    [Row("B112")]
    public async Task B112_what_happened_at_the_zxid_itself_has_been_seen()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        long set = (await zk.SetAsync(root + "/n")).Zxid;
        long created = (await zk.CreateAsync(root + "/n/c")).Zxid;
        WireClient watcher = await OpenAsync();
        async Task<string[]> ToldAsync(long zxid, bool data)
        {
            string[] paths = [root + "/n"];
            (await watcher.CallAsync(OpCode.SetWatches, Body.SetWatches(zxid, data ? paths : [], [], data ? [] : paths), Xids.SetWatches)).Ok();
            return await watcher.EventTextsAsync(root);
        }

        Assert.Empty(await ToldAsync(set, data: true));
        Assert.Equal(["DataChanged /n"], await ToldAsync(set - 1, data: true));
        Assert.Empty(await ToldAsync(created, data: false));
        Assert.Equal(["ChildrenChanged /n"], await ToldAsync(created - 1, data: false));
    }

    [Fact]
    [Row("B113")]
    public async Task B113_a_watch_tells_only_who_may_read_when_it_fires()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.AuthAsync("digest", "ann:1")).Ok();
        Acl[] mine = [new(Permissions.All, "auth", "")];
        await zk.CreatedAsync(root + "/n");
        WireClient stranger = await OpenAsync(), persistent = await OpenAsync(), ann = await OpenAsync();
        (await ann.AuthAsync("digest", "ann:1")).Ok();
        await stranger.GetAsync(root + "/n", watch: true);
        await persistent.AddWatchAsync(root, 1);
        await ann.AddWatchAsync(root, 1);
        (await zk.SetAclAsync(root + "/n", mine)).Ok(Stat.Read);
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/m", acl: mine);
        (await zk.DeleteAsync(root + "/m")).Ok();
        await zk.CreatedAsync(root + "/n/open");
        Assert.Empty(await stranger.EventsAsync());
        Assert.Equal(["Created /n/open"], await persistent.EventTextsAsync(root)); // its own ACL counts, not its parent's
        Assert.Equal(["DataChanged /n", "Created /m", "Deleted /m", "Created /n/open"], await ann.EventTextsAsync(root));

        // The one-shot watch is used up all the same.
        (await zk.SetAclAsync(root + "/n", Acl.Open)).Ok(Stat.Read);
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        Assert.Empty(await stranger.EventsAsync());
        Assert.Equal(["DataChanged /n"], await persistent.EventTextsAsync(root));
    }

    [Fact]
    [Row("B113")]
    public async Task B113_a_change_of_children_is_told_to_who_may_read_the_parent()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/p");
        await zk.CreatedAsync(root + "/p/secret", acl: Unreadable);
        WireClient watcher = await OpenAsync(), persistent = await OpenAsync();
        await watcher.ChildrenAsync(root + "/p", watch: true);
        await persistent.AddWatchAsync(root + "/p");
        (await zk.DeleteAsync(root + "/p/secret")).Ok();
        Assert.Equal(["ChildrenChanged /p"], await watcher.EventTextsAsync(root));
        Assert.Equal(["ChildrenChanged /p"], await persistent.EventTextsAsync(root));
        await watcher.ChildrenAsync(root + "/p", watch: true);
        (await zk.SetAclAsync(root + "/p", Unreadable)).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/p/open");
        (await zk.SetAsync(root + "/p")).Ok(Stat.Read);
        (await zk.DeleteAsync(root + "/p/open")).Ok();
        (await zk.DeleteAsync(root + "/p")).Ok();
        Assert.Empty(await watcher.EventsAsync());
        Assert.Empty(await persistent.EventsAsync());
    }

    [Fact]
    [Row("B114")]
    public async Task B114_watches_end_with_their_connection()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        WireClient first = await OpenAsync();
        await first.GetAsync(root + "/n", watch: true);
        await first.AddWatchAsync(root, 1);
        WireClient second = await OpenAsync(resume: first.Session);
        await first.ExpectCloseAsync();
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        Assert.Empty(await second.EventsAsync());
        (await second.CheckWatchesAsync(root + "/n", 3)).Is(ErrorCode.NoWatcher);
    }

    [Fact]
    [Row("B114")]
    public async Task B114_persistent_watches_that_are_set_again_say_nothing_of_what_was_missed()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.CreatedAsync(root + "/tree");
        (await zk.SetAsync(root + "/n")).Ok(Stat.Read);
        (await zk.SetAsync(root + "/tree")).Ok(Stat.Read);
        WireClient watcher = await OpenAsync();
        WireReply reply = await watcher.CallAsync(
            OpCode.SetWatches2, Body.SetWatches(1, [], [root + "/new"], [], [root + "/n", root + "/none"], [root + "/tree"]), Xids.SetWatches);
        Assert.Equal(Xids.SetWatches, reply.Ok().Xid);
        Assert.Empty(await watcher.EventsAsync());
        foreach (string each in (string[])["/n", "/n", "/tree"]) (await zk.SetAsync(root + each)).Ok(Stat.Read);
        foreach (string each in (string[])["/n/c", "/none", "/tree/c", "/new"]) await zk.CreatedAsync(root + each);
        (await zk.SetAsync(root + "/new")).Ok(Stat.Read);
        Assert.Equal(
            ["DataChanged /n", "DataChanged /n", "DataChanged /tree", "ChildrenChanged /n", "Created /none", "Created /tree/c", "Created /new"],
            await watcher.EventTextsAsync(root));
    }

    [Fact]
    [Row("B115")]
    public async Task B115_the_end_of_a_session_is_one_transaction()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/p");
        await zk.CreatedAsync(root + "/q");
        WireClient owner = await OpenAsync(), oneShot = await OpenAsync(), persistent = await OpenAsync(), recursive = await OpenAsync(), data = await OpenAsync();
        string[] paths = ["/p/1", "/p/2", "/p/3", "/q/4"];
        foreach (string each in paths) await owner.CreatedAsync(root + each, flags: 1);
        await oneShot.ChildrenAsync(root + "/p", watch: true);
        await persistent.AddWatchAsync(root + "/p");
        await recursive.AddWatchAsync(root, 1);
        foreach (string each in paths) await data.GetAsync(root + each, watch: true);
        Stat before = await zk.StatAsync(root + "/p");
        WireReply closed = (await owner.CallAsync(OpCode.CloseSession)).Ok();
        await owner.ExpectCloseAsync();

        Assert.Equal(["ChildrenChanged /p"], await oneShot.EventTextsAsync(root));
        Assert.Equal(["ChildrenChanged /p", "ChildrenChanged /p", "ChildrenChanged /p"], await persistent.EventTextsAsync(root));
        IReadOnlyList<WireReply> all = await recursive.EventsAsync();
        Assert.Equal(["Deleted /p/1", "Deleted /p/2", "Deleted /p/3", "Deleted /q/4"], all.Select(each => each.EventText(root)).Order(StringComparer.Ordinal));
        Assert.All(all, each => Assert.Equal(Is38 ? -1 : closed.Zxid, each.Zxid));
        Assert.Equal(["Deleted /p/1", "Deleted /p/2", "Deleted /p/3", "Deleted /q/4"], (await data.EventTextsAsync(root)).Order(StringComparer.Ordinal));
        Assert.Equal(before with { Pzxid = closed.Zxid, ChildCount = 0, ChildVersion = 6 }, await zk.StatAsync(root + "/p"));
        Assert.Equal(closed.Zxid, (await zk.StatAsync(root + "/q")).Pzxid);
    }
}
