using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Okapi.Bench;

/// <summary>What is set, and how its events are read.</summary>
internal enum WatchingMode
{
    /// <summary>A one-shot data watch on each znode; its task is kept.</summary>
    Data,

    /// <summary>A persistent watch on each znode, and a reader that waits for its first event.</summary>
    Persistent,

    /// <summary>One persistent recursive watch above all znodes, and one reader.</summary>
    Recursive,
}

/// <summary>
/// What watches cost: as many as asked for, on znodes below <c>/b/w</c>, then one event for each. The null server sends the events when it is asked to (BLAST in the environment);
/// on any other the znodes are there already, and someone else sets them once <c>READY</c> is printed.
/// </summary>
internal static class Watching
{
    private const int WarmUp = 100_000;
    private const int WarmUpRounds = 5;

    private static readonly TimeSpan EventLimit = TimeSpan.FromSeconds(60);

    public static async IAsyncEnumerable<string> RunAsync(string connect, int count, int window, WatchingMode mode, int gets, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var options = new ZooKeeperOptions { EventBufferSize = mode == WatchingMode.Recursive ? count : new ZooKeeperOptions().EventBufferSize };
        await using ZooKeeperClient client = await ZooKeeperClient.ConnectAsync(connect, options, cancellationToken);
        await client.TryCreateAsync("/b", cancellationToken: cancellationToken);
        // Without a token, as the other clients have none. In rounds, because the compiler optimizes by and by; all on one znode, so that they leave little behind.
        for (int round = 0; round < WarmUpRounds; round++)
        {
            await InLoopsAsync(WarmUp, window, async _ => await (mode == WatchingMode.Data ? (Task)client.WatchDataAsync("/b") : client.WatchAsync("/b")));
            await client.RemoveWatchesAsync("/b", cancellationToken: cancellationToken);
        }

        double without = await MeasureGetsAsync(client, gets, window);

        // The tasks alone are kept: with a watch comes the data that its znode had.
        var fired = new Task<WatchedEvent>[count];
        var watches = new Watch[count];
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        double cpu = CpuSeconds();
        long start = Stopwatch.GetTimestamp();
        if (mode == WatchingMode.Data) await InLoopsAsync(count, window, async i => fired[i] = (await client.WatchDataAsync($"/b/w/{i}")).Fired);
        if (mode == WatchingMode.Persistent) await InLoopsAsync(count, window, async i => watches[i] = await client.WatchAsync($"/b/w/{i}"));
        if (mode == WatchingMode.Recursive) watches[0] = await client.WatchAsync("/b/w", WatchMode.PersistentRecursive, cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        cpu = CpuSeconds() - cpu;
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        heap = GC.GetTotalMemory(forceFullCollection: true) - heap;
        string suffix = mode == WatchingMode.Data ? string.Empty : $"-{mode.ToString().ToLowerInvariant()}";
        if (mode != WatchingMode.Recursive)
        {
            yield return new JsonObject
            {
                ["client"] = "okapi",
                ["op"] = "watch-add" + suffix,
                ["watches"] = count,
                ["ops_per_s"] = Math.Round(count / seconds),
                ["cpu_us_per_watch"] = Math.Round(cpu / count * 1e6, 2),
                ["alloc_bytes_per_watch"] = Math.Round((double)allocated / count, 1),
                ["heap_bytes_per_watch"] = Math.Round((double)heap / count, 1),
            }.ToJsonString();
        }

        if (gets > 0)
        {
            yield return new JsonObject
            {
                ["client"] = "okapi",
                ["op"] = "get-beside-watches" + suffix,
                ["watches"] = count,
                ["cpu_us_per_get"] = Math.Round(await MeasureGetsAsync(client, gets, window), 3),
                ["cpu_us_per_get_without"] = Math.Round(without, 3),
            }.ToJsonString();
        }

        (Task all, Task<long> first) = mode switch
        {
            WatchingMode.Data => (Task.WhenAll(fired), FirstAsync(fired[0])), // the first to be set
            WatchingMode.Persistent => ReadEach(watches, cancellationToken),
            _ => ReadAll(watches[0], count, cancellationToken),
        };
        cpu = CpuSeconds();
        if (Environment.GetEnvironmentVariable("BLAST") is not null) await client.SetAsync($"/b/blast-{count}", null, cancellationToken: cancellationToken);
        else yield return "READY";
        await all.WaitAsync(EventLimit, cancellationToken);
        seconds = Stopwatch.GetElapsedTime(await first).TotalSeconds;
        cpu = CpuSeconds() - cpu;
        yield return new JsonObject
        {
            ["client"] = "okapi",
            ["op"] = "watch-events" + suffix,
            ["events"] = count,
            ["events_per_s"] = Math.Round(count / seconds),
            ["cpu_us_per_event"] = Math.Round(cpu / count * 1e6, 2),
        }.ToJsonString();
    }

    internal static double CpuSeconds() => Environment.CpuUsage.TotalTime.TotalSeconds;

    internal static Task InLoopsAsync(int count, int window, Func<int, Task> call)
    {
        int next = 0;
        async Task LoopAsync()
        {
            for (int i = Interlocked.Increment(ref next) - 1; i < count; i = Interlocked.Increment(ref next) - 1) await call(i).ConfigureAwait(false);
        }

        return Task.WhenAll(Enumerable.Range(0, Math.Min(window, count)).Select(_ => LoopAsync()));
    }

    /// <summary>What a read costs.</summary>
    /// <returns>Microseconds of CPU.</returns>
    private static async Task<double> MeasureGetsAsync(ZooKeeperClient client, int gets, int window)
    {
        if (gets == 0) return 0;
        await InLoopsAsync(gets, window, async _ => await client.GetAsync("/b").ConfigureAwait(false)); // warm, and what was collected before is paid for
        double cpu = CpuSeconds();
        await InLoopsAsync(gets, window, async _ => await client.GetAsync("/b").ConfigureAwait(false));
        return (CpuSeconds() - cpu) / gets * 1e6;
    }

    private static async Task<long> FirstAsync(Task fired)
    {
        await fired.ConfigureAwait(false);
        return Stopwatch.GetTimestamp();
    }

    private static (Task All, Task<long> First) ReadEach(Watch[] watches, CancellationToken cancellationToken)
    {
        Task[] readers = [.. watches.Select(async watch => await watch.GetAsyncEnumerator(cancellationToken).MoveNextAsync().ConfigureAwait(false))];
        return (Task.WhenAll(readers), FirstAsync(readers[0]));
    }

    private static (Task All, Task<long> First) ReadAll(Watch watch, int count, CancellationToken cancellationToken)
    {
        var first = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        return (ReadAsync(), first.Task);

        async Task ReadAsync()
        {
            int left = count;
            await foreach (WatchedEvent each in watch.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                if (each.Type == WatchedEventType.Resync) throw new InvalidOperationException("Events were dropped.");
                first.TrySetResult(Stopwatch.GetTimestamp());
                if (--left == 0) return;
            }
        }
    }
}
