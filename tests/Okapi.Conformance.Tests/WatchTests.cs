using System.Globalization;
using System.Text;

namespace Okapi.Conformance.Tests;

/// <summary>Which events each kind of watch sees, on one connection.</summary>
public abstract class WatchTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : WatchTests(servers);

    public sealed class OnEmbedded(Embedded servers) : WatchTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : WatchTests(servers);

    public sealed class InMemory(InMemoryServer servers) : WatchTests(servers), IClassFixture<InMemoryServer>;

    private static readonly byte[] One = "one"u8.ToArray();

    /// <summary>What happens, and what each kind of watch on /n then sees: one-shots that were set just before, persistent watches all the time.</summary>
    public static TheoryData<string, string?, string?, string?, string[], string[]> Events => new()
    {
        // what               data               exists            children            persistent                               recursive
        { "set /n",           "DataChanged /n",  "DataChanged /n", null,               ["DataChanged /n"],                       ["DataChanged /n"] },
        { "set the same",     "DataChanged /n",  "DataChanged /n", null,               ["DataChanged /n"],                       ["DataChanged /n"] },
        { "set the ACL",      null,              null,             null,               [],                                       [] },
        { "create /n/c",      null,              null,             "ChildrenChanged /n", ["ChildrenChanged /n"],                 ["Created /n/c"] },
        { "set /n/child",     null,              null,             null,               [],                                       ["DataChanged /n/child"] },
        { "delete /n/child",  null,              null,             "ChildrenChanged /n", ["ChildrenChanged /n"],                 ["Deleted /n/child"] },
        { "create /n/child/g", null,             null,             null,               [],                                       ["Created /n/child/g"] },
        { "refused set",      null,              null,             null,               [],                                       [] },
        { "refused multi",    null,              null,             null,               [],                                       [] },
        { "multi",            "DataChanged /n",  "DataChanged /n", "ChildrenChanged /n", ["DataChanged /n", "ChildrenChanged /n", "ChildrenChanged /n"], ["DataChanged /n", "Created /n/c", "Deleted /n/c"] },
        { "delete /n",        "Deleted /n",      "Deleted /n",     "Deleted /n",       ["ChildrenChanged /n", "Deleted /n"],     ["Deleted /n/child", "Deleted /n"] },
        { "recreate /n",      "Deleted /n",      "Deleted /n",     "Deleted /n",       ["Deleted /n", "Created /n"],             ["Deleted /n", "Created /n"] },
    };

    [Theory]
    [MemberData(nameof(Events))]
    public async Task H50_Each_kind_of_watch_sees_exactly_its_events(string what, string? data, string? exists, string? children, string[] persistent, string[] recursive)
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        // One client per kind: how kinds get along on one path is another matter.
        await using ZooKeeperClient zk = await servers.ConnectAsync(chroot: root), zk1 = await servers.ConnectAsync(chroot: root), zk2 = await servers.ConnectAsync(chroot: root),
            zk3 = await servers.ConnectAsync(chroot: root), zk4 = await servers.ConnectAsync(chroot: root), zk5 = await servers.ConnectAsync(chroot: root);
        await zk.CreateAsync("/n", One);
        if (what != "recreate /n") await zk.CreateAsync("/n/child");
        await using OneShotWatch<NodeData> onData = await zk1.WatchDataAsync("/n");
        await using OneShotWatch<Stat?> onExists = await zk2.WatchExistsAsync("/n");
        await using OneShotWatch<NodeChildren> onChildren = await zk3.WatchChildrenAsync("/n");
        await using Watch onAll = await zk4.WatchAsync("/n");
        await using Watch onTree = await zk5.WatchAsync("/n", WatchMode.PersistentRecursive);
        if (what == "delete /n")
        {
            // The child goes first; the one-shot child watch would see that.
            await zk.Transaction().Delete("/n/child").CommitAsync();
            await using OneShotWatch<NodeChildren> again = await zk3.WatchChildrenAsync("/n");
            await zk.DeleteAsync("/n");
            await zk3.SyncAsync();
            Assert.Equal("Deleted /n", again.Fired.IsCompletedSuccessfully ? (await again.Fired).Text() : null);
            children = "ChildrenChanged /n";
        }
        else
        {
            await DoAsync(zk, what);
        }

        foreach (ZooKeeperClient each in (ZooKeeperClient[])[zk1, zk2, zk3, zk4, zk5]) await each.SyncAsync();
        Assert.Equal(data, await FiredAsync(onData.Fired));
        Assert.Equal(exists, await FiredAsync(onExists.Fired));
        Assert.Equal(children, await FiredAsync(onChildren.Fired));
        Assert.Equal(persistent, await onAll.DrainTextAsync());
        Assert.Equal(recursive, await onTree.DrainTextAsync());
    }

    [Fact]
    public async Task A_watch_on_a_missing_znode_sees_it_come()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        ZooKeeperClient zk = whole.WithChroot(root);
        await using OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/n");
        Assert.Null(exists.Value);
        await using Watch below = await zk.WatchAsync("/m/deep");
        await using Watch recursive = await zk.WatchAsync("/m", WatchMode.PersistentRecursive);
        await zk.CreateAsync("/n");
        await zk.SetAsync("/n", One);
        await zk.EnsurePathAsync("/m/deep/er");
        await zk.DeleteRecursiveAsync("/m");
        Assert.Equal("Created /n", await FiredAsync(exists.Fired));
        Assert.Equal(["Created /m/deep", "ChildrenChanged /m/deep", "ChildrenChanged /m/deep", "Deleted /m/deep"], await below.DrainTextAsync());
        Assert.Equal(["Created /m", "Created /m/deep", "Created /m/deep/er", "Deleted /m/deep/er", "Deleted /m/deep", "Deleted /m"], await recursive.DrainTextAsync());
    }

    [Fact]
    public async Task A_recursive_watch_on_the_root_of_everything_sees_everything()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(new() { EventBufferSize = 1 << 20 }); // other tests go on meanwhile
        string root = await Servers.RootAsync(zk);
        await using Watch watch = await zk.WatchAsync("/", WatchMode.PersistentRecursive);
        await zk.CreateAsync(root + "/a");
        await zk.SetAsync(root, null);
        string[] mine = [.. (await watch.DrainTextAsync()).Where(each => each.EndsWith(' ' + root, StringComparison.Ordinal) || each.Contains(root + "/", StringComparison.Ordinal))];
        Assert.Equal([$"Created {root}/a", $"DataChanged {root}"], mine);
    }

    [Fact]
    public async Task A_disposed_watch_is_removed_from_the_server_and_says_no_more()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        Watch persistent = await zk.WatchAsync(root);
        Assert.True(await zk.CheckWatchesAsync(root));
        await zk.SetAsync(root, One);
        await persistent.DisposeAsync();
        Assert.False(await zk.CheckWatchesAsync(root));
        await zk.SetAsync(root, One);
        Assert.Equal([$"DataChanged {root}"], await persistent.DrainTextAsync()); // what was seen before can still be read
        await persistent.DisposeAsync();

        OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
        Assert.True(await zk.CheckWatchesAsync(root, WatcherType.Data));
        Assert.False(await zk.CheckWatchesAsync(root, WatcherType.Children));
        await data.DisposeAsync();
        Assert.False(await zk.CheckWatchesAsync(root));
        Assert.True(data.Fired.IsCanceled);

        OneShotWatch<NodeData> fired = await zk.WatchDataAsync(root);
        await zk.SetAsync(root, One);
        await fired.DisposeAsync();
        Assert.Equal(WatchedEventType.NodeDataChanged, (await fired.Fired).Type);
    }

    [Theory]
    [InlineData(WatcherType.Data, 2)]
    [InlineData(WatcherType.Children, 1)]
    [InlineData(WatcherType.Persistent, 1)]
    [InlineData(WatcherType.PersistentRecursive, 1)]
    [InlineData(WatcherType.Any, 5)]
    public async Task Removing_watches_by_kind_ends_those_and_leaves_the_others(WatcherType type, int count)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
        await using OneShotWatch<Stat?> exists = await zk.WatchExistsAsync(root);
        await using OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync(root);
        await using Watch persistent = await zk.WatchAsync(root);
        await using Watch recursive = await zk.WatchAsync(root, WatchMode.PersistentRecursive);
        Assert.Equal(count, await zk.RemoveWatchesAsync(root, type));
        await zk.CreateAsync(root + "/a");
        await zk.SetAsync(root, One);
        bool Ends(WatcherType kind) => type == kind || type == WatcherType.Any;
        string dataEvent = (Ends(WatcherType.Data) ? "DataWatchRemoved " : "DataChanged ") + root;
        Assert.Equal(dataEvent, await FiredAsync(data.Fired));
        Assert.Equal(dataEvent, await FiredAsync(exists.Fired));
        Assert.Equal((Ends(WatcherType.Children) ? "ChildWatchRemoved " : "ChildrenChanged ") + root, await FiredAsync(children.Fired));
        Assert.Equal(Ends(WatcherType.Persistent) ? ["PersistentWatchRemoved " + root] : ["ChildrenChanged " + root, "DataChanged " + root], await persistent.DrainTextAsync());
        Assert.Equal(Ends(WatcherType.PersistentRecursive) ? ["PersistentWatchRemoved " + root] : [$"Created {root}/a", "DataChanged " + root], await recursive.DrainTextAsync());
        Assert.Equal(0, await zk.RemoveWatchesAsync(root + "/none"));
    }

    [Fact]
    public async Task The_clients_stream_has_every_event_and_the_sessions_changes()
    {
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        ZooKeeperClient zk = await servers.ConnectAsync(chroot: root);
        await using IAsyncEnumerator<WatchedEvent> events = zk.EventsAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();
        await using OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/a");
        await using OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync("/");
        await zk.CreateAsync("/a");
        await zk.DisposeAsync();
        var seen = new List<string>();
        while (await events.MoveNextAsync().AsTask().Soon()) seen.Add($"{events.Current.Text()} {events.Current.State}");
        Assert.Equal(["Created /a SyncConnected", "ChildrenChanged / SyncConnected", "None  Closed"], seen);
    }

    [Fact]
    public async Task A_slow_reader_gets_a_Resync_where_events_are_missing_and_then_goes_on()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(new() { EventBufferSize = 3 });
        string root = await Servers.RootAsync(zk);
        await using Watch watch = await zk.WatchAsync(root);
        for (int i = 0; i < 10; i++) await zk.SetAsync(root, One);
        string[] text = await watch.DrainTextAsync();
        Assert.Equal([.. Enumerable.Repeat("DataChanged " + root, 3), "Resync " + root], text);
        await zk.SetAsync(root, One);
        Assert.Equal(["DataChanged " + root], await watch.DrainTextAsync());
    }

    [Fact]
    public async Task H29_When_a_version_is_read_the_event_of_its_write_is_in_the_stream_already()
    {
        const int Writes = 5_000;
        await using ZooKeeperClient writer = await servers.ConnectAsync(), zk = await servers.ConnectAsync(new() { EventBufferSize = 2 * Writes }); // none is dropped, however late they are read
        string root = await Servers.RootAsync(zk);
        await using Watch watch = await zk.WatchAsync(root);
        using var stop = new CancellationTokenSource();
        Task writing = Task.Run(async () =>
        {
            for (int i = 0; i < Writes; i++) await writer.SetAsync(root, One);
        });
        int seen = 0, reads = 0;
        for (int version = 0; version < Writes; reads++)
        {
            version = (await zk.GetAsync(root)).Stat.Version;
            // One persistent watch, nothing dropped: the events count the writes.
            seen += (await watch.DrainAsync()).Count;
            Assert.True(seen >= version, $"Version {version} was read after {seen} events (read {reads}).");
        }

        await writing.Soon();
        Assert.Equal(Writes, seen);
    }

    [Fact]
    public async Task H29_A_one_shot_watch_has_fired_before_a_later_read_shows_the_change()
    {
        await using ZooKeeperClient writer = await servers.ConnectAsync(), zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        for (int i = 0; i < 1_000; i++)
        {
            await using OneShotWatch<NodeData> watch = await zk.WatchDataAsync(root);
            Task<Stat> write = writer.SetAsync(root, Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture))).AsTask();
            while ((await zk.GetAsync(root)).Stat.Version == watch.Value.Stat.Version);
            Assert.True(watch.Fired.IsCompletedSuccessfully);
            await write;
        }
    }

    [Fact]
    public async Task A_cancelled_request_for_a_watch_leaves_none()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        for (int i = 0; i < 200; i++)
        {
            using var cancel = new CancellationTokenSource();
            Task<OneShotWatch<NodeData>> data = zk.WatchDataAsync(root, cancel.Token);
            Task<Watch> persistent = zk.WatchAsync(root + "/p", WatchMode.Persistent, cancel.Token);
            await cancel.CancelAsync();
            await using OneShotWatch<NodeData>? left = await data.ContinueWith(done => done.IsCompletedSuccessfully ? done.GetAwaiter().GetResult() : null, TaskScheduler.Default);
            await using Watch? left2 = await persistent.ContinueWith(done => done.IsCompletedSuccessfully ? done.GetAwaiter().GetResult() : null, TaskScheduler.Default);
        }

        await Waiting.UntilAsync(async () => !await zk.CheckWatchesAsync(root) && !await zk.CheckWatchesAsync(root + "/p"), "no watch is left");
    }

    private static async Task DoAsync(ZooKeeperClient zk, string what)
    {
        switch (what)
        {
            case "set /n": await zk.SetAsync("/n", "two"u8.ToArray()); break;
            case "set the same": await zk.SetAsync("/n", One); break;
            case "set the ACL": await zk.SetAclAsync("/n", Acl.Open); break;
            case "create /n/c": await zk.CreateAsync("/n/c"); break;
            case "set /n/child": await zk.SetAsync("/n/child", One); break;
            case "delete /n/child": await zk.DeleteAsync("/n/child"); break;
            case "create /n/child/g": await zk.CreateAsync("/n/child/g"); break;
            case "refused set": await zk.TrySetAsync("/n", One, 7); break;
            case "refused multi": await zk.Transaction().Set("/n", One).Create("/n/c").Check("/n", 7).TryCommitAsync(); break;
            case "multi": await zk.Transaction().Set("/n", One).Create("/n/c").Delete("/n/c").CommitAsync(); break;
            case "recreate /n":
                await zk.DeleteAsync("/n");
                await zk.CreateAsync("/n");
                break;
            default: throw new ArgumentException(what);
        }
    }

    private static async Task<string?> FiredAsync(Task<WatchedEvent> fired) => fired.IsCompleted ? (await fired).Text() : null;
}
