using Okapi.Protocol;
using Okapi.Recipes.Locks;
using Okapi.Recipes.Nodes;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Recipes.Tests.Locks;

/// <summary>Locks on bad days, on a server that breaks on request.</summary>
public class LockFaultTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H54_A_lost_reply_to_the_creation_leaves_no_ghost_a_thousand_times_over()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(), judge = await memory.ConnectAsync();
        for (int i = 0; i < 1000; i++)
        {
            using Fault fault = memory.Server.Faults.CutInsteadOfReply(request => request.Type is OpCode.Create or OpCode.Create2 && request.SessionId == zk.SessionId && request.Path?.Contains("lock-", StringComparison.Ordinal) == true);
            LockHandle handle = await zk.Lock("/lock").AcquireAsync(Ct).Soon();
            Assert.Equal(1, fault.Strikes);
            Assert.Equal([ZnodePath.GetName(handle.Path)], await judge.GetChildrenAsync("/lock", Ct));
            await handle.DisposeAsync();
            Assert.Empty(await judge.TryGetChildrenAsync("/lock", Ct) ?? []);
        }
    }

    [Fact]
    public async Task A_cut_while_the_parents_are_made_is_no_more_than_a_delay()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        foreach (bool isDone in (bool[])[true, false])
        {
            static bool IsParent(FaultyRequest request) => request.Type == OpCode.CreateContainer;
            using Fault fault = isDone ? memory.Server.Faults.CutInsteadOfReply(IsParent) : memory.Server.Faults.CutInsteadOfRequest(IsParent);
            await using LockHandle handle = await zk.Lock($"/a{isDone}/b/lock").AcquireAsync(Ct).Soon();
            Assert.Equal(1, fault.Strikes);
            Assert.Single(await zk.GetChildrenAsync($"/a{isDone}/b/lock", Ct));
        }
    }

    /// <summary>Of one lock, of a set, of a semaphore with several leases: the others do not wait for the session's end.</summary>
    [Fact]
    public async Task What_may_not_be_given_back_keeps_nothing_else()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(), other = await memory.ConnectAsync();

        LockSetHandle all = await zk.Locks(["/a", "/b", "/c"]).AcquireAsync(Ct).Soon();
        using (RefuseDeletion(all.Locks[1].Path, all.Locks[2].Path)) await Assert.ThrowsAsync<NoAuthException>(() => all.DisposeAsync().AsTask().Soon());
        await using LockHandle a = await other.Lock("/a").AcquireAsync(Ct).Soon();

        DistributedSemaphore leases = zk.Semaphore("/s", maxLeases: 3);
        LockHandle[] three = [await leases.AcquireAsync(Ct).Soon(), await leases.AcquireAsync(Ct).Soon(), await leases.AcquireAsync(Ct).Soon()];
        using (RefuseDeletion(three[0].Path, three[1].Path)) await Assert.ThrowsAsync<NoAuthException>(() => leases.DisposeAsync().AsTask().Soon());
        await using LockHandle lease = await other.Semaphore("/s", maxLeases: 3).AcquireAsync(Ct).Soon();

        // The place of who waits may not be given back.
        DistributedSemaphore full = zk.Semaphore("/t", maxLeases: 1);
        await full.AcquireAsync(Ct).Soon();
        Task<LockHandle> waiting = full.AcquireAsync(Ct);
        string[] places = [];
        await Waiting.UntilAsync(async () => (places = [.. await zk.TryGetChildrenAsync("/t/locks", Ct) ?? []]).Length == 1 && await zk.CheckWatchesAsync("/t/leases", cancellationToken: Ct), "it waits as the first of the line");
        using (RefuseDeletion("/t/locks/" + places[0])) await Assert.ThrowsAsync<NoAuthException>(() => full.DisposeAsync().AsTask().Soon());
        await Assert.ThrowsAnyAsync<Exception>(() => waiting.Soon());
        await Waiting.UntilAsync(async () => (await zk.GetChildrenAsync("/t/leases", Ct)).Count == 0, "the lease is back");

        Fault RefuseDeletion(params string[] paths) => memory.Server.Faults.AnswerError(ErrorCode.NoAuth, request => request.Type == OpCode.Delete && paths.Contains(request.Path), times: paths.Length);
    }

    /// <summary>It is told, and has no lease that nobody knows of.</summary>
    [Fact]
    public async Task Who_has_a_lease_and_cannot_leave_the_line_has_none()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        await using DistributedSemaphore leases = zk.Semaphore("/s", maxLeases: 1);
        using (memory.Server.Faults.AnswerError(ErrorCode.NoAuth, static request => request.Type == OpCode.Delete && request.Path!.StartsWith("/s/locks/", StringComparison.Ordinal)))
            await Assert.ThrowsAsync<NoAuthException>(() => leases.AcquireAsync(Ct).Soon());
        Assert.Empty(await zk.GetChildrenAsync("/s/leases", Ct));
    }

    [Fact]
    public async Task H55_A_session_that_ends_between_the_creation_and_its_reply_takes_the_place_with_it()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(options => options.Recovery = SessionRecovery.NewSession), judge = await memory.ConnectAsync();
        for (int i = 0; i < 50; i++)
        {
            long session = zk.SessionId;
            using Fault refuse = memory.Server.Faults.Refuse();
            using Fault fault = memory.Server.Faults.CutInsteadOfReply(request => request.Type is OpCode.Create or OpCode.Create2 && request.SessionId == session);
            Task<LockHandle> acquiring = zk.Lock("/lock").AcquireAsync(Ct);
            await fault.Struck.Soon();
            await memory.Server.ExpireSessionAsync(session);
            refuse.Dispose();
            LockHandle handle = await acquiring.Soon();
            Assert.NotEqual(session, zk.SessionId);
            Assert.Equal(zk.SessionId, (await judge.ExistsAsync(handle.Path, Ct))!.Value.EphemeralOwner);
            Assert.Single(await judge.GetChildrenAsync("/lock", Ct));
            await handle.DisposeAsync();
        }
    }

    [Fact]
    public async Task H55_H56_A_znode_of_an_older_session_is_neither_adopted_nor_held()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(), older = await memory.ConnectAsync();
        await older.CreateAsync("/lock", cancellationToken: Ct);
        string old = await older.CreateAsync("/lock/_c_mine-lock-", mode: CreateMode.EphemeralSequential, cancellationToken: Ct);
        await using var holdings = new Holdings(zk, "/lock", new LockOptions());
        Assert.Null(await holdings.ConfirmAsync(old, zk.SessionId, Ct));
        // The reply to the creation is lost, and one with the same GUID is there of somebody else: it is created all the same.
        using Fault fault = memory.Server.Faults.CutInsteadOfRequest(request => request.Type is OpCode.Create or OpCode.Create2 && request.SessionId == zk.SessionId);
        string created = await new ProtectedNode(zk, "/lock", "_c_mine-", "lock-").CreateAsync(default, CreateMode.EphemeralSequential, null, Ct).Soon();
        Assert.Equal(1, fault.Strikes);
        Assert.NotEqual(old, created);
    }

    [Fact]
    public async Task H58_A_cut_during_the_release_only_delays_it()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(), other = await memory.ConnectAsync();
        foreach (bool isDone in (bool[])[true, false])
        {
            LockHandle handle = await zk.Lock("/lock").AcquireAsync(Ct);
            Task<LockHandle> next = other.Lock("/lock").AcquireAsync(Ct);
            bool IsRelease(FaultyRequest request) => request.Type == OpCode.Delete && request.SessionId == zk.SessionId;
            using Fault fault = isDone ? memory.Server.Faults.CutInsteadOfReply(IsRelease) : memory.Server.Faults.CutInsteadOfRequest(IsRelease);
            await handle.DisposeAsync().AsTask().Soon();
            Assert.Equal(1, fault.Strikes);
            await (await next.Soon()).DisposeAsync();
            await Waiting.UntilAsync(async () => (await other.TryGetChildrenAsync("/lock", Ct) ?? []).Count == 0, "an empty lock");
        }
    }

    [Fact]
    public async Task H59_A_holder_who_hears_nothing_knows_that_it_is_lost_before_the_server_gives_it_to_another()
    {
        var time = new ManualTime();
        await using InMemory memory = await InMemory.StartAsync(time);
        await using ZooKeeperClient zk = await memory.ConnectAsync();
        LockHandle handle = await zk.Lock("/lock").AcquireAsync(Ct).Soon();
        using Fault stall = memory.Server.Faults.Stall();
        Task lost = handle.Lost.TrippedAsync();
        for (int i = 0; handle.IsHeld; i++)
        {
            Assert.InRange(i, 0, 6_000);
            Assert.Contains(zk.SessionId, await memory.Server.GetSessionsAsync());
            time.Advance(TimeSpan.FromMilliseconds(10));
        }

        await lost.Soon(); // with no more time
        Assert.Contains(zk.SessionId, await memory.Server.GetSessionsAsync());
    }

    [Fact]
    public async Task A_process_that_was_paused_for_longer_than_its_session_knows_by_the_clock_and_is_fenced()
    {
        var time = new ManualTime();
        await using InMemory memory = await InMemory.StartAsync(time);
        await using ZooKeeperClient zk = await memory.ConnectAsync(options => options.TimeProvider = new StandingTimers(time)), other = await memory.ConnectAsync(options => options.SessionTimeout = TimeSpan.FromSeconds(10));
        LockHandle handle = await zk.Lock("/lock").AcquireAsync(Ct).Soon();
        Task<LockHandle> next = other.Lock("/lock").AcquireAsync(Ct);
        for (int i = 0; !next.IsCompleted && i < 600; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(100)); // its timers stand still, so it sends no ping
            await other.ExistsAsync("/", Ct);
        }

        await next.Soon();
        Assert.False(handle.IsHeld);
        Assert.True((await next).FencingToken > handle.FencingToken);
        await Assert.ThrowsAsync<TransactionFailedException>(() => other.Transaction().Check(handle.Path).Create("/written").CommitAsync(Ct).Soon()); // whoever sends it
        Assert.Null(await other.ExistsAsync("/written", Ct));
    }

    [Fact]
    public async Task Whoever_waits_goes_on_in_the_next_session()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(options => options.Recovery = SessionRecovery.NewSession), other = await memory.ConnectAsync();
        LockHandle held = await other.Lock("/lock").AcquireAsync(Ct);
        Task<LockHandle> waiting = zk.Lock("/lock").AcquireAsync(Ct);
        for (int i = 0; i < 3; i++)
        {
            await Waiting.UntilAsync(async () => (await other.GetChildrenAsync("/lock", Ct)).Count == 2, "two contenders");
            await memory.Server.ExpireSessionAsync(zk.SessionId);
        }

        await Waiting.UntilAsync(async () => (await other.GetChildrenAsync("/lock", Ct)).Count == 2, "two contenders");
        Assert.False(waiting.IsCompleted);
        await held.DisposeAsync();
        await (await waiting.Soon()).DisposeAsync();
    }

    [Fact]
    public async Task Whoever_waits_on_a_client_that_is_over_is_told()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await memory.ConnectAsync(), other = await memory.ConnectAsync();
        LockHandle held = await other.Lock("/lock").AcquireAsync(Ct);
        Task<LockHandle> waiting = zk.Lock("/lock").AcquireAsync(Ct);
        await Waiting.UntilAsync(async () => (await other.GetChildrenAsync("/lock", Ct)).Count == 2, "two contenders");
        await memory.Server.ExpireSessionAsync(zk.SessionId);
        await Assert.ThrowsAsync<SessionExpiredException>(() => waiting.Soon());
        await Assert.ThrowsAsync<SessionExpiredException>(() => zk.Lock("/lock").AcquireAsync(Ct).Soon());
        await held.DisposeAsync();
    }

    [Fact]
    public async Task H60_Three_candidates_whose_leader_is_killed_two_hundred_times_write_with_rising_tokens()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient store = await memory.ConnectAsync();
        await store.CreateAsync("/fenced", cancellationToken: Ct);
        int seed = Guid.NewGuid().GetHashCode();
        TestContext.Current.TestOutputHelper!.WriteLine($"Seed {seed}.");
        var random = new Random(seed);
        var accepted = new List<(long Zxid, long Token)>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        ZooKeeperClient[] clients = new ZooKeeperClient[3];
        for (int i = 0; i < clients.Length; i++) clients[i] = await memory.ConnectAsync(options => options.Recovery = SessionRecovery.NewSession);
        Task[] candidates = [.. clients.Select((zk, i) => StandAsync(zk, $"{i}"))];
        for (int i = 0; i < 200; i++)
        {
            int before = Count();
            await Waiting.UntilAsync(() => Task.FromResult(Count() > before), $"a term after {before}, with kill {i}");
            LockContender? leader = await store.Election("/election").GetLeaderAsync(Ct);
            if (leader is null) continue;
            long session = clients[int.Parse(leader.Identity, System.Globalization.CultureInfo.InvariantCulture)].SessionId;
            switch (random.Next(3))
            {
                case 0: await memory.Server.ExpireSessionAsync(session); break;
                case 1: await memory.Server.Faults.CutAsync(CutKind.Reset, session); break;
                default: await store.TryDeleteAsync(leader.Path, cancellationToken: Ct); break;
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(candidates).Soon();
        long[] tokens = [.. accepted.OrderBy(each => each.Zxid).Select(each => each.Token)];
        Assert.Equal(tokens.Order(), tokens);
        Assert.True(accepted.Count >= 200);
        foreach (ZooKeeperClient zk in clients) await zk.DisposeAsync();
        Assert.Empty(await store.TryGetChildrenAsync("/election", Ct) ?? []);

        int Count()
        {
            lock (accepted) return accepted.Count;
        }

        async Task StandAsync(ZooKeeperClient zk, string name)
        {
            try
            {
                await foreach (LockHandle term in zk.Election("/election", name).TermsAsync(stop.Token))
                {
                    while (!term.Lost.IsCancellationRequested)
                    {
                        try
                        {
                            TransactionResult result = await zk.Transaction().Check(term.Path).Set("/fenced", BitConverter.GetBytes(term.FencingToken)).TryCommitAsync(stop.Token);
                            if (!result.IsCommitted) break;
                            lock (accepted) accepted.Add((result.Operations[1].Stat!.Value.Mzxid, term.FencingToken));
                        }
                        catch (ZooKeeperException)
                        {
                            // It may or may not have been written; the token is no lower than those before it either way.
                        }
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }
    }

    [Fact]
    public void H63_A_line_goes_on_where_the_numbers_of_the_server_overflow()
    {
        string[] names = ["_c_a-lock-2147483646", "_c_b-lock-2147483647", "_c_c-lock--2147483648", "_c_d-lock--2147483647"];
        Assert.Equal(names, Contender.Line(names.Reverse(), ["lock-"]).Select(each => each.Name));
    }
}
