namespace Okapi.Recipes;

/// <summary>Ephemeral znodes that are kept, and groups.</summary>
public static class ZooKeeperMembership
{
    /// <summary>Keeps an ephemeral znode at a path until it is disposed. Begins at once; <see cref="EphemeralNode.WaitHeldAsync"/> waits until it is there.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">The path. Missing parents are created as containers, or to stay with kazoo's naming.</param>
    /// <param name="data">Its data; it is copied.</param>
    /// <param name="options">Options; null: the defaults.</param>
    /// <returns>The znode's keeper.</returns>
    public static EphemeralNode EphemeralNode(this ZooKeeperClient zk, string path, ReadOnlyMemory<byte> data = default, RecipeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        return new(zk, path, data, options);
    }

    /// <summary>Joins a group. Begins at once; <c>group.Membership.WaitHeldAsync()</c> waits until it is done.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">The group's znode. Missing parents are created as containers, or to stay with kazoo's naming.</param>
    /// <param name="memberId">This member's id, of its own in the group; a valid name of a znode.</param>
    /// <param name="data">This member's data; it is copied.</param>
    /// <param name="options">Options; null: the defaults.</param>
    /// <returns>The group. Disposing it leaves.</returns>
    /// <exception cref="ArgumentException">A path or name is not valid, or there is data where kazoo has no room for it.</exception>
    public static Group Group(this ZooKeeperClient zk, string path, string memberId, ReadOnlyMemory<byte> data = default, GroupOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        ArgumentException.ThrowIfNullOrEmpty(memberId);
        if (memberId.Contains('/', StringComparison.Ordinal)) throw new ArgumentException("A member's id cannot contain \"/\".", nameof(memberId));
        return new(zk, path, memberId, data, options ?? new());
    }

    /// <summary>Looks at a group without joining it.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">The group's znode; it need not exist.</param>
    /// <param name="options">Options; null: the defaults.</param>
    /// <returns>The group.</returns>
    public static Group Group(this ZooKeeperClient zk, string path, GroupOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        return new(zk, path, memberId: null, data: default, options ?? new());
    }
}
