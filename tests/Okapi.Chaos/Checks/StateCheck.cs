using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>K6: shared state. Replicas see versions of the log, in its order; in the end all the same; reads are as fresh as they say.</summary>
public sealed class StateCheck : ICheck
{
    public string Name => "K6";

    public string Promise => "Every replica goes through versions of the log in their order, differences add up to the state, all end equal, and no read is older than promised.";

    public Findings Run(Evidence evidence)
    {
        var findings = new Findings();
        StateSeenEntry[] seen = [.. evidence.Entries<StateSeenEntry>()];
        StateReadEntry[] reads = [.. evidence.Entries<StateReadEntry>()];
        HashSet<string> paths = [.. seen.Select(each => each.Path), .. reads.Select(each => each.Path)];
        Dictionary<(string Path, long Zxid), (int Version, string? Tag)> versions = Versions(evidence, paths, out Dictionary<string, long> last);
        CheckReplicas(seen, versions, findings);
        CheckEnds(seen, last, findings);
        CheckReads(evidence, reads, paths, versions, findings);
        return findings;
    }

    private static Dictionary<(string Path, long Zxid), (int Version, string? Tag)> Versions(Evidence evidence, HashSet<string> paths, out Dictionary<string, long> last)
    {
        var versions = new Dictionary<(string, long), (int, string?)>();
        last = new(StringComparer.Ordinal);
        foreach (LoggedTransaction transaction in evidence.Log.Committed)
        {
            foreach (LoggedChange change in transaction.Changes)
            {
                if (change.Type is not (OpCode.Create or OpCode.SetData) || !paths.Contains(change.Path)) continue;
                versions[(change.Path, transaction.Zxid)] = (change.Type == OpCode.Create ? 0 : change.Version, change.Tag);
                last[change.Path] = transaction.Zxid;
            }
        }

        return versions;
    }

    private static void CheckReplicas(StateSeenEntry[] seen, Dictionary<(string Path, long Zxid), (int Version, string? Tag)> versions, Findings findings)
    {
        var newest = new Dictionary<(int, long), StateSeenEntry>();
        foreach (StateSeenEntry each in seen)
        {
            findings.Look();
            string replica = $"Client {each.Client}'s replica {each.Replica} of {each.Path}";
            if (!versions.TryGetValue((each.Path, each.Zxid), out (int Version, string? Tag) logged)) findings.Add($"{replica} saw a version of zxid 0x{each.Zxid:x}, which the log does not have.", each.Time);
            else if (logged.Version != each.Version || (each.Tag is { } tag && tag != logged.Tag)) findings.Add($"{replica} saw version {each.Version} {each.Tag} at zxid 0x{each.Zxid:x}; in the log it is {logged.Version} {logged.Tag}.", each.Time);
            if (each.AppliedTag is { } applied && (each.ContentTag ?? logged.Tag) is { } content && applied != content) findings.Add($"{replica}: the differences add up to {applied}, and version {each.Version} is {content}.", each.Time);
            if (newest.TryGetValue((each.Client, each.Replica), out StateSeenEntry? before) && (each.Zxid < before.Zxid || (each.Zxid == before.Zxid && !each.IsFinal)))
                findings.Add($"{replica} saw zxid 0x{each.Zxid:x} after 0x{before.Zxid:x}.", each.Time);
            newest[(each.Client, each.Replica)] = each;
        }
    }

    private static void CheckEnds(StateSeenEntry[] seen, Dictionary<string, long> last, Findings findings)
    {
        foreach (StateSeenEntry each in seen.Where(each => each.IsFinal && last.TryGetValue(each.Path, out long zxid) && zxid != each.Zxid))
            findings.Add($"Client {each.Client}'s replica {each.Replica} of {each.Path} ended with zxid 0x{each.Zxid:x}; the last version has 0x{last[each.Path]:x}.", each.Time);
    }

    private static void CheckReads(
        Evidence evidence, StateReadEntry[] reads, HashSet<string> paths, Dictionary<(string Path, long Zxid), (int Version, string? Tag)> versions, Findings findings)
    {
        Dictionary<string, List<(long Time, long Zxid)>> acknowledged = Acknowledged(evidence, paths);
        var before = new Dictionary<(int, long, StateReadKind), StateReadEntry>();
        int refused = 0;
        foreach (StateReadEntry each in reads)
        {
            findings.Look();
            if (each.Outcome != Outcome.Ok)
            {
                refused++;
                continue;
            }

            string read = $"Client {each.Client}'s {each.Kind} read of {each.Path}";
            if (!versions.ContainsKey((each.Path, each.Zxid))) findings.Add($"{read} returned zxid 0x{each.Zxid:x}, which the log does not have.", each.Time);
            long mayNotMiss = each.Kind == StateReadKind.Latest ? each.Invoked : each.Invoked - (each.MaxStalenessMs * 1_000_000L);
            long required = NewestBefore(acknowledged.GetValueOrDefault(each.Path), mayNotMiss);
            if (each.Zxid < required) findings.Add($"{read} returned zxid 0x{each.Zxid:x}, though 0x{required:x} had been acknowledged {(each.Kind == StateReadKind.Latest ? "before the call" : $"more than {each.MaxStalenessMs} ms before")}.", each.Time);
            if (before.TryGetValue((each.Client, each.Replica, each.Kind), out StateReadEntry? last) && last.Time <= each.Invoked && last.Zxid > each.Zxid) findings.Add($"{read} went back from zxid 0x{last.Zxid:x} to 0x{each.Zxid:x}.", each.Time);
            before[(each.Client, each.Replica, each.Kind)] = each;
        }

        findings.Fact("reads refused as stale", refused);
    }

    /// <summary>When each version was acknowledged to whoever wrote it, with the newest up to then.</summary>
    private static Dictionary<string, List<(long Time, long Zxid)>> Acknowledged(Evidence evidence, HashSet<string> paths)
    {
        var all = new Dictionary<string, List<(long Time, long Zxid)>>(StringComparer.Ordinal);
        foreach (WireOperationEntry each in evidence.Connections.SelectMany(connection => connection.Received).OfType<WireOperationEntry>().OrderBy(each => each.Time))
        {
            if (!Evidence.IsWrite(each.Type) || Evidence.ErrorOf(each) != ErrorCode.Ok || evidence.Log.Find(each.Zxid) is not { } transaction) continue;
            foreach (LoggedChange change in transaction.Changes)
            {
                if (change.Type is not (OpCode.Create or OpCode.SetData) || !paths.Contains(change.Path)) continue;
                if (!all.TryGetValue(change.Path, out List<(long Time, long Zxid)>? of)) all.Add(change.Path, of = []);
                of.Add((each.Time, Math.Max(each.Zxid, of.Count > 0 ? of[^1].Zxid : 0)));
            }
        }

        return all;
    }

    private static long NewestBefore(List<(long Time, long Zxid)>? acknowledged, long time)
    {
        if (acknowledged is null) return 0;
        int low = 0, high = acknowledged.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (acknowledged[middle].Time < time) low = middle + 1;
            else high = middle;
        }

        return low == 0 ? 0 : acknowledged[low - 1].Zxid;
    }
}
