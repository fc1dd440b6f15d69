using System.Text;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Queues;

/// <summary>What becomes of a queue's consumers when their session ends under them: only a server in the test's own hands ends one on demand.</summary>
public sealed class QueueSessionTests
{
    [Fact]
    public async Task H56_Who_lost_an_entry_with_its_session_cannot_complete_it_for_the_next_holder()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new EmbeddedServerOptions { UseSockets = false });
        await using ZooKeeperClient zk = await ConnectAsync(server, SessionRecovery.NewSession);
        await using ZooKeeperClient other = await ConnectAsync(server, SessionRecovery.None);
        DistributedQueue queue = zk.Queue("/q");
        await queue.EnqueueAsync("x"u8.ToArray());
        await using ReceivedEntry first = await queue.ReceiveAsync().Soon();
        Task<ReceivedEntry> waiting = other.Queue("/q").ReceiveAsync();
        long old = zk.SessionId;
        await server.ExpireSessionAsync(old);
        await using ReceivedEntry second = await waiting.Soon();
        await Waiting.UntilAsync(async () => { await zk.WaitConnectedAsync(); return zk.SessionId != old; }, "the next session");
        Assert.True(first.Lost.IsCancellationRequested);
        Assert.False(first.IsHeld);

        // The lock of the second holder has the path of the first one's, and the same version: only the mark tells them apart.
        await Assert.ThrowsAsync<EntryLostException>(() => first.CompleteAsync().Soon());
        await first.DisposeAsync();
        Assert.True(second.IsHeld);
        Assert.True((await other.Transaction().Check(second.Path).TryCommitAsync()).IsCommitted);
        await second.CompleteAsync().Soon();
        Assert.Equal(0, await queue.CountAsync());
        Assert.Empty(await other.TryGetChildrenAsync(queue.LockPath) ?? []);
    }

    [Fact]
    public async Task Waits_go_on_in_the_next_session_or_end_with_the_only_one()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new EmbeddedServerOptions { UseSockets = false });
        await using ZooKeeperClient zk = await ConnectAsync(server, SessionRecovery.None);
        await using ZooKeeperClient lasting = await ConnectAsync(server, SessionRecovery.NewSession);
        await using ZooKeeperClient mortal = await ConnectAsync(server, SessionRecovery.None);
        await zk.Barrier("/barrier").SetAsync();
        IAsyncEnumerator<VersionedValue<int>> changes = lasting.SharedCount("/count").ChangesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();
        Assert.True(await changes.MoveNextAsync().AsTask().Soon());
        Task<bool> changed = changes.MoveNextAsync().AsTask();
        Task<QueueEntry> dequeuing = lasting.Queue("/q").DequeueAsync();
        Task passing = lasting.Barrier("/barrier").WaitAsync();
        Task<BarrierMember> entering = lasting.DoubleBarrier("/double", 2).EnterAsync();
        Task[] ending = [mortal.Queue("/q").ReceiveAsync(), mortal.Barrier("/barrier").WaitAsync(), mortal.DoubleBarrier("/other", 2).EnterAsync()];
        await Waiting.UntilAsync(async () => await zk.ExistsAsync("/q") is not null && (await zk.TryGetChildrenAsync("/double"))?.Count == 1 && (await zk.TryGetChildrenAsync("/other"))?.Count == 1, "all wait");
        string before = Assert.Single(await zk.GetChildrenAsync("/double"));
        await server.ExpireSessionAsync(lasting.SessionId);
        await server.ExpireSessionAsync(mortal.SessionId);
        foreach (Task each in ending) await Assert.ThrowsAsync<SessionExpiredException>(() => each.Soon());

        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync("/double")) is [var after] && after != before, "it enters again");
        await using BarrierMember second = await zk.DoubleBarrier("/double", 2).EnterAsync().Soon();
        await using BarrierMember first = await entering.Soon();
        await zk.SharedCount("/count").SetAsync(7);
        await zk.Barrier("/barrier").RemoveAsync();
        await zk.Queue("/q").EnqueueAsync("x"u8.ToArray());
        Assert.True(await changed.Soon());
        Assert.Equal(7, changes.Current.Value);
        await changes.DisposeAsync();
        await passing.Soon();
        Assert.Equal("x", Encoding.UTF8.GetString((await dequeuing.Soon()).Data.Span));
    }

    [Fact]
    public async Task Waits_survive_a_session_that_ends_at_any_moment()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new EmbeddedServerOptions { UseSockets = false });
        await using ZooKeeperClient zk = await ConnectAsync(server, SessionRecovery.None);
        await using ZooKeeperClient lasting = await ConnectAsync(server, SessionRecovery.NewSession);
        for (int i = 0; i < 60; i++)
        {
            Task<BarrierMember> entering = lasting.DoubleBarrier($"/double{i}", 2).EnterAsync();
            Task<QueueEntry> dequeuing = lasting.Queue($"/dequeue{i}").DequeueAsync();
            Task<ReceivedEntry> receiving = lasting.Queue($"/receive{i}").ReceiveAsync();
            for (int steps = random.Next(10); steps > 0; steps--) await zk.ExistsAsync("/");
            await server.ExpireSessionAsync(lasting.SessionId);
            await using BarrierMember second = await zk.DoubleBarrier($"/double{i}", 2).EnterAsync().Soon();
            await using BarrierMember first = await entering.Soon();
            await zk.Queue($"/dequeue{i}").EnqueueAsync(new byte[1]);
            await zk.Queue($"/receive{i}").EnqueueAsync(new byte[1]);
            await dequeuing.Soon();
            await (await receiving.Soon()).CompleteAsync();
        }
    }

    private static Task<ZooKeeperClient> ConnectAsync(EmbeddedServer server, SessionRecovery recovery) => ZooKeeperClient.ConnectAsync(
        new ZooKeeperOptions { ConnectString = server.ConnectionString, ConnectCallback = (to, ct) => server.ConnectAsync(to.Port, ct), Recovery = recovery },
        TestContext.Current.CancellationToken);
}
