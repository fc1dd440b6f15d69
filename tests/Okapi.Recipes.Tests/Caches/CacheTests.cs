using System.Text;

namespace Okapi.Recipes.Tests.Caches;

public abstract class CacheTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : CacheTests(servers);

    public sealed class OnEmbedded(Embedded servers) : CacheTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : CacheTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(CacheScope.Tree, "/ /a /a/x /a/x/y /b")]
    [InlineData(CacheScope.Children, "/ /a /b")]
    [InlineData(CacheScope.SingleNode, "/")]
    public async Task What_is_there_when_it_opens_is_loaded(CacheScope scope, string expected)
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.SetAsync("/", "top"u8.ToArray());
        foreach (string path in (string[])["/b", "/a", "/a/x", "/a/x/y"]) await zk.CreateAsync(path, Encoding.UTF8.GetBytes(path));
        await using ZnodeCache cache = await zk.OpenCacheAsync("/", new() { Scope = scope }, Ct);
        CacheSnapshot snapshot = cache.Snapshot();
        Assert.Equal(expected.Split(' '), snapshot.Nodes.Select(node => node.Path));
        Assert.Equal(expected.Split(' ').Length, cache.Count);
        Assert.Equal("top"u8, cache.TryGet("/")!.Data.Span);
        Assert.Equal(await zk.ExistsAsync("/"), cache.TryGet("/")!.Stat);
        Assert.True(cache.IsCurrent);
        if (scope == CacheScope.SingleNode) return;
        Assert.Equal("/a"u8, cache.TryGet("/a")!.Data.Span);
        Assert.Equal(["a", "b"], cache.GetChildren("/").Select(node => node.Name));
        Assert.Null(cache.TryGet("/c"));
    }

    [Fact]
    public async Task A_stream_begins_with_the_state_and_goes_on_with_every_change()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.CreateAsync("/top", "0"u8.ToArray());
        await zk.CreateAsync("/top/a", "1"u8.ToArray());
        await using ZnodeCache cache = await zk.OpenCacheAsync("/top", cancellationToken: Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        Assert.Equal(["/top", "/top/a"], replay.Nodes.Keys);

        await zk.SetAsync("/top/a", "2"u8.ToArray());
        CacheChange set = await replay.NextAsync();
        Assert.Equal("1"u8, set.Old!.Data.Span);
        Assert.Equal("2"u8, set.New!.Data.Span);
        Assert.Equal(0, set.Old.Stat.Version);
        Assert.Equal(1, set.New.Stat.Version);
        await zk.SetAsync("/top/a", "2"u8.ToArray());
        await replay.NextAsync();
        await zk.CreateAsync("/top/a/b", "3"u8.ToArray(), CreateMode.Ephemeral);
        await replay.NextAsync();
        await zk.DeleteAsync("/top/a/b");
        await replay.NextAsync();
        await zk.DeleteAsync("/top/a");
        await replay.NextAsync();
        Assert.Equal(["Changed /top/a=2", "Changed /top/a=2", "Created /top/a/b=3", "Deleted /top/a/b", "Deleted /top/a"], replay.Seen);
        Assert.Equal(["/top"], cache.Snapshot().Nodes.Select(node => node.Path));
    }

    [Theory]
    [InlineData(CacheScope.Tree)]
    [InlineData(CacheScope.Children)]
    [InlineData(CacheScope.SingleNode)]
    public async Task Its_own_znode_may_come_late_and_go_and_come_again(CacheScope scope)
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await using ZnodeCache cache = await zk.OpenCacheAsync("/top", new() { Scope = scope }, Ct);
        Assert.Null(cache.TryGet("/top"));
        Assert.Equal(0, cache.Count);
        await using Replay replay = await Replay.OpenAsync(cache);
        for (int round = 0; round < 3; round++)
        {
            await zk.CreateAsync("/top", new[] { (byte)round });
            if (scope != CacheScope.SingleNode) await zk.CreateAsync("/top/a");
            await replay.UntilSameAsync(zk, "/top");
            Assert.Equal(scope == CacheScope.SingleNode ? 1 : 2, cache.Count);
            await zk.DeleteRecursiveAsync("/top");
            await replay.UntilSameAsync(zk, "/top");
            Assert.Equal(0, cache.Count);
            Assert.Equal(0, cache.Bytes);
        }
    }

    [Fact]
    public async Task A_znode_deleted_and_created_at_once_is_told_as_both()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.CreateAsync("/a", "old"u8.ToArray());
        await zk.CreateAsync("/a/x");
        await using ZnodeCache cache = await zk.OpenCacheAsync("/", cancellationToken: Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        await zk.Transaction().Delete("/a/x").Delete("/a").Create("/a", "new"u8.ToArray()).Create("/a/y").CommitAsync();
        await replay.UntilSameAsync(zk, "/");
        Assert.Equal("new"u8, cache.TryGet("/a")!.Data.Span);
        Assert.Contains("Deleted /a/x", replay.Seen);
        Assert.Equal(["Deleted /a", "Created /a=new"], replay.Seen.Where(change => change is "Deleted /a" or "Created /a=new"));
    }

    [Fact]
    public async Task A_cache_of_children_does_not_see_theirs()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.CreateAsync("/top");
        await using ZnodeCache cache = await zk.OpenCacheAsync("/top", new() { Scope = CacheScope.Children }, Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        await zk.CreateAsync("/top/a");
        await replay.UntilAsync(change => change.Path == "/top/a"); // what is read of two znodes at a time may come in any order
        await zk.CreateAsync("/top/a/x");
        await zk.SetAsync("/top/a/x", "1"u8.ToArray());
        await zk.CreateAsync("/topmost");
        await zk.CreateAsync("/top/b");
        await replay.UntilAsync(change => change.Path == "/top/b");
        Assert.Equal(["Created /top/a=", "Created /top/b="], replay.Seen);
        Assert.Throws<ArgumentException>(() => cache.TryGet("/top/a/x"));
        Assert.Throws<ArgumentException>(() => cache.GetChildren("/top/a"));
        Assert.Throws<ArgumentException>(() => cache.TryGet("/topmost"));
    }

    [Fact]
    public async Task Without_data_the_Stats_are_there()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.CreateAsync("/a", new byte[1000]);
        await using ZnodeCache cache = await zk.OpenCacheAsync("/", new() { KeepData = false }, Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        Assert.True(cache.TryGet("/a")!.Data.IsEmpty);
        Assert.Equal(1000, cache.TryGet("/a")!.Stat.DataLength);
        Assert.InRange(cache.Bytes, 1, 999);
        await zk.SetAsync("/a", new byte[2000]);
        Assert.Equal(2000, (await replay.NextAsync()).New!.Stat.DataLength);
    }

    [Fact]
    public async Task A_snapshot_stays_as_it_is()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.CreateAsync("/a", "1"u8.ToArray());
        await using ZnodeCache cache = await zk.OpenCacheAsync("/", cancellationToken: Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        CacheSnapshot before = cache.Snapshot();
        IReadOnlyCollection<CachedNode> children = before.GetChildren("/");
        await zk.SetAsync("/a", "2"u8.ToArray());
        await zk.CreateAsync("/b");
        await replay.UntilSameAsync(zk, "/");
        Assert.Equal("1"u8, before.TryGet("/a")!.Data.Span);
        Assert.Null(before.TryGet("/b"));
        Assert.Single(children);
        Assert.Equal(2, cache.GetChildren("/").Count);
    }

    [Fact]
    public async Task What_the_ACL_forbids_is_there_without_data()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        Acl[] own = [Acl.Digest(Permissions.All, "owner", "secret"), new(Permissions.Create, "world", "anyone")];
        await zk.CreateAsync("/hidden", "secret"u8.ToArray(), acl: own);
        await zk.CreateAsync("/hidden/below");
        await using ZnodeCache cache = await zk.OpenCacheAsync("/", cancellationToken: Ct);
        CachedNode hidden = cache.TryGet("/hidden")!;
        Assert.True(hidden.IsForbidden);
        Assert.True(hidden.Data.IsEmpty);
        Assert.Equal(servers is Embedded39 ? 0 : 6, hidden.Stat.DataLength); // since 3.9 the Stat is forbidden too
        Assert.Empty(cache.GetChildren("/hidden"));
    }

    [Fact]
    public async Task Many_readers_each_get_everything()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await using ZnodeCache cache = await zk.OpenCacheAsync("/", cancellationToken: Ct);
        Replay[] replays = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Replay.OpenAsync(cache)));
        for (int i = 0; i < 20; i++) await zk.CreateAsync($"/n{i}");
        foreach (Replay replay in replays)
        {
            await replay.UntilSameAsync(zk, "/");
            Assert.Equal(20, replay.Seen.Count);
            await replay.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_slow_reader_gets_the_difference_in_place_of_what_it_missed()
    {
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.CreateAsync("/gone");
        await using ZnodeCache cache = await zk.OpenCacheAsync("/", new() { ChangeBufferSize = 4 }, Ct);
        await using Replay slow = await Replay.OpenAsync(cache);
        for (int i = 0; i < 100; i++)
        {
            await zk.CreateAsync($"/n{i}");
            await zk.SetAsync("/n0", Encoding.UTF8.GetBytes($"{i}"));
            if (i > 0) await zk.DeleteAsync($"/n{i}");
        }

        await zk.DeleteAsync("/gone");
        await using (Replay quick = await Replay.OpenAsync(cache)) await quick.UntilSameAsync(zk, "/");
        await slow.UntilSameAsync(zk, "/");
        Assert.InRange(slow.Seen.Count, 2, 4 + 8); // what waited, and the difference
        Assert.Contains("Deleted /gone", slow.Seen);
        await zk.CreateAsync("/after");
        await slow.UntilAsync(change => change.Path == "/after"); // it gets changes again
        Assert.DoesNotContain("Loaded /", slow.Seen);
    }

    [Fact]
    public async Task H65_A_hundred_thousand_children_are_held()
    {
        const int Children = 100_000;
        await using ZooKeeperClient zk = await ConnectBelowAsync();
        await zk.CreateAsync("/many");
        var writes = new List<Task>();
        foreach (int[] batch in Enumerable.Range(0, Children).Chunk(1000))
        {
            Transaction transaction = zk.Transaction();
            foreach (int i in batch) transaction.Create($"/many/{i}");
            writes.Add(transaction.CommitAsync(Ct));
        }

        await Task.WhenAll(writes);
        try
        {
            await using ZnodeCache cache = await zk.OpenCacheAsync("/many", new() { Scope = CacheScope.Children }, Ct);
            Assert.Equal(Children, cache.GetChildren("/many").Count);
            Assert.Equal("99999", cache.GetChildren("/many").Last().Name);
            int read = 0;
            await foreach (CacheChange change in cache.ChangesAsync(Ct))
            {
                if (change.Kind == CacheChangeKind.Loaded) break;
                read++;
            }

            Assert.Equal(Children + 1, read);
            await zk.SetAsync("/many/77777", "7"u8.ToArray());
            await zk.DeleteAsync("/many/77778");
            await Waiting.UntilAsync(() => Task.FromResult(cache.TryGet("/many/77777")!.Stat.Version == 1 && cache.TryGet("/many/77778") is null), "both changes");
            Assert.Equal(Children, cache.Count);
        }
        finally
        {
            await zk.DeleteRecursiveAsync("/many");
        }
    }

    [Fact]
    public async Task A_disposed_cache_leaves_no_watch_and_says_that_it_is_disposed()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        foreach (CacheScope scope in Enum.GetValues<CacheScope>())
        {
            ZnodeCache cache = await zk.OpenCacheAsync(root, new() { Scope = scope }, Ct);
            Assert.Contains(root + "\n", await servers.WordAsync("wchp"));
            await using IAsyncEnumerator<CacheChange> changes = cache.ChangesAsync(Ct).GetAsyncEnumerator(Ct);
            Assert.True(await changes.MoveNextAsync());
            await cache.DisposeAsync();
            await cache.DisposeAsync();
            Assert.DoesNotContain(root + "\n", await servers.WordAsync("wchp"));
            while (await changes.MoveNextAsync().AsTask().Soon());
            await cache.Completion.Soon();
            Assert.Throws<ObjectDisposedException>(cache.Snapshot);
            Assert.Throws<ObjectDisposedException>(() => cache.TryGet(root));
            Assert.False(cache.IsCurrent);
        }
    }

    [Fact]
    public async Task Too_much_to_load_is_an_error_and_leaves_no_watch()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        for (int i = 0; i < 5; i++) await zk.CreateAsync($"{root}/{i}", new byte[10_000]);
        CacheLimitExceededException nodes = await Assert.ThrowsAsync<CacheLimitExceededException>(() => zk.OpenCacheAsync(root, new() { MaxNodes = 5 }, Ct));
        Assert.Equal((root, "MaxNodes", 5L), (nodes.Path, nodes.Limit, nodes.Allowed));
        CacheLimitExceededException bytes = await Assert.ThrowsAsync<CacheLimitExceededException>(() => zk.OpenCacheAsync(root, new() { MaxBytes = 50_000 }, Ct));
        Assert.Equal("MaxBytes", bytes.Limit);
        Assert.DoesNotContain(root + "\n", await servers.WordAsync("wchp"));
        await using ZnodeCache fits = await zk.OpenCacheAsync(root, new() { MaxNodes = 6, MaxBytes = 60_000 }, Ct);
        Assert.InRange(fits.Bytes, 50_000, 60_000);
    }

    [Fact]
    public async Task A_cache_that_outgrows_its_limit_fails_for_all_to_see()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using ZnodeCache cache = await zk.OpenCacheAsync(root, new() { MaxNodes = 3 }, Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        for (int i = 0; i < 3; i++) await zk.CreateAsync($"{root}/{i}");
        await Assert.ThrowsAsync<CacheLimitExceededException>(() => cache.Completion.Soon());
        Assert.Throws<CacheLimitExceededException>(cache.Snapshot);
        Assert.Throws<CacheLimitExceededException>(() => cache.TryGet(root));
        await Assert.ThrowsAsync<CacheLimitExceededException>(() => replay.UntilAsync(_ => false));
        Assert.Equal(3, replay.Nodes.Count);
        Assert.DoesNotContain(root + "\n", await servers.WordAsync("wchp"));
    }

    [Fact]
    public async Task A_cache_whose_watch_is_removed_fails()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using ZnodeCache cache = await zk.OpenCacheAsync(root, cancellationToken: Ct);
        await zk.RemoveWatchesAsync(root, WatcherType.Any, Ct);
        await Assert.ThrowsAsync<InvalidOperationException>(() => cache.Completion.Soon());
        Assert.Throws<InvalidOperationException>(cache.Snapshot);
    }

    [Fact]
    public async Task Options_that_make_no_sense_are_refused()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        foreach (CacheOptions options in (CacheOptions[])[new() { MaxNodes = 0 }, new() { MaxBytes = 0 }, new() { MaxConcurrentReads = 0 }, new() { ChangeBufferSize = 0 }, new() { Scope = (CacheScope)9 }])
            await Assert.ThrowsAsync<ArgumentException>(() => zk.OpenCacheAsync("/", options, Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => zk.OpenCacheAsync("relative", cancellationToken: Ct));
    }

    /// <summary>A client for which a znode of its own is the root.</summary>
    private async Task<ZooKeeperClient> ConnectBelowAsync()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        return await servers.ConnectAsync(chroot: await Servers.RootAsync(zk));
    }
}
