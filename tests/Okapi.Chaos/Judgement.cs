using System.Globalization;
using Okapi.Chaos.Checks;
using Okapi.Chaos.Reports;

namespace Okapi.Chaos;

/// <summary>Judges what a run has left in its folder, and says what was found and where the report is.</summary>
internal static class Judgement
{
    public const string ProblemsFile = "problems.txt";
    private const int MostShown = 5;

    /// <returns>The exit code.</returns>
    public static async Task<int> OfAsync(string folder)
    {
        string[] problems = await File.ReadAllLinesAsync(Path.Combine(folder, ProblemsFile));
        foreach (string problem in problems)
        {
            Console.WriteLine($"PROBLEM {problem}");
        }

        Verdict verdict = await Verdict.OfAsync(folder);
        foreach (CheckResult result in verdict.Results)
        {
            Show(result);
        }

        string report = Path.Combine(folder, "report.html");
        Report.Write(report, verdict);
        int violations = problems.Length + verdict.Results.Sum(result => result.Findings.Count);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{violations} violations; {verdict.Evidence.Faults.Count} faults of {verdict.Evidence.Faults.DistinctBy(fault => fault.Kind).Count()} kinds, {verdict.Evidence.Operations.Count} calls; the report is {report}"));
        return violations == 0 ? 0 : 1;
    }

    private static void Show(CheckResult result)
    {
        Findings findings = result.Findings;
        string verdict = findings.Count == 0 ? "holds" : string.Create(CultureInfo.InvariantCulture, $"VIOLATED {findings.Count} times");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Check.Name} {verdict} ({findings.Looked} looked at in {result.Took.TotalSeconds:0.0} s). {result.Check.Promise}"));
        if (findings.Facts.Count > 0)
        {
            Console.WriteLine($"     {string.Join(", ", findings.Facts.Select(fact => $"{fact.Key} {fact.Value}"))}");
        }

        foreach (Violation violation in findings.Violations.Take(MostShown))
        {
            Console.WriteLine($"   - {violation.Text}");
        }
    }
}
