using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Checks;

/// <summary>K7: once the last fault is healed, everybody is back within a session timeout and ten seconds, and nothing hangs.</summary>
public sealed class LivenessCheck : ICheck
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    public string Name => "K7";

    public string Promise => "Within the session timeout and 10 s of the last heal all clients are connected and have written; no call is pending in the end.";

    public Findings Run(Evidence evidence)
    {
        var findings = new Findings();
        foreach (FaultEntry each in evidence.Faults.Where(each => !evidence.Healed.ContainsKey(each.Fault))) findings.Add($"Fault {each.Fault} ({each.Kind}, {each.Target}) was never healed.", each.Time);
        long healed = evidence.LastHeal;
        long deadline = healed + (long)(TimeSpan.FromMilliseconds(evidence.Run.SessionTimeoutMs) + Grace).TotalNanoseconds;
        ILookup<int, SessionEntry> states = evidence.Entries<SessionEntry>().ToLookup(each => each.Client);
        HashSet<int> probed = [.. evidence.Operations
            .Where(each => each.IsWrite && each.Outcome == Outcome.Ok && each.Invoked >= healed && each.Time <= deadline && each.Path.StartsWith(evidence.Run.ProbeRoot, StringComparison.Ordinal))
            .Select(each => each.Client)];
        for (int client = 1; client <= evidence.Run.Clients; client++)
        {
            findings.Look();
            SessionEntry? last = states[client].TakeWhile(each => each.State != SessionState.Closed).LastOrDefault(each => each.Time <= deadline);
            if (last?.State is not (SessionState.Connected or SessionState.ConnectedReadOnly)) findings.Add($"Client {client} was {last?.State.ToString() ?? "never heard of"} when it should have been connected again.", last?.Time ?? 0);
            if (!probed.Contains(client)) findings.Add($"Client {client} wrote nothing below {evidence.Run.ProbeRoot} in time after the last heal.", deadline);
        }

        foreach (OperationEntry each in evidence.Operations.Where(each => each.Outcome == Outcome.Pending))
            findings.Add($"Client {each.Client}'s call {each.Id}, {each.Kind} {each.Path}, never returned.", each.Invoked);
        return findings;
    }
}
