namespace Okapi.Recipes.Caches;

/// <summary>Which paths a cache holds.</summary>
internal sealed record Reach(string Root, CacheScope Scope)
{
    /// <summary>Where a path's first element below the root begins.</summary>
    public int Below => Root.Length == 1 ? 1 : Root.Length + 1;

    public bool Covers(string path)
    {
        if (path == Root) return true;
        if (Scope == CacheScope.SingleNode || !ZnodePath.IsSameOrBelow(path, Root)) return false;
        return Scope == CacheScope.Tree || path.IndexOf('/', Below) < 0;
    }

    /// <summary>Whether it holds a znode's children.</summary>
    public bool CoversChildrenOf(string path) => Scope == CacheScope.Tree || (Scope == CacheScope.Children && path == Root);

    /// <exception cref="ArgumentException">It does not cover the path, so it cannot say whether there is such a znode.</exception>
    public void Require(string path, bool children = false)
    {
        ZnodePath.Validate(path);
        if (!Covers(path) || (children && !CoversChildrenOf(path)))
            throw new ArgumentException($"The cache of {Root} (scope {Scope}) does not hold {(children ? "the children of " : "")}{path}.", nameof(path));
    }
}
