namespace Okapi.Recipes.Caches;

/// <summary>What a read of one path has found.</summary>
internal readonly record struct NodeReading
{
    /// <summary>The znode; null if there is none, or <see cref="IsUnchanged"/>.</summary>
    public CachedNode? Node { get; init; }

    /// <summary>Whether it is still what the cache had when the read began.</summary>
    public bool IsUnchanged { get; init; }

    /// <summary>Whether its children were asked for.</summary>
    public bool IsListed { get; init; }

    /// <summary>The children's names; null if the ACL forbids to know them.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>The last transaction that changed the list of children when it was read.</summary>
    public long Pzxid { get; init; }
}

/// <summary>Reads znodes for a cache.</summary>
internal sealed class NodeReader(ZooKeeperClient zk, Reach reach, bool keepData)
{
    /// <summary>Reads a znode.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="known">What the cache has: its data is not read again if a load finds that it is still that. Null: it has nothing.</param>
    /// <param name="load">Whether to list the children too.</param>
    /// <param name="cancellationToken">Ends the read.</param>
    public async Task<NodeReading> ReadAsync(string path, CachedNode? known, bool load, CancellationToken cancellationToken)
    {
        NodeReading reading = default;
        Stat stat = default;
        if (load && known is { IsForbidden: false })
        {
            if (await StatAsync(path, cancellationToken).ConfigureAwait(false) is not { } seen) return default;
            reading = new() { IsUnchanged = known.IsSameAs(seen) };
            stat = seen;
        }

        if (!reading.IsUnchanged)
        {
            if (await ReadNodeAsync(path, cancellationToken).ConfigureAwait(false) is not { } node) return default;
            reading = new() { Node = node };
            stat = node.Stat;
        }

        if (!load || !reach.CoversChildrenOf(path)) return reading;
        if (stat.ChildCount == 0) return reading with { IsListed = true, Names = [], Pzxid = stat.Pzxid };
        try
        {
            NodeChildren children = await zk.GetChildrenWithStatAsync(path, cancellationToken).ConfigureAwait(false);
            return reading with { IsListed = true, Names = children.Names, Pzxid = children.Stat.Pzxid };
        }
        catch (NoNodeException)
        {
            return default;
        }
        catch (NoAuthException)
        {
            return reading with { IsListed = true };
        }
    }

    private async Task<CachedNode?> ReadNodeAsync(string path, CancellationToken cancellationToken)
    {
        bool isForbidden = false;
        if (keepData)
        {
            try
            {
                return await zk.TryGetAsync(path, cancellationToken).ConfigureAwait(false) is { } read ? new(path, read.Data, read.Stat) : null;
            }
            catch (NoAuthException)
            {
                isForbidden = true;
            }
        }

        if (await StatAsync(path, cancellationToken).ConfigureAwait(false) is not { } stat) return null;
        return new(path, default, stat, isForbidden || stat == default(Stat));
    }

    /// <summary>The Stat, or an empty one: servers since 3.9 may keep that to themselves too.</summary>
    private async Task<Stat?> StatAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return await zk.ExistsAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (NoAuthException)
        {
            return default(Stat);
        }
    }
}
