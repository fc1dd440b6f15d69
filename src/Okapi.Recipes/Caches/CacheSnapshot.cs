using System.Collections;
using Okapi.Recipes.Caches;

namespace Okapi.Recipes;

/// <summary>
/// What a cache held at one moment. It never changes, and taking one costs nothing: snapshots share what they have in common. Every znode in it has its parent in it, up to the cache's own. It is not a state of the
/// tree at one transaction: znodes are read one by one, so of a transaction that changed two of them it can show one change without the other.
/// </summary>
public sealed class CacheSnapshot
{
    private readonly Reach _reach;
    private readonly Branch? _root;

    internal CacheSnapshot(Reach reach, Branch? root)
    {
        _reach = reach;
        _root = root;
    }

    /// <summary>The cache's path.</summary>
    public string Path => _reach.Root;

    /// <summary>How many znodes.</summary>
    public int Count => _root?.Count ?? 0;

    /// <summary>How much memory they take, about: their data and paths, and 300 bytes for each.</summary>
    public long Bytes => _root?.Bytes ?? 0;

    /// <summary>All znodes, parents before children, children in ordinal order of their names.</summary>
    public IEnumerable<CachedNode> Nodes => _root?.Nodes() ?? [];

    internal Branch? Root => _root;

    /// <summary>Looks up a znode.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The znode; null if there is none.</returns>
    /// <exception cref="ArgumentException">The cache does not hold that path, so it cannot tell.</exception>
    public CachedNode? TryGet(string path)
    {
        _reach.Require(path);
        return Find(path)?.Node;
    }

    /// <summary>A znode's children.</summary>
    /// <param name="path">The parent's path.</param>
    /// <returns>The children, in ordinal order of their names; none if there is no such znode.</returns>
    /// <exception cref="ArgumentException">The cache does not hold that znode's children, so it cannot tell.</exception>
    public IReadOnlyCollection<CachedNode> GetChildren(string path)
    {
        _reach.Require(path, children: true);
        return Find(path) is { } found ? new ChildNodes(found) : [];
    }

    internal Branch? Find(string path)
    {
        Branch? at = _root;
        for (int from = _reach.Below; at is not null && from < path.Length;) at = at.Children.GetValueOrDefault(NextName(path, ref from));
        return at;
    }

    /// <summary>The state with something else at a path (null: nothing), whose parent is there.</summary>
    internal CacheSnapshot With(string path, Branch? branch)
    {
        var above = new Stack<(Branch Parent, string Name)>();
        Branch? at = _root;
        for (int from = _reach.Below; from < path.Length;)
        {
            string name = NextName(path, ref from);
            above.Push((at ?? throw new InvalidOperationException($"{path} has no parent in the cache."), name));
            at = at.Children.GetValueOrDefault(name);
        }

        while (above.TryPop(out (Branch Parent, string Name) up)) branch = branch is null ? up.Parent.WithoutChild(up.Name) : up.Parent.WithChild(up.Name, branch);
        return new(_reach, branch);
    }

    private static string NextName(string path, ref int from)
    {
        int slash = path.IndexOf('/', from);
        if (slash < 0) slash = path.Length;
        string name = path[from..slash];
        from = slash + 1;
        return name;
    }

    private sealed class ChildNodes(Branch parent) : IReadOnlyCollection<CachedNode>
    {
        public int Count => parent.Children.Count;

        public IEnumerator<CachedNode> GetEnumerator() => parent.Children.Values.Select(child => child.Node).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
