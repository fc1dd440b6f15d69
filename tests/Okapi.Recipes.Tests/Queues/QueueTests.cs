using System.Collections.Concurrent;
using System.Text;
using Okapi.Recipes.Queues;

namespace Okapi.Recipes.Tests.Queues;

public abstract class QueueTests(Servers servers)
{
    [Fact]
    public async Task First_in_first_out_in_Curator_s_format()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/a/q");
        Assert.Null(await queue.TryDequeueAsync());
        Assert.Equal(queue.Path + "/queue-0000000000", await queue.EnqueueAsync("one"u8.ToArray()));
        await queue.EnqueueAsync("two"u8.ToArray());
        Assert.Equal(2, await queue.CountAsync());
        Assert.Equal([0, 1, 0, 1, 1, 0, 0, 0, 3, .. "one"u8, 2], (await zk.GetAsync(queue.Path + "/queue-0000000000")).Data);
        Assert.Equal("one", Text((await queue.TryDequeueAsync())!));
        Assert.Equal("two", Text(await queue.DequeueAsync()));
        Assert.Null(await queue.TryDequeueAsync());
        Assert.Null(await queue.TryDequeueAsync(TimeSpan.FromMilliseconds(1)));
    }

    [Theory]
    [InlineData(NodeNaming.Curator)]
    [InlineData(NodeNaming.Kazoo)]
    public async Task Lower_priorities_are_taken_first_and_equals_in_order(NodeNaming naming)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q", new() { Naming = naming });
        foreach ((string item, int priority) in (IEnumerable<(string, int)>)[("c", 500), ("a", 3), ("d", 999), ("b", 3)]) await queue.EnqueueAsync(Encoding.UTF8.GetBytes(item), priority);
        if (naming == NodeNaming.Kazoo)
        {
            Assert.Contains("entry-003-0000000001", await zk.GetChildrenAsync(queue.Path));
            Assert.Equal("c"u8.ToArray(), (await zk.GetAsync(queue.Path + "/entry-500-0000000000")).Data);
        }

        foreach (string expected in (string[])["a", "b", "c", "d"]) Assert.Equal(expected, Text(await queue.DequeueAsync().Soon()));
    }

    [Fact]
    public async Task What_may_not_be_completed_or_given_back_says_so_and_stays()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(), other = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q");
        await zk.CreateAsync(queue.LockPath, acl: [new(Permissions.All & ~Permissions.Delete, "world", "anyone")]);
        await queue.EnqueueAsync("x"u8.ToArray());
        ReceivedEntry entry = await queue.ReceiveAsync().Soon();
        await Assert.ThrowsAsync<NoAuthException>(() => entry.CompleteAsync().Soon());
        Assert.Equal(1, await queue.CountAsync());
        await Assert.ThrowsAsync<NoAuthException>(() => entry.DisposeAsync().AsTask().Soon());
        Assert.Null(await other.Queue(queue.Path).TryReceiveAsync().Soon());
    }

    [Fact]
    public async Task H63_Junk_is_left_alone_and_entries_of_another_format_are_handed_out_as_they_are()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q");
        string first = await queue.EnqueueAsync("x"u8.ToArray());
        await zk.CreateAsync(first + "/child");
        await zk.CreateAsync(queue.Path + "/junk");
        await zk.CreateAsync(queue.Path + "/aaa-0000000000");
        await zk.CreateAsync(queue.Path + "/queue-", "raw"u8.ToArray(), CreateMode.PersistentSequential);
        await zk.CreateAsync(queue.Path + "/queue-", new byte[] { 0, 1, 0, 1, 1, 0, 0, 0, 1, 7, 1, 0, 0, 0, 1, 8, 2 }, CreateMode.PersistentSequential);
        QueueEntry raw = (await queue.TryDequeueAsync())!;
        Assert.Equal((true, "raw"), (raw.IsRaw, Text(raw)));
        QueueEntry several = (await queue.TryDequeueAsync())!;
        Assert.Equal([7, 8], several.Items.Select(item => item.Span[0]));
        Assert.Null(await queue.TryDequeueAsync());
        Assert.Equal(3, (await zk.GetChildrenAsync(queue.Path)).Count);
    }

    [Fact]
    public async Task H57_Cancelled_waits_leave_no_watch_and_no_znode_and_take_nothing()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q", new() { MaxLength = 1 });
        using var stop = new CancellationTokenSource();
        Task<QueueEntry> dequeuing = queue.DequeueAsync(stop.Token);
        Task<ReceivedEntry> receiving = queue.ReceiveAsync(stop.Token);
        await Waiting.UntilAsync(async () => await zk.ExistsAsync(queue.Path) is not null && await zk.CheckWatchesAsync(queue.Path), "they wait");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dequeuing.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving.Soon());
        await Waiting.UntilAsync(async () => !await zk.CheckWatchesAsync(queue.Path), "no watch");

        await queue.EnqueueAsync("only"u8.ToArray());
        using var full = new CancellationTokenSource();
        Task<string> enqueuing = queue.EnqueueAsync("more"u8.ToArray(), full.Token);
        await using ReceivedEntry held = await queue.ReceiveAsync().Soon();
        Task<ReceivedEntry> none = queue.ReceiveAsync(full.Token);
        await Waiting.UntilAsync(async () => await zk.CheckWatchesAsync(queue.Path) && await zk.CheckWatchesAsync(queue.LockPath), "they wait");
        await full.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => enqueuing.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => none.Soon());
        await Waiting.UntilAsync(async () => !await zk.CheckWatchesAsync(queue.Path) && !await zk.CheckWatchesAsync(queue.LockPath), "no watch");
        Assert.Single(await zk.GetChildrenAsync(queue.Path));
        Assert.Equal(2, (await zk.GetChildrenAsync(queue.LockPath)).Count); // the lock and the mark of the one that is held
        await held.CompleteAsync();
        Assert.Empty(await zk.TryGetChildrenAsync(queue.Path) ?? []);
        Assert.Empty(await zk.TryGetChildrenAsync(queue.LockPath) ?? []);
    }

    [Fact]
    public async Task H57_A_receive_that_is_cancelled_at_any_moment_leaves_no_lock()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q");
        await queue.EnqueueAsync("x"u8.ToArray());
        for (int i = 0; i < 60; i++)
        {
            using var stop = new CancellationTokenSource();
            Task<ReceivedEntry> receiving = queue.ReceiveAsync(stop.Token);
            // Each reply that passes on this connection is a step of the receiver too.
            for (int steps = random.Next(8); steps > 0; steps--) await zk.ExistsAsync("/");
            await stop.CancelAsync();
            try
            {
                await (await receiving.Soon()).DisposeAsync();
            }
            catch (OperationCanceledException)
            {
                // What it had begun is undone in the background.
            }
        }

        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(queue.LockPath) ?? []).Count == 0, "no lock is left");
        await using ReceivedEntry entry = await queue.ReceiveAsync().Soon();
        await entry.CompleteAsync();
    }

    [Fact]
    public async Task A_received_entry_is_nobody_else_s_until_it_is_abandoned_and_keeps_its_place()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q"), theirs = other.Queue(queue.Path);
        await queue.EnqueueAsync("1"u8.ToArray());
        await queue.EnqueueAsync("2"u8.ToArray());
        ReceivedEntry one = (await queue.TryReceiveAsync())!, two = (await theirs.TryReceiveAsync())!;
        Assert.Equal(("1", "2"), (Text(one.Entry), Text(two.Entry)));
        Assert.Null(await theirs.TryReceiveAsync());
        Assert.Equal(zk.SessionId, (await zk.ExistsAsync($"{queue.LockPath}/{ZnodePath.GetName(one.Entry.Path)}"))!.Value.EphemeralOwner);
        Task<ReceivedEntry> waiting = theirs.ReceiveAsync();
        await Waiting.UntilAsync(() => other.CheckWatchesAsync(queue.LockPath).AsTask(), "it waits");
        await one.AbandonAsync();
        Assert.False(one.IsHeld);
        ReceivedEntry again = await waiting.Soon();
        Assert.Equal("1", Text(again.Entry));
        Assert.True(again.FencingToken > one.FencingToken);
        Assert.True((await other.Transaction().Check(again.Path).TryCommitAsync()).IsCommitted);
        Assert.False((await other.Transaction().Check(one.Path).TryCommitAsync()).IsCommitted);
        await again.CompleteAsync();
        await two.CompleteAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => one.CompleteAsync());
        Assert.Equal(0, await queue.CountAsync());
        Assert.Empty(await zk.TryGetChildrenAsync(queue.LockPath) ?? []);
    }

    [Fact]
    public async Task An_entry_comes_back_when_its_consumer_dies()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        ZooKeeperClient mortal = await servers.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q");
        await queue.EnqueueAsync("x"u8.ToArray());
        ReceivedEntry first = await mortal.Queue(queue.Path).ReceiveAsync().Soon();
        Task<ReceivedEntry> waiting = queue.ReceiveAsync();
        await mortal.DisposeAsync();
        await using ReceivedEntry second = await waiting.Soon();
        Assert.Equal("x", Text(second.Entry));
        Assert.True(first.Lost.IsCancellationRequested);
        await Assert.ThrowsAnyAsync<ZooKeeperException>(() => first.CompleteAsync());
        Assert.Equal(1, await queue.CountAsync());
    }

    [Fact]
    public async Task The_bound_is_exact_with_many_producers_and_an_enqueue_waits_for_room()
    {
        const int Bound = 3, Producers = 4, Each = 10;
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/q";
        await zk.CreateAsync(path, "kept"u8.ToArray());
        await zk.CreateAsync(path + "/junk"); // counts for nothing
        DistributedQueue bounded = zk.Queue(path, new() { MaxLength = Bound });
        for (int i = 0; i < Bound; i++) await bounded.EnqueueAsync("first"u8.ToArray());
        Assert.Null(await bounded.TryEnqueueAsync("no room"u8.ToArray(), null, TimeSpan.FromMilliseconds(100)));
        Assert.Null(await bounded.TryEnqueueAsync("no room"u8.ToArray(), null, TimeSpan.Zero));
        await using (ReceivedEntry held = (await bounded.TryReceiveAsync(TimeSpan.Zero))!) await held.CompleteAsync();
        Assert.NotNull(await bounded.TryEnqueueAsync("first"u8.ToArray(), null, TimeSpan.Zero));

        Task producing = Task.WhenAll(Enumerable.Range(0, Producers).Select(async producer =>
        {
            await using ZooKeeperClient own = await servers.ConnectAsync();
            DistributedQueue queue = own.Queue(path, new() { MaxLength = Bound });
            for (int i = 0; i < Each; i++) await queue.EnqueueAsync(Encoding.UTF8.GetBytes($"{producer}/{i}"));
        }));
        var seen = new List<string>();
        int longest = 0;
        while (seen.Count < Bound + (Producers * Each))
        {
            longest = Math.Max(longest, await observer.Queue(path).CountAsync());
            seen.Add(Text(await bounded.DequeueAsync().Soon()));
        }

        await producing.Soon();
        Assert.Equal(Bound, longest);
        Assert.Equal(seen.Count - Bound + 1, seen.Distinct().Count());
        Assert.Equal("kept"u8.ToArray(), (await zk.GetAsync(path)).Data);
    }

    [Fact]
    public async Task At_most_once_hands_out_each_item_exactly_once()
    {
        const int Producers = 3, Each = 40, Consumers = 3;
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/q";
        var seen = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        Task consuming = Task.WhenAll(Enumerable.Range(0, Consumers).Select(async _ =>
        {
            await using ZooKeeperClient own = await servers.ConnectAsync();
            DistributedQueue queue = own.Queue(path);
            try
            {
                while (true) seen.Add(Text(await queue.DequeueAsync(stop.Token)));
            }
            catch (OperationCanceledException)
            {
                // All has been seen.
            }
        }));
        await Task.WhenAll(Enumerable.Range(0, Producers).Select(async producer =>
        {
            await using ZooKeeperClient own = await servers.ConnectAsync();
            for (int i = 0; i < Each; i++) await own.Queue(path).EnqueueAsync(Encoding.UTF8.GetBytes($"{producer}/{i}"));
        })).Soon();
        await Waiting.UntilAsync(() => Task.FromResult(seen.Count >= Producers * Each), "all are taken");
        await stop.CancelAsync();
        await consuming.Soon();
        Assert.Equal(Enumerable.Range(0, Producers).SelectMany(producer => Enumerable.Range(0, Each).Select(i => $"{producer}/{i}")).Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_deletion_whose_reply_is_lost_is_told_with_what_was_taken()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q");
        string entry = await queue.EnqueueAsync("x"u8.ToArray());
        await using OneShotWatch<Stat?> deleted = await observer.WatchExistsAsync(entry);
        // The names and the data are read before the deletion is sent; only its reply is to be lost.
        NodeData node = await zk.GetAsync(entry);
        proxy.HoldReplies();
        Task<DeleteOutcome> dequeuing = new Taking(FolderOf(zk, queue)).DeleteAsync(new(NodeNaming.Curator, entry, node), node.Stat.Version, TestContext.Current.CancellationToken);
        await deleted.Fired.Soon();
        await proxy.CutAsync();
        proxy.Heal();
        EntryInDoubtException doubt = await Assert.ThrowsAsync<EntryInDoubtException>(() => dequeuing.Soon());
        Assert.Equal(("x", entry), (Text(doubt.Entry), doubt.Entry.Path));
        Assert.Equal(RequestOutcome.Unknown, Assert.IsType<ConnectionLossException>(doubt.InnerException).Outcome);
    }

    [Fact]
    public async Task H54_A_claim_and_a_completion_whose_replies_are_lost_are_found_again()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q");
        string path = await queue.EnqueueAsync("x"u8.ToArray());
        await observer.CreateAsync(queue.LockPath);
        await using OneShotWatch<NodeChildren> claimed = await observer.WatchChildrenAsync(queue.LockPath);
        proxy.HoldReplies();
        Task<ReceivedEntry?> claiming = new EntryClaim(FolderOf(zk, queue), EntryName.Parse(NodeNaming.Curator, ZnodePath.GetName(path))!.Value).TryClaimAsync(TestContext.Current.CancellationToken);
        await claimed.Fired.Soon();
        await proxy.CutAsync();
        proxy.Heal();
        ReceivedEntry entry = (await claiming.Soon())!;
        Assert.Equal(zk.SessionId, (await observer.ExistsAsync(entry.Path))!.Value.EphemeralOwner);
        Assert.Equal(2, (await observer.GetChildrenAsync(queue.LockPath)).Count);

        await using OneShotWatch<Stat?> deleted = await observer.WatchExistsAsync(path);
        proxy.HoldReplies();
        Task<bool> completing = entry.TryCompleteAsync();
        await deleted.Fired.Soon();
        await proxy.CutAsync();
        proxy.Heal();
        Assert.True(await completing.Soon());
        Assert.Empty(await observer.TryGetChildrenAsync(queue.LockPath) ?? []);
    }

    [Fact]
    public async Task H58_An_entry_given_back_while_the_connection_is_cut_comes_back_later()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync(new() { BackoffMaximum = TimeSpan.FromMilliseconds(100) });
        DistributedQueue queue = zk.Queue(await Servers.RootAsync(zk) + "/q");
        await queue.EnqueueAsync("x"u8.ToArray());
        ReceivedEntry entry = await queue.ReceiveAsync().Soon();
        proxy.HoldReplies();
        Task abandoning = entry.AbandonAsync();
        await proxy.BreakAsync();
        await abandoning.Soon();
        proxy.Heal();
        await using ReceivedEntry again = await observer.Queue(queue.Path).ReceiveAsync().Soon();
        Assert.Equal("x", Text(again.Entry));
    }

    [Fact]
    public async Task At_least_once_loses_nothing_over_cuts()
    {
        const int Items = 60, Consumers = 3;
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/q";
        for (int i = 0; i < Items; i++) await zk.Queue(path).EnqueueAsync(Encoding.UTF8.GetBytes($"{i}"));
        var completed = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        ZooKeeperClient[] clients = await Task.WhenAll(Enumerable.Range(0, Consumers).Select(_ => proxy.ConnectAsync(new() { BackoffMaximum = TimeSpan.FromMilliseconds(100) })));
        Task consuming = Task.WhenAll(clients.Select(async (own, each) =>
        {
            DistributedQueue queue = own.Queue(path);
            try
            {
                for (int n = each; ; n++)
                {
                    await using ReceivedEntry entry = await queue.ReceiveAsync(stop.Token);
                    if (n % 7 == 0) continue; // gives it back
                    if (await entry.TryCompleteAsync()) completed.Add(Text(entry.Entry));
                }
            }
            catch (OperationCanceledException)
            {
                // All is done.
            }
        }));
        for (int cuts = 0; await zk.Queue(path).CountAsync() > 0; cuts++)
        {
            int next = Math.Max(0, completed.Count + random.Next(1, 10));
            await Waiting.UntilAsync(async () => consuming.IsCompleted || completed.Count >= next || await zk.Queue(path).CountAsync() == 0, "they get on");
            if (consuming.IsCompleted) break;
            await proxy.CutAsync();
        }

        await stop.CancelAsync();
        await consuming.Soon();
        Assert.Equal(Enumerable.Range(0, Items).Select(i => $"{i}").Order(StringComparer.Ordinal), completed.Order(StringComparer.Ordinal)); // no session ended, so none is given twice
        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(path + "-locks") ?? []).Count == 0, "no lock is left");
        foreach (ZooKeeperClient own in clients) await own.DisposeAsync();
    }

    private static QueueFolder FolderOf(ZooKeeperClient zk, DistributedQueue queue) => new(zk, queue.Path, queue.LockPath, NodeNaming.Curator, Acl: null);

    private static string Text(QueueEntry entry) => Encoding.UTF8.GetString(entry.Data.Span);

    public sealed class OnApache(Standalone servers) : QueueTests(servers);

    public sealed class OnEmbedded(Embedded servers) : QueueTests(servers);
}
