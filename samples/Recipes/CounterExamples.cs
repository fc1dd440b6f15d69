using System.Text;
using Okapi.Recipes;

namespace Okapi.Samples;

internal static class CounterExamples
{
    public static async Task CountAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        AtomicCounter visits = zk.Counter("/visits");
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => visits.IncrementAsync(ct)));
        Console.WriteLine($"{await visits.GetAsync(ct)} visits, each counted once");
    }

    public static async Task ShareAValueAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        SharedValue motd = zk.SharedValue("/motd", "hello"u8.ToArray());
        VersionedValue<byte[]> seen = await motd.GetAsync(ct);
        VersionedValue<byte[]>? written = await motd.TrySetAsync(seen, "good morning"u8.ToArray(), ct);
        Console.WriteLine(written is { } now ? $"version {now.Version}: {Encoding.UTF8.GetString(now.Value)}" : "somebody else was faster");
    }
}
