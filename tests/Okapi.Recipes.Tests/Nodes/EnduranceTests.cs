using Okapi.Protocol;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Recipes.Tests.Nodes;

/// <summary>What goes on when the connection or the session is gone.</summary>
public sealed class EnduranceTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("contenders of a lock")]
    [InlineData("holders of a semaphore")]
    [InlineData("leader")]
    [InlineData("candidates")]
    public async Task Who_asks_who_holds_and_who_waits_is_answered_in_the_next_session(string what)
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(static options => options.Recovery = SessionRecovery.NewSession);
        await using ZooKeeperClient other = await memory.ConnectAsync();
        await using DistributedLock one = other.Lock("/lock");
        await using DistributedSemaphore some = other.Semaphore("/semaphore", maxLeases: 1);
        await using LeaderElection election = other.Election("/election");
        await one.AcquireAsync(Ct).Soon();
        await some.AcquireAsync(Ct).Soon();
        await election.LeadAsync(Ct).Soon();

        using Fault unanswered = memory.Server.Faults.SwallowReply(static request => request.Type is OpCode.GetChildren or OpCode.GetChildren2);
        Task<int> asking = what switch
        {
            "contenders of a lock" => CountAsync(zk.Lock("/lock").GetContendersAsync(Ct)),
            "holders of a semaphore" => CountAsync(zk.Semaphore("/semaphore", maxLeases: 1).GetHoldersAsync(Ct)),
            "candidates" => CountAsync(zk.Election("/election").GetCandidatesAsync(Ct)),
            _ => CountOneAsync(zk.Election("/election").GetLeaderAsync(Ct)),
        };
        await unanswered.Struck.Soon();
        Assert.True(await memory.Server.ExpireSessionAsync(zk.SessionId));
        Assert.Equal(1, await asking.Soon());

        static async Task<int> CountAsync(Task<IReadOnlyList<LockContender>> asking) => (await asking).Count;

        static async Task<int> CountOneAsync(Task<LockContender?> asking) => await asking is null ? 0 : 1;
    }

    [Fact]
    public async Task Who_stops_asking_for_leaders_leaves_no_watch()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(), other = await memory.ConnectAsync();
        await using LeaderElection election = other.Election("/election"), watched = zk.Election("/election");
        await election.LeadAsync(Ct).Soon();
        using Fault unanswered = memory.Server.Faults.SwallowReply(request => request.Type == OpCode.GetData && request.SessionId == zk.SessionId);
        using var stop = new CancellationTokenSource();
        IAsyncEnumerator<LockContender?> leaders = watched.LeadersAsync(stop.Token).GetAsyncEnumerator(Ct);
        Task<bool> first = leaders.MoveNextAsync().AsTask();
        await unanswered.Struck.Soon();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Soon());
        await leaders.DisposeAsync();
        await Waiting.UntilAsync(async () => !await zk.CheckWatchesAsync("/election", cancellationToken: Ct), "no watch is left");
    }

    [Fact]
    public async Task H58_An_entry_is_given_back_later_where_there_is_no_connection()
    {
        var time = new ManualTime();
        await using InMemory memory = await InMemory.StartAsync(time);
        await using ZooKeeperClient zk = await memory.ConnectAsync(), other = await memory.ConnectAsync();
        await zk.Queue("/q").EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        ReceivedEntry entry = await zk.Queue("/q").ReceiveAsync(Ct).Soon();
        using (memory.Server.Faults.Refuse())
        {
            await memory.Server.Faults.CutAsync(sessionId: zk.SessionId);
            await Waiting.UntilAsync(() => Task.FromResult(!zk.IsConnected), "the connection is gone");
            await entry.DisposeAsync().AsTask().Soon(); // no time passes: whoever gives up waits for no server
        }

        Task<ReceivedEntry> again = other.Queue("/q").ReceiveAsync(Ct);
        await time.AdvanceUntilAsync(again, zk.SessionTimeout / 3); // and not for the end of the session
        await using ReceivedEntry same = await again;
    }
}
