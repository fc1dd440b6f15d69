using Okapi.Protocol;
using Okapi.Server;

namespace Okapi.Recipes.Tests;

/// <summary>A client whose session has ended, and whose next one is of a server in read-only mode, still has something to give back.</summary>
public class ReadOnlyTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H58_A_lock_is_given_back_where_nothing_can_be_written()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(EnduresAll);
        await using DistributedLock one = zk.Lock("/lock");
        LockHandle handle = await one.AcquireAsync(Ct).Soon();
        using (await EndSessionReadOnlyAsync(memory, zk)) await handle.DisposeAsync().AsTask().Soon();
        await using ZooKeeperClient other = await memory.ConnectAsync();
        await using DistributedLock another = other.Lock("/lock");
        await using LockHandle next = await another.AcquireAsync(Ct).Soon();
    }

    [Fact]
    public async Task H58_An_entry_is_given_back_where_nothing_can_be_written()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(EnduresAll);
        await zk.Queue("/q").EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        ReceivedEntry entry = await zk.Queue("/q").ReceiveAsync(Ct).Soon();
        using (await EndSessionReadOnlyAsync(memory, zk)) await entry.DisposeAsync().AsTask().Soon();
        await using ZooKeeperClient other = await memory.ConnectAsync();
        await using ReceivedEntry again = await other.Queue("/q").ReceiveAsync(Ct).Soon();
    }

    [Fact]
    public async Task H58_A_znode_that_was_kept_is_given_up_where_nothing_can_be_written()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(EnduresAll);
        EphemeralNode node = zk.EphemeralNode("/node");
        await node.WaitHeldAsync(Ct).Soon();
        using (await EndSessionReadOnlyAsync(memory, zk)) await node.DisposeAsync().AsTask().Soon();
    }

    [Fact]
    public async Task H54_Whether_a_znode_was_created_is_asked_until_a_server_can_say()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        await using DistributedLock one = zk.Lock("/lock");
        await (await one.AcquireAsync(Ct).Soon()).DisposeAsync(); // the parent is there
        using Fault lost = memory.Server.Faults.CutInsteadOfReply(request => request.Type is OpCode.Create or OpCode.Create2);
        using Fault refused = memory.Server.Faults.AnswerError(ErrorCode.NotReadOnly, request => request.Type == OpCode.Sync);
        await using LockHandle handle = await one.AcquireAsync(Ct).Soon();
        Assert.Equal((1, 1), (lost.Strikes, refused.Strikes));
        Assert.Single(await zk.GetChildrenAsync("/lock", Ct));
    }

    private static void EnduresAll(ZooKeeperOptions options)
    {
        options.AllowReadOnly = true;
        options.Recovery = SessionRecovery.NewSession;
    }

    private static async Task<Fault> EndSessionReadOnlyAsync(InMemory memory, ZooKeeperClient zk)
    {
        IAsyncEnumerator<SessionStateChange> changes = zk.StateChangesAsync(Ct).GetAsyncEnumerator(Ct);
        ValueTask<bool> next = changes.MoveNextAsync(); // from now on it misses none
        long session = zk.SessionId;
        Fault fault = await memory.Server.Faults.TurnReadOnlyAsync();
        await memory.Server.ExpireSessionAsync(session);
        while (await next.AsTask().Soon() && changes.Current.State != SessionState.ConnectedReadOnly) next = changes.MoveNextAsync();
        await changes.DisposeAsync();
        return fault;
    }
}
