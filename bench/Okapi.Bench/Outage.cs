using System.Diagnostics;
using System.Text.Json.Nodes;
using Okapi.TestSupport;

namespace Okapi.Bench;

/// <summary>What a client costs while its whole ensemble is down, and how it comes back: starts three servers, kills them, waits, starts them again.</summary>
internal static class Outage
{
    public static async Task<string> RunAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        await using ApacheZooKeeper ensemble = await ApacheZooKeeper.StartAsync("--ensemble");
        var options = new ZooKeeperOptions { SessionTimeout = TimeSpan.FromSeconds(10), Recovery = SessionRecovery.NewSession };
        await using ZooKeeperClient client = await ZooKeeperClient.ConnectAsync(ensemble.ConnectString, options, cancellationToken);
        await client.TryCreateAsync("/outage", cancellationToken: cancellationToken);
        for (int i = 0; i < 1000; i++) await client.WatchDataAsync("/outage", cancellationToken);
        await using Watch watch = await client.WatchAsync("/outage", cancellationToken: cancellationToken);

        foreach (ServerNode node in ensemble.Nodes) await ensemble.KillAsync(node.Id);
        await WaitAsync(client, connected: false, cancellationToken);
        long heapBefore = GC.GetTotalMemory(forceFullCollection: true);
        Environment.ProcessCpuUsage before = Environment.CpuUsage;
        long started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(duration);
        await timer.WaitForNextTickAsync(cancellationToken);
        double cpu = (Environment.CpuUsage.TotalTime - before.TotalTime).TotalSeconds;
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        long heapAfter = GC.GetTotalMemory(forceFullCollection: true);

        long restarted = Stopwatch.GetTimestamp();
        foreach (ServerNode node in ensemble.Nodes) await ensemble.StartNodeAsync(node.Id, waitServing: false);
        await WaitAsync(client, connected: true, cancellationToken);
        await client.SetAsync("/outage", null, cancellationToken: cancellationToken);
        return new JsonObject
        {
            ["client"] = "okapi",
            ["op"] = "outage",
            ["seconds"] = Math.Round(seconds, 1),
            ["cpu_percent_of_a_core"] = Math.Round(100 * cpu / seconds, 3),
            ["heap_before_kb"] = heapBefore / 1024,
            ["heap_after_kb"] = heapAfter / 1024,
            ["recovered_after_s"] = Math.Round(Stopwatch.GetElapsedTime(restarted).TotalSeconds, 2),
        }.ToJsonString();
    }

    private static async Task WaitAsync(ZooKeeperClient client, bool connected, CancellationToken cancellationToken)
    {
        await foreach (SessionStateChange change in client.StateChangesAsync(cancellationToken))
            if (change.IsConnected == connected) return;
    }
}
