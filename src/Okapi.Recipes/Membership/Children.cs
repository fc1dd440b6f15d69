using System.Runtime.CompilerServices;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Membership;

/// <summary>A child of a znode.</summary>
internal readonly record struct Child(string Name, NodeData Node);

/// <summary>A child that came, went or has other data.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Child">What it is now; for one that went, what it was.</param>
/// <param name="Previous">What it was, if it was there.</param>
internal readonly record struct ChildChange(MembershipChangeKind Kind, Child Child, Child? Previous);

/// <summary>The children of a znode with their data, as they change.</summary>
internal static class Children
{
    /// <summary>How many reads are under way at most.</summary>
    private const int BatchSize = 256;

    /// <summary>
    /// The children that are there, as one list (empty if there are none), and then what changes. Applied one after another the changes give the children, across gaps too: after one the
    /// difference is found by reading. A child that was deleted and created again comes as left and joined. The znode need not exist.
    /// </summary>
    public static async IAsyncEnumerable<IReadOnlyList<ChildChange>> FollowAsync(ZooKeeperClient zk, string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var known = new Dictionary<string, Child>(StringComparer.Ordinal);
        Watch watch = await Endurance.AcrossSessions.AskAsync(zk, ct => zk.WatchAsync(path, WatchMode.PersistentRecursive, ct), cancellationToken).ConfigureAwait(false);
        await using (((IAsyncDisposable)watch).ConfigureAwait(false))
        {
            yield return Replace(known, await ReadAsync(zk, path, cancellationToken).ConfigureAwait(false));
            await foreach (WatchedEvent change in watch.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                if (change.Type == WatchedEventType.Resync)
                {
                    if (Replace(known, await ReadAsync(zk, path, cancellationToken).ConfigureAwait(false)) is { Count: > 0 } differences) yield return differences;
                }
                else if (change.Path is { Length: > 1 } && ZnodePath.GetParent(change.Path) == path)
                {
                    // What is there now, and not what the event says: it may tell of what a reading has seen already, and more may have happened since.
                    string name = ZnodePath.GetName(change.Path);
                    Child? now = await ReadChildAsync(zk, path, name, cancellationToken).ConfigureAwait(false);
                    if (Apply(known, name, now) is { Count: > 0 } differences) yield return differences;
                }
            }
        }
    }

    /// <summary>The children that are there, by their names; none if the znode does not exist.</summary>
    public static Task<IReadOnlyList<Child>> ReadAsync(ZooKeeperClient zk, string path, CancellationToken cancellationToken) =>
        Endurance.AcrossSessions.AskAsync(zk, ct => ReadOnceAsync(zk, path, ct), cancellationToken);

    private static async Task<IReadOnlyList<Child>> ReadOnceAsync(ZooKeeperClient zk, string path, CancellationToken cancellationToken)
    {
        var children = new List<Child>();
        IReadOnlyList<string> names = await zk.TryGetChildrenAsync(path, cancellationToken).ConfigureAwait(false) ?? [];
        foreach (string[] batch in names.Order(StringComparer.Ordinal).Chunk(BatchSize))
        {
            Task<NodeData?>[] reads = [.. batch.Select(name => zk.TryGetAsync(ZnodePath.Combine(path, name), cancellationToken).AsTask())];
            await Task.WhenAll(reads).ConfigureAwait(false);
            for (int i = 0; i < reads.Length; i++)
                if (await reads[i].ConfigureAwait(false) is { } node) children.Add(new(batch[i], node));
        }

        return children;
    }

    private static Task<Child?> ReadChildAsync(ZooKeeperClient zk, string path, string name, CancellationToken cancellationToken) =>
        Endurance.AcrossSessions.AskAsync(zk, async ct => await zk.TryGetAsync(ZnodePath.Combine(path, name), ct).ConfigureAwait(false) is { } node ? new Child(name, node) : (Child?)null, cancellationToken);

    private static List<ChildChange> Replace(Dictionary<string, Child> known, IReadOnlyList<Child> children)
    {
        var changes = new List<ChildChange>();
        var names = children.Select(child => child.Name).ToHashSet(StringComparer.Ordinal);
        foreach (string gone in known.Keys.Where(name => !names.Contains(name)).Order(StringComparer.Ordinal).ToArray()) changes.AddRange(Apply(known, gone, null));
        foreach (Child child in children) changes.AddRange(Apply(known, child.Name, child));
        return changes;
    }

    private static List<ChildChange> Apply(Dictionary<string, Child> known, string name, Child? now)
    {
        Child? before = known.TryGetValue(name, out Child found) ? found : null;
        if (now is { } present) known[name] = present;
        else known.Remove(name);
        return (before, now) switch
        {
            (null, null) => [],
            (null, { } joined) => [new(MembershipChangeKind.Joined, joined, null)],
            ({ } left, null) => [new(MembershipChangeKind.Left, left, left)],
            ({ } old, { } same) when old.Node.Stat.IsSameWriteAs(same.Node.Stat) => [],
            ({ } old, { } same) when old.Node.Stat.IsSameZnodeAs(same.Node.Stat) => [new(MembershipChangeKind.Changed, same, old)],
            ({ } left, { } joined) => [new(MembershipChangeKind.Left, left, left), new(MembershipChangeKind.Joined, joined, null)],
        };
    }
}
