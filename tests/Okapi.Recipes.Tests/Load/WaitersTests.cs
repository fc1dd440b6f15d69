namespace Okapi.Recipes.Tests.Load;

/// <summary>Many who wait for one lock (H62).</summary>
public abstract class WaitersTests(Servers servers)
{
    private const int Clients = 8;
    private const int Waiters = 200;

    public sealed class OnApache(Standalone servers) : WaitersTests(servers);

    public sealed class OnEmbedded(Embedded servers) : WaitersTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H62_A_release_is_told_to_its_holder_and_to_one_of_200_waiters_and_nobody_polls()
    {
        var tap = new WireTap();
        await using ZooKeeperClient judge = await servers.ConnectAsync();
        string path = await Servers.RootAsync(judge) + "/lock";
        var clients = new List<ZooKeeperClient>();
        for (int i = 0; i < Clients; i++) clients.Add(await servers.ConnectAsync(new() { ConnectCallback = tap.ConnectAsync }));
        LockHandle held = await clients[0].Lock(path).AcquireAsync(Ct).Soon();
        List<Task<LockHandle>> waiting = [.. Enumerable.Range(0, Waiters).Select(i => clients[i % Clients].Lock(path).AcquireAsync(Ct))];
        await Waiting.UntilAsync(async () => (await servers.WordAsync("wchp")).Split('\n').Count(line => line.StartsWith(path, StringComparison.Ordinal)) == Waiters, "each but the last is watched by the next");
        int eventsBefore = tap.Events, requestsBefore = tap.Requests, most = 0;
        long token = held.FencingToken;
        while (waiting.Count > 0)
        {
            int events = tap.Events;
            await held.DisposeAsync();
            Task<LockHandle> next = await Task.WhenAny(waiting).Soon();
            waiting.Remove(next);
            held = await next;
            Assert.True(held.FencingToken > token);
            token = held.FencingToken;
            most = Math.Max(most, tap.Events - events);
        }

        await held.DisposeAsync();
        foreach (ZooKeeperClient client in clients) await client.SyncAsync(path, Ct); // no event is on its way any more
        int told = tap.Events - eventsBefore, asked = tap.Requests - requestsBefore - Clients;
        TestContext.Current.TestOutputHelper?.WriteLine($"{Waiters + 1} releases: {told} events, at most {most} at once, {asked} requests");
        Assert.InRange(most, 1, 2);
        Assert.InRange(told, Waiters, 2 * (Waiters + 1));
        Assert.InRange(asked, 1, 3 * (Waiters + 1)); // a release is a delete, and whoever is next looks at the line and at his own znode
        Assert.Empty(await judge.TryGetChildrenAsync(path, Ct) ?? []);
        Assert.DoesNotContain(path, await servers.WordAsync("wchp"), StringComparison.Ordinal);
        foreach (ZooKeeperClient client in clients) await client.DisposeAsync();
    }
}
