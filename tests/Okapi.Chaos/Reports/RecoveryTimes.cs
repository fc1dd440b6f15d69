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
        Dictionary<int, long[]> successes = evidence.Operations.Where(each => each.Outcome == Outcome.Ok && each.Client > 0).GroupBy(each => each.Client).ToDictionary(each => each.Key, each => each.Select(call => call.Time).Order().ToArray());
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
            successes.Where(each => !fault.PausedClients.Contains(each.Key)).Select(each => LongestGap(each.Value, fault.Time, until)).Append(0).Max() / 1000.0);
    }

    public static TimeSpan Median(IReadOnlyList<TimeSpan> sorted) => sorted.Count == 0 ? TimeSpan.Zero : sorted[sorted.Count / 2];

    private static long LongestGap(long[] times, long from, long until)
    {
        int at = Array.BinarySearch(times, from);
        at = at < 0 ? ~at : at;
        long last = from, longest = 0;
        for (; at < times.Length && times[at] <= until; at++)
        {
            longest = Math.Max(longest, times[at] - last);
            last = times[at];
        }

        // Behind a client's last success there is nothing to wait for if it had no more to do.
        return at < times.Length ? Math.Max(longest, until - last) : longest;
    }

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
