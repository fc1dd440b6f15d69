using Okapi.Protocol;
using Okapi.Recipes;
using Okapi.Server;

namespace Okapi.Recipes.Tests;

/// <summary>The reply to a write is lost, and the try that follows is refused, as by a server that has turned read-only meanwhile: that says nothing of the first, which was applied.</summary>
public class DoubtTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_increment_is_in_doubt()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        AtomicCounter counter = zk.Counter("/n");
        await counter.SetAsync(1, Ct);
        using var fault = new LostThenRefused(memory, OpCode.SetData);
        await Assert.ThrowsAsync<ConnectionLossException>(() => counter.IncrementAsync(Ct).Soon());
        fault.AssertStruck();
        Assert.Equal(2, await counter.GetAsync(Ct));
    }

    [Fact]
    public async Task A_taken_entry_is_in_doubt()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        DistributedQueue queue = zk.Queue("/q");
        string path = await queue.EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        using var fault = new LostThenRefused(memory, OpCode.Delete);
        EntryInDoubtException doubt = await Assert.ThrowsAsync<EntryInDoubtException>(() => queue.DequeueAsync(Ct).Soon());
        fault.AssertStruck();
        Assert.Equal(path, doubt.Entry.Path);
        Assert.Null(await zk.ExistsAsync(path, Ct));
    }

    [Fact]
    public async Task A_completed_entry_is_in_doubt()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        DistributedQueue queue = zk.Queue("/q");
        string path = await queue.EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        ReceivedEntry entry = await queue.ReceiveAsync(Ct).Soon();
        using var fault = new LostThenRefused(memory, OpCode.Multi);
        await Assert.ThrowsAsync<ConnectionLossException>(() => entry.CompleteAsync(Ct).Soon());
        fault.AssertStruck();
        Assert.Null(await zk.ExistsAsync(path, Ct));
    }

    [Fact]
    public async Task An_entry_put_into_a_bounded_queue_is_in_doubt()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        DistributedQueue queue = zk.Queue("/q", new QueueOptions { MaxLength = 3 });
        await queue.EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        using var fault = new LostThenRefused(memory, OpCode.Multi);
        await Assert.ThrowsAsync<ConnectionLossException>(() => queue.EnqueueAsync("y"u8.ToArray(), cancellationToken: Ct).Soon());
        fault.AssertStruck();
        Assert.Equal(2, (await zk.GetChildrenAsync("/q", Ct)).Count);
    }

    /// <summary>Loses the reply to the first request of a type, and refuses the second.</summary>
    private sealed class LostThenRefused : IDisposable
    {
        private readonly Fault _lost;
        private readonly Fault _refused;

        public LostThenRefused(InMemory memory, OpCode type)
        {
            _lost = memory.Server.Faults.CutInsteadOfReply(request => request.Type == type);
            _refused = memory.Server.Faults.AnswerError(ErrorCode.NotReadOnly, request => request.Type == type && _lost.Strikes == 1);
        }

        public void AssertStruck() => Assert.Equal((1, 1), (_lost.Strikes, _refused.Strikes));

        public void Dispose()
        {
            _lost.Dispose();
            _refused.Dispose();
        }
    }
}
