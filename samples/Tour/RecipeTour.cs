using System.Text.Json.Serialization;
using Okapi.Recipes;
using Okapi.Server;
using Okapi.State;
using static Okapi.Samples.Narration;

namespace Okapi.Samples;

/// <summary>What several processes do together. Each client here stands for a process.</summary>
internal static class RecipeTour
{
    public static async Task RunAsync(EmbeddedServer server, CancellationToken ct)
    {
        await LockWithFailoverAsync(server, ct);
        await ElectionAsync(server, ct);
        await SharedStateAsync(server, ct);
    }

    private static async Task LockWithFailoverAsync(EmbeddedServer server, CancellationToken ct)
    {
        Chapter("A lock, and a holder who is lost");
        await using ZooKeeperClient ann = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);
        await using ZooKeeperClient bob = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);

        LockHandle held = await ann.Lock("/locks/orders").AcquireAsync(ct);
        Check(held.IsHeld, $"ann holds it, with fencing token {held.FencingToken}");
        Check(await bob.Lock("/locks/orders").TryAcquireAsync(cancellationToken: ct) is null, "bob cannot have it");
        Task<LockHandle> waiting = bob.Lock("/locks/orders").AcquireAsync(ct);

        Tell("Ann's session ends, as if her machine had died.");
        var lost = new TaskCompletionSource();
        await using CancellationTokenRegistration whenLost = held.Lost.Register(lost.SetResult);
        await server.ExpireSessionAsync(ann.SessionId);
        LockHandle next = await waiting.WaitAsync(ct);
        Check(next.FencingToken > held.FencingToken, $"bob holds it, with a higher token: {next.FencingToken}");
        await lost.Task.WaitAsync(ct);
        Check(!held.IsHeld, "Lost has tripped: what ann was doing has to stop");

        Tell("If ann could still write, a write that depends on her lock would be refused, whoever sends it.");
        TransactionResult late = await bob.Transaction().Check(held.Path).Create("/orders-shipped").TryCommitAsync(ct);
        Check(!late.IsCommitted, "not committed: the znode of her lock is gone");
        TransactionResult fenced = await bob.Transaction().Check(next.Path).Create("/orders-shipped").TryCommitAsync(ct);
        Check(fenced.IsCommitted, "bob's is committed");
        await next.DisposeAsync();
    }

    private static async Task ElectionAsync(EmbeddedServer server, CancellationToken ct)
    {
        Chapter("An election");
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);
        await using LeaderElection ann = zk.Election("/election", "ann"), bob = zk.Election("/election", "bob");
        LockHandle term = await ann.LeadAsync(ct);
        Task<LockHandle> next = bob.LeadAsync(ct);
        Check((await bob.GetLeaderAsync(ct))?.Identity == "ann", "ann leads; bob stands, and knows it");

        Tell("Ann resigns.");
        await term.DisposeAsync();
        await using LockHandle follows = await next.WaitAsync(ct);
        Check((await ann.GetLeaderAsync(ct))?.Identity == "bob", $"bob leads; his token is {follows.FencingToken}, hers was {term.FencingToken}");
    }

    private static async Task SharedStateAsync(EmbeddedServer server, CancellationToken ct)
    {
        Chapter("A record that two processes share");
        await using ZooKeeperClient first = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);
        await using ZooKeeperClient second = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);
        await using SharedState<Menu> kitchen = await SharedState.OpenAsync(first, "/menu", new Menu(["soup"], 7), TourJson.Default.Menu, cancellationToken: ct);
        await using SharedState<Menu> counter = await SharedState.ExpectAsync(second, "/menu", TourJson.Default.Menu, cancellationToken: ct);
        await using IAsyncEnumerator<StateChange> changes = counter.Changes(ct).GetAsyncEnumerator(ct);
        Check(counter.Read().Dishes is ["soup"], "the counter has what the kitchen began with");

        Versioned<Menu> committed = await kitchen.UpdateAsync(now => now with { Dishes = [.. now.Dishes, "fish"], Price = 9 }, ct);
        Check(await changes.MoveNextAsync() && await changes.MoveNextAsync(), $"version {committed.Version} is committed, and the counter is told what is different: {changes.Current}");
        Check((await counter.ReadLatestAsync(ct)).Price == 9, "and reads it");

        Tell("Both change it at the same time.");
        await Task.WhenAll(kitchen.UpdateAsync(now => now with { Price = now.Price + 1 }, ct), counter.UpdateAsync(now => now with { Price = now.Price + 1 }, ct));
        Check((await counter.ReadLatestAsync(ct)).Price == 11, "neither is lost: 11");
    }
}

internal sealed record Menu(IReadOnlyList<string> Dishes, int Price);

[JsonSerializable(typeof(Menu))]
internal sealed partial class TourJson : JsonSerializerContext;
