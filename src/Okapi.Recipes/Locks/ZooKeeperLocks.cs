namespace Okapi.Recipes;

/// <summary>Locks, leases and elections.</summary>
public static class ZooKeeperLocks
{
    /// <summary>A lock that one holds at a time. Nothing is sent before somebody wants it.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The znode that stands for the lock; created when needed, and gone some time after nobody wants it any more.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The lock.</returns>
    public static DistributedLock Lock(this ZooKeeperClient client, string path, LockOptions? options = null)
    {
        Check(client, path);
        return new(client, path, (options ?? new()) with { });
    }

    /// <summary>A lock that many hold who read, or one who writes.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The znode that stands for the lock.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The lock.</returns>
    public static DistributedReaderWriterLock ReaderWriterLock(this ZooKeeperClient client, string path, LockOptions? options = null)
    {
        Check(client, path);
        return new(client, path, (options ?? new()) with { });
    }

    /// <summary>Several locks at once.</summary>
    /// <param name="client">The client.</param>
    /// <param name="paths">The znodes that stand for the locks, in any order.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The locks.</returns>
    public static LockSet Locks(this ZooKeeperClient client, IEnumerable<string> paths, LockOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        string[] all = [.. paths];
        foreach (string path in all) Check(client, path);
        return new(client, all, (options ?? new()) with { });
    }

    /// <summary>Leases of which there are only so many.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The znode that stands for the semaphore.</param>
    /// <param name="maxLeases">How many leases there are, 1 or more; all who use the path have to agree on it.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The semaphore.</returns>
    public static DistributedSemaphore Semaphore(this ZooKeeperClient client, string path, int maxLeases, LockOptions? options = null)
    {
        Check(client, path);
        return new(client, path, maxLeases, (options ?? new()) with { });
    }

    /// <summary>An election: one of the candidates leads at a time.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">The znode that stands for the election.</param>
    /// <param name="name">The name of this candidate, which others can read; null: the machine's name and the process's number.</param>
    /// <param name="options">Options; null: all defaults. Its <see cref="LockOptions.Identity"/> gives way to the name.</param>
    /// <returns>The election. The candidate stands when its terms are asked for.</returns>
    public static LeaderElection Election(this ZooKeeperClient client, string path, string? name = null, LockOptions? options = null)
    {
        Check(client, path);
        LockOptions own = (options ?? new()) with { };
        if (name is not null) own.Identity = name;
        return new(client, path, own);
    }

    private static void Check(ZooKeeperClient client, string path)
    {
        ArgumentNullException.ThrowIfNull(client);
        ZnodePath.Validate(path);
        if (path == "/") throw new ArgumentException("The root cannot stand for a recipe.", nameof(path));
    }
}
