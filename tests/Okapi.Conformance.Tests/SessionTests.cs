using System.Diagnostics;

namespace Okapi.Conformance.Tests;

/// <summary>Sessions on a server that itself stays well.</summary>
public abstract class SessionTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : SessionTests(servers);

    public sealed class OnEmbedded(Embedded servers) : SessionTests(servers);

    public sealed class InMemory(InMemoryServer servers) : SessionTests(servers), IClassFixture<InMemoryServer>;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_session_is_resumed_with_its_id_and_password()
    {
        await using Proxy proxy = servers.Proxy();
        ZooKeeperClient first = await proxy.ConnectAsync(new() { SessionTimeout = TimeSpan.FromSeconds(20), BackoffMaximum = TimeSpan.FromMilliseconds(100) });
        string root = await Servers.RootAsync(first);
        await first.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        await proxy.BreakAsync(); // or it would take the session back
        await using ZooKeeperClient second = await servers.ConnectAsync(new() { Resume = first.GetSessionCredentials() });
        Assert.Equal(first.SessionId, second.SessionId);
        Assert.Equal(second.SessionId, (await second.ExistsAsync(root + "/e"))!.Value.EphemeralOwner);
        await second.DisposeAsync();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        Assert.Null(await observer.ExistsAsync(root + "/e"));
        // The first client learns what became of its session when it comes back.
        proxy.Heal();
        await first.LostAsync();
        Assert.Equal(SessionState.Expired, first.State);
        await first.DisposeAsync();
    }

    [Fact]
    public async Task A_client_that_detaches_leaves_its_session_and_ephemeral_znodes_to_another()
    {
        ZooKeeperClient first = await servers.ConnectAsync(new() { SessionTimeout = TimeSpan.FromSeconds(20) });
        string root = await Servers.RootAsync(first);
        await first.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        SessionCredentials? credentials = await first.DetachAsync();
        Assert.Equal(SessionState.Closed, first.State);
        await Assert.ThrowsAsync<SessionClosedException>(async () => await first.SyncAsync());
        await first.DisposeAsync(); // as ever, once more does no harm
        await using ZooKeeperClient second = await servers.ConnectAsync(new() { Resume = credentials });
        Assert.Equal(second.SessionId, (await second.ExistsAsync(root + "/e"))!.Value.EphemeralOwner);
    }

    [Fact]
    public async Task A_session_that_is_over_or_whose_password_is_wrong_cannot_be_resumed()
    {
        await using ZooKeeperClient live = await servers.ConnectAsync();
        ZooKeeperClient closed = await servers.ConnectAsync();
        SessionCredentials over = closed.GetSessionCredentials()!;
        await closed.DisposeAsync();
        foreach (SessionCredentials credentials in (SessionCredentials[])[over, new(live.SessionId, new byte[16]), new(12345, new byte[16]), new(-1, new byte[16])])
        {
            SessionExpiredException refused = await Assert.ThrowsAsync<SessionExpiredException>(() => servers.ConnectAsync(new() { Resume = credentials }));
            Assert.Equal(credentials.SessionId, refused.SessionId);
            Assert.Contains($"0x{credentials.SessionId:x}", refused.Message);
        }

        await live.SyncAsync(); // the wrong password cut its connection, and no more
    }

    [Fact]
    public async Task With_recovery_a_session_that_cannot_be_resumed_is_followed_by_a_new_one()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(new() { Resume = new(12345, new byte[16]), Recovery = SessionRecovery.NewSession });
        Assert.NotEqual(12345, zk.SessionId);
        await zk.SyncAsync();
    }

    [Fact]
    public async Task A_reconnect_keeps_the_session_and_the_states_tell_of_it()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        long session = zk.SessionId;
        await using StateLog states = await StateLog.OpenAsync(zk);
        for (int i = 0; i < 5; i++)
        {
            await proxy.CutAsync();
            await states.UntilAsync(SessionState.Connected);
        }

        await zk.DisposeAsync();
        await states.ToEndAsync();
        SessionState[] each = [SessionState.Disconnected, SessionState.Connected];
        Assert.Equal([SessionState.Connected, .. Enumerable.Repeat(each, 5).SelectMany(pair => pair), SessionState.Closed], states.States);
        Assert.All(states.Seen, change => Assert.Equal((session, false), (change.SessionId, change.Missed)));
    }

    [Fact]
    public async Task Ephemerals_are_gone_when_closing_returns_and_closing_again_is_fine()
    {
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        string root = await Servers.RootAsync(observer);
        for (int i = 0; i < 20; i++)
        {
            ZooKeeperClient zk = await servers.ConnectAsync();
            Task<string>[] creates = [.. Enumerable.Range(0, 20).Select(n => zk.CreateAsync(root + "/e-", mode: CreateMode.EphemeralSequential).AsTask())];
            await Task.WhenAll(zk.DisposeAsync().AsTask(), zk.DisposeAsync().AsTask()).Soon();
            await zk.DisposeAsync();
            Assert.Empty(await observer.GetChildrenAsync(root));
            Assert.Equal(SessionState.Closed, zk.State);
            Assert.True(zk.SessionLost.IsCancellationRequested);
            foreach (Task<string> create in creates)
                Assert.True(await Record.ExceptionAsync(() => create) is null or SessionClosedException or ConnectionLossException);
            await Assert.ThrowsAsync<SessionClosedException>(() => zk.SyncAsync().AsTask());
            await Assert.ThrowsAsync<SessionClosedException>(() => zk.WatchAsync(root));
        }
    }

    [Fact]
    public async Task Closing_ends_streams_in_order_and_one_shot_watches_with_the_reason()
    {
        ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        OneShotWatch<NodeData> data = await zk.WatchDataAsync(root);
        IAsyncEnumerator<WatchedEvent> events = zk.EventsAsync(Cancel).GetAsyncEnumerator(Cancel);
        await zk.DisposeAsync();
        await Assert.ThrowsAsync<SessionClosedException>(() => data.Fired.Soon());
        Assert.True(await events.MoveNextAsync().AsTask().Soon());
        Assert.Equal(KeeperState.Closed, events.Current.State);
        Assert.False(await events.MoveNextAsync().AsTask().Soon());
        await data.DisposeAsync();
    }

    [Fact]
    public async Task Closing_while_no_server_can_be_reached_returns_at_once()
    {
        await using Proxy proxy = servers.Proxy();
        ZooKeeperClient zk = await proxy.ConnectAsync(new() { CloseTimeout = TimeSpan.FromMinutes(10) });
        await using StateLog states = await StateLog.OpenAsync(zk);
        await proxy.BreakAsync();
        await states.UntilAsync(SessionState.Disconnected);
        Task<Stat?> waiting = zk.ExistsAsync("/").AsTask();
        await zk.DisposeAsync().AsTask().Soon();
        await Assert.ThrowsAsync<SessionClosedException>(() => waiting.Soon());
        ZooKeeperClient never = ZooKeeperClient.Start(proxy.To(new() { CloseTimeout = TimeSpan.FromMinutes(10) }));
        await never.DisposeAsync().AsTask().Soon();
    }

    [Fact]
    public async Task H14_Two_clients_on_one_session_take_turns_at_a_bounded_rate()
    {
        await using ZooKeeperClient first = await servers.ConnectAsync(new() { SessionTimeout = TimeSpan.FromSeconds(60) });
        await using StateLog states = await StateLog.OpenAsync(first);
        var watch = Stopwatch.StartNew();
        await using ZooKeeperClient second = await servers.ConnectAsync(new() { SessionTimeout = TimeSpan.FromSeconds(60), Resume = first.GetSessionCredentials() });
        for (int i = 0; i < 4; i++) await states.UntilAsync(SessionState.Connected);
        // At least 0, 100, 200 and 400 ms have to pass before the four reconnects.
        Assert.True(watch.Elapsed >= TimeSpan.FromMilliseconds(700), $"Four reconnects took {watch.Elapsed}.");
        Assert.Equal(first.SessionId, second.SessionId);
    }
}
