namespace Okapi.Recipes;

/// <summary>Caches of znodes.</summary>
public static class ZooKeeperCaches
{
    /// <summary>Opens a cache of a znode and, by <see cref="CacheOptions.Scope"/>, its children or all that is below it. The znode need not exist.</summary>
    /// <param name="client">The client; it has to outlive the cache.</param>
    /// <param name="path">The znode.</param>
    /// <param name="options">What to hold, and how much at most; null: a whole tree with its data.</param>
    /// <param name="cancellationToken">Ends the attempt; nothing stays behind.</param>
    /// <returns>The cache, once it is loaded.</returns>
    /// <exception cref="ArgumentException">The path or an option is not valid.</exception>
    /// <exception cref="UnimplementedException">The server knows no persistent watches: it is older than ZooKeeper 3.6.</exception>
    /// <exception cref="CacheLimitExceededException">There is more than the cache may hold.</exception>
    /// <exception cref="SessionEndedException">The session ended first.</exception>
    public static Task<ZnodeCache> OpenCacheAsync(this ZooKeeperClient client, string path, CacheOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ZnodePath.Validate(path);
        options = options is null ? new() : options with { };
        options.Validate();
        return ZnodeCache.OpenAsync(client, path, options, cancellationToken);
    }
}
