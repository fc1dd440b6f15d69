using System.Buffers.Binary;
using Okapi.Recipes.Counters;

namespace Okapi.Recipes.Tests.Counters;

public abstract class AtomicCounterTests(Servers servers)
{
    [Fact]
    public async Task A_counter_without_a_znode_is_zero_and_the_first_change_creates_it_with_its_parents()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        AtomicCounter counter = zk.Counter(root + "/a/b/hits");
        Assert.Equal(0, await counter.GetAsync());
        Assert.Null(await zk.ExistsAsync(counter.Path));
        Assert.Equal(5, await counter.AddAsync(5));
        Assert.Equal(4, await counter.DecrementAsync());
        Assert.Equal(5, await counter.IncrementAsync());
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 5], (await zk.GetAsync(counter.Path)).Data);
    }

    [Theory]
    [InlineData(CounterFormat.Int64, long.MaxValue)]
    [InlineData(CounterFormat.Text, long.MaxValue)]
    [InlineData(CounterFormat.Int32, int.MaxValue)]
    public async Task An_overflow_is_an_error_and_changes_nothing(CounterFormat format, long highest)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n", new() { Format = format });
        await counter.SetAsync(highest);
        await Assert.ThrowsAsync<OverflowException>(() => counter.IncrementAsync());
        Assert.Equal(highest, await counter.GetAsync());
        Assert.Equal(0, (await zk.GetAsync(counter.Path)).Stat.Version);
    }

    [Fact]
    public async Task Values_are_compared_set_and_initialized_once()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n");
        Assert.True(await counter.TryInitializeAsync(-7));
        Assert.False(await counter.TryInitializeAsync(1));
        Assert.False(await counter.CompareAndSetAsync(0, 1));
        Assert.True(await counter.CompareAndSetAsync(-7, 1));
        Assert.Equal(1, await counter.GetAsync());
        Assert.True(await zk.Counter(counter.Path + "2").CompareAndSetAsync(0, long.MinValue));
        Assert.Equal(long.MinValue, BinaryPrimitives.ReadInt64BigEndian((await zk.GetAsync(counter.Path + "2")).Data));
    }

    [Fact]
    public async Task Formats_are_those_of_others_and_foreign_data_is_told_and_kept()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/text", "-12"u8.ToArray());
        Assert.Equal(-10, await zk.Counter(root + "/text", new() { Naming = NodeNaming.Kazoo }).AddAsync(2));
        Assert.Equal("-10"u8.ToArray(), (await zk.GetAsync(root + "/text")).Data);
        await zk.CreateAsync(root + "/int", new byte[] { 0, 0, 1, 0 });
        Assert.Equal(255, await zk.Counter(root + "/int", new() { Format = CounterFormat.Int32 }).AddAsync(-1));
        Assert.Equal([0, 0, 0, 255], (await zk.GetAsync(root + "/int")).Data);
        InvalidDataException foreign = await Assert.ThrowsAsync<InvalidDataException>(() => zk.Counter(root + "/int").IncrementAsync());
        Assert.Contains(root + "/int", foreign.Message);
        await zk.CreateAsync(root + "/empty", Array.Empty<byte>());
        Assert.Equal(1, await zk.Counter(root + "/empty").IncrementAsync());
    }

    [Fact]
    public async Task What_many_add_at_the_same_time_is_all_there()
    {
        const int Clients = 4, Each = 50;
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/n";
        long[][] sums = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            await using ZooKeeperClient own = await servers.ConnectAsync();
            AtomicCounter counter = own.Counter(path);
            var seen = new long[Each];
            for (int i = 0; i < Each; i++) seen[i] = await counter.IncrementAsync();
            return seen;
        })).Soon();
        Assert.Equal(Enumerable.Range(1, Clients * Each).Select(n => (long)n), sums.SelectMany(each => each).Order());
        Assert.Equal(Clients * Each, await zk.Counter(path).GetAsync());
    }

    [Fact]
    public async Task Who_gives_up_after_one_attempt_has_added_nothing()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n", new() { MaxAttempts = 1 });
        long?[] sums = await TogetherAsync(() => counter.TryAddAsync(1, TimeSpan.Zero));
        Assert.Equal(1, Assert.Single(sums, sum => sum is not null));
        Assert.Equal(1, await counter.GetAsync());

        TimeoutException?[] tooSlow = await TogetherAsync(async () =>
        {
            try
            {
                Assert.Equal(2, await counter.IncrementAsync());
                return null;
            }
            catch (TimeoutException e) { return e; }
        });
        Assert.Single(tooSlow, failure => failure is null);
        Assert.All(tooSlow.OfType<TimeoutException>(), failure => Assert.Contains(counter.Path, failure.Message));
        Assert.Equal(2, await counter.GetAsync());

        // Held back until all have asked, the replies show every call the same value: one can write.
        async Task<T[]> TogetherAsync<T>(Func<Task<T>> call)
        {
            proxy.HoldReplies();
            Task<T[]> all = Task.WhenAll(Enumerable.Range(0, 50).Select(_ => call()));
            proxy.Heal();
            return await all.Soon();
        }
    }

    /// <summary>The reply is lost and nobody else has written: whether the write was applied is found out, and it is not applied twice.</summary>
    [Fact]
    public async Task H54_A_lost_reply_never_counts_twice()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n");
        await counter.SetAsync(10);
        await using OneShotWatch<NodeData> written = await observer.WatchDataAsync(counter.Path);
        await Task.WhenAll(written.Fired, LoseReplyAsync()).Soon();
        Assert.Equal(11, await zk.Counter(counter.Path).GetAsync());

        async Task LoseReplyAsync()
        {
            NodeData seen = await zk.GetAsync(counter.Path);
            var node = new VersionedNode(zk, counter.Path, acl: null);
            proxy.HoldReplies();
            Task<Stat?> adding = node.TryWriteAsync(seen, CounterFormat.Int64.Write(11), TestContext.Current.CancellationToken);
            await written.Fired.Soon();
            await proxy.CutAsync();
            proxy.Heal();
            // It was applied, and what is there now is what this call would have written: it cannot be told from another's.
            ConnectionLossException lost = await Assert.ThrowsAsync<ConnectionLossException>(() => adding.Soon());
            Assert.Equal(RequestOutcome.Unknown, lost.Outcome);
        }
    }

    [Fact]
    public async Task H54_A_lost_reply_is_resolved_when_the_next_version_is_another_s()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        AtomicCounter counter = zk.Counter(await Servers.RootAsync(zk) + "/n");
        await counter.SetAsync(10);
        var node = new VersionedNode(zk, counter.Path, acl: null);
        NodeData seen = await zk.GetAsync(counter.Path);
        await other.SetAsync(counter.Path, CounterFormat.Int64.Write(50)); // so this write will be refused, and its reply lost
        proxy.HoldReplies();
        Task<Stat?> writing = node.TryWriteAsync(seen, CounterFormat.Int64.Write(11), TestContext.Current.CancellationToken);
        await proxy.CutAsync();
        proxy.Heal();
        Assert.Null(await writing.Soon());
        Assert.Equal(51, await counter.IncrementAsync());
    }

    [Fact]
    public async Task H65_A_znode_whose_versions_are_used_up_is_replaced_in_one_step()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/n";
        var node = new VersionedNode(zk, path, acl: null) { LastVersion = 2 };
        for (byte i = 0; i < 7; i++) Assert.NotNull(await node.TryWriteAsync(await node.ReadAsync(default), new[] { i }, default));
        NodeData last = await zk.GetAsync(path);
        Assert.Equal((6, 0), (last.Data[0], last.Stat.Version));
    }

    [Fact]
    public async Task H65_The_znode_in_its_place_is_no_more_open_than_the_one_before()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await zk.AddAuthAsync(AuthInfo.Digest("ann", "of-ann"), TestContext.Current.CancellationToken);
        string path = await Servers.RootAsync(zk) + "/n";
        await zk.CreateAsync(path, CounterFormat.Int64.Write(1), acl: Acl.CreatorAll);
        await zk.SetAsync(path, CounterFormat.Int64.Write(2));
        var node = new VersionedNode(zk, path, acl: null) { LastVersion = 1 };
        Assert.NotNull(await node.TryWriteAsync(await node.ReadAsync(default), CounterFormat.Int64.Write(3), default));
        Assert.Equal(0, (await zk.GetAsync(path)).Stat.Version); // it is another one
        Assert.Equal([Acl.Digest(Permissions.All, "ann", "of-ann")], (await zk.GetAclAsync(path)).Acl);

        // Who is not shown the whole ACL would lock its owner out.
        Acl[] shared = [Acl.Digest(Permissions.All, "ann", "of-ann"), new(Permissions.Read | Permissions.Write, "world", "anyone")];
        await zk.SetAclAsync(path, shared);
        await zk.SetAsync(path, CounterFormat.Int64.Write(4));
        await using ZooKeeperClient anyone = await servers.ConnectAsync();
        await anyone.SyncAsync(path);
        var theirs = new VersionedNode(anyone, path, acl: null) { LastVersion = 1 };
        NodeData seen = (await theirs.ReadAsync(default))!.Value;
        await Assert.ThrowsAsync<InvalidOperationException>(() => theirs.TryWriteAsync(seen, CounterFormat.Int64.Write(5), default));
        Assert.Equal(shared, (await zk.GetAclAsync(path)).Acl);
    }

    [Fact]
    public async Task Cuts_at_random_count_nothing_twice_and_lose_nothing_that_was_told()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/n";
        int told = 0, unknown = 0;
        Task[] adders = [.. Enumerable.Range(0, 3).Select(async _ =>
        {
            await using ZooKeeperClient own = await proxy.ConnectAsync();
            AtomicCounter counter = own.Counter(path);
            for (int i = 0; i < 40; i++)
            {
                try
                {
                    await counter.IncrementAsync();
                    Interlocked.Increment(ref told);
                }
                catch (ConnectionLossException lost) when (lost.Outcome == RequestOutcome.Unknown)
                {
                    Interlocked.Increment(ref unknown);
                }
            }
        })];
        Task all = Task.WhenAll(adders);
        AtomicCounter watched = zk.Counter(path);
        for (long next = 5; !all.IsCompleted; next += random.Next(5, 15))
        {
            await Waiting.UntilAsync(async () => all.IsCompleted || await watched.GetAsync() >= next, "the counter moves");
            await proxy.CutAsync();
        }

        await all.Soon();
        Assert.InRange(await watched.GetAsync(), told, told + unknown);
        Assert.Equal(120, told + unknown);
    }

    public sealed class OnApache(Standalone servers) : AtomicCounterTests(servers);

    public sealed class OnEmbedded(Embedded servers) : AtomicCounterTests(servers);
}
