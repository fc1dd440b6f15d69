using Okapi.Recipes;

namespace Okapi.Samples;

internal static class CacheExamples
{
    public static async Task TreeAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await zk.EnsurePathAsync("/config/web", cancellationToken: ct);
        await using ZnodeCache config = await zk.OpenCacheAsync("/config", cancellationToken: ct);
        Console.WriteLine($"{config.Count} znodes, read without asking a server");
        Task writing = zk.SetAsync("/config/web", "port=8080"u8.ToArray(), cancellationToken: ct).AsTask();
        await foreach (CacheChange change in config.ChangesAsync(ct))
        {
            if (change.New?.Data.Length > 0)
            {
                Console.WriteLine($"{change.Kind} {change.Path}");
                break;
            }
        }

        await writing;
    }
}
