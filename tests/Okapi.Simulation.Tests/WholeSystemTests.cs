using System.Diagnostics;
using System.Globalization;

namespace Okapi.Simulation.Tests;

/// <summary>
/// Clients, servers, recipes and shared state together (tests/Okapi.Simulation), in processes whose thread pool has one worker. OKAPI_SIM_COUNT=n sets how many seeds are run, and
/// OKAPI_SIM_FROM=n the first.
/// </summary>
public class WholeSystemTests(ITestOutputHelper output)
{
    private const int Seeds = 10_000;
    private const int SeedsPerProcess = 5_000;

    /// <summary>Of the ways to harm the script one in so many is tried; no multiple of the number of harms, so that each has its turn.</summary>
    private const int EachByte = 101;

    /// <summary>Built beside this project, in the same configuration.</summary>
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory.Replace("Okapi.Simulation.Tests", "Okapi.Simulation", StringComparison.Ordinal), "Okapi.Simulation.dll");

    private static long Setting(string name, long otherwise) => long.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out long value) ? value : otherwise;

    /// <summary>Others each day, so that in time all are tried.</summary>
    private static long FirstByte => Setting("OKAPI_SIM_FROM", (long)(DateTime.UtcNow - DateTime.UnixEpoch).TotalDays);

    [Fact]
    public async Task Every_seed_keeps_the_invariants()
    {
        long count = Setting("OKAPI_SIM_COUNT", Seeds), first = Setting("OKAPI_SIM_FROM", 1);
        var pieces = new List<string>();
        for (long at = 0; at < count; at += SeedsPerProcess) pieces.Add(string.Create(CultureInfo.InvariantCulture, $"--from {first + at} --seeds {Math.Min(SeedsPerProcess, count - at)}"));
        await RunAllAsync(pieces);
    }

    [Fact]
    public Task The_script_survives_every_harm_at_every_byte() => RunAllAsync([string.Create(CultureInfo.InvariantCulture, $"--bytes {2 * EachByte} {FirstByte}"), string.Create(CultureInfo.InvariantCulture, $"--bytes {2 * EachByte} {FirstByte + EachByte}")]);

    [Fact]
    public async Task A_seed_does_the_same_again_in_another_process()
    {
        string[] both = await Task.WhenAll(DigestsAsync(), DigestsAsync());
        Assert.NotEmpty(both[0]);
        Assert.Equal(both[0], both[1]);

        static async Task<string> DigestsAsync() => string.Join('\n', (await RunAsync("--from 1 --seeds 100 --digests --bytes 4999 3")).Output.Split('\n').Where(line => line.Contains("digest", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_seed_does_the_same_whatever_was_run_before_it()
    {
        string among = (await RunAsync("--from 20 --seeds 20 --digests")).Output.Split('\n').Single(line => line.StartsWith("seed 39:", StringComparison.Ordinal));
        string alone = (await RunAsync("--from 39 --seeds 1 --digests")).Output.Split('\n').Single(line => line.StartsWith("seed 39:", StringComparison.Ordinal));
        Assert.Equal(among, alone);
    }

    private async Task RunAllAsync(IReadOnlyList<string> pieces)
    {
        var failures = new List<string>();
        await Parallel.ForEachAsync(pieces, new ParallelOptions { MaxDegreeOfParallelism = Math.Min(2, Environment.ProcessorCount) }, async (arguments, ct) =>
        {
            (int code, string text) = await RunAsync(arguments);
            lock (failures)
            {
                output.WriteLine($"{arguments}: {text.TrimEnd().Split('\n')[^1]}");
                if (code != 0) failures.Add($"{arguments} ended with {code}:\n{text}");
            }
        });
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    private static async Task<(int Code, string Output)> RunAsync(string arguments)
    {
        var start = new ProcessStartInfo("dotnet", $"\"{Program}\" {arguments}") { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, text + await errors);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
