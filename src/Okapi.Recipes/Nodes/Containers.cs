namespace Okapi.Recipes.Nodes;

/// <summary>Parents of what recipes create: containers, which the server deletes when they are empty, so that nothing stays behind when everybody has gone.</summary>
internal static class Containers
{
    /// <summary>Creates a container and whichever of its ancestors are missing. Needs no right on an ancestor that exists (H64). On servers before 3.5 they are ordinary znodes.</summary>
    public static Task EnsureAsync(ZooKeeperClient zk, string path, IReadOnlyList<Acl>? acl, CancellationToken cancellationToken) =>
        EnsureAsync(zk, path, CreateMode.Container, null, acl, cancellationToken);

    /// <summary>
    /// Creates what is missing as those who share the recipe need it: persistent for kazoo, whose recipes look for the parent once in the life of an object (<c>assured_path</c>) and fail for good when
    /// a server has deleted it since.
    /// </summary>
    public static Task EnsureAsync(ZooKeeperClient zk, string path, NodeNaming naming, ReadOnlyMemory<byte>? data, IReadOnlyList<Acl>? acl, CancellationToken cancellationToken) =>
        EnsureAsync(zk, path, naming == NodeNaming.Kazoo ? CreateMode.Persistent : CreateMode.Container, data, acl, cancellationToken);

    private static async Task EnsureAsync(ZooKeeperClient zk, string path, CreateMode mode, ReadOnlyMemory<byte>? data, IReadOnlyList<Acl>? acl, CancellationToken cancellationToken)
    {
        var missing = new Stack<string>();
        string? next = path;
        while (next is not null)
        {
            CreateResult created;
            try
            {
                created = await zk.TryCreateAsync(next, next == path ? data : null, mode, acl: acl, cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            catch (UnimplementedException) when (mode == CreateMode.Container)
            {
                mode = CreateMode.Persistent;
                continue;
            }

            switch (created.Outcome)
            {
                case CreateOutcome.Created or CreateOutcome.NodeExists:
                    next = missing.Count > 0 ? missing.Pop() : null; // a parent that is deleted meanwhile sends the search up again
                    break;
                case CreateOutcome.NoParent when ZnodePath.GetParent(next) is { } parent:
                    missing.Push(next);
                    next = parent;
                    break;
                default:
                    await zk.EnsurePathAsync(next, acl, cancellationToken).ConfigureAwait(false); // a missing chroot; or it says what is wrong
                    break;
            }
        }
    }
}
