using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;

namespace Okapi.Chaos;

/// <summary>Judges what a run has left in its folder, and says where the report is.</summary>
internal static class Judgement
{
    public static async Task<int> OfAsync(string folder)
    {
        string[] problems = await File.ReadAllLinesAsync(Path.Combine(folder, "problems.txt"));
        foreach (string problem in problems)
        {
            Console.WriteLine($"PROBLEM {problem}");
        }

        ServerLog[] logs = await Task.WhenAll(ServerLog.Kept(folder).Select(server => ServerLog.LoadAsync(folder, server)));
        var evidence = new Evidence(History.Load(Path.Combine(folder, "history")), logs);
        int bad = problems.Length;
        foreach (ICheck check in (ICheck[])[new WriteCheck(), new DurabilityCheck(), new ReadCheck(), new ExclusionCheck(), new StateCheck(), new LivenessCheck(), new HygieneCheck()])
        {
            Findings findings = check.Run(evidence);
            bad += findings.Count;
            Console.WriteLine($"{check.Name}: {findings.Count} violations, {findings.Looked} looked at; {string.Join(", ", findings.Facts.Select(fact => $"{fact.Key} {fact.Value}"))}");
            foreach (Violation violation in findings.Violations.Take(5))
            {
                Console.WriteLine($"   {violation.Text}");
            }
        }

        return bad == 0 ? 0 : 1;
    }
}
