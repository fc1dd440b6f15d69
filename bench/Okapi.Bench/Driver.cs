using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Okapi.Bench;

internal enum DriveOperation
{
    Get,
    Set,
    Create,
    Exists,
    Children,

    /// <summary>Four reads to one write.</summary>
    Mixed,
}

internal sealed record DriveSettings(string Connect, DriveOperation Operation, int Payload, int Window, int Operations, int WarmUp);

/// <summary>Keeps a number of operations outstanding on one connection and measures what they cost. One call is made by each of <c>Window</c> loops at a time.</summary>
internal sealed class Driver
{
    private static int s_created; // of the process: drivers that follow one another must not meet

    private readonly ZooKeeperClient _client;
    private readonly DriveSettings _settings;
    private readonly string _node;
    private readonly byte[] _data;

    private Driver(ZooKeeperClient client, DriveSettings settings)
    {
        _client = client;
        _settings = settings;
        _node = $"/b/n-{settings.Payload}";
        _data = new byte[settings.Payload];
    }

    public static async Task<string> RunAsync(DriveSettings settings, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.Window, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.Operations, 1);
        await using ZooKeeperClient client = await ZooKeeperClient.ConnectAsync(settings.Connect, cancellationToken: cancellationToken);
        var driver = new Driver(client, settings);
        await driver.PrepareAsync();
        await driver.LoopAsync(settings.WarmUp, null);
        GC.Collect();
        return await driver.MeasureAsync();
    }

    private async Task PrepareAsync()
    {
        await _client.TryCreateAsync("/b");
        await _client.TryCreateAsync(_node, _data);
        await _client.SetAsync(_node, _data);
        await _client.TryCreateAsync("/b/x");
        await _client.TryCreateAsync("/b/c");
        for (int i = 0; i < 10; i++) await _client.TryCreateAsync($"/b/c/k{i}");
    }

    private async Task<string> MeasureAsync()
    {
        var latencies = new long[_settings.Operations];
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        Environment.ProcessCpuUsage before = Environment.CpuUsage;
        double seconds = await LoopAsync(_settings.Operations, latencies);
        Environment.ProcessCpuUsage after = Environment.CpuUsage;
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        Array.Sort(latencies);
        double cpu = (after.TotalTime - before.TotalTime).TotalSeconds;
        return new JsonObject
        {
            ["client"] = "okapi",
            ["op"] = _settings.Operation.ToString().ToLowerInvariant(),
            ["window"] = _settings.Window,
            ["payload"] = _settings.Payload,
            ["ops"] = _settings.Operations,
            ["ops_per_s"] = Math.Round(_settings.Operations / seconds),
            ["p50_us"] = Microseconds(latencies, 0.5),
            ["p99_us"] = Microseconds(latencies, 0.99),
            ["max_us"] = Microseconds(latencies, 1),
            ["cpu_s_per_mop"] = Math.Round(cpu / _settings.Operations * 1e6, 3),
            ["alloc_b_per_op"] = Math.Round((double)allocated / _settings.Operations, 1),
            ["rss_mb"] = Math.Round(PeakMegabytes(), 1),
        }.ToJsonString();
    }

    private static double Microseconds(long[] sorted, double share) =>
        Math.Round(sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))] * 1e6 / Stopwatch.Frequency, 1);

    private static double PeakMegabytes()
    {
        const string file = "/proc/self/status";
        if (!File.Exists(file)) return Environment.WorkingSet / 1048576.0;
        string line = File.ReadLines(file).First(each => each.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }

    private async Task<double> LoopAsync(int count, long[]? latencies)
    {
        int next = 0;
        long start = Stopwatch.GetTimestamp();
        async Task RunAsync()
        {
            for (int i = Interlocked.Increment(ref next) - 1; i < count; i = Interlocked.Increment(ref next) - 1)
            {
                long called = Stopwatch.GetTimestamp();
                switch (Kind(i))
                {
                    case DriveOperation.Get: await _client.GetAsync(_node).ConfigureAwait(false); break;
                    case DriveOperation.Set: await _client.SetAsync(_node, _data).ConfigureAwait(false); break;
                    case DriveOperation.Exists: await _client.ExistsAsync(_node).ConfigureAwait(false); break;
                    case DriveOperation.Children: await _client.GetChildrenAsync("/b/c").ConfigureAwait(false); break;
                    default: await _client.CreateAsync(NextName(), _data).ConfigureAwait(false); break;
                }

                if (latencies is not null) latencies[i] = Stopwatch.GetTimestamp() - called;
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Math.Min(_settings.Window, count)).Select(_ => RunAsync()));
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>What one call does. The calls are awaited in the loop itself, so that what is measured is the client's allocation and not the driver's.</summary>
    private DriveOperation Kind(int i) => _settings.Operation != DriveOperation.Mixed ? _settings.Operation : i % 5 == 4 ? DriveOperation.Set : DriveOperation.Get;

    private static string NextName() => $"/b/x/{Environment.ProcessId}-{Interlocked.Increment(ref s_created)}";
}
