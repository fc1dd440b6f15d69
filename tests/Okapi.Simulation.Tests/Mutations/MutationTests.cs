using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Okapi.Simulation.Tests.Mutations;

/// <summary>
/// Bugs that others had, switched back in one at a time: the simulation has to find each. OKAPI_MUTATIONS=H54,H57 tries these alone; OKAPI_UPDATE_MUTATIONS=1 writes the table in docs anew.
/// </summary>
public partial class MutationTests(ITestOutputHelper output)
{
    /// <summary>How many runs may go by before a bug is found (the same in every process, so the number is the same each time).</summary>
    private const int Limit = 1_000;

    private const int Wanted = 30;

    private static readonly string Root = FindRoot();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_bug_that_is_switched_back_in_is_found()
    {
        var build = new MutantBuild(Root);
        await build.BuildAsync(Cancel);
        string[]? only = Environment.GetEnvironmentVariable("OKAPI_MUTATIONS")?.Split(',', StringSplitOptions.TrimEntries);
        Mutation[] tried = [.. build.Mutations.Where(mutation => only?.Contains(mutation.Id) != false)];
        var found = new Dictionary<string, string>();
        await Parallel.ForEachAsync(tried.Select(each => each.Id).Prepend("none"), new ParallelOptions { MaxDegreeOfParallelism = Math.Min(2, Environment.ProcessorCount), CancellationToken = Cancel }, async (id, ct) =>
        {
            string? how = await FindAsync(build.Program, id, ct);
            lock (found)
            {
                if (how is not null) found[id] = how;
                output.WriteLine($"{id}: {how ?? "not found"}");
            }
        });

        Assert.False(found.TryGetValue("none", out string? unwanted), $"With no bug switched on: {unwanted}");
        string[] missed = [.. tried.Select(each => each.Id).Where(id => !found.ContainsKey(id))];
        Assert.True(missed.Length == 0, $"Not found within {Limit} runs: {string.Join(", ", missed)}");
        if (only is not null) return;
        CheckTable(build.Mutations, found);
    }

    [Fact]
    public void There_are_enough_of_them_and_each_still_fits_the_sources()
    {
        var build = new MutantBuild(Root);
        Assert.InRange(build.Mutations.Count, Wanted, 1_000);
        Assert.NotEmpty(build.Change());
        foreach (IGrouping<string, Mutation> same in build.Mutations.GroupBy(mutation => mutation.Title)) Assert.Single(same);
    }

    /// <summary>Runs seeds until one fails, and then the script's harms.</summary>
    /// <returns>What failed; null: nothing did.</returns>
    private static async Task<string?> FindAsync(string program, string id, CancellationToken cancellationToken)
    {
        int seeds = id == "none" ? Limit / 10 : Limit;
        foreach (string arguments in (string[])[string.Create(CultureInfo.InvariantCulture, $"--first --from 1 --seeds {seeds}"), "--first --bytes 101 1"])
        {
            var start = new ProcessStartInfo("dotnet", $"\"{program}\" {arguments}") { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["OKAPI_BUG"] = id } };
            using Process process = Process.Start(start)!;
            try
            {
                Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
                string text = await process.StandardOutput.ReadToEndAsync(cancellationToken) + await errors;
                await process.WaitForExitAsync(cancellationToken);
                if (process.ExitCode == 0) continue;
                Match failed = Failure().Match(text);
                Assert.True(failed.Success, $"{id} ended with {process.ExitCode}:\n{text}");
                return $"{failed.Groups["run"].Value}: {failed.Groups["why"].Value.Trim()}";
            }
            finally
            {
                if (!process.HasExited) process.Kill();
            }
        }

        return null;
    }

    private static void CheckTable(IReadOnlyList<Mutation> mutations, Dictionary<string, string> found)
    {
        string path = Path.Combine(Root, "docs", "mutations.md");
        var table = new StringBuilder("| Bug | What goes wrong | Found by |\n|---|---|---|\n");
        foreach (Mutation mutation in mutations)
            table.Append(CultureInfo.InvariantCulture, $"| {mutation.Id} | {mutation.Title} | {found[mutation.Id].Split(':')[0]} |\n");
        string text = File.ReadAllText(path);
        int begin = text.IndexOf("| Bug |", StringComparison.Ordinal);
        string wanted = text[..begin] + table;
        if (Environment.GetEnvironmentVariable("OKAPI_UPDATE_MUTATIONS") == "1") File.WriteAllText(path, wanted);
        else Assert.Equal(IdsOf(wanted), IdsOf(text));

        static string[] IdsOf(string table) => [.. table.Split('\n').Where(line => line.StartsWith("| H", StringComparison.Ordinal)).Select(line => string.Join('|', line.Split('|')[..3]))];
    }

    private static string FindRoot()
    {
        string? at = AppContext.BaseDirectory;
        while (at is not null && !File.Exists(Path.Combine(at, "Okapi.slnx"))) at = Path.GetDirectoryName(at);
        return at ?? throw new InvalidOperationException("Okapi.slnx is nowhere above.");
    }

    [GeneratedRegex(@"^(?<run>(seed|byte) \S+) FAILED[^\n]*\n(?<why>[^\n]*)", RegexOptions.Multiline)]
    private static partial Regex Failure();
}
