using System.Text;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Locks;

/// <summary>Reads who is in a line, and what they say of themselves.</summary>
internal static class Contenders
{
    public static async Task<IReadOnlyList<LockContender>> ReadAsync(ZooKeeperClient zk, Line line, CancellationToken cancellationToken)
    {
        var found = new List<LockContender>();
        foreach (Contender contender in await line.ListAsync(cancellationToken).ConfigureAwait(false))
            if (await ReadAsync(zk, line, contender, cancellationToken).ConfigureAwait(false) is { } read) found.Add(read);
        return found;
    }

    /// <returns>Null: he has left meanwhile.</returns>
    public static async Task<LockContender?> ReadAsync(ZooKeeperClient zk, Line line, Contender contender, CancellationToken cancellationToken)
    {
        string path = ZnodePath.Combine(line.Path, contender.Name);
        NodeData? node = await Endurance.AcrossSessions.AskAsync(zk, ct => zk.TryGetAsync(path, ct).AsTask(), cancellationToken).ConfigureAwait(false);
        return node is { } there ? new(path, Encoding.UTF8.GetString(there.Data), there.Stat.Czxid) : null;
    }
}
