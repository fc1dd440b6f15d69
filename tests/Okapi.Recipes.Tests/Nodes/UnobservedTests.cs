using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Okapi.Protocol;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Nodes;

/// <summary>What goes on in the background ends without an exception that nobody has looked at: a program that stops on <see cref="TaskScheduler.UnobservedTaskException"/>, or logs it, has to hear of its own faults alone.</summary>
[Collection(nameof(UnobservedTests))]
[CollectionDefinition(nameof(UnobservedTests), DisableParallelization = true)]
public sealed class UnobservedTests
{
    /// <summary>How often a thing is done: of the last ones the end may not have come when it is looked for.</summary>
    private const int Rounds = 20;

    private static readonly Acl[] s_noDeletion = [new(Permissions.All & ~Permissions.Delete, "world", "anyone")];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public Task A_removal_that_outlasts_its_client() => NothingIsUnobservedAsync(async (memory, zk, n) =>
    {
        EphemeralNode node = zk.EphemeralNode($"/node{n}");
        await node.WaitHeldAsync(Ct).Soon();
        using Fault refused = memory.Server.Faults.AnswerError(ErrorCode.NotReadOnly, static request => request.Type == OpCode.Sync, int.MaxValue);
        Task disposing = node.DisposeAsync().AsTask();
        await refused.Struck.Soon();
        await zk.DisposeAsync();
        await disposing.Soon();
    });

    [Fact]
    public Task A_znode_that_is_kept_until_the_client_is_over() => NothingIsUnobservedAsync(async (_, zk, n) =>
    {
        await zk.EphemeralNode($"/node{n}").WaitHeldAsync(Ct).Soon();
        await zk.DisposeAsync();
    });

    [Fact]
    public Task A_provider_that_is_left_when_the_client_is_over() => NothingIsUnobservedAsync(async (_, zk, n) =>
    {
        zk.ServiceDiscovery("/services").Provide($"{n}");
        await Waiting.UntilAsync(() => zk.CheckWatchesAsync($"/services/{n}", cancellationToken: Ct).AsTask(), "it reads");
        await zk.DisposeAsync();
    });

    [Fact]
    public Task A_place_in_a_line_that_may_not_be_deleted() => NothingIsUnobservedAsync(async (_, zk, n) =>
    {
        await zk.CreateAsync($"/lock{n}", acl: s_noDeletion, cancellationToken: Ct);
        DistributedLock one = zk.Lock($"/lock{n}");
        await one.AcquireAsync(Ct).Soon();
        Assert.Null(await one.TryAcquireAsync(cancellationToken: Ct).Soon());
        await zk.ExistsAsync("/", Ct);
    });

    [Fact]
    public Task A_lease_that_may_not_be_deleted() => NothingIsUnobservedAsync(async (_, zk, n) =>
    {
        await zk.CreateAsync($"/semaphore{n}", cancellationToken: Ct);
        await zk.CreateAsync($"/semaphore{n}/leases", acl: s_noDeletion, cancellationToken: Ct);
        DistributedSemaphore one = zk.Semaphore($"/semaphore{n}", maxLeases: 1);
        await one.AcquireAsync(Ct).Soon();
        Assert.Null(await one.TryAcquireAsync(cancellationToken: Ct).Soon());
        await zk.ExistsAsync("/", Ct);
    });

    [Fact]
    public Task A_place_among_those_who_want_a_lease_that_may_not_be_deleted() => NothingIsUnobservedAsync(async (memory, zk, n) =>
    {
        DistributedSemaphore one = zk.Semaphore($"/semaphore{n}", maxLeases: 1);
        await one.AcquireAsync(Ct).Soon();
        using Fault refused = memory.Server.Faults.AnswerError(ErrorCode.NoAuth, request => request.Type == OpCode.Delete && request.Path!.Contains("/locks/", StringComparison.Ordinal));
        Assert.Null(await one.TryAcquireAsync(cancellationToken: Ct).Soon());
        await refused.Struck.Soon();
        await zk.ExistsAsync("/", Ct);
    });

    [Fact]
    public Task An_entry_that_may_not_be_given_back() => NothingIsUnobservedAsync(async (memory, zk, n) =>
    {
        await zk.Queue($"/q{n}").EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        ReceivedEntry entry = await zk.Queue($"/q{n}").ReceiveAsync(Ct).Soon();
        using Fault again = memory.Server.Faults.AnswerError(ErrorCode.NotReadOnly, static request => request.Type == OpCode.Multi);
        using Fault refused = memory.Server.Faults.AnswerError(ErrorCode.NoAuth, static request => request.Type == OpCode.Multi);
        await entry.DisposeAsync().AsTask().Soon();
        await refused.Struck.Soon();
        await zk.ExistsAsync("/", Ct);
    });

    [Fact]
    public Task An_entry_that_is_looked_at_when_the_session_ends() => NothingIsUnobservedAsync(async (memory, zk, n) =>
    {
        await zk.Queue($"/q{n}").EnqueueAsync("x"u8.ToArray(), cancellationToken: Ct);
        int asked = 0;
        using Fault unanswered = memory.Server.Faults.SwallowReply(request => request.Type is OpCode.Exists or OpCode.GetData && Interlocked.Increment(ref asked) > 0, times: 2);
        Task<ReceivedEntry> receiving = zk.Queue($"/q{n}").ReceiveAsync(Ct);
        await Waiting.UntilAsync(() => Task.FromResult(unanswered.Strikes == 2), "both are asked for");
        Assert.True(await memory.Server.ExpireSessionAsync(zk.SessionId));
        await receiving.Soon();
    });

    private static async Task NothingIsUnobservedAsync(Func<InMemory, ZooKeeperClient, int, Task> run)
    {
        await CollectAsync(); // what others have left
        var seen = new ConcurrentQueue<Exception>();
        void Note(object? sender, UnobservedTaskExceptionEventArgs unobserved)
        {
            if (unobserved.Exception.InnerException is not MarkException) seen.Enqueue(unobserved.Exception);
        }

        TaskScheduler.UnobservedTaskException += Note;
        try
        {
            await using (InMemory memory = await InMemory.StartAsync())
            {
                for (int n = 0; n < Rounds; n++)
                {
                    await using ZooKeeperClient zk = await memory.ConnectAsync(static options => (options.AllowReadOnly, options.Recovery) = (true, SessionRecovery.NewSession));
                    await run(memory, zk, n);
                }
            }

            await CollectAsync();
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Note;
        }

        Assert.True(seen.IsEmpty, $"{seen.Count} exceptions, among them {seen.FirstOrDefault()}");
    }

    /// <summary>Collects garbage until a task that has failed and is garbage has been collected; so have those that were garbage before.</summary>
    private static async Task CollectAsync()
    {
        var collected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Note(object? sender, UnobservedTaskExceptionEventArgs unobserved)
        {
            if (unobserved.Exception.InnerException is MarkException) collected.TrySetResult();
        }

        TaskScheduler.UnobservedTaskException += Note;
        try
        {
            Leave();
            await Waiting.UntilAsync(
                () =>
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    return Task.FromResult(collected.Task.IsCompleted);
                },
                "garbage is collected");
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Note;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Leave() => _ = Task.FromException(new MarkException());
    }

    private sealed class MarkException : Exception;
}
