using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;

namespace Okapi.Chaos.Checks;

/// <summary>What one check said about a run.</summary>
public sealed record CheckResult(ICheck Check, Findings Findings, TimeSpan Took);

/// <summary>What all checks said about a run.</summary>
public sealed record Verdict(Evidence Evidence, IReadOnlyList<CheckResult> Results)
{
    public bool IsClean => Results.All(each => each.Findings.Count == 0);

    public static IReadOnlyList<ICheck> Checks =>
        [new WriteCheck(), new DurabilityCheck(), new ReadCheck(), new ExclusionCheck(), new WatchCheck(), new StateCheck(), new LivenessCheck(), new HygieneCheck()];

    /// <summary>Checks what a run has left in its folder: the histories, there or in the folder "history", and what <see cref="ServerLog.Keep"/> kept of each server.</summary>
    public static async Task<Verdict> OfAsync(string folder)
    {
        string histories = Path.Combine(folder, "history");
        var servers = new List<ServerLog>();
        foreach (int server in ServerLog.Kept(folder)) servers.Add(await ServerLog.LoadAsync(folder, server));
        return Of(new Evidence(History.Load(Directory.Exists(histories) ? histories : folder), servers));
    }

    public static Verdict Of(Evidence evidence)
    {
        var results = new List<CheckResult>();
        foreach (ICheck check in Checks)
        {
            long began = HistoryWriter.Now;
            Findings findings = check.Run(evidence);
            results.Add(new CheckResult(check, findings, TimeSpan.FromMicroseconds((HistoryWriter.Now - began) / 1000.0)));
        }

        return new Verdict(evidence, results);
    }
}
