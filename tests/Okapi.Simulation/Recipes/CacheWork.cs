using Okapi.Recipes;
using Okapi.Simulation.Network;
using Okapi.Simulation.Work;

namespace Okapi.Simulation.Recipes;

/// <summary>A cache of the tree that all write to: it is the tree again when all is well, and its changes lead there.</summary>
internal sealed class CacheWork(World world, Luck luck) : RecipeWork(world, luck)
{
    private readonly List<(Player Player, ZnodeCache Cache, Dictionary<string, long> Replayed, Task Reading)> _caches = [];

    public override async Task RunAsync(Player player)
    {
        if (player.Number > 2) return;
        Attempt<ZnodeCache> attempt = await Attempts.MakeAsync(World, player, "open cache", async () => await player.Zk.OpenCacheAsync(Operations.Root), TimeSpan.FromMinutes(2));
        if (attempt.Value is not { } cache) return;
        var replayed = new Dictionary<string, long>(StringComparer.Ordinal);
        _caches.Add((player, cache, replayed, ReadAsync(player, cache, replayed)));
    }

    public override async Task CheckAsync()
    {
        Dictionary<string, (byte[] Data, Stat Stat)> tree = await World.Observer.ReadTreeAsync();
        var truth = tree.Where(each => each.Key == Operations.Root || each.Key.StartsWith(Operations.Root + "/", StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal);
        foreach ((Player player, ZnodeCache cache, Dictionary<string, long> replayed, _) in _caches)
        {
            CacheSnapshot snapshot = cache.Snapshot();
            var seen = snapshot.Nodes.ToDictionary(node => node.Path, StringComparer.Ordinal);
            if (!cache.IsCurrent) Fail($"K6: the cache of client {player.Number} is not current");
            foreach ((string path, (byte[] data, Stat stat)) in truth)
            {
                if (!seen.TryGetValue(path, out CachedNode? node)) Fail($"K6: the cache of client {player.Number} lacks {path}");
                else if (!node.IsForbidden && (node.Stat.Mzxid != stat.Mzxid || !node.Data.Span.SequenceEqual(data))) Fail($"K6: the cache of client {player.Number} has {path} as of 0x{node.Stat.Mzxid:x}, and it is of 0x{stat.Mzxid:x}");
                else if (!node.IsForbidden && replayed.GetValueOrDefault(path) != stat.Mzxid) Fail($"K6: the changes of the cache of client {player.Number} lead to {path} as of 0x{replayed.GetValueOrDefault(path):x}, and it is of 0x{stat.Mzxid:x}");
            }

            foreach (string path in seen.Keys)
                if (!truth.ContainsKey(path)) Fail($"K6: the cache of client {player.Number} has {path}, which is not there");
            foreach (string path in replayed.Keys)
                if (!truth.ContainsKey(path)) Fail($"K6: the changes of the cache of client {player.Number} lead to {path}, which is not there");
        }
    }

    public override async Task EndAsync()
    {
        foreach ((_, ZnodeCache cache, _, Task reading) in _caches)
        {
            await cache.DisposeAsync();
            await reading;
        }
    }

    private async Task ReadAsync(Player player, ZnodeCache cache, Dictionary<string, long> replayed)
    {
        await foreach (CacheChange change in cache.ChangesAsync())
        {
            World.Trace.Note(60, player.Number, (int)change.Kind, change.New?.Stat.Mzxid ?? 0);
            if (change.Kind == CacheChangeKind.Deleted) replayed.Remove(change.Path);
            else if (change.New is { } node) replayed[change.Path] = node.Stat.Mzxid;
        }
    }
}
