using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;
using Okapi.Watches;

namespace Okapi.Client.Tests.Watches;

public class SlowReaderTests
{
    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(1, 0)]
    [InlineData(4, 1)]
    [InlineData(4, 10)]
    [InlineData(64, 10_000)]
    public async Task What_does_not_fit_becomes_one_mark_behind_what_does(int capacity, int excess)
    {
        var buffer = new EventBuffer<int>(capacity, -1);
        await using IAsyncEnumerator<int> reader = buffer.ReadAllAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < capacity + excess; i++) buffer.Post(i, PoolCompletions.Instance);
            for (int i = 0; i < capacity; i++) Assert.Equal(i, await reader.NextAsync());
            if (excess > 0) Assert.Equal(-1, await reader.NextAsync());
        }

        ValueTask<bool> next = reader.MoveNextAsync();
        Assert.False(next.IsCompleted);
        buffer.Post(99, PoolCompletions.Instance);
        Assert.True(await next.Soon());
        Assert.Equal(99, reader.Current);
        buffer.End(null, PoolCompletions.Instance);
        Assert.False(await reader.MoveNextAsync().Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task Nothing_is_put_behind_a_mark_that_was_not_read()
    {
        var buffer = new EventBuffer<int>(2, -1);
        for (int i = 0; i < 3; i++) buffer.Post(i, PoolCompletions.Instance);
        await using IAsyncEnumerator<int> reader = buffer.ReadAllAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();
        Assert.Equal(0, await reader.NextAsync());
        buffer.Post(3, PoolCompletions.Instance); // there is room again, but the mark is still ahead: a reader of the mark looks anew anyway
        buffer.End(new TimeoutException(), PoolCompletions.Instance);
        Assert.Equal(1, await reader.NextAsync());
        Assert.Equal(-1, await reader.NextAsync());
        await Assert.ThrowsAsync<TimeoutException>(() => reader.MoveNextAsync().Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_watch_and_the_stream_of_all_events_are_bounded_and_end_in_one_Resync()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.EventBufferSize = 4;
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        Watch watch = await RearmTests.WatchAsync(zk, connection, "/a", WatchMode.PersistentRecursive);
        await using IAsyncEnumerator<WatchedEvent> own = watch.GetAsyncEnumerator();
        await using IAsyncEnumerator<WatchedEvent> all = zk.EventsAsync().GetAsyncEnumerator();
        for (int i = 0; i < 100; i++) await connection.NotifyAsync(WatchedEventType.NodeCreated, $"/a/{i}");
        await SyncAsync(zk, connection);
        foreach (IAsyncEnumerator<WatchedEvent> events in (IAsyncEnumerator<WatchedEvent>[])[own, all])
        {
            for (int i = 0; i < 4; i++) Assert.Equal($"/a/{i}", (await events.NextAsync()).Path);
            Assert.Equal(WatchedEventType.Resync, (await events.NextAsync()).Type);
        }

        await connection.NotifyAsync(WatchedEventType.NodeDeleted, "/a/0");
        Assert.Equal("/a/0", (await own.NextAsync()).Path);
        Assert.Equal("/a/0", (await all.NextAsync()).Path);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task The_first_state_is_the_present_one_and_nothing_was_missed()
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Fast());
        await using IAsyncEnumerator<SessionStateChange> states = zk.StateChangesAsync().GetAsyncEnumerator();
        Assert.Equal(new(SessionState.Connecting, 0), await states.NextAsync());
        await peer.AcceptSessionAsync();
        Assert.Equal(new(SessionState.Connected, 0x1234), await states.NextAsync());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_slow_reader_of_states_gets_the_newest_with_the_word_that_others_are_missing()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        await using IAsyncEnumerator<SessionStateChange> states = zk.StateChangesAsync().GetAsyncEnumerator();
        Assert.Equal(new(SessionState.Connected, 0x1234), await states.NextAsync());
        for (int i = 0; i < 150; i++)
        {
            connection.Reset();
            connection = await peer.AcceptSessionAsync();
            await SyncAsync(zk, connection);
        }

        await zk.SettleAsync(); // the newest is known
        for (int i = 0; i < 256; i++) Assert.Equal(new(i % 2 == 0 ? SessionState.Disconnected : SessionState.Connected, 0x1234), await states.NextAsync());
        Assert.Equal(new(SessionState.Connected, 0x1234, Missed: true), await states.NextAsync());
        connection.Reset();
        Assert.Equal(new(SessionState.Disconnected, 0x1234), await states.NextAsync());
    }

    private static async Task SyncAsync(ZooKeeperClient zk, PeerConnection connection)
    {
        Task sync = zk.SyncAsync().AsTask();
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.Sync));
        await sync.Soon();
    }
}
