using System.Diagnostics;

namespace Okapi.Conformance.Tests;

/// <summary>Sessions on a server that is killed, frozen or wiped. One test at a time; each leaves the server running.</summary>
public abstract class OutageTests(Servers servers)
{
    [Collection(nameof(Fragile))]
    public sealed class OnApache(Fragile servers) : OutageTests(servers);

    public sealed class OnEmbedded(FragileEmbedded servers) : OutageTests(servers), IClassFixture<FragileEmbedded>;

    /// <summary>Waited for, and yet more than a busy machine takes to answer a ping.</summary>
    private static readonly TimeSpan T = TimeSpan.FromSeconds(4);

    private static ZooKeeperOptions Short(SessionRecovery recovery = SessionRecovery.None) => new()
    {
        SessionTimeout = T,
        Recovery = recovery,
        BackoffMinimum = TimeSpan.FromMilliseconds(50),
        BackoffMaximum = TimeSpan.FromMilliseconds(500),
    };

    [Fact]
    public async Task A_session_that_expired_on_the_server_is_over_and_everything_says_so()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Short());
        string root = await Servers.RootAsync(zk);
        long session = zk.SessionId;
        await using Watch watch = await zk.WatchAsync(root);
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
        await using StateLog states = await StateLog.OpenAsync(zk);
        await using (await servers.FreezeAsync(1))
        {
            await states.UntilAsync(SessionState.Disconnected);
            Task<Stat> write = zk.SetAsync(root, null).AsTask();
            await states.UntilAsync(SessionState.Expired);
            Assert.Equal(session, (await Assert.ThrowsAsync<SessionExpiredException>(() => write.Soon())).SessionId);
            await Assert.ThrowsAsync<SessionExpiredException>(() => zk.SyncAsync().AsTask());
            await Assert.ThrowsAsync<SessionExpiredException>(() => data.Fired.Soon());
            await Assert.ThrowsAsync<SessionExpiredException>(() => watch.NextAsync());
            await Assert.ThrowsAsync<SessionExpiredException>(() => zk.WaitConnectedAsync());
            await states.ToEndAsync();
            Assert.Equal([SessionState.Connected, SessionState.Disconnected, SessionState.Expired], states.States);
            Assert.True(zk.SessionLost.IsCancellationRequested);
        }
    }

    [Fact]
    public async Task H6_With_recovery_the_end_of_the_old_session_is_told_before_the_beginning_of_the_new_one()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Short(SessionRecovery.NewSession));
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        long first = zk.SessionId;
        CancellationToken firstLost = zk.SessionLost;
        await using Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive);
        await using Watch plain = await zk.WatchAsync(root);
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
        await using StateLog states = await StateLog.OpenAsync(zk);
        await using (await servers.FreezeAsync(1)) await states.UntilAsync(SessionState.Expired);
        long second = (await states.UntilAsync(SessionState.Connected)).SessionId;
        Assert.NotEqual(first, second);
        Assert.Equal(
            [(SessionState.Connected, first), (SessionState.Disconnected, first), (SessionState.Expired, first), (SessionState.Connecting, 0), (SessionState.Connected, second)],
            states.Seen.Select(change => (change.State, change.SessionId)));
        Assert.True(firstLost.IsCancellationRequested);
        Assert.False(zk.SessionLost.IsCancellationRequested);
        Assert.Equal(first, (await Assert.ThrowsAsync<SessionExpiredException>(() => data.Fired.Soon())).SessionId);

        // Persistent watches are told of the end and of the gap, and go on. The old session's ephemeral may still have gone or go now.
        await Waiting.UntilAsync(async () => await zk.ExistsAsync(root + "/e") is null, "the old session's ephemeral is gone");
        await zk.CreateAsync(root + "/new", mode: CreateMode.Ephemeral);
        List<WatchedEvent> events = await watch.DrainAsync();
        Assert.Equal((WatchedEventType.None, KeeperState.Expired), (events[0].Type, events[0].State));
        Assert.Equal(["Resync " + root], events.Skip(1).Where(each => !each.Path!.EndsWith("/e", StringComparison.Ordinal)).SkipLast(1).Select(WatchReading.Text));
        Assert.Equal($"Created {root}/new", events[^1].Text());
        Assert.Equal(second, (await zk.ExistsAsync(root + "/new"))!.Value.EphemeralOwner);
        Assert.Equal(1, (await plain.DrainAsync()).Count(each => each.Type == WatchedEventType.Resync));
    }

    [Fact]
    public async Task H1_Without_any_server_the_session_expires_at_four_thirds_of_its_timeout()
    {
        // The longest pause between attempts is far longer than the session: Expired must not wait for it (H3).
        ZooKeeperOptions options = Short();
        options.BackoffMinimum = options.BackoffMaximum = T * 10;
        await using ZooKeeperClient zk = await servers.ConnectAsync(options);
        await using StateLog states = await StateLog.OpenAsync(zk);
        var watch = Stopwatch.StartNew();
        await zk.SyncAsync(); // so the last word came after this, and before the kill
        await servers.KillAsync(1);
        var sinceKilled = Stopwatch.StartNew();
        try
        {
            await states.UntilAsync(SessionState.Disconnected);
            Task<Stat?> waiting = zk.ExistsAsync("/").AsTask();
            await states.UntilAsync(SessionState.Expired);
            Assert.True(watch.Elapsed >= T * 4 / 3, $"Expired after {watch.Elapsed}.");
            Assert.True(sinceKilled.Elapsed < (T * 4 / 3) + TimeSpan.FromSeconds(10), $"Expired {sinceKilled.Elapsed} after the kill.");
            await Assert.ThrowsAsync<SessionExpiredException>(() => waiting.Soon());
        }
        finally
        {
            await servers.StartNodeAsync(1);
        }
    }

    [Fact]
    public async Task A_server_that_restarts_in_time_keeps_the_session_and_its_watches()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(new() { SessionTimeout = TimeSpan.FromMinutes(2), BackoffMaximum = TimeSpan.FromMilliseconds(500) });
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        await using Watch watch = await zk.WatchAsync(root);
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(root + "/e");
        long session = zk.SessionId;
        await servers.KillAsync(1);
        await servers.StartNodeAsync(1);
        Assert.Equal(session, (await zk.ExistsAsync(root + "/e").AsTask().Soon())!.Value.EphemeralOwner);
        await zk.SetAsync(root, null);
        await zk.SetAsync(root + "/e", null);
        Assert.Equal(["Resync " + root, "DataChanged " + root], await watch.DrainTextAsync());
        Assert.True(data.Fired.IsCompletedSuccessfully);
        Assert.Equal(session, zk.SessionId);
    }

    [Fact]
    public async Task H8_A_server_whose_data_was_wiped_ends_the_session_and_takes_the_next_one()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Short()), recovering = await servers.ConnectAsync(Short(SessionRecovery.NewSession));
        await Servers.RootAsync(zk); // its zxid is more than the wiped server will have
        await recovering.SyncAsync();
        await using StateLog states = await StateLog.OpenAsync(zk), states2 = await StateLog.OpenAsync(recovering);
        await servers.KillAsync(1);
        servers.Wipe(1);
        await servers.StartNodeAsync(1);
        await states.UntilAsync(SessionState.Expired);
        Assert.DoesNotContain(SessionState.Connected, states.States.Skip(1));
        await states2.UntilAsync(SessionState.Expired);
        await states2.UntilAsync(SessionState.Connected);
        Assert.Equal(["zookeeper"], await recovering.GetChildrenAsync("/"));
    }
}
