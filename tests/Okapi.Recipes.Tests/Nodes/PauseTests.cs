using Okapi.Protocol;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Recipes.Tests.Nodes;

/// <summary>A server that takes writes by its own account, and answers that it is read-only: what has to be asked for again is asked for now and then, and not as fast as it answers.</summary>
public sealed class PauseTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lock_is_given_back_with_pauses()
    {
        var time = new ManualTime();
        await using InMemory memory = await InMemory.StartAsync(time);
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        await using DistributedLock one = zk.Lock("/lock");
        LockHandle held = await one.AcquireAsync(Ct).Soon();
        using (Fault refused = Refuse(memory, request => request.Type == OpCode.Delete && request.Path == held.Path))
        {
            await held.DisposeAsync().AsTask().Soon();
            await AskedWithPausesAsync(refused, zk, time);
        }

        await time.AdvanceUntilAsync(GoneAsync(zk, held.Path), Minute);
    }

    [Fact]
    public async Task An_entry_is_given_back_with_pauses()
    {
        var time = new ManualTime();
        await using InMemory memory = await InMemory.StartAsync(time);
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        await zk.Queue("/q").EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        ReceivedEntry entry = await zk.Queue("/q").ReceiveAsync(Ct).Soon();
        using (Fault refused = Refuse(memory, static request => request.Type == OpCode.Multi))
        {
            await entry.DisposeAsync().AsTask().Soon();
            await AskedWithPausesAsync(refused, zk, time);
        }

        Task<ReceivedEntry> again = zk.Queue("/q").ReceiveAsync(Ct);
        await time.AdvanceUntilAsync(again, Minute);
        await using ReceivedEntry same = await again;
    }

    [Fact]
    public async Task An_ephemeral_znode_is_kept_and_given_up_with_pauses()
    {
        var time = new ManualTime();
        await using InMemory memory = await InMemory.StartAsync(time);
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        EphemeralNode node;
        using (Fault refused = Refuse(memory, static request => request.Type == OpCode.Create2 && request.Path == "/node"))
        {
            node = zk.EphemeralNode("/node");
            await AskedWithPausesAsync(refused, zk, time);
        }

        await time.AdvanceUntilAsync(node.WaitHeldAsync(Ct), Minute);
        using (Fault refused = Refuse(memory, static request => request.Type == OpCode.Delete && request.Path == "/node"))
        {
            await node.DisposeAsync().AsTask().Soon();
            await AskedWithPausesAsync(refused, zk, time);
        }

        await time.AdvanceUntilAsync(GoneAsync(zk, "/node"), Minute);
    }

    private static Fault Refuse(InMemory memory, Func<FaultyRequest, bool> when) => memory.Server.Faults.AnswerError(ErrorCode.NotReadOnly, when, int.MaxValue);

    private static async Task AskedWithPausesAsync(Fault refused, ZooKeeperClient zk, ManualTime time)
    {
        await refused.Struck.Soon();
        for (int i = 0; i < 300; i++) await zk.ExistsAsync("/", Ct); // each takes as long as an answer, and no time passes
        Assert.Equal(1, refused.Strikes);
        await time.AdvanceUntilAsync(Waiting.UntilAsync(() => Task.FromResult(refused.Strikes > 5), "it is asked again"), Minute);
        int before = refused.Strikes;
        for (int i = 0; i < 300; i++) await zk.ExistsAsync("/", Ct);
        Assert.InRange(refused.Strikes, before, before + 1);
    }

    private static Task GoneAsync(ZooKeeperClient zk, string path) => Waiting.UntilAsync(async () => await zk.ExistsAsync(path, Ct) is null, $"{path} is gone");
}
