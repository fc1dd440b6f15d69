using System.Text;

namespace Okapi.Recipes.Tests.Caches;

/// <summary>Caches across lost connections and sessions.</summary>
public abstract class CacheOutageTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : CacheOutageTests(servers);

    public sealed class OnEmbedded(Embedded servers) : CacheOutageTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : CacheOutageTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static ZooKeeperOptions Impatient => new() { BackoffMaximum = TimeSpan.FromMilliseconds(100) };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task H65_What_changed_during_a_cut_is_told_after_it(bool isNewSession)
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        foreach (string name in (string[])["set", "gone", "gone/below", "again", "again/old", "same", "same/child"]) await other.CreateAsync($"{root}/{name}", "1"u8.ToArray());
        ZooKeeperOptions options = Impatient;
        options.Recovery = SessionRecovery.NewSession;
        await using ZooKeeperClient zk = await proxy.ConnectAsync(options);
        await using ZnodeCache cache = await zk.OpenCacheAsync(root, cancellationToken: Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        long session = zk.SessionId;
        await proxy.BreakAsync();
        if (isNewSession) await (await servers.ConnectAsync(new() { Resume = zk.GetSessionCredentials() })).DisposeAsync(); // which ends the session
        await other.SetAsync($"{root}/set", "2"u8.ToArray());
        await other.DeleteRecursiveAsync($"{root}/gone");
        await other.DeleteRecursiveAsync($"{root}/again");
        await other.CreateAsync($"{root}/again", "2"u8.ToArray());
        await other.CreateAsync($"{root}/again/new", "2"u8.ToArray());
        await other.CreateAsync($"{root}/new", "2"u8.ToArray());
        await other.CreateAsync($"{root}/same/new", "2"u8.ToArray());
        Assert.Empty(replay.Seen);
        proxy.Heal();
        await replay.UntilSameAsync(other, root);
        string[] expected =
        [
            "Changed /set=2", "Created /again/new=2", "Created /again=2", "Created /new=2", "Created /same/new=2", "Deleted /again", "Deleted /again/old", "Deleted /gone", "Deleted /gone/below",
        ];
        Assert.Equal(expected, replay.Seen.Select(change => change.Replace(root, "", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(isNewSession, zk.SessionId != session);

        // And it goes on following.
        await other.SetAsync($"{root}/set", "3"u8.ToArray());
        await replay.UntilSameAsync(other, root);
        await Waiting.UntilAsync(() => Task.FromResult(cache.IsCurrent), "it follows");
    }

    [Fact]
    public async Task A_cache_of_a_client_without_recovery_fails_with_its_session()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient);
        await using ZnodeCache cache = await zk.OpenCacheAsync(root, cancellationToken: Ct);
        await using Replay replay = await Replay.OpenAsync(cache);
        await proxy.BreakAsync();
        await (await servers.ConnectAsync(new() { Resume = zk.GetSessionCredentials() })).DisposeAsync();
        proxy.Heal();
        await Assert.ThrowsAsync<SessionExpiredException>(() => cache.Completion.Soon());
        Assert.Throws<SessionExpiredException>(cache.Snapshot);
        await Assert.ThrowsAsync<SessionExpiredException>(replay.NextAsync);
    }

    [Fact]
    public async Task A_cache_ends_with_its_client()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZnodeCache cache = await zk.OpenCacheAsync(await Servers.RootAsync(zk), cancellationToken: Ct);
        await zk.DisposeAsync();
        await Assert.ThrowsAsync<SessionClosedException>(() => cache.Completion.Soon());
    }

    [Fact]
    public async Task A_cache_without_a_connection_keeps_what_it_has_and_can_be_disposed()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient);
        ZnodeCache cache = await zk.OpenCacheAsync(root, cancellationToken: Ct);
        await proxy.BreakAsync();
        await Waiting.UntilAsync(() => Task.FromResult(!cache.IsCurrent), "it knows that it is cut off");
        Assert.NotNull(cache.TryGet(root));
        await cache.DisposeAsync().AsTask().Soon();
        proxy.Heal();
        await zk.GetAsync(root, Ct);
        // The connection that was cut may go a moment after the next has come, and its watches with it; one that was armed again would stay.
        await Waiting.UntilAsync(async () => !(await servers.WordAsync("wchp")).Contains(root + "\n", StringComparison.Ordinal), "the watch is gone");
    }

    [Fact]
    public async Task Giving_up_while_it_opens_leaves_nothing()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(Impatient);
        proxy.HoldReplies();
        using var enough = new CancellationTokenSource();
        Task<ZnodeCache> opening = zk.OpenCacheAsync(root, cancellationToken: enough.Token);
        await Waiting.UntilAsync(async () => (await servers.WordAsync("wchp")).Contains(root + "\n", StringComparison.Ordinal), "the watch is set");
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening.Soon());
        proxy.Heal();
        await Waiting.UntilAsync(async () => !(await servers.WordAsync("wchp")).Contains(root + "\n", StringComparison.Ordinal), "the watch is gone");
    }

    [Theory]
    [InlineData(1, 4_096, CacheScope.Tree)]
    [InlineData(2, 4_096, CacheScope.Tree)]
    [InlineData(3, 4, CacheScope.Tree)] // events are lost to a buffer that is too small as well
    [InlineData(4, 4_096, CacheScope.Children)]
    [InlineData(5, 4, CacheScope.Children)]
    public async Task Replaying_the_changes_gives_the_tree_whatever_happened(int seed, int eventBuffer, CacheScope scope)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient writer = await servers.ConnectAsync();
        string root = await Servers.RootAsync(writer);
        ZooKeeperOptions options = Impatient;
        options.Recovery = SessionRecovery.NewSession;
        options.EventBufferSize = eventBuffer;
        await using ZooKeeperClient zk = await proxy.ConnectAsync(options);
        await using ZnodeCache cache = await zk.OpenCacheAsync(root, new() { Scope = scope, MaxConcurrentReads = seed % 2 == 0 ? 3 : 256 }, Ct);
        await using Replay early = await Replay.OpenAsync(cache);
        var random = new Random(seed);
        var paths = new List<string> { root };
        for (int i = 0; i < 1_500; i++)
        {
            if (random.Next(150) == 0) await proxy.CutAsync();
            if (random.Next(700) == 0) await EndSessionAsync(zk);
            await WriteAsync(writer, scope, random, paths, i);
        }

        await using Replay late = await Replay.OpenAsync(cache);
        await early.UntilSameAsync(writer, root);
        await late.UntilSameAsync(writer, root);
    }

    private async Task EndSessionAsync(ZooKeeperClient zk)
    {
        try
        {
            await (await servers.ConnectAsync(new() { Resume = zk.GetSessionCredentials() })).DisposeAsync();
        }
        catch (SessionExpiredException)
        {
            // It was ended a moment ago.
        }
    }

    private static async Task WriteAsync(ZooKeeperClient writer, CacheScope scope, Random random, List<string> paths, int number)
    {
        string path = paths[random.Next(paths.Count)];
        byte[] data = Encoding.UTF8.GetBytes($"{number}");
        int depth = path.Count(c => c == '/');
        switch (random.Next(10))
        {
            case < 4 when depth < (scope == CacheScope.Tree ? 6 : 2):
                string child = $"{path}/{random.Next(4)}";
                if ((await writer.TryCreateAsync(child, data)).IsCreated) paths.Add(child);
                break;
            case < 8:
                await writer.TrySetAsync(path, data);
                break;
            case 8 when paths.Count > 1 && path != paths[0]:
                await writer.DeleteRecursiveAsync(path);
                paths.RemoveAll(each => ZnodePath.IsSameOrBelow(each, path));
                break;
            case 9 when paths.Count > 1 && path != paths[0]:
                // Another znode under the same name at once, sometimes with a child.
                await writer.DeleteRecursiveAsync(path);
                paths.RemoveAll(each => each != path && ZnodePath.IsSameOrBelow(each, path));
                await writer.CreateAsync(path, data);
                if (scope != CacheScope.Tree || depth >= 6 || random.Next(2) == 0) break;
                await writer.CreateAsync($"{path}/0", data);
                paths.Add($"{path}/0");
                break;
        }
    }
}
