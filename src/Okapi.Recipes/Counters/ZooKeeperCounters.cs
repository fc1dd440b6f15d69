namespace Okapi.Recipes;

/// <summary>Counters and shared values on a client.</summary>
public static class ZooKeeperCounters
{
    /// <summary>A counter of 64 bits.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">Its znode; missing parents are created as containers, the znode itself is persistent.</param>
    /// <param name="options">Options; null: Curator's format. They are copied.</param>
    /// <returns>The counter; nothing is sent yet.</returns>
    public static AtomicCounter Counter(this ZooKeeperClient zk, string path, AtomicCounterOptions? options = null)
    {
        Validate(zk, path);
        return new(zk, path, options ?? new());
    }

    /// <summary>A shared value with versions.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">Its znode; missing parents are created as containers, the znode itself is persistent.</param>
    /// <param name="seed">The value that it gets where it has none yet.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The value; nothing is sent yet.</returns>
    public static SharedValue SharedValue(this ZooKeeperClient zk, string path, ReadOnlyMemory<byte> seed = default, RecipeOptions? options = null)
    {
        Validate(zk, path);
        return new(zk, path, seed, options ?? new());
    }

    /// <summary>A shared number with versions.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">Its znode; missing parents are created as containers, the znode itself is persistent.</param>
    /// <param name="seed">The value that it gets where it has none yet.</param>
    /// <param name="options">Options; null: all defaults.</param>
    /// <returns>The number; nothing is sent yet.</returns>
    public static SharedCount SharedCount(this ZooKeeperClient zk, string path, int seed = 0, RecipeOptions? options = null)
    {
        Validate(zk, path);
        return new(zk, path, seed, options ?? new());
    }

    private static void Validate(ZooKeeperClient zk, string path)
    {
        ArgumentNullException.ThrowIfNull(zk);
        ZnodePath.Validate(path);
    }
}
