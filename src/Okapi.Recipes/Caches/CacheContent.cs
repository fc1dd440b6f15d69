using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Caches;

/// <summary>
/// Turns what reads have found into what the cache holds. Events and lists of names only say what to read; what is in the cache was read, or cannot be there any more. Not safe for threads: its owner has a lock.
/// </summary>
internal sealed class CacheContent(Reach reach, CacheOptions options, ReadQueue queue)
{
    private readonly List<CacheChange> _changes = [];

    public CacheSnapshot Snapshot { get; private set; } = new(reach, null);

    /// <summary>Takes what a read has found.</summary>
    /// <returns>False if it may be old, so that it has to be read again.</returns>
    /// <exception cref="CacheLimitExceededException">It is too much.</exception>
    public bool Take(PendingRead read, in NodeReading found)
    {
        if (found is { Node: null, IsUnchanged: false })
        {
            // It may be there again, and its new children already here.
            if (read.IsOutdated) return false;
            Remove(read.Path);
            return true;
        }

        if (found.Node is { } node)
        {
            Put(node, read.IsLoad);
        }
        else if (Snapshot.Find(read.Path) is null)
        {
            read.IsLoadAgain = true; // it went while it was found unchanged
            return false;
        }

        if (found.IsListed) TakeNames(read.Path, found.Names, found.Pzxid);
        return true;
    }

    /// <summary>What has changed since the last call, in order.</summary>
    public CacheChange[] TakeChanges()
    {
        CacheChange[] changes = [.. _changes];
        _changes.Clear();
        return changes;
    }

    private void Put(CachedNode node, bool isLoad)
    {
        string path = node.Path;
        Branch? old = Snapshot.Find(path);
        if (old is null)
        {
            if (path != reach.Root && ZnodePath.GetParent(path) is { } parent && Snapshot.Find(parent) is null)
            {
                queue.Ask(parent, load: true); // which finds this one too, if there is a parent
                return;
            }

            Replace(path, Branch.Leaf(node));
            _changes.Add(CacheChange.Created(node));
        }
        else if (old.Node.IsSameAs(node) || (!isLoad && !node.IsForbidden && old.Node.IsNewerThan(node)))
        {
            // Nothing new. That something older is right is possible after an ensemble was put back to an earlier state; the load that a new session begins with finds it.
        }
        else if (old.Node.Stat.IsSameZnodeAs(node.Stat))
        {
            Replace(path, old.With(node));
            _changes.Add(CacheChange.Changed(old.Node, node));
        }
        else
        {
            Recreate(old, node);
        }
    }

    /// <summary>The znode is another one than it was: what was below the old one is gone, but what is younger than the new one is below that.</summary>
    private void Recreate(Branch old, CachedNode node)
    {
        Branch now = Branch.Leaf(node);
        foreach ((string name, Branch child) in old.Children)
        {
            if (child.Node.Stat.Czxid >= node.Stat.Czxid) now = now.WithChild(name, child);
            else LoadIfYounger(node.Path, child, node.Stat.Czxid);
        }

        Replace(node.Path, now);
        _changes.AddRange(Difference.Between(old, now));
    }

    private void TakeNames(string path, IReadOnlyList<string>? names, long pzxid)
    {
        if (Snapshot.Find(path) is not { } parent) return; // it had no parent, and is loaded again with that
        HashSet<string> listed = [.. names ?? []];
        foreach ((string name, Branch child) in parent.Children)
        {
            if (listed.Contains(name)) continue;
            // A list can be older than a child that is not in it; if it is not, the child is gone.
            if (names is not null && child.Node.Stat.Czxid <= pzxid) RemoveAsOf(pzxid, child);
            else queue.Ask(child.Node.Path, load: true);
        }

        // Said before a million names are read, not after.
        Require(nameof(CacheOptions.MaxNodes), options.MaxNodes, (long)Snapshot.Count + listed.Count(name => !parent.Children.ContainsKey(name)));
        foreach (string name in listed) queue.Ask(ZnodePath.Combine(path, name), load: true);
    }

    /// <summary>A child was gone at a transaction. It may be there again, and what is below the new one may be here already, below the old one; that is found again.</summary>
    private void RemoveAsOf(long zxid, Branch child)
    {
        string path = child.Node.Path;
        if (queue.IsPending(path)) queue.Ask(path, load: true);
        else LoadIfYounger(path, child, zxid);
        Remove(path);
    }

    private void Remove(string path)
    {
        if (Snapshot.Find(path) is not { } gone) return;
        Snapshot = Snapshot.With(path, null);
        _changes.AddRange(Difference.Between(gone, null));
    }

    private void LoadIfYounger(string path, Branch dropped, long zxid)
    {
        if (dropped.Nodes().Any(node => node.Stat.Czxid >= zxid)) queue.Ask(path, load: true);
    }

    private void Replace(string path, Branch branch)
    {
        Snapshot = Snapshot.With(path, branch);
        Require(nameof(CacheOptions.MaxNodes), options.MaxNodes, Snapshot.Count);
        Require(nameof(CacheOptions.MaxBytes), options.MaxBytes, Snapshot.Bytes);
    }

    private void Require(string limit, long allowed, long needed)
    {
        if (needed > allowed) throw new CacheLimitExceededException(reach.Root, limit, allowed, needed);
    }
}
