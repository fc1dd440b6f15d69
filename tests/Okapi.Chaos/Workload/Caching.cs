using Okapi.Chaos.Histories;
using Okapi.Recipes;

namespace Okapi.Chaos;

/// <summary>Keeps a cache of a branch in which znodes come and go, and shows in the end what is in it.</summary>
internal sealed class Caching(Calls calls, string root) : Activity
{
    private ZnodeCache? _cache;

    public override Task RunAsync(CancellationToken stop) =>
        RepeatAsync(async () => _cache ??= await calls.Zk.OpenCacheAsync(root, cancellationToken: stop), () => TimeSpan.FromMilliseconds(500), stop);

    public override async Task FinishAsync(CancellationToken limit)
    {
        ZnodeCache cache = _cache ?? throw new InvalidOperationException($"The cache of {root} could never be opened.");
        // The marker was made last of all: a cache that has it, and is current, has all.
        while (cache.TryGet(Layout.Marker(root)) is null || !cache.IsCurrent)
        {
            await Task.Delay(50, limit);
        }

        foreach (CachedNode node in cache.Snapshot().Nodes)
        {
            calls.History.Add(new CacheEntry
            {
                Client = calls.Client,
                Root = root,
                Path = node.Path,
                Tag = DataTag.Of(node.Data.Span),
                Mzxid = node.Stat.Mzxid,
            });
        }

        await cache.DisposeAsync();
    }
}
