using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Locks;

/// <summary>What a lock promises on any server.</summary>
public abstract class LockTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : LockTests(servers);

    public sealed class OnEmbedded(Embedded servers) : LockTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_holds_it_at_a_time_and_tokens_rise()
    {
        await using ZooKeeperClient one = await servers.ConnectAsync();
        await using ZooKeeperClient two = await servers.ConnectAsync();
        string path = await Servers.RootAsync(one) + "/lock";
        LockHandle first = await one.Lock(path).AcquireAsync(Ct).Soon();
        Assert.True(first.IsHeld);
        Assert.Null(await two.Lock(path).TryAcquireAsync(cancellationToken: Ct).Soon());
        Task<LockHandle> second = two.Lock(path).AcquireAsync(Ct);
        await first.DisposeAsync();
        Assert.False(first.IsHeld);
        Assert.False(first.Lost.IsCancellationRequested); // given back, not lost
        LockHandle next = await second.Soon();
        Assert.True(next.FencingToken > first.FencingToken);
        Assert.StartsWith(path + "/_c_", next.Path, StringComparison.Ordinal);
        await next.DisposeAsync();
        Assert.Empty(await one.TryGetChildrenAsync(path, Ct) ?? []);
    }

    [Fact]
    public async Task It_is_had_in_the_order_of_asking()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/lock";
        await using DistributedLock held = zk.Lock(path);
        LockHandle handle = await held.AcquireAsync(Ct);
        var order = new List<int>();
        var waiting = new List<Task>();
        for (int i = 0; i < 10; i++)
        {
            int me = i;
            waiting.Add(TakeAsync(me));
            await Waiting.UntilAsync(async () => (await held.GetContendersAsync(Ct)).Count == me + 2, $"{me + 2} contenders");
        }

        await handle.DisposeAsync();
        await Task.WhenAll(waiting).Soon();
        Assert.Equal(Enumerable.Range(0, 10), order);

        async Task TakeAsync(int me)
        {
            await using LockHandle mine = await zk.Lock(path).AcquireAsync(Ct);
            order.Add(me);
        }
    }

    [Fact]
    public async Task A_time_that_is_up_leaves_nothing_behind()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/lock";
        await using DistributedLock held = zk.Lock(path);
        await using LockHandle handle = await held.AcquireAsync(Ct);
        Assert.Null(await held.TryAcquireAsync(TimeSpan.FromMilliseconds(50), Ct).Soon());
        await Assert.ThrowsAsync<TimeoutException>(() => held.AcquireAsync(TimeSpan.FromMilliseconds(50), Ct).Soon());
        using var stop = new CancellationTokenSource();
        Task<LockHandle> waiting = held.AcquireAsync(stop.Token);
        await Waiting.UntilAsync(async () => (await held.GetContendersAsync(Ct)).Count == 2, "2 contenders");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        Assert.Single(await zk.GetChildrenAsync(path, Ct));
        Assert.Equal(handle.Path, Assert.Single(await held.GetContendersAsync(Ct)).Path);
    }

    [Fact]
    public async Task H59_Whoever_deletes_the_znode_of_a_holder_is_noticed()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/lock";
        await using LockHandle handle = await zk.Lock(path).AcquireAsync(Ct);
        await zk.SetAsync(handle.Path, "something else"u8.ToArray(), cancellationToken: Ct);
        Assert.True(handle.IsHeld);
        await zk.DeleteAsync(handle.Path, cancellationToken: Ct);
        await handle.Lost.TrippedAsync();
        Assert.False(handle.IsHeld);
    }

    [Fact]
    public async Task A_write_that_depends_on_the_lock_fails_once_it_is_lost()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        LockHandle handle = await zk.Lock(root + "/lock").AcquireAsync(Ct);
        await zk.Transaction().Check(handle.Path).Create(root + "/written").CommitAsync(Ct);
        await handle.DisposeAsync();
        await Assert.ThrowsAsync<TransactionFailedException>(() => zk.Transaction().Check(handle.Path).Create(root + "/again").CommitAsync(Ct));
    }

    [Fact]
    public async Task Disposing_of_the_lock_gives_back_what_is_held_and_ends_what_waits()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/lock";
        DistributedLock mine = zk.Lock(path);
        await mine.AcquireAsync(Ct);
        Task<LockHandle> waiting = mine.AcquireAsync(Ct);
        await Waiting.UntilAsync(async () => (await mine.GetContendersAsync(Ct)).Count == 2, "2 contenders");
        await mine.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => mine.AcquireAsync(Ct));
        Assert.Empty(await zk.TryGetChildrenAsync(path, Ct) ?? []);
    }

    [Fact]
    public async Task H63_Junk_beside_the_contenders_is_none()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/lock";
        await zk.CreateAsync(path, cancellationToken: Ct);
        foreach (string junk in (string[])["/junk", "/lock-", "/lock-12", "/lock-abcdefghij", "/0000000000"]) await zk.CreateAsync(path + junk, cancellationToken: Ct);
        await using LockHandle handle = await zk.Lock(path).AcquireAsync(Ct).Soon();
        Assert.True(handle.IsHeld);
    }

    [Fact]
    public async Task A_lock_below_a_chroot_that_does_not_exist_yet_creates_it()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        ZooKeeperClient view = zk.WithChroot(root + "/a/b");
        await using LockHandle handle = await view.Lock("/c/lock").AcquireAsync(Ct).Soon();
        Assert.NotNull(await zk.ExistsAsync(root + "/a/b" + handle.Path, Ct));
    }

    [Theory]
    [InlineData("lock")]
    [InlineData("/")]
    [InlineData("/a//b")]
    public async Task A_bad_path_is_refused_before_anything_is_sent(string path)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        Assert.ThrowsAny<ArgumentException>(() => zk.Lock(path));
        Assert.ThrowsAny<ArgumentException>(() => zk.Election(path));
        Assert.ThrowsAny<ArgumentException>(() => zk.Semaphore(path, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => zk.Semaphore("/s", 0));
        Assert.Throws<ArgumentException>(() => zk.Lock("/s", new() { Identity = new string('x', 1025) }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => zk.Lock("/s").TryAcquireAsync(TimeSpan.FromSeconds(-2), Ct));
    }

    [Fact]
    public async Task Readers_share_and_a_writer_is_alone()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedReaderWriterLock mine = zk.ReaderWriterLock(await Servers.RootAsync(zk) + "/rw");
        LockHandle one = await mine.AcquireReadAsync(Ct).Soon(), two = await mine.AcquireReadAsync(Ct).Soon();
        Assert.Null(await mine.TryAcquireWriteAsync(cancellationToken: Ct).Soon());
        Task<LockHandle> writer = mine.AcquireWriteAsync(Ct);
        await Waiting.UntilAsync(async () => (await mine.GetContendersAsync(Ct)).Count == 3, "3 contenders");
        Assert.Null(await mine.TryAcquireReadAsync(cancellationToken: Ct).Soon()); // a writer came before
        Task<LockHandle> reader = mine.AcquireReadAsync(Ct);
        await two.DisposeAsync();
        Assert.False(writer.IsCompleted);
        await one.DisposeAsync();
        LockHandle written = await writer.Soon();
        Assert.False(reader.IsCompleted);
        await written.DisposeAsync();
        await using LockHandle last = await reader.Soon();
        Assert.True(last.FencingToken > 0);
    }

    [Fact]
    public async Task There_are_as_many_leases_as_agreed_on()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/semaphore";
        await using DistributedSemaphore mine = zk.Semaphore(path, 2);
        LockHandle one = await mine.AcquireAsync(Ct).Soon(), two = await mine.AcquireAsync(Ct).Soon();
        Assert.Null(await mine.TryAcquireAsync(cancellationToken: Ct).Soon());
        Assert.Equal(2, (await mine.GetHoldersAsync(Ct)).Count);
        Assert.Null(await mine.TryAcquireAsync(TimeSpan.FromMilliseconds(50), Ct).Soon());
        await Waiting.UntilAsync(async () => (await mine.GetHoldersAsync(Ct)).Count == 2, "2 holders"); // if the time was up while it was created, it is deleted when that is known
        Task<LockHandle> third = mine.AcquireAsync(Ct), fourth = mine.AcquireAsync(Ct);
        await one.DisposeAsync();
        LockHandle[] next = [await (await Task.WhenAny(third, fourth).Soon())];
        Assert.False(third.IsCompleted && fourth.IsCompleted);
        await two.DisposeAsync();
        await Task.WhenAll(third, fourth).Soon();
        Assert.True(next[0].IsHeld);
    }

    [Fact]
    public async Task Several_locks_are_held_together_or_not_at_all()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        LockHandle b = await zk.Lock(root + "/b").AcquireAsync(Ct);
        await using LockSet all = zk.Locks([root + "/c", root + "/b", root + "/a"]);
        Assert.Null(await all.TryAcquireAsync(cancellationToken: Ct).Soon());
        Assert.Null(await all.TryAcquireAsync(TimeSpan.FromMilliseconds(50), Ct).Soon());
        await using (await zk.Lock(root + "/a").AcquireAsync(Ct).Soon())
        {
        }

        Task<LockSetHandle> waiting = all.AcquireAsync(Ct);
        await b.DisposeAsync();
        LockSetHandle held = await waiting.Soon();
        Assert.Equal([root + "/a", root + "/b", root + "/c"], held.Locks.Select(each => ZnodePath.GetParent(each.Path)));
        Assert.True(held.IsHeld);
        await zk.DeleteAsync(held.Locks[1].Path, cancellationToken: Ct);
        await held.Lost.TrippedAsync();
        await held.DisposeAsync();
    }

    [Fact]
    public async Task One_leads_and_the_next_follows_when_it_resigns()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/election";
        await using LeaderElection ann = zk.Election(path, "ann"), bob = zk.Election(path, "bob");
        Assert.Null(await ann.GetLeaderAsync(Ct));
        LockHandle term = await ann.LeadAsync(Ct).Soon();
        Assert.Equal("ann", (await bob.GetLeaderAsync(Ct))!.Identity);
        Assert.Equal(term.FencingToken, (await bob.GetLeaderAsync(Ct))!.FencingToken);
        Assert.Null(await bob.TryLeadAsync(cancellationToken: Ct).Soon());
        Task<LockHandle> next = bob.LeadAsync(Ct);
        await Waiting.UntilAsync(async () => (await ann.GetCandidatesAsync(Ct)).Select(each => each.Identity).SequenceEqual(["ann", "bob"]), "two candidates");
        await term.DisposeAsync();
        Assert.True((await next.Soon()).FencingToken > term.FencingToken);
    }

    [Fact]
    public async Task Terms_follow_each_other_for_as_long_as_they_are_read()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using LeaderElection mine = zk.Election(await Servers.RootAsync(zk) + "/election");
        long last = 0;
        int terms = 0;
        await foreach (LockHandle term in mine.TermsAsync(Ct))
        {
            Assert.True(term.FencingToken > last);
            last = term.FencingToken;
            if (++terms == 3) break;
            if (terms == 1) await zk.DeleteAsync(term.Path, cancellationToken: Ct);
            else await term.DisposeAsync();
        }

        Assert.Empty(await zk.TryGetChildrenAsync(mine.Path, Ct) ?? []);
    }

    [Fact]
    public async Task Who_leads_is_told_after_each_change()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/election";
        await using LeaderElection ann = zk.Election(path, "ann"), bob = zk.Election(path, "bob");
        await using IAsyncEnumerator<LockContender?> leaders = ann.LeadersAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.True(await leaders.MoveNextAsync().AsTask().Soon());
        Assert.Null(leaders.Current);
        LockHandle term = await ann.LeadAsync(Ct);
        Assert.True(await leaders.MoveNextAsync().AsTask().Soon());
        Assert.Equal("ann", leaders.Current!.Identity);
        Task<LockHandle> next = bob.LeadAsync(Ct);
        await Waiting.UntilAsync(async () => (await ann.GetCandidatesAsync(Ct)).Count == 2, "two candidates");
        await term.DisposeAsync();
        Assert.True(await leaders.MoveNextAsync().AsTask().Soon());
        Assert.Equal("bob", leaders.Current!.Identity);
        await next;
    }
}
