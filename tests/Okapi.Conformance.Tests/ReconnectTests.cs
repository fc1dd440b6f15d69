using System.Globalization;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests;

/// <summary>Watches across lost connections: the session lives on, the server has forgotten the watches.</summary>
public abstract class ReconnectTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : ReconnectTests(servers);

    public sealed class OnEmbedded(Embedded servers) : ReconnectTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : ReconnectTests(servers);

    public sealed class InMemory(InMemoryServer servers) : ReconnectTests(servers), IClassFixture<InMemoryServer>;

    private static readonly byte[] One = "one"u8.ToArray();

    // A session that is cut again and again waits longer each time, and these tests cut it often.
    private static ZooKeeperOptions Impatient => new() { BackoffMaximum = TimeSpan.FromMilliseconds(100) };

    [Fact]
    public async Task H48_Each_kind_of_watch_survives_twenty_cuts()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient, root);
        foreach (string path in (string[])["/data", "/exists", "/children", "/persistent", "/recursive", "/all"]) await zk.CreateAsync(path);
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync("/data");
        await using OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/exists");
        await using OneShotWatch<Stat?> missing = await zk.WatchExistsAsync("/missing");
        await using OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync("/children");
        await using Watch persistent = await zk.WatchAsync("/persistent");
        await using Watch recursive = await zk.WatchAsync("/recursive", WatchMode.PersistentRecursive);
        // And all of them on one path.
        await using OneShotWatch<NodeData> allData = await zk.WatchDataAsync("/all");
        await using OneShotWatch<NodeChildren> allChildren = await zk.WatchChildrenAsync("/all");
        await using Watch allPersistent = await zk.WatchAsync("/all");
        await using Watch allRecursive = await zk.WatchAsync("/all", WatchMode.PersistentRecursive);
        await using StateLog states = await StateLog.OpenAsync(zk);
        for (int i = 0; i < 20; i++)
        {
            await proxy.CutAsync();
            await states.UntilAsync(SessionState.Connected);
            await zk.SyncAsync(); // the gap of a persistent watch ends when the server has armed it again, which comes before this reply
            await other.SetAsync(root + "/persistent", One);
            await other.CreateAsync($"{root}/recursive/{i.ToString(CultureInfo.InvariantCulture)}");
            await zk.SyncAsync();
            Assert.Equal(["Resync /persistent", "DataChanged /persistent"], await persistent.DrainTextAsync());
            Assert.Equal(["Resync /recursive", $"Created /recursive/{i.ToString(CultureInfo.InvariantCulture)}"], await recursive.DrainTextAsync());
            Assert.Equal(["Resync /all"], await allPersistent.DrainTextAsync());
            Assert.Equal(["Resync /all"], await allRecursive.DrainTextAsync());
        }

        Task<WatchedEvent>[] oneShots = [data.Fired, exists.Fired, missing.Fired, children.Fired, allData.Fired, allChildren.Fired];
        Assert.All(oneShots, fired => Assert.False(fired.IsCompleted));
        foreach (string path in (string[])["/data", "/exists", "/all"]) await other.SetAsync(root + path, One);
        foreach (string path in (string[])["/missing", "/children/c", "/all/c"]) await other.CreateAsync(root + path);
        await zk.SyncAsync();
        Assert.All(oneShots, fired => Assert.True(fired.IsCompletedSuccessfully));
        Assert.Equal(
            ["DataChanged /data", "DataChanged /exists", "Created /missing", "ChildrenChanged /children", "DataChanged /all", "ChildrenChanged /all"],
            (await Task.WhenAll(oneShots)).Select(WatchReading.Text));
        Assert.Equal(["DataChanged /all", "ChildrenChanged /all"], await allPersistent.DrainTextAsync());
        Assert.Equal(["DataChanged /all", "Created /all/c"], await allRecursive.DrainTextAsync());
    }

    [Fact]
    public async Task One_shot_watches_fire_after_the_gap_for_what_happened_in_it()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient, root);
        foreach (string path in (string[])["/set", "/deleted", "/deleted2", "/parent", "/goes", "/same", "/same/c"]) await zk.CreateAsync(path);
        OneShotWatch<NodeData> set = await zk.WatchDataAsync("/set"), deleted = await zk.WatchDataAsync("/deleted"), same = await zk.WatchDataAsync("/same");
        OneShotWatch<Stat?> existsSet = await zk.WatchExistsAsync("/set"), existsDeleted = await zk.WatchExistsAsync("/deleted2"), created = await zk.WatchExistsAsync("/created"), never = await zk.WatchExistsAsync("/never");
        OneShotWatch<NodeChildren> parent = await zk.WatchChildrenAsync("/parent"), goes = await zk.WatchChildrenAsync("/goes"), sameChildren = await zk.WatchChildrenAsync("/same");
        await using (StateLog states = await StateLog.OpenAsync(zk))
        {
            await proxy.BreakAsync();
            await states.UntilAsync(SessionState.Disconnected);
            await other.SetAsync(root + "/set", One);
            foreach (string path in (string[])["/deleted", "/deleted2", "/goes"]) await other.DeleteAsync(root + path);
            foreach (string path in (string[])["/created", "/parent/c"]) await other.CreateAsync(root + path);
            await other.SetAsync(root + "/same/c", One); // the child's data is not the list of children
            await other.CreateAsync(root + "/never");
            await other.DeleteAsync(root + "/never");
            proxy.Heal();
            await states.UntilAsync(SessionState.Connected);
        }

        await zk.SyncAsync();
        Task<WatchedEvent>[] fired = [set.Fired, existsSet.Fired, deleted.Fired, existsDeleted.Fired, created.Fired, parent.Fired, goes.Fired];
        Assert.All(fired, each => Assert.True(each.IsCompletedSuccessfully));
        Assert.Equal(
            ["DataChanged /set", "DataChanged /set", "Deleted /deleted", "Deleted /deleted2", "Created /created", "ChildrenChanged /parent", "Deleted /goes"],
            (await Task.WhenAll(fired)).Select(WatchReading.Text));
        // H51: what came and went while nobody looked does not show. ZooKeeper documents it.
        Assert.All([same.Fired, sameChildren.Fired, never.Fired], each => Assert.False(each.IsCompleted));
        await other.CreateAsync(root + "/never");
        await zk.SyncAsync();
        Assert.Equal("Created /never", (await never.Fired.Soon()).Text());
    }

    [Fact]
    public async Task H43_A_gap_shows_as_one_Resync_before_the_next_event_and_what_is_read_then_is_current()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient);
        await using Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive);
        await using StateLog states = await StateLog.OpenAsync(zk);
        for (int gap = 1; gap <= 5; gap++)
        {
            await proxy.BreakAsync();
            await states.UntilAsync(SessionState.Disconnected);
            for (int i = 0; i < 100; i++) await other.CreateAsync(root + "/n-", mode: CreateMode.PersistentSequential);
            proxy.Heal();
            Assert.Equal(WatchedEventType.Resync, (await watch.NextAsync()).Type);
            Assert.Equal(100 * gap, (await zk.GetChildrenAsync(root)).Count - (gap - 1));
            string last = await other.CreateAsync(root + "/last-", mode: CreateMode.PersistentSequential);
            await zk.SyncAsync();
            Assert.Equal(["Created " + last], await watch.DrainTextAsync());
            await states.UntilAsync(SessionState.Connected);
        }
    }

    [Fact]
    public async Task Watches_set_and_disposed_while_disconnected_are_right_afterwards()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient);
        string root = await Servers.RootAsync(zk);
        Watch disposed = await zk.WatchAsync(root);
        OneShotWatch<NodeData> disposed2 = await zk.WatchDataAsync(root);
        await using StateLog states = await StateLog.OpenAsync(zk);
        await proxy.BreakAsync();
        await states.UntilAsync(SessionState.Disconnected);
        await disposed.DisposeAsync().AsTask().Soon();
        await disposed2.DisposeAsync().AsTask().Soon();
        Task<Watch> setting = zk.WatchAsync(root + "/a");
        Task<OneShotWatch<Stat?>> setting2 = zk.WatchExistsAsync(root + "/b");
        proxy.Heal();
        await using Watch watch = await setting.Soon();
        await using OneShotWatch<Stat?> exists = await setting2.Soon();
        Assert.False(await zk.CheckWatchesAsync(root));
        await zk.CreateAsync(root + "/a");
        await zk.CreateAsync(root + "/b");
        Assert.Equal(["Created " + root + "/a"], await watch.DrainTextAsync()); // no gap since it was set
        Assert.True(exists.Fired.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task H42_Five_thousand_watches_with_long_names_of_several_bytes_a_character_are_armed_again()
    {
        const int Count = 5_000;
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient, root);
        string[] paths = [.. Enumerable.Range(0, Count).Select(i => "/" + i.ToString(CultureInfo.InvariantCulture) + new string('狐', 70))];
        await Task.WhenAll(paths.Select(path => zk.CreateAsync(path).AsTask())).Soon();
        OneShotWatch<NodeData>[] watches = await Task.WhenAll(paths.Select(path => zk.WatchDataAsync(path))).Soon();
        await using StateLog states = await StateLog.OpenAsync(zk);
        await proxy.BreakAsync();
        await states.UntilAsync(SessionState.Disconnected);
        for (int i = 0; i < Count; i += 100) await other.SetAsync(root + paths[i], One); // some change in the gap
        proxy.Heal();
        await states.UntilAsync(SessionState.Connected);
        await zk.SyncAsync();
        Assert.Equal(Enumerable.Range(0, Count).Where(i => i % 100 == 0), Enumerable.Range(0, Count).Where(i => watches[i].Fired.IsCompletedSuccessfully));
        await Task.WhenAll(paths.Where((_, i) => i % 100 != 0).Select(path => other.SetAsync(root + path, One).AsTask())).Soon();
        await zk.SyncAsync();
        Assert.All(watches, watch => Assert.True(watch.Fired.IsCompletedSuccessfully));
        Assert.Equal(1, states.States.Count(state => state == SessionState.Disconnected));
    }
}
