namespace Okapi.Recipes;

/// <summary>What happened in a cache.</summary>
public enum CacheChangeKind
{
    /// <summary>A znode is there that was not: <see cref="CacheChange.New"/>. Parents come before children.</summary>
    Created = 0,

    /// <summary>A znode's data was set, to the same bytes or others: from <see cref="CacheChange.Old"/> to <see cref="CacheChange.New"/>.</summary>
    Changed = 1,

    /// <summary>A znode is gone: <see cref="CacheChange.Old"/>. Children come before parents.</summary>
    Deleted = 2,

    /// <summary>What came before this was the state when the stream began; what comes after are changes of it. Comes once.</summary>
    Loaded = 3,
}

/// <summary>A change of what a cache holds.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Path">The znode; for <see cref="CacheChangeKind.Loaded"/> the cache's own.</param>
/// <param name="Old">What it was; null if there was none.</param>
/// <param name="New">What it is; null if there is none.</param>
public readonly record struct CacheChange(CacheChangeKind Kind, string Path, CachedNode? Old, CachedNode? New)
{
    internal static CacheChange Created(CachedNode node) => new(CacheChangeKind.Created, node.Path, null, node);

    internal static CacheChange Changed(CachedNode old, CachedNode now) => new(CacheChangeKind.Changed, now.Path, old, now);

    internal static CacheChange Deleted(CachedNode node) => new(CacheChangeKind.Deleted, node.Path, node, null);
}
