namespace Okapi.Conformance.Tests;

public abstract class ChrootTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : ChrootTests(servers);

    public sealed class OnEmbedded(Embedded servers) : ChrootTests(servers);

    private static readonly byte[] One = "one"u8.ToArray();

    [Fact]
    public async Task H41_Every_operation_speaks_the_callers_paths()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        await using ZooKeeperClient zk = await servers.ConnectAsync(chroot: root);
        Assert.Equal(root, zk.Chroot);
        Assert.Equal("/a", await zk.CreateAsync("/a", One));
        Assert.Equal("/b", (await zk.CreateWithStatAsync("/b")).Path);
        Assert.Equal("/n-0000000002", await zk.CreateAsync("/n-", mode: CreateMode.PersistentSequential));
        Assert.Equal("/0000000003", await zk.CreateAsync("/", mode: CreateMode.PersistentSequential));
        Assert.Equal("/c", (await zk.TryCreateAsync("/c", mode: CreateMode.Container)).Path);
        Assert.Equal(["0000000003", "a", "b", "c", "n-0000000002"], (await zk.GetChildrenAsync("/")).Order());
        Assert.Equal(5, (await zk.GetChildrenWithStatAsync("/")).Stat.ChildCount);
        Assert.Equal(5, await zk.GetAllChildrenNumberAsync("/"));
        await zk.SetAsync("/", One);
        Assert.Equal(One, (await whole.GetAsync(root)).Data);
        Assert.Equal(1, (await zk.SetAclAsync("/a", Acl.Open)).AclVersion);
        Assert.Equal(1, (await zk.GetAclAsync("/a")).Stat.AclVersion);
        Assert.Equal(await whole.ExistsAsync(root + "/a"), await zk.ExistsAsync("/a"));
        Assert.Equal(["/", "/a"], (await zk.ReadBatch().GetChildren("/").Get("/a").ReadAsync()).Select(read => read.Path));
        await zk.SyncAsync();
        await zk.DeleteAsync("/b");
        Assert.Null(await whole.ExistsAsync(root + "/b"));
        NoNodeException refused = await Assert.ThrowsAsync<NoNodeException>(() => zk.GetAsync("/b").AsTask());
        Assert.Equal("/b", refused.Path);
        Assert.DoesNotContain(root, refused.Message);
    }

    [Fact]
    public async Task H41_Watches_on_the_root_and_on_descendants_tell_the_callers_paths()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        await whole.CreateAsync(root + "/app");
        await whole.CreateAsync(root + "/app2");
        await using ZooKeeperClient zk = await servers.ConnectAsync(chroot: root + "/app");
        await using Watch persistent = await zk.WatchAsync("/");
        await using OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/a/b");
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync("/");
        ZooKeeperClient view = whole.WithChroot(root + "/app");
        await using Watch recursive = await view.WatchAsync("/", WatchMode.PersistentRecursive);
        await whole.CreateAsync(root + "/app/a");
        await whole.CreateAsync(root + "/app/a/b");
        await whole.CreateAsync(root + "/app2/a");
        await whole.SetAsync(root + "/app", One);
        await zk.SyncAsync();
        await whole.SyncAsync();
        Assert.Equal(["ChildrenChanged /", "DataChanged /"], await persistent.DrainTextAsync());
        Assert.Equal(["Created /a", "Created /a/b", "DataChanged /"], await recursive.DrainTextAsync());
        Assert.Equal("Created /a/b", (await exists.Fired.Soon()).Text());
        Assert.Equal("DataChanged /", (await data.Fired.Soon()).Text());
    }

    [Fact]
    public async Task H41_A_view_does_not_see_ephemerals_and_events_of_a_neighbour_whose_name_begins_alike()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        await whole.CreateAsync(root + "/app");
        await whole.CreateAsync(root + "/app2");
        ZooKeeperClient app = whole.WithChroot(root + "/app");
        await using IAsyncEnumerator<WatchedEvent> events = app.EventsAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await using Watch watch = await whole.WatchAsync(root, WatchMode.PersistentRecursive);
        foreach (string path in (string[])["/app2/x", "/app/x", "/y"]) await whole.CreateAsync(root + path, mode: CreateMode.Ephemeral);
        Assert.Equal(["/x"], await app.GetEphemeralsAsync());
        Assert.Equal(["/x"], await app.GetEphemeralsAsync("/x"));
        Assert.Equal(3, (await whole.GetEphemeralsAsync(root)).Count);
        Assert.True(await events.MoveNextAsync().AsTask().Soon());
        Assert.Equal("Created /x", events.Current.Text());
    }

    [Fact]
    public async Task H41_The_ensembles_configuration_is_not_below_the_chroot()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        await using ZooKeeperClient zk = await servers.ConnectAsync(chroot: root);
        Assert.Equal((await whole.GetConfigAsync()).Stat, (await zk.GetConfigAsync()).Stat);
        await using OneShotWatch<NodeData> watch = await zk.WatchConfigAsync();
        Assert.True(await whole.WithChroot("/zookeeper").ExistsAsync("/config") is not null);
        await Assert.ThrowsAsync<NoNodeException>(() => zk.GetAsync("/zookeeper/config").AsTask());
    }

    [Fact]
    public async Task Views_share_the_session_and_their_chroots_add_up()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        ZooKeeperClient outer = whole.WithChroot(root);
        await outer.CreateAsync("/a");
        ZooKeeperClient inner = outer.WithChroot("/a");
        Assert.Equal(root + "/a", inner.Chroot);
        Assert.Equal(root, outer.WithChroot("/").Chroot);
        Assert.Equal((whole.SessionId, whole.Server), (inner.SessionId, inner.Server));
        await inner.CreateAsync("/e", mode: CreateMode.Ephemeral);
        Assert.Equal(whole.SessionId, (await whole.ExistsAsync(root + "/a/e"))!.Value.EphemeralOwner);
        await inner.DisposeAsync();
        Assert.Equal(SessionState.Connected, inner.State); // only whoever opened the session closes it
        Assert.Throws<ArgumentException>(() => whole.WithChroot("a"));
        await whole.DisposeAsync();
        await Assert.ThrowsAsync<SessionClosedException>(() => inner.ExistsAsync("/e").AsTask());
    }

    [Fact]
    public async Task A_missing_chroot_is_said_so_when_connecting()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        NoNodeException refused = await Assert.ThrowsAsync<NoNodeException>(() => servers.ConnectAsync(chroot: root + "/x/y"));
        Assert.Contains($"The chroot \"{root}/x/y\"", refused.Message);
        await using (ZooKeeperClient careless = await servers.ConnectAsync(new() { ChrootCheck = ChrootCheck.None }, root + "/x/y"))
        {
            Assert.Null(await careless.ExistsAsync("/"));
            await Assert.ThrowsAsync<NoNodeException>(() => careless.CreateAsync("/a").AsTask());
            await careless.EnsurePathAsync("/a/b");
            Assert.NotNull(await whole.ExistsAsync(root + "/x/y/a/b"));
        }

        await using ZooKeeperClient creating = await servers.ConnectAsync(new() { ChrootCheck = ChrootCheck.Create }, root + "/p/q");
        Assert.NotNull(await creating.ExistsAsync("/"));
        await using ZooKeeperClient again = await servers.ConnectAsync(new() { ChrootCheck = ChrootCheck.Create }, root + "/p/q");
    }
}
