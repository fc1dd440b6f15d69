using System.Diagnostics;
using System.Globalization;
using Okapi.Recipes.Tests.Schedules;
using Okapi.Server;

namespace Okapi.Recipes.Tests.Load;

/// <summary>What is taken and given back again and again (H52). <c>OKAPI_LOCK_CYCLES</c> says how often in all; 100,000 unless told otherwise.</summary>
public sealed class CyclesTests
{
    private const int Clients = 8;
    private const int Locks = 4;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H52_Many_cycles_of_locks_leave_no_watch_and_no_znode()
    {
        int cycles = int.Parse(Environment.GetEnvironmentVariable("OKAPI_LOCK_CYCLES") is { Length: > 0 } wanted ? wanted : "100000", CultureInfo.InvariantCulture);
        await using EmbeddedServer server = await World.StartServerAsync();
        var clients = new List<ZooKeeperClient>();
        for (int i = 0; i < Clients; i++) clients.Add(await ZooKeeperClient.ConnectAsync(World.OptionsFor(server), Ct));
        var clock = Stopwatch.StartNew();
        int[] holders = new int[Locks];
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(CycleAsync));
        TestContext.Current.TestOutputHelper?.WriteLine($"{cycles} cycles in {clock.Elapsed.TotalSeconds:0.0} s");
        for (int i = 0; i < Locks; i++) Assert.Empty(await clients[0].GetChildrenAsync($"/lock{i}", Ct));
        Assert.Equal(0, await server.CountWatchesAsync());
        foreach (ZooKeeperClient client in clients) await client.DisposeAsync();

        // Two clients contend for each lock.
        async Task CycleAsync(int client)
        {
            int own = client % Locks;
            await using DistributedLock mine = clients[client].Lock($"/lock{own}");
            for (int i = 0; i < cycles / Clients; i++)
            {
                await using LockHandle held = await mine.AcquireAsync(Ct);
                Assert.Equal(1, Interlocked.Increment(ref holders[own]));
                Interlocked.Decrement(ref holders[own]);
            }
        }
    }
}
