using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Okapi.TestSupport;

namespace Okapi.Chaos.Tests;

/// <summary>The whole of it once, as eng/chaos does it: three servers, the clients, faults, and the judgement.</summary>
public sealed partial class ChaosSmokeTests(ITestOutputHelper output)
{
    private const double Minutes = 2.5;
    private const int LeastFaults = 8;
    private const int LeastKinds = 5;

    // Starting, ending and judging come on top; a run that hangs is ended here and not by the whole suite's limit.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(Minutes + 7);

    [Fact]
    public async Task No_promise_is_broken_while_an_ensemble_is_killed_paused_and_cut()
    {
        if (!ApacheZooKeeper.IsAvailable)
        {
            if (Environment.GetEnvironmentVariable("OKAPI_REQUIRE_APACHE") == "1") Assert.Fail("Apache ZooKeeper is required here: " + ApacheZooKeeper.WhyUnavailable);
            Assert.Skip(ApacheZooKeeper.WhyUnavailable);
        }

        string folder = Path.Combine(Root(), "artifacts", "chaos", string.Create(CultureInfo.InvariantCulture, $"smoke-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}"));
        (int code, string said) = await RunAsync(["--minutes", Minutes.ToString(CultureInfo.InvariantCulture), "--folder", folder]);
        output.WriteLine(said);

        Assert.True(code == 0, $"Exit code {code}; histories, the servers' data and the report are in {folder}.\n{said}");
        string[] kinds = [.. Fault().Matches(said).Select(match => match.Groups["kind"].Value)];
        Assert.True(kinds.Length >= LeastFaults, $"Only {kinds.Length} faults: {string.Join(", ", kinds)}; see {folder}.");
        Assert.True(kinds.Distinct().Count() >= LeastKinds, $"Too few kinds of faults: {string.Join(", ", kinds)}; see {folder}.");
        // The report stays; what it was made of is large, and nothing was found in it.
        foreach (string history in Directory.GetFiles(folder, "*.history")) File.Delete(history);
        Directory.Delete(Path.Combine(folder, "servers"), recursive: true);
    }

    private static async Task<(int Code, string Said)> RunAsync(string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Okapi.Chaos"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        Task<string> errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // All that it started lives in its namespaces and goes with it.
            process.Kill();
            return (-1, $"{await output}{await errors}\nNo end within {Limit}.");
        }

        return (process.ExitCode, await output + await errors);
    }

    private static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Okapi.slnx"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"Okapi.slnx is in no folder above {AppContext.BaseDirectory}.");
    }

    [GeneratedRegex(@"fault \d+: (?<kind>\S+) ")]
    private static partial Regex Fault();
}
