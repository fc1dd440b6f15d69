using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Queues;

/// <summary>
/// Where a queue's znodes are. Both folders are persistent, as Curator and kazoo make them: they look for them once and rely on them; and in a container, which goes when it is empty, numbers would
/// begin at 0 again, so that an entry could be deleted by who means an older one of the same name.
/// </summary>
internal sealed record QueueFolder(ZooKeeperClient Zk, string Path, string LockPath, NodeNaming Naming, IReadOnlyList<Acl>? Acl)
{
    public string PathOf(EntryName entry) => ZnodePath.Combine(Path, entry.Name);

    public Task EnsureAsync(CancellationToken cancellationToken) => EnsureAsync(Path, cancellationToken);

    public Task EnsureLocksAsync(CancellationToken cancellationToken) => EnsureAsync(LockPath, cancellationToken);

    private async Task EnsureAsync(string path, CancellationToken cancellationToken)
    {
        while ((await Zk.TryCreateAsync(path, acl: Acl, cancellationToken: cancellationToken).ConfigureAwait(false)).Outcome is not (CreateOutcome.Created or CreateOutcome.NodeExists))
            await Containers.EnsureAsync(Zk, ZnodePath.GetParent(path)!, Acl, cancellationToken).ConfigureAwait(false);
    }
}
