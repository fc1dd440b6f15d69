namespace Okapi.Recipes;

/// <summary>Barriers on a client.</summary>
public static class ZooKeeperBarriers
{
    /// <summary>A barrier, at which everybody waits while its znode exists.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">Its znode; missing parents are created as containers.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The barrier; nothing is sent yet.</returns>
    public static DistributedBarrier Barrier(this ZooKeeperClient zk, string path, RecipeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        ZnodePath.Validate(path);
        return new(zk, path, (options ?? new()).Acl);
    }

    /// <summary>A double barrier, which a number of members pass together, in and out.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">The znode with the members below it; created as a container, or to stay with kazoo's naming. Each round should have a path of its own.</param>
    /// <param name="memberCount">How many members it takes to pass; 1 or more, and the same for all.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The barrier; nothing is sent yet.</returns>
    public static DistributedDoubleBarrier DoubleBarrier(this ZooKeeperClient zk, string path, int memberCount, RecipeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        ZnodePath.Validate(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(memberCount, 1);
        return new(zk, path, memberCount, (options ?? new()) with { });
    }
}
