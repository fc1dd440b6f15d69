using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Watches;

public class RearmTests
{
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H42_20000_watches_are_armed_again_in_frames_of_a_bounded_size()
    {
        const int count = 20_000;
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task serving = connection.ServeAsync(connection.AnswerAsync);
        // 200 bytes, and far fewer characters: a bound on characters would be too large by half.
        string[] paths = [.. Enumerable.Range(0, count).Select(i => $"/{i:d5}{new string('ж', 97)}")];
        await Task.WhenAll(paths.Select(path => zk.WatchExistsAsync(path))).Soon();
        connection.Reset();
        await serving.Soon();
        PeerConnection next = await peer.AcceptSessionAsync();
        var armed = new List<string>();
        int frames = 0;
        while (armed.Count < count)
        {
            byte[] frame = await next.ReadFrameAsync();
            Assert.InRange(frame.Length, 1, (128 * 1024) + 204);
            var request = new PeerRequest(PeerConnection.Read(frame, RequestHeader.Read), frame[8..]);
            Assert.Equal((OpCode.SetWatches, Xids.SetWatches), (request.OpCode, request.Xid));
            armed.AddRange(PeerConnection.Read(request.Body, (ref JuteReader reader) => SetWatchesRequest.Read(ref reader, OpCode.SetWatches)).Data);
            await next.ReplyAsync(request);
            frames++;
        }

        Assert.Equal(paths.Order(StringComparer.Ordinal), armed.Order(StringComparer.Ordinal));
        Assert.InRange(frames, 30, 40);
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(WatchMode.Persistent)]
    [InlineData(WatchMode.PersistentRecursive)]
    public async Task H43_One_Resync_stands_between_the_last_event_before_a_cut_and_the_first_after_it(WatchMode mode)
    {
        var peer = new ScriptedPeer();
        var server = new ModelServer(is39: true);
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task serving = server.ServeAsync(connection);
        Watch watch = await zk.WatchAsync("/a", mode).Soon();
        long before = await server.ChangeAsync(WatchedEventType.NodeCreated, "/a");
        await zk.SyncAsync().AsTask().Soon();
        connection.Reset();
        await serving.Soon();
        for (int i = 0; i < 100; i++) await server.ChangeAsync(WatchedEventType.NodeDataChanged, "/a");
        serving = server.ServeAsync(await peer.AcceptSessionAsync());
        await zk.SyncAsync().AsTask().Soon();
        long after = await server.ChangeAsync(WatchedEventType.NodeDataChanged, "/a");
        await zk.SyncAsync().AsTask().Soon();
        await watch.DisposeAsync();
        Assert.Equal(
            [(WatchedEventType.NodeCreated, before), (WatchedEventType.Resync, -1), (WatchedEventType.NodeDataChanged, after)],
            (await watch.ToListAsync()).Select(each => (each.Type, each.Zxid)));
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData("/a", WatchMode.Persistent)]
    [InlineData("/a", WatchMode.PersistentRecursive)]
    [InlineData("/", WatchMode.PersistentRecursive)]
    public async Task H43_What_another_watch_is_told_before_the_server_has_a_persistent_one_again_belongs_to_the_gap(string path, WatchMode mode)
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        OneShotWatch<Stat?> oneShot = await WatchExistsAsync(zk, connection, "/a");
        Watch watch = await WatchAsync(zk, connection, path, mode);
        connection.Reset();
        PeerConnection next = await peer.AcceptSessionAsync();
        await ReadSetWatchesAsync(next);
        PeerRequest rearm = await next.ExpectAsync(OpCode.SetWatches2);
        await next.NotifyAsync(WatchedEventType.NodeDataChanged, "/a", zxid: 500);
        Assert.Equal(500, (await oneShot.Fired.Soon()).Zxid);
        // What happens now, as 501, nobody is told.
        await next.ReplyAsync(rearm);
        await next.NotifyAsync(WatchedEventType.NodeDataChanged, "/a", zxid: 502);
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator();
        Assert.Equal(WatchedEventType.Resync, (await events.NextAsync()).Type);
        Assert.Equal(502, (await events.NextAsync()).Zxid);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H44_A_cut_between_two_notifications_of_one_transaction_loses_neither()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        OneShotWatch<Stat?> first = await WatchExistsAsync(zk, connection, "/first");
        OneShotWatch<Stat?> second = await WatchExistsAsync(zk, connection, "/second");
        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/first", zxid: 500);
        Assert.Equal(500, (await first.Fired.Soon()).Zxid);
        connection.Reset();
        PeerConnection next = await peer.AcceptSessionAsync();
        Assert.Equal(100, next.Handshake.LastZxidSeen); // of the replies, not of the event
        SetWatchesRequest rearm = await ReadSetWatchesAsync(next);
        Assert.Equal(100, rearm.RelativeZxid); // so the server sees that it owes the second
        Assert.Equal(["/second"], rearm.Data);
        await next.NotifyAsync(WatchedEventType.NodeDataChanged, "/second");
        Assert.Equal("/second", (await second.Fired.Soon()).Path);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H45_Every_connect_tells_the_newest_transaction_of_any_reply_and_of_nothing_else()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Assert.Equal(0, connection.Handshake.LastZxidSeen);
        long newest = 0;
        foreach (long zxid in (long[])[200, 150, 0x1_0000_0000, 300, -1])
        {
            Task<Stat?> exists = zk.ExistsAsync("/a").AsTask();
            await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/a", zxid: -1); // 3.8
            await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/a", zxid: 0x7_0000_0000); // 3.9
            await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Exists), Scripts.Body(Scripts.Stat()), zxid: zxid);
            await exists.Soon();
            newest = Math.Max(newest, zxid);
            Assert.Equal(newest, zk.LastZxid);
            connection.Reset();
            connection = await peer.AcceptSessionAsync();
            Assert.Equal(newest, connection.Handshake.LastZxidSeen);
        }
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(ErrorCode.BadArguments)]
    [InlineData(ErrorCode.Unimplemented)]
    [InlineData(ErrorCode.NoAuth)]
    public async Task H47_Watches_that_a_server_refuses_to_arm_again_end_with_its_error(ErrorCode error)
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        OneShotWatch<Stat?> oneShot = await WatchExistsAsync(zk, connection, "/a");
        Watch kept = await WatchAsync(zk, connection, "/b", WatchMode.Persistent);
        Watch recursive = await WatchAsync(zk, connection, "/c", WatchMode.PersistentRecursive);
        connection.Reset();
        PeerConnection next = await peer.AcceptSessionAsync();
        await ReadSetWatchesAsync(next, error);
        await ReadSetWatchesAsync(next);
        await ReadSetWatchesAsync(next, error);
        Assert.Equal(error, (await Assert.ThrowsAnyAsync<ZooKeeperException>(() => oneShot.Fired.Soon())).Code);
        await using IAsyncEnumerator<WatchedEvent> events = recursive.GetAsyncEnumerator();
        Assert.Equal(WatchedEventType.Resync, (await events.NextAsync()).Type);
        Assert.Equal(error, (await Assert.ThrowsAnyAsync<ZooKeeperException>(() => events.MoveNextAsync().Soon())).Code);
        await next.NotifyAsync(WatchedEventType.NodeDataChanged, "/b");
        await using IAsyncEnumerator<WatchedEvent> others = kept.GetAsyncEnumerator();
        Assert.Equal(WatchedEventType.Resync, (await others.NextAsync()).Type);
        Assert.Equal(WatchedEventType.NodeDataChanged, (await others.NextAsync()).Type);
        Assert.Equal(2, peer.Attempts);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H47_A_persistent_watch_is_told_of_events_where_another_one_was_refused_before()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        await WatchExistsAsync(zk, connection, "/a"); // the client keeps what it knows of the path
        Watch refused = await WatchAsync(zk, connection, "/a", WatchMode.Persistent);
        connection.Reset();
        PeerConnection next = await peer.AcceptSessionAsync();
        await ReadSetWatchesAsync(next);
        await ReadSetWatchesAsync(next, ErrorCode.NoAuth);
        await Assert.ThrowsAnyAsync<ZooKeeperException>(() => refused.ToListAsync());
        Watch watch = await WatchAsync(zk, next, "/a", WatchMode.Persistent);
        await next.NotifyAsync(WatchedEventType.NodeDataChanged, "/a", zxid: 500);
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator();
        Assert.Equal(500, (await events.NextAsync()).Zxid);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H47_A_server_that_closes_instead_of_answering_setWatches2_does_so_five_times_and_then_the_watches_end()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        OneShotWatch<Stat?> oneShot = await WatchExistsAsync(zk, connection, "/a");
        Watch persistent = await WatchAsync(zk, connection, "/b", WatchMode.Persistent);
        Watch recursive = await WatchAsync(zk, connection, "/c", WatchMode.PersistentRecursive);
        connection.Reset();
        Task<Stat?> read = zk.ExistsAsync("/read").AsTask();
        for (int i = 0; i < 5; i++)
        {
            connection = await peer.AcceptSessionAsync();
            await ReadSetWatchesAsync(connection);
            await connection.ExpectAsync(OpCode.SetWatches2);
            connection.Close();
        }

        connection = await peer.AcceptSessionAsync();
        Assert.Equal(["/a"], (await ReadSetWatchesAsync(connection)).Data);
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.Exists)); // and no setWatches2
        Assert.NotNull(await read.Soon());
        await Assert.ThrowsAsync<UnimplementedException>(() => persistent.ToListAsync());
        await Assert.ThrowsAsync<UnimplementedException>(() => recursive.ToListAsync());
        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/a");
        await oneShot.Fired.Soon();
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H47_Connections_that_break_before_an_answer_now_and_then_end_no_watch()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Watch persistent = await WatchAsync(zk, connection, "/b", WatchMode.Persistent);
        for (int i = 0; i < 12; i++)
        {
            connection.Close();
            connection = await peer.AcceptSessionAsync();
            if (i % 3 == 2) await ReadSetWatchesAsync(connection);
            else await connection.ExpectAsync(OpCode.SetWatches2);
        }

        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/b");
        await using IAsyncEnumerator<WatchedEvent> events = persistent.GetAsyncEnumerator();
        for (int i = 0; i < 12; i++) Assert.Equal(WatchedEventType.Resync, (await events.NextAsync()).Type);
        Assert.Equal(WatchedEventType.NodeDataChanged, (await events.NextAsync()).Type);
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task H48_Each_kind_of_watch_outlives_50_reconnects(bool is39)
    {
        var peer = new ScriptedPeer();
        var server = new ModelServer(is39);
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task serving = server.ServeAsync(connection);
        foreach (string path in (string[])["/data", "/children", "/all", "/tree"]) await server.ChangeAsync(WatchedEventType.NodeCreated, path);
        OneShotWatch<NodeData> data = await zk.WatchDataAsync("/data").Soon();
        OneShotWatch<Stat?> absent = await zk.WatchExistsAsync("/absent").Soon();
        OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync("/children").Soon();
        Watch persistent = await zk.WatchAsync("/all").Soon();
        Watch recursive = await zk.WatchAsync("/tree", WatchMode.PersistentRecursive).Soon();
        for (int i = 0; i < 50; i++)
        {
            connection.Reset();
            await serving.Soon();
            connection = await peer.AcceptSessionAsync();
            serving = server.ServeAsync(connection);
            await zk.SyncAsync().AsTask().Soon();
        }

        await server.ChangeAsync(WatchedEventType.NodeDataChanged, "/data");
        foreach (string path in (string[])["/absent", "/children/x", "/all/x", "/tree/x"]) await server.ChangeAsync(WatchedEventType.NodeCreated, path);
        await zk.SyncAsync().AsTask().Soon();
        Assert.Equal(WatchedEventType.NodeDataChanged, (await data.Fired.Soon()).Type);
        Assert.Equal(WatchedEventType.NodeCreated, (await absent.Fired.Soon()).Type);
        Assert.Equal(WatchedEventType.NodeChildrenChanged, (await children.Fired.Soon()).Type);
        await persistent.DisposeAsync();
        await recursive.DisposeAsync();
        Assert.Equal([.. Enumerable.Repeat(WatchedEventType.Resync, 50), WatchedEventType.NodeChildrenChanged], (await persistent.ToListAsync()).Select(each => each.Type));
        Assert.Equal([.. Enumerable.Repeat(WatchedEventType.Resync, 50), WatchedEventType.NodeCreated], (await recursive.ToListAsync()).Select(each => each.Type));
    }

    /// <summary>What happens to a znode that was there, or not, while the client is away, and what its watches then tell. Documented in ZooKeeper's guide, and not a bug: a create undone by a delete does not show.</summary>
    public static TheoryData<bool, WatchedEventType[], WatchedEventType?, WatchedEventType?> Offline => new()
    {
        { false, [WatchedEventType.NodeCreated, WatchedEventType.NodeDeleted], null, null },
        { false, [WatchedEventType.NodeCreated], WatchedEventType.NodeCreated, null },
        { true, [], null, null },
        { true, [WatchedEventType.NodeDataChanged], WatchedEventType.NodeDataChanged, null },
        { true, [WatchedEventType.NodeDeleted], WatchedEventType.NodeDeleted, WatchedEventType.NodeDeleted },
        { true, [WatchedEventType.NodeDeleted, WatchedEventType.NodeCreated], WatchedEventType.NodeDataChanged, WatchedEventType.NodeChildrenChanged },
    };

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Offline))]
    public async Task H51_One_shot_watches_tell_the_difference_that_an_absence_made(bool isThere, WatchedEventType[] changes, WatchedEventType? data, WatchedEventType? children)
    {
        var peer = new ScriptedPeer();
        var server = new ModelServer(is39: true);
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        if (isThere) await server.ChangeAsync(WatchedEventType.NodeCreated, "/a");
        Task serving = server.ServeAsync(connection);
        OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/a").Soon();
        OneShotWatch<NodeChildren>? list = await zk.TryWatchChildrenAsync("/a").Soon();
        connection.Reset();
        await serving.Soon();
        foreach (WatchedEventType change in changes) await server.ChangeAsync(change, "/a");
        serving = server.ServeAsync(await peer.AcceptSessionAsync());
        await zk.SyncAsync().AsTask().Soon();
        Assert.Equal(data, exists.Fired.IsCompleted ? (await exists.Fired).Type : null);
        Assert.Equal(children, list?.Fired.IsCompleted == true ? (await list.Fired).Type : null);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H53_A_client_that_is_disposed_with_watches_on_sends_its_close_and_nothing_more()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.CloseTimeout = Scripts.Patience;
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        OneShotWatch<Stat?> oneShot = await WatchExistsAsync(zk, connection, "/a");
        Watch watch = await WatchAsync(zk, connection, "/b", WatchMode.PersistentRecursive);
        Task disposing = zk.DisposeAsync().AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.CloseSession));
        await disposing.Soon();
        await Assert.ThrowsAsync<SessionClosedException>(() => oneShot.Fired.Soon());
        await Assert.ThrowsAsync<SessionClosedException>(() => watch.ToListAsync());
        await oneShot.DisposeAsync();
        await watch.DisposeAsync();
        await Assert.ThrowsAsync<SessionClosedException>(() => zk.WatchAsync("/c").Soon());
        await Assert.ThrowsAsync<EndOfStreamException>(() => connection.ReadAnyAsync()); // the client's end, with nothing before it
        Assert.Equal(1, peer.Attempts);
        Assert.Equal(0, zk.Core.Watches.Count);
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(SessionRecovery.None)]
    [InlineData(SessionRecovery.NewSession)]
    public async Task Watches_end_or_go_on_with_the_session_as_the_recovery_says(SessionRecovery recovery)
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.Recovery = recovery;
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        OneShotWatch<Stat?> oneShot = await WatchExistsAsync(zk, connection, "/a");
        Watch watch = await WatchAsync(zk, connection, "/b", WatchMode.PersistentRecursive);
        CancellationToken lost = zk.SessionLost;
        connection.Reset();
        await (await peer.AcceptAsync()).ExpireAsync();
        await Assert.ThrowsAsync<SessionExpiredException>(() => oneShot.Fired.Soon());
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator();
        if (recovery == SessionRecovery.None)
        {
            await Assert.ThrowsAsync<SessionExpiredException>(() => events.MoveNextAsync().Soon());
            Assert.False(peer.HasArrival);
        }
        else
        {
            PeerConnection next = await peer.AcceptSessionAsync(sessionId: 0x9999);
            Assert.Equal((0, 0), (next.Handshake.SessionId, next.Handshake.LastZxidSeen));
            SetWatchesRequest rearm = await ReadSetWatchesAsync(next);
            Assert.Equal(("/b", 1), (Assert.Single(rearm.PersistentRecursive), rearm.Count));
            await next.NotifyAsync(WatchedEventType.NodeCreated, "/b/x");
            WatchedEvent[] seen = [await events.NextAsync(), await events.NextAsync(), await events.NextAsync()];
            Assert.Equal([(WatchedEventType.None, KeeperState.Expired), (WatchedEventType.Resync, KeeperState.SyncConnected), (WatchedEventType.NodeCreated, KeeperState.SyncConnected)], seen.Select(each => (each.Type, each.State)));
            Assert.Equal(0x9999, zk.SessionId);
        }

        Assert.True(lost.IsCancellationRequested || lost.WaitHandle.WaitOne(Scripts.Patience));
    }

    internal static async Task<OneShotWatch<Stat?>> WatchExistsAsync(ZooKeeperClient zk, PeerConnection connection, string path)
    {
        Task<OneShotWatch<Stat?>> watching = zk.WatchExistsAsync(path);
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.Exists));
        return await watching.Soon();
    }

    internal static async Task<Watch> WatchAsync(ZooKeeperClient zk, PeerConnection connection, string path, WatchMode mode)
    {
        Task<Watch> watching = zk.WatchAsync(path, mode);
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.AddWatch));
        return await watching.Soon();
    }

    private static async Task<SetWatchesRequest> ReadSetWatchesAsync(PeerConnection connection, ErrorCode answer = ErrorCode.Ok)
    {
        PeerRequest request = await connection.ReadAsync();
        Assert.Equal(Xids.SetWatches, request.Xid);
        await connection.ReplyAsync(request, error: answer);
        return PeerConnection.Read(request.Body, (ref JuteReader reader) => SetWatchesRequest.Read(ref reader, request.OpCode));
    }
}
