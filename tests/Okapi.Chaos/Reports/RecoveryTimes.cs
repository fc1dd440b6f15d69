using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Reports;

/// <summary>How long it took until all was well again after the faults of one kind.</summary>
/// <param name="Kind">The kind of fault.</param>
/// <param name="Servers">For each fault how long no server took writes, or none was a leader.</param>
/// <param name="Clients">For each fault the longest time in which one of the clients it did not pause had no success.</param>
public sealed record RecoveryTimes(string Kind, IReadOnlyList<TimeSpan> Servers, IReadOnlyList<TimeSpan> Clients)
{
    public static IReadOnlyList<RecoveryTimes> Of(Evidence evidence)
    {
        var successes = new Successes(evidence.Operations);
        Dictionary<int, OutageEntry> outages = evidence.Entries<OutageEntry>().GroupBy(each => each.Fault).ToDictionary(each => each.Key, each => each.Last());
        FaultEntry[] faults = [.. evidence.Faults.OrderBy(each => each.Time)];
        (long From, long To)[] leaderless = [.. Leaderless(evidence)];
        return
        [
            .. faults.Select((fault, i) => (fault.Kind, Servers: ServersAfter(fault, Until(i)), Clients: ClientsAfter(fault, Until(i))))
                .GroupBy(each => each.Kind).OrderBy(each => each.Key, StringComparer.Ordinal)
                .Select(each => new RecoveryTimes(each.Key, [.. each.Select(one => one.Servers).Order()], [.. each.Select(one => one.Clients).Order()])),
        ];

        // Until the next fault begins; the last has the time that liveness is given.
        long Until(int i) => i + 1 < faults.Length ? faults[i + 1].Time : Math.Max(faults[i].Time, evidence.LastHeal) + (long)TimeSpan.FromMilliseconds(evidence.Run.SessionTimeoutMs + 10_000).TotalNanoseconds;

        TimeSpan ServersAfter(FaultEntry fault, long until) => outages.TryGetValue(fault.Fault, out OutageEntry? outage)
            ? TimeSpan.FromMilliseconds(outage.OutageMs)
            : TimeSpan.FromMicroseconds(leaderless.Select(each => Math.Min(each.To, until) - Math.Max(each.From, fault.Time)).Append(0).Max() / 1000.0);

        TimeSpan ClientsAfter(FaultEntry fault, long until) => TimeSpan.FromMicroseconds(
            successes.Clients.Except(fault.PausedClients).Select(client => successes.LongestGap(client, fault.Time, until)).Append(0).Max() / 1000.0);
    }

    public static TimeSpan Median(IReadOnlyList<TimeSpan> sorted) => sorted.Count == 0 ? TimeSpan.Zero : sorted[sorted.Count / 2];

    private static IEnumerable<(long From, long To)> Leaderless(Evidence evidence)
    {
        var leaders = new HashSet<int>();
        long since = 0;
        foreach (ServerModeEntry each in evidence.Entries<ServerModeEntry>().OrderBy(each => each.Time))
        {
            bool had = leaders.Count > 0;
            if (each.Mode == "leader") leaders.Add(each.Server);
            else leaders.Remove(each.Server);
            if (had && leaders.Count == 0) since = each.Time;
            if (!had && leaders.Count > 0 && since > 0) yield return (since, each.Time);
        }

        if (leaders.Count == 0 && since > 0) yield return (since, long.MaxValue);
    }
}
