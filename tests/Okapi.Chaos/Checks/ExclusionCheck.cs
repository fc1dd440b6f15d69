using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;

namespace Okapi.Chaos.Checks;

/// <summary>
/// K4: mutual exclusion. Of what a fence accepted no token follows a higher one; nobody was granted what an earlier contender was still in line
/// for; and two believed to hold at once only if one of them was stopped by force, which no client can know of.
/// </summary>
public sealed class ExclusionCheck : ICheck
{
    public string Name => "K4";

    public string Promise => "Protected writes are accepted in the order of their tokens, grants follow the line, and two believe to hold at once only after a pause of the process.";

    public Findings Run(Evidence evidence)
    {
        var findings = new Findings();
        GrantEntry[] grants = [.. evidence.Entries<GrantEntry>()];
        CheckFences(evidence, grants, findings);
        CheckLines(evidence, grants, findings);
        CheckBeliefs(evidence, grants, findings);
        return findings;
    }

    private static void CheckFences(Evidence evidence, GrantEntry[] grants, Findings findings)
    {
        HashSet<(int, string, long)> granted = [.. grants.Select(each => (each.Client, each.Path, each.Token))];
        int refused = 0;
        foreach (IGrouping<string, FencedWriteEntry> of in evidence.Entries<FencedWriteEntry>().GroupBy(each => each.Path))
        {
            FencedWriteEntry? highest = null;
            foreach (FencedWriteEntry each in of.OrderBy(each => each.Order))
            {
                findings.Look();
                if (!granted.Contains((each.Client, each.Path, each.Token))) findings.Add($"Client {each.Client} wrote with token 0x{each.Token:x} of {each.Path}, which it was never granted.", each.Time);
                if (each.Outcome == Outcome.Error) refused++;
                if (each.Outcome != Outcome.Ok) continue;
                if (highest is not null && each.Token < highest.Token)
                    findings.Add($"{each.Path}: client {each.Client}'s write with token 0x{each.Token:x} was accepted after client {highest.Client}'s with 0x{highest.Token:x}.", each.Time);
                else highest = each;
            }
        }

        findings.Fact("writes refused by a fence", refused);
    }

    /// <summary>By what a session had seen when it was granted something, all contenders before it must have been gone.</summary>
    private static void CheckLines(Evidence evidence, GrantEntry[] grants, Findings findings)
    {
        if (grants.Length == 0) return;
        Dictionary<string, Line> lines = grants.Select(each => each.Path).Distinct().ToDictionary(each => each, _ => new Line(), StringComparer.Ordinal);
        var tree = new ModelTree();
        foreach (LoggedTransaction each in evidence.Log.Committed)
        {
            tree.Apply(each, change =>
            {
                int slash = change.Path.LastIndexOf('/');
                if (slash <= 0 || !lines.TryGetValue(change.Path[..slash], out Line? line)) return;
                if (change.Type == WatchedEventType.NodeCreated) line.Join(change.Path, change.Zxid, tree.Find(change.Path)?.EphemeralOwner ?? 0);
                if (change.Type == WatchedEventType.NodeDeleted) line.Leave(change.Path, change.Zxid);
            });
        }

        foreach (Line each in lines.Values) each.Close();
        var seen = new SeenZxids(evidence);
        foreach (GrantEntry grant in grants)
        {
            findings.Look();
            long zxid = seen.At(grant.Client, grant.Time);
            if (!lines[grant.Path].TryFind(grant.Token, out long owner, out long lastGone))
                findings.Add($"Client {grant.Client} was granted {grant.Path} with token 0x{grant.Token:x}, which is the czxid of no contender.", grant.Time);
            else if (grant.Session != 0 && owner != grant.Session)
                findings.Add($"Client {grant.Client} was granted {grant.Path} with token 0x{grant.Token:x}, whose znode belongs to session 0x{owner:x} and not to its own 0x{grant.Session:x}.", grant.Time);
            else if (lastGone > zxid)
                findings.Add($"Client {grant.Client} was granted {grant.Path} with token 0x{grant.Token:x} when it had seen zxid 0x{zxid:x}; one who came before left {(lastGone == long.MaxValue ? "never" : $"at 0x{lastGone:x}")}.", grant.Time);
        }
    }

    private static void CheckBeliefs(Evidence evidence, GrantEntry[] grants, Findings findings)
    {
        Dictionary<(int, string, long), long> ends = evidence.Entries<GrantEndedEntry>().GroupBy(each => (each.Client, each.Path, each.Token)).ToDictionary(each => each.Key, each => each.Min(end => end.Time));
        int explained = 0;
        long longest = 0;
        foreach (IGrouping<string, GrantEntry> of in grants.GroupBy(each => each.Path))
        {
            (GrantEntry Grant, long End)? latest = null;
            foreach (GrantEntry each in of.OrderBy(each => each.Time))
            {
                long end = ends.GetValueOrDefault((each.Client, each.Path, each.Token), long.MaxValue);
                if (latest is { } before && before.End > each.Time && before.Grant.Token != each.Token)
                {
                    long overlap = Math.Min(before.End, end) - each.Time;
                    if (WasPaused(evidence, before.Grant.Client, before.Grant.Time, before.End))
                    {
                        explained++;
                        longest = Math.Max(longest, Math.Min(overlap, long.MaxValue / 2));
                    }
                    else
                    {
                        findings.Add($"{of.Key}: client {before.Grant.Client} (token 0x{before.Grant.Token:x}) believed to hold it for {(overlap > 1e15 ? "ever" : $"{overlap / 1e6:F0} ms")} beside client {each.Client} (token 0x{each.Token:x}), and was not paused.", each.Time);
                    }
                }

                if (latest is null || end >= latest.Value.End) latest = (each, end);
            }
        }

        findings.Fact("overlaps explained by a pause", explained);
        findings.Fact("longest overlap explained by a pause, ms", longest / 1_000_000);
        findings.Fact("grants", grants.Length);
    }

    private static bool WasPaused(Evidence evidence, int client, long from, long to) =>
        evidence.Faults.Any(each => each.PausedClients.Contains(client) && each.Time < to && evidence.Healed.GetValueOrDefault(each.Fault, long.MaxValue) > from);

    /// <summary>Who stood in line for one lock: when each came and left.</summary>
    private sealed class Line
    {
        private readonly Dictionary<string, int> _present = new(StringComparer.Ordinal);
        private readonly List<(long Came, long Owner)> _contenders = [];
        private readonly List<long> _left = [];
        private long[] _lastGone = [];

        public void Join(string path, long zxid, long owner)
        {
            _present[path] = _contenders.Count;
            _contenders.Add((zxid, owner));
            _left.Add(long.MaxValue);
        }

        public void Leave(string path, long zxid)
        {
            if (_present.Remove(path, out int index)) _left[index] = zxid;
        }

        /// <summary>Finds for each contender when the last of those before it was gone.</summary>
        public void Close()
        {
            _lastGone = new long[_left.Count];
            for (int i = 1; i < _left.Count; i++) _lastGone[i] = Math.Max(_lastGone[i - 1], _left[i - 1]);
        }

        public bool TryFind(long token, out long owner, out long lastGone)
        {
            int low = 0, high = _contenders.Count;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (_contenders[middle].Came < token) low = middle + 1;
                else high = middle;
            }

            bool isFound = low < _contenders.Count && _contenders[low].Came == token;
            (owner, lastGone) = isFound ? (_contenders[low].Owner, _lastGone[low]) : (0, 0);
            return isFound;
        }
    }
}
