using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Watches;

public class ReleaseTests
{
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H52_A_watch_request_that_is_cancelled_in_flight_leaves_nothing_on_the_server()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        var calls = new (Func<CancellationToken, Task> Call, WatcherType Removed)[]
        {
            (token => zk.WatchExistsAsync("/a", token), WatcherType.Data),
            (token => zk.WatchDataAsync("/a", token), WatcherType.Data),
            (token => zk.WatchChildrenAsync("/a", token), WatcherType.Children),
            (token => zk.WatchAsync("/a", WatchMode.Persistent, token), WatcherType.Any),
            (token => zk.WatchAsync("/a", WatchMode.PersistentRecursive, token), WatcherType.Any),
        };
        foreach ((Func<CancellationToken, Task> call, WatcherType removed) in calls)
        {
            using var source = new CancellationTokenSource();
            Task calling = call(source.Token);
            PeerRequest request = await connection.ReadAsync();
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling.Soon());
            await connection.AnswerAsync(request);
            PeerRequest removal = await connection.ExpectAsync(OpCode.RemoveWatches);
            Assert.Equal(("/a", removed), (removal.Path, PeerConnection.Read(removal.Body, WatchesRequest.Read).Type));
            await connection.ReplyAsync(removal);
            Assert.Equal(0, zk.Core.Watches.Count);
        }

        Assert.Equal(1, peer.Attempts);
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task H52_10000_watches_that_are_given_up_leave_nothing_in_the_client_or_on_the_server(bool is39)
    {
        var peer = new ScriptedPeer();
        var server = new ModelServer(is39);
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = server.ServeAsync(connection);
        for (int i = 0; i < 100; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, 100).Select(async n =>
            {
                string path = $"/n{i}-{n % 50}"; // two on each
                await using OneShotWatch<Stat?> watch = await zk.WatchExistsAsync(path);
            })).Soon();
        }

        Assert.Equal(0, zk.Core.Watches.Count);
        await zk.SyncAsync().AsTask().Soon();
        Assert.Equal(string.Empty, server.Armed);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H52_A_watch_that_counted_on_a_pending_one_is_removed_when_that_one_finds_no_znode()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        OneShotWatch<Stat?> exists = await RearmTests.WatchExistsAsync(zk, connection, "/a");
        Task<OneShotWatch<NodeData>?> pending = zk.TryWatchDataAsync("/a");
        PeerRequest read = await connection.ExpectAsync(OpCode.GetData);
        await exists.DisposeAsync(); // the other may need what is armed
        await connection.ReplyAsync(read, error: ErrorCode.NoNode); // it does not
        Assert.Null(await pending.Soon());
        PeerRequest removal = await connection.ExpectAsync(OpCode.RemoveWatches);
        Assert.Equal(("/a", WatcherType.Data), (removal.Path, PeerConnection.Read(removal.Body, WatchesRequest.Read).Type));
        await connection.ReplyAsync(removal);
        Assert.Equal(0, zk.Core.Watches.Count);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H46_A_one_shot_watch_that_relied_on_a_persistent_one_that_was_refused_is_armed_by_itself()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<Watch> persistent = zk.WatchAsync("/a");
        Task<OneShotWatch<NodeData>> oneShot = zk.WatchDataAsync("/a");
        PeerRequest add = await connection.ExpectAsync(OpCode.AddWatch);
        PeerRequest read = await connection.ExpectAsync(OpCode.GetData);
        Assert.False(PeerConnection.Read(read.Body, ReadRequest.Read).Watch);
        await connection.ReplyAsync(add, error: ErrorCode.Unimplemented);
        await Assert.ThrowsAsync<UnimplementedException>(() => persistent.Soon());
        await connection.ReplyAsync(read, Scripts.Data([1], mzxid: 42), zxid: 50);
        OneShotWatch<NodeData> watch = await oneShot.Soon();
        PeerRequest rearm = await connection.ExpectAsync(OpCode.SetWatches);
        SetWatchesRequest body = PeerConnection.Read(rearm.Body, (ref JuteReader reader) => SetWatchesRequest.Read(ref reader, OpCode.SetWatches));
        Assert.Equal((42, "/a"), (body.RelativeZxid, Assert.Single(body.Data))); // relative to what was read: later changes fire it
        await connection.ReplyAsync(rearm);
        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/a");
        await watch.Fired.Soon();
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H52_A_persistent_mode_kept_for_a_one_shot_watch_is_removed_when_that_fires()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<Watch> adding = zk.WatchAsync("/a");
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.AddWatch));
        Watch persistent = await adding.Soon();
        Task<OneShotWatch<NodeData>> reading = zk.WatchDataAsync("/a");
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.GetData), Scripts.Data([1]));
        OneShotWatch<NodeData> oneShot = await reading.Soon();
        await persistent.DisposeAsync(); // its mode serves the other
        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/a");
        await oneShot.Fired.Soon();
        PeerRequest removal = await connection.ExpectAsync(OpCode.RemoveWatches).Soon();
        Assert.Equal(("/a", WatcherType.Any), (removal.Path, PeerConnection.Read(removal.Body, WatchesRequest.Read).Type));
        await connection.ReplyAsync(removal);
    }

    // Of two requests for a persistent watch the first is refused: what the second has got must still be known, or a one-shot read would replace it on 3.8.
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H46_A_refused_persistent_watch_does_not_hide_one_that_was_taken()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<Watch> refused = zk.WatchAsync("/a"), taken = zk.WatchAsync("/a");
        PeerRequest first = await connection.ExpectAsync(OpCode.AddWatch), second = await connection.ExpectAsync(OpCode.AddWatch);
        await connection.ReplyAsync(first, error: ErrorCode.ThrottledOp);
        await connection.ReplyAsync(second);
        await Assert.ThrowsAsync<ZooKeeperException>(() => refused.Soon());
        await using Watch watch = await taken.Soon();
        Task<OneShotWatch<NodeData>> reading = zk.WatchDataAsync("/a");
        PeerRequest read = await connection.ExpectAsync(OpCode.GetData);
        Assert.False(PeerConnection.Read(read.Body, ReadRequest.Read).Watch);
        await connection.ReplyAsync(read, Scripts.Data([1]));
        await reading.Soon();
        connection.Reset();
    }
}
