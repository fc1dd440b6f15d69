using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Okapi.Bench;

/// <summary>
/// What watches cost: as many data watches as asked for, on znodes below <c>/b/w</c>, then one event for each. The null server sends the events when it is asked to (BLAST in the environment);
/// on any other the znodes are there already, and someone else sets them once <c>READY</c> is printed.
/// </summary>
internal static class Watching
{
    private static readonly TimeSpan EventLimit = TimeSpan.FromSeconds(60);

    public static async IAsyncEnumerable<string> RunAsync(string connect, int count, int window, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        await using ZooKeeperClient client = await ZooKeeperClient.ConnectAsync(connect, cancellationToken: cancellationToken);
        await client.TryCreateAsync("/b", cancellationToken: cancellationToken);
        await InLoopsAsync(20_000, window, async _ => await client.GetAsync("/b", cancellationToken));

        // The tasks alone are kept: with a watch comes the data that its znode had.
        var fired = new Task<WatchedEvent>[count];
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        double cpu = CpuSeconds();
        long start = Stopwatch.GetTimestamp();
        await InLoopsAsync(count, window, async i => fired[i] = (await client.WatchDataAsync($"/b/w/{i}", cancellationToken)).Fired);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        cpu = CpuSeconds() - cpu;
        heap = GC.GetTotalMemory(forceFullCollection: true) - heap;
        yield return new JsonObject
        {
            ["client"] = "okapi",
            ["op"] = "watch-add",
            ["watches"] = count,
            ["ops_per_s"] = Math.Round(count / seconds),
            ["cpu_us_per_watch"] = Math.Round(cpu / count * 1e6, 2),
            ["heap_bytes_per_watch"] = Math.Round((double)heap / count, 1),
        }.ToJsonString();

        Task all = Task.WhenAll(fired);
        Task<long> first = FirstAsync(fired[0]); // the first to be set
        cpu = CpuSeconds();
        if (Environment.GetEnvironmentVariable("BLAST") is not null) await client.SetAsync($"/b/blast-{count}", null, cancellationToken: cancellationToken);
        else yield return "READY";
        await all.WaitAsync(EventLimit, cancellationToken);
        seconds = Stopwatch.GetElapsedTime(await first).TotalSeconds;
        cpu = CpuSeconds() - cpu;
        yield return new JsonObject
        {
            ["client"] = "okapi",
            ["op"] = "watch-events",
            ["events"] = count,
            ["events_per_s"] = Math.Round(count / seconds),
            ["cpu_us_per_event"] = Math.Round(cpu / count * 1e6, 2),
        }.ToJsonString();
    }

    private static async Task<long> FirstAsync(Task fired)
    {
        await fired.ConfigureAwait(false);
        return Stopwatch.GetTimestamp();
    }

    private static double CpuSeconds() => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static Task InLoopsAsync(int count, int window, Func<int, Task> call)
    {
        int next = 0;
        async Task LoopAsync()
        {
            for (int i = Interlocked.Increment(ref next) - 1; i < count; i = Interlocked.Increment(ref next) - 1) await call(i).ConfigureAwait(false);
        }

        return Task.WhenAll(Enumerable.Range(0, Math.Min(window, count)).Select(_ => LoopAsync()));
    }
}
