using System.Text;

namespace Okapi.Recipes.Tests.Caches;

/// <summary>Reads a cache's stream of changes, does them one by one, and checks that each is possible.</summary>
internal sealed class Replay : IAsyncDisposable
{
    private readonly ZnodeCache _cache;
    private readonly IAsyncEnumerator<CacheChange> _changes;

    private Replay(ZnodeCache cache)
    {
        _cache = cache;
        _changes = cache.ChangesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();
    }

    public SortedDictionary<string, CachedNode> Nodes { get; } = new(StringComparer.Ordinal);

    /// <summary>What came, as text that reads well: <c>Created /a=1</c>.</summary>
    public List<string> Seen { get; } = [];

    /// <summary>Reads up to the mark that says that the state is complete, and forgets what was seen.</summary>
    public static async Task<Replay> OpenAsync(ZnodeCache cache)
    {
        var replay = new Replay(cache);
        while ((await replay.NextAsync()).Kind != CacheChangeKind.Loaded);
        replay.Seen.Clear();
        return replay;
    }

    public async Task<CacheChange> NextAsync()
    {
        Assert.True(await _changes.MoveNextAsync().AsTask().Soon(), "The stream has ended.");
        CacheChange change = _changes.Current;
        Seen.Add($"{change.Kind} {change.Path}" + (change.New is { } now ? $"={Encoding.UTF8.GetString(now.Data.Span)}" : ""));
        Apply(change);
        return change;
    }

    /// <summary>Reads until the replayed state is that of the server, which must be that of the cache then.</summary>
    public async Task UntilSameAsync(ZooKeeperClient zk, string root)
    {
        SortedDictionary<string, string> wanted = await TruthAsync(zk, root);
        while (!wanted.SequenceEqual(Text(Nodes.Values))) await NextAsync();
        Assert.Equal(wanted, Text(_cache.Snapshot().Nodes));
    }

    public async Task UntilAsync(Func<CacheChange, bool> isIt)
    {
        while (!isIt(await NextAsync()));
    }

    public ValueTask DisposeAsync() => _changes.DisposeAsync();

    /// <summary>The tree as the server has it: which node (czxid), which state of it (mzxid), which data.</summary>
    public static async Task<SortedDictionary<string, string>> TruthAsync(ZooKeeperClient zk, string root)
    {
        var nodes = new List<CachedNode>();
        await foreach (WalkedNode walked in zk.WalkAsync(root))
        {
            NodeData read = await zk.GetAsync(walked.Path);
            nodes.Add(new(walked.Path, read.Data, read.Stat));
        }

        return Text(nodes);
    }

    public static SortedDictionary<string, string> Text(IEnumerable<CachedNode> nodes) => new(
        nodes.ToDictionary(node => node.Path, node => $"{node.Stat.Czxid} {node.Stat.Mzxid} {node.Stat.Version} {Encoding.UTF8.GetString(node.Data.Span)}"),
        StringComparer.Ordinal);

    private void Apply(CacheChange change)
    {
        (CacheChangeKind kind, string path, CachedNode? old, CachedNode? now) = change;
        if (kind == CacheChangeKind.Loaded) return;
        Assert.Same(old, Nodes.GetValueOrDefault(path));
        Assert.Equal(kind == CacheChangeKind.Deleted, now is null);
        Assert.Equal(kind == CacheChangeKind.Created, old is null);
        if (now is null)
        {
            Assert.DoesNotContain(Nodes.Keys, other => other != path && ZnodePath.IsSameOrBelow(other, path));
            Nodes.Remove(path);
        }
        else
        {
            if (path != _cache.Path) Assert.Contains(ZnodePath.GetParent(path)!, Nodes.Keys);
            Nodes[path] = now;
        }
    }
}
