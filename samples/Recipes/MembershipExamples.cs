using System.Text;
using System.Text.Json;
using Okapi.Recipes;

namespace Okapi.Samples;

internal static class MembershipExamples
{
    public static async Task GroupAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await using Group workers = zk.Group("/workers", "worker-1", "8 cores"u8.ToArray());
        await foreach (MembershipChange change in workers.ChangesAsync(ct))
        {
            Console.WriteLine($"{change.Kind}: {change.Member.Id}, {Encoding.UTF8.GetString(change.Member.Data.Span)}");
            break;
        }
    }

    public static async Task NodeThatHealsItselfAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await zk.TryCreateAsync("/live", cancellationToken: ct);
        await using EphemeralNode node = zk.EphemeralNode("/live/host-1");
        HeldNode held = await node.WaitHeldAsync(ct);
        Console.WriteLine($"{held.Path} is there, and will be again after a new session; this one has token {held.FencingToken}");
    }

    public static async Task DiscoveryAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        ServiceDiscovery<JsonElement> services = zk.ServiceDiscovery("/services");
        await using ServiceRegistration<JsonElement> registration = services.Register(new("shop") { Address = "10.0.0.7", Port = 8080 });
        await registration.WaitRegisteredAsync(ct);
        await using InstanceProvider<JsonElement> shops = services.Provide("shop", new() { Strategy = ProviderStrategy.RoundRobin });
        ServiceInstance<JsonElement> shop = await shops.GetAsync(ct);
        Console.WriteLine($"{shop.Name} at {shop.Address}:{shop.Port}");
    }

    public static async Task PartitionsAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        await using SetPartitioner partitioner = zk.SetPartitioner("/shards", ["a", "b", "c"]);
        await foreach (Partition mine in partitioner.PartitionsAsync(ct))
        {
            Console.WriteLine($"ours until {nameof(mine.Lost)} trips: {string.Join(", ", mine.Items)}");
            break;
        }
    }
}
