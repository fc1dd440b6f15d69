namespace Okapi.Conformance.Tests;

/// <summary>Three servers. A test that takes one away brings it back.</summary>
public abstract class EnsembleTests(Servers servers)
{
    [Collection(nameof(Ensemble))]
    public sealed class OnApache(Ensemble servers) : EnsembleTests(servers);

    public sealed class OnEmbedded(EmbeddedEnsemble servers) : EnsembleTests(servers), IClassFixture<EmbeddedEnsemble>;

    private static ZooKeeperOptions Options(TimeSpan? timeout = null) => new() { SessionTimeout = timeout ?? TimeSpan.FromMinutes(1), BackoffMinimum = TimeSpan.FromMilliseconds(50), BackoffMaximum = TimeSpan.FromMilliseconds(500) };

    [Fact]
    public async Task H48_A_leader_that_is_killed_costs_neither_the_session_nor_its_watches()
    {
        int leader = await servers.FindLeaderAsync();
        // The leader first, then the others.
        string list = string.Join(',', servers.Addresses.OrderBy(address => address != servers.AddressOf(leader)));
        ZooKeeperOptions options = Options();
        options.ShuffleServers = false;
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(list, options, TestContext.Current.CancellationToken);
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        await using Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive);
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
        (long session, ServerEndpoint? server) = (zk.SessionId, zk.Server);
        Assert.Equal(servers.AddressOf(leader), server!.ToString());
        await servers.KillAsync(leader);
        try
        {
            Assert.Equal(session, (await zk.ExistsAsync(root + "/e").AsTask().Soon())!.Value.EphemeralOwner);
            Assert.NotEqual(server, zk.Server);
            await zk.SetAsync(root, null);
            await zk.SyncAsync();
            await data.Fired.Soon();
            Assert.Equal(session, zk.SessionId);
            string[] events = await watch.DrainTextAsync();
            Assert.All(events.SkipLast(1), each => Assert.Equal("Resync " + root, each));
            Assert.Equal("DataChanged " + root, events[^1]);
            Assert.True(events.Length >= 2);
        }
        finally
        {
            await servers.StartNodeAsync(leader);
        }
    }

    [Fact]
    public async Task A_read_after_sync_sees_every_write_that_had_completed()
    {
        // The leader itself answers a sync without waiting for its own commits: a reader there can be a write behind.
        int writes = await servers.FindLeaderAsync();
        int reads = writes == 1 ? 2 : 1;
        await using ZooKeeperClient writer = await servers.ConnectToAsync(writes, Options()), reader = await servers.ConnectToAsync(reads, Options());
        string root = await Servers.RootAsync(writer);
        for (int i = 1; i <= 200; i++)
        {
            Stat written = await writer.SetAsync(root, null);
            await reader.SyncAsync(root);
            Assert.Equal(written, (await reader.GetAsync(root)).Stat);
        }
    }

    [Fact]
    public async Task A_new_list_without_the_clients_server_moves_it_and_keeps_the_session()
    {
        await using ZooKeeperClient zk = await servers.ConnectToAsync(1, Options());
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        await using Watch watch = await zk.WatchAsync(root);
        long session = zk.SessionId;
        await using StateLog states = await StateLog.OpenAsync(zk);
        zk.UpdateServers(servers.AddressOf(2));
        await states.UntilAsync(SessionState.Connected);
        Assert.Equal(servers.AddressOf(2), zk.Server!.ToString());
        zk.UpdateServers($"{servers.AddressOf(2)},{servers.AddressOf(2)}"); // the same list, no move
        await zk.SyncAsync();
        zk.UpdateServers(servers.AddressOf(3));
        await states.UntilAsync(SessionState.Connected);
        Assert.Equal(servers.AddressOf(3), zk.Server!.ToString());
        Assert.Equal(session, (await zk.ExistsAsync(root + "/e"))!.Value.EphemeralOwner);
        Assert.Equal([SessionState.Connected, SessionState.Disconnected, SessionState.Connected, SessionState.Disconnected, SessionState.Connected], states.States);
        await zk.SetAsync(root, null);
        Assert.Equal(["Resync " + root, "Resync " + root, "DataChanged " + root], await watch.DrainTextAsync());
    }

    [Fact]
    public async Task A_session_is_resumed_on_another_server()
    {
        await using ZooKeeperClient first = await servers.ConnectToAsync(1, Options());
        string root = await Servers.RootAsync(first);
        await first.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        ZooKeeperOptions options = Options();
        options.Resume = first.GetSessionCredentials();
        await using ZooKeeperClient second = await servers.ConnectToAsync(2, options);
        await second.SyncAsync(root); // the member may lag behind the one that created the znode
        Assert.Equal(second.SessionId, (await second.ExistsAsync(root + "/e"))!.Value.EphemeralOwner);
        await second.DisposeAsync();
        await first.LostAsync();
    }
}
