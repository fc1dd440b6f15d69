using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Okapi.Bench;

/// <summary>Many clients in one process: what each of them costs while nobody calls it, and what an operation costs when all are at work.</summary>
internal static class ManyClients
{
    private const string Path = "/b-exists-not"; // on any server, and nothing has to be made first

    /// <summary>Opens more and more clients and, at each number, leaves them alone for a while. What they cost is this process's, the server's is its own.</summary>
    public static async IAsyncEnumerable<string> IdleAsync(string? connect, int[] counts, TimeSpan idle, TimeSpan sessionTimeout)
    {
        await using ServeProcess? server = connect is null ? await ServeProcess.StartAsync() : null;
        string endPoint = connect ?? server!.EndPoint.ToString();
        await WarmUpAsync(endPoint);
        await using var clients = new ClientSet(endPoint, new ZooKeeperOptions { SessionTimeout = sessionTimeout });
        Footprint empty = Footprint.Take();
        double baseCpu = await IdleCpuAsync(idle);
        yield return Row(0, empty, empty, baseCpu, baseCpu, idle);
        foreach (int count in counts.Order())
        {
            await clients.GrowAsync(count);
            Footprint now = Footprint.Take();
            double cpu = await IdleCpuAsync(idle);
            await clients.CheckAsync();
            yield return Row(count, now, empty, cpu, baseCpu, idle);
        }
    }

    /// <summary>Keeps the same number of operations outstanding in all, over one client and over many.</summary>
    public static async IAsyncEnumerable<string> TogetherAsync(string? connect, int[] counts, int window, int operations, int rounds)
    {
        await using ServeProcess? server = connect is null ? await ServeProcess.StartAsync() : null;
        var runs = counts.ToDictionary(count => count, _ => new List<(double Cpu, double PerSecond)>());
        for (int round = 0; round <= rounds; round++)
        {
            foreach (int count in counts)
            {
                await using var clients = new ClientSet(connect ?? server!.EndPoint.ToString(), new ZooKeeperOptions());
                await clients.GrowAsync(count);
                await clients.DriveAsync(window, operations / 4);
                (double Cpu, double PerSecond) run = await clients.DriveAsync(window, operations);
                if (round > 0) runs[count].Add(run); // the first is for the compiler
            }
        }

        foreach (int count in counts)
        {
            double[] cpu = [.. runs[count].Select(run => run.Cpu).Order()];
            double[] ratios = [.. runs[count].Zip(runs[counts[0]], (run, first) => run.Cpu / first.Cpu).Order()];
            yield return new JsonObject
            {
                ["op"] = "together",
                ["clients"] = count,
                ["outstanding"] = Math.Max(window, count),
                ["outstanding_each"] = Math.Max(1, window / count),
                ["ops"] = operations,
                ["rounds"] = rounds,
                ["cpu_us_per_op"] = Math.Round(cpu[cpu.Length / 2], 3),
                ["least"] = Math.Round(cpu[0], 3),
                ["greatest"] = Math.Round(cpu[^1], 3),
                ["ratio"] = Math.Round(ratios[ratios.Length / 2], 3),
                ["ops_per_s"] = Math.Round(runs[count].Select(run => run.PerSecond).Order().ElementAt(rounds / 2)),
            }.ToJsonString();
        }
    }

    /// <summary>What a process has and does once, whatever the number of clients, is not counted for them: above all, compiling what pings run through.</summary>
    private static async Task WarmUpAsync(string endPoint)
    {
        await using var clients = new ClientSet(endPoint, new ZooKeeperOptions { SessionTimeout = TimeSpan.FromSeconds(4) });
        await clients.GrowAsync(10); // no more: the pools keep the buffers of these, and other clients would seem to need none
        await Task.Delay(TimeSpan.FromSeconds(6));
    }

    private static async Task<double> IdleCpuAsync(TimeSpan idle)
    {
        await Task.Delay(TimeSpan.FromSeconds(1)); // what opening them has set in motion is over
        TimeSpan before = Environment.CpuUsage.TotalTime;
        await Task.Delay(idle);
        return (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
    }

    private static string Row(int count, Footprint now, Footprint empty, double cpu, double baseCpu, TimeSpan idle)
    {
        var row = new JsonObject
        {
            ["op"] = "idle",
            ["clients"] = count,
            ["threads"] = now.Threads,
            ["rss_mb"] = Math.Round(now.ResidentKilobytes / 1024, 1),
            ["heap_mb"] = Math.Round(now.HeapKilobytes / 1024, 1),
            ["cpu_ms_per_minute"] = Math.Round(cpu / idle.TotalMinutes, 1),
        };
        if (count < 10) return row.ToJsonString(); // what so few take drowns in what the process does
        row["threads_per_client"] = Math.Round((double)(now.Threads - empty.Threads) / count, 2);
        row["rss_kb_per_client"] = Math.Round((now.ResidentKilobytes - empty.ResidentKilobytes) / count, 1);
        row["heap_kb_per_client"] = Math.Round((now.HeapKilobytes - empty.HeapKilobytes) / count, 1);
        row["cpu_ms_per_client_and_minute"] = Math.Round((cpu - baseCpu) / count / idle.TotalMinutes, 2);
        return row.ToJsonString();
    }

    /// <summary>What the process has in use.</summary>
    private readonly record struct Footprint(int Threads, double ResidentKilobytes, double HeapKilobytes)
    {
        public static Footprint Take()
        {
            double heap = GC.GetTotalMemory(forceFullCollection: true) / 1024.0;
            return new((int)Status("Threads"), Status("VmRSS"), heap);
        }

        private static double Status(string name)
        {
            string line = File.ReadLines("/proc/self/status").First(each => each.StartsWith(name + ":", StringComparison.Ordinal));
            return double.Parse(line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Some clients of one server.</summary>
    private sealed class ClientSet(string connect, ZooKeeperOptions options) : IAsyncDisposable
    {
        private readonly List<ZooKeeperClient> _clients = [];

        public async Task GrowAsync(int count)
        {
            while (_clients.Count < count) _clients.Add(await ZooKeeperClient.ConnectAsync(connect, options));
            await CheckAsync();
        }

        /// <summary>Each still has its session and its server.</summary>
        public async Task CheckAsync()
        {
            foreach (ZooKeeperClient client in _clients) await client.ExistsAsync(Path);
        }

        public async Task<(double Cpu, double PerSecond)> DriveAsync(int window, int operations)
        {
            int loops = Math.Max(window, _clients.Count);
            int each = operations / loops;
            GC.Collect();
            TimeSpan before = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, loops).Select(loop => CallAsync(_clients[loop % _clients.Count], each)));
            return ((Environment.CpuUsage.TotalTime - before).TotalMicroseconds / (each * loops), each * loops / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        public async ValueTask DisposeAsync() => await Task.WhenAll(_clients.Select(client => client.DisposeAsync().AsTask()));

        private static async Task CallAsync(ZooKeeperClient client, int count)
        {
            for (int i = 0; i < count; i++) await client.ExistsAsync(Path).ConfigureAwait(false);
        }
    }
}
