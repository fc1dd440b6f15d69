using System.Text;

namespace Okapi.Conformance.Tests;

/// <summary>Three servers. A test that takes one away brings it back.</summary>
[Collection(nameof(Ensemble))]
public class EnsembleTests(Ensemble ensemble)
{
    private static ZooKeeperOptions Options(TimeSpan? timeout = null) => new() { SessionTimeout = timeout ?? TimeSpan.FromMinutes(1), BackoffMinimum = TimeSpan.FromMilliseconds(50), BackoffMaximum = TimeSpan.FromMilliseconds(500) };

    [Fact]
    public async Task H48_A_leader_that_is_killed_costs_neither_the_session_nor_its_watches()
    {
        int leader = await ensemble.Server.FindAsync("leader");
        // The leader first, then the others.
        string servers = string.Join(',', ensemble.Server.Nodes.OrderBy(node => node.Id != leader).Select(node => ensemble.AddressOf(node.Id)));
        ZooKeeperOptions options = Options();
        options.ShuffleServers = false;
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(servers, options, TestContext.Current.CancellationToken);
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        await using Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive);
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
        (long session, ServerEndpoint? server) = (zk.SessionId, zk.Server);
        Assert.Equal(ensemble.AddressOf(leader), server!.ToString());
        await ensemble.Server.KillAsync(leader);
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
            await ensemble.Server.StartNodeAsync(leader);
        }
    }

    [Fact]
    public async Task A_read_after_sync_sees_every_write_that_had_completed()
    {
        // The leader itself answers a sync without waiting for its own commits: a reader there can be a write behind.
        int reads = await ensemble.Server.FindAsync("follower");
        int writes = ensemble.Server.Nodes.First(node => node.Id != reads).Id;
        await using ZooKeeperClient writer = await ensemble.ConnectToAsync(writes, Options()), reader = await ensemble.ConnectToAsync(reads, Options());
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
        await using ZooKeeperClient zk = await ensemble.ConnectToAsync(1, Options());
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        await using Watch watch = await zk.WatchAsync(root);
        long session = zk.SessionId;
        await using StateLog states = await StateLog.OpenAsync(zk);
        zk.UpdateServers(ensemble.AddressOf(2));
        await states.UntilAsync(SessionState.Connected);
        Assert.Equal(ensemble.AddressOf(2), zk.Server!.ToString());
        zk.UpdateServers($"{ensemble.AddressOf(2)},{ensemble.AddressOf(2)}"); // the same list, no move
        await zk.SyncAsync();
        zk.UpdateServers(ensemble.AddressOf(3));
        await states.UntilAsync(SessionState.Connected);
        Assert.Equal(ensemble.AddressOf(3), zk.Server!.ToString());
        Assert.Equal(session, (await zk.ExistsAsync(root + "/e"))!.Value.EphemeralOwner);
        Assert.Equal([SessionState.Connected, SessionState.Disconnected, SessionState.Connected, SessionState.Disconnected, SessionState.Connected], states.States);
        await zk.SetAsync(root, null);
        Assert.Equal(["Resync " + root, "Resync " + root, "DataChanged " + root], await watch.DrainTextAsync());
    }

    [Fact]
    public async Task Members_leave_and_join_by_reconfiguration_and_a_watch_on_the_configuration_tells()
    {
        ZooKeeperOptions options = Options();
        options.Auth.Add(AuthInfo.Digest("super", "okapi-super"));
        // Node 3 leaves, so nobody here may be connected to it.
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync($"{ensemble.AddressOf(1)},{ensemble.AddressOf(2)}", options, TestContext.Current.CancellationToken);
        await using ZooKeeperClient nobody = await ensemble.ConnectToAsync(1, Options());
        NodeData before = await zk.GetConfigAsync();
        string[] members = [.. Text(before).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal))];
        Assert.Equal(3, members.Length);
        long version = Version(before);
        string third = members.Single(line => line.StartsWith("server.3=", StringComparison.Ordinal));
        await Assert.ThrowsAsync<NoAuthException>(() => nobody.ReconfigureAsync(leaving: [3]).AsTask());
        Assert.Equal(ErrorCode.BadVersion, (await Assert.ThrowsAsync<BadVersionException>(() => zk.ReconfigureAsync(leaving: [3], fromConfig: 1).AsTask())).Code);
        Assert.Equal(ErrorCode.BadArguments, (await Assert.ThrowsAsync<ZooKeeperException>(() => zk.ReconfigureAsync(joining: ["nonsense"]).AsTask())).Code);

        await using OneShotWatch<NodeData> watch = await nobody.WatchConfigAsync();
        Assert.Equal(version, Version(watch.Value));
        try
        {
            NodeData left = await zk.ReconfigureAsync(leaving: [3], fromConfig: version);
            Assert.DoesNotContain("server.3=", Text(left));
            Assert.True(Version(left) > version);
            Assert.Equal("DataChanged /zookeeper/config", (await watch.Fired.Soon()).Text());
            await nobody.SyncAsync("/zookeeper/config");
            Assert.Equal(Text(left), Text(await nobody.GetConfigAsync()));
            NodeData joined = await zk.ReconfigureAsync(joining: [third]);
            Assert.Equal(members.Order(), Text(joined).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal)).Order());
            Assert.True(Version(joined) > Version(left));
        }
        finally
        {
            // Server 3 learns of it and serves again, for the tests that come after.
            if (!Text(await zk.GetConfigAsync()).Contains("server.3=", StringComparison.Ordinal)) await zk.ReconfigureAsync(joining: [third]);
        }

        await Waiting.UntilAsync(async () => await ensemble.Server.ModeAsync(3) is "follower" or "leader", "node 3 serves again");
    }

    [Fact]
    public async Task All_members_are_replaced_at_once_where_the_ensemble_allows_it()
    {
        ZooKeeperOptions options = Options();
        options.Auth.Add(AuthInfo.Digest("super", "okapi-super"));
        await using ZooKeeperClient zk = await ensemble.ConnectAsync(options);
        NodeData before = await zk.GetConfigAsync();
        string[] members = [.. Text(before).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal))];
        NodeData after = await zk.ReplaceMembersAsync(members, Version(before));
        Assert.Equal(members.Order(), Text(after).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal)).Order());
        Assert.True(Version(after) > Version(before));
        Assert.Equal(ErrorCode.BadVersion, (await Assert.ThrowsAsync<BadVersionException>(() => zk.ReplaceMembersAsync(members, Version(before)).AsTask())).Code);
    }

    [Fact]
    public async Task A_session_is_resumed_on_another_server()
    {
        await using ZooKeeperClient first = await ensemble.ConnectToAsync(1, Options());
        string root = await Servers.RootAsync(first);
        await first.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        ZooKeeperOptions options = Options();
        options.Resume = first.GetSessionCredentials();
        await using ZooKeeperClient second = await ensemble.ConnectToAsync(2, options);
        Assert.Equal(second.SessionId, (await second.ExistsAsync(root + "/e"))!.Value.EphemeralOwner);
        await second.DisposeAsync();
        await first.LostAsync();
    }

    private static string Text(NodeData config) => Encoding.UTF8.GetString(config.Data);

    private static long Version(NodeData config)
    {
        string text = Text(config);
        return Convert.ToInt64(text[(text.LastIndexOf("version=", StringComparison.Ordinal) + "version=".Length)..].Trim(), 16);
    }
}
