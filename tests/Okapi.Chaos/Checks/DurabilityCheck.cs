using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>K2: nothing acknowledged is lost on any server, nothing refused was done, and every unknown outcome is resolved.</summary>
public sealed class DurabilityCheck : ICheck
{
    public string Name => "K2";

    public string Promise => "No acknowledged write is missing on any server, no refused or unsent one is there, none is there twice.";

    public Findings Run(Evidence evidence)
    {
        var findings = new Findings();
        foreach (string each in evidence.Log.Contradictions) findings.Add(each);
        foreach (LoggedTransaction each in evidence.Log.RepeatedRequests) findings.Add($"A request was done twice: {each}, after {evidence.Log.Find(each.Session, each.Cxid)}.");
        HashSet<long> acknowledged = Acknowledged(evidence);
        foreach (ServerLog server in evidence.Log.Servers) CheckServer(evidence, server, acknowledged, findings);
        new CallCheck(evidence, findings).CheckFailures();
        CheckTrees(evidence, findings);
        ResolveUnanswered(evidence, findings);
        findings.Fact("proposals a fallen leader left behind", evidence.Log.LeftBehind.Count);
        int lost = evidence.Log.Lost.Count(each => acknowledged.Contains(each.Zxid));
        if (lost > 0) findings.Fact("acknowledged writes that the servers lost: by its own account a later leader did not have them", lost);
        return findings;
    }

    private static HashSet<long> Acknowledged(Evidence evidence) =>
    [
        .. evidence.Connections.SelectMany(each => each.Received).OfType<WireOperationEntry>()
            .Where(each => Evidence.IsWrite(each.Type) && Evidence.ErrorOf(each) == ErrorCode.Ok)
            .Select(each => each.Zxid),
    ];

    /// <summary>A server may lack a part of the log only if it took a snapshot of the leader's instead, whose zxid lies behind that part.</summary>
    private static void CheckServer(Evidence evidence, ServerLog server, HashSet<long> acknowledged, Findings findings)
    {
        IReadOnlyList<LoggedTransaction> all = evidence.Log.Committed;
        int next = 0;
        var missing = new List<LoggedTransaction>();
        int covered = 0;
        foreach (LoggedTransaction each in all)
        {
            while (next < server.Transactions.Count && server.Transactions[next].Zxid < each.Zxid) next++;
            if (next == server.Transactions.Count || server.Transactions[next].Zxid != each.Zxid)
            {
                missing.Add(each);
                continue;
            }

            CloseGap(each.Zxid);
        }

        CloseGap(long.MaxValue);
        findings.Look(all.Count);
        if (covered > 0) findings.Fact($"transactions server {server.Server} has from a snapshot", covered);

        void CloseGap(long before)
        {
            if (missing.Count == 0) return;
            long last = missing[^1].Zxid;
            if (server.Snapshots.Any(zxid => zxid >= last && zxid < before)) covered += missing.Count;
            else
            {
                foreach (LoggedTransaction each in missing.Where(each => acknowledged.Contains(each.Zxid)))
                    findings.Add($"Server {server.Server} lost what was acknowledged: {each}.");
            }

            missing.Clear();
        }
    }

    private static void CheckTrees(Evidence evidence, Findings findings)
    {
        ILookup<int, TreeNodeEntry> trees = evidence.Entries<TreeNodeEntry>().ToLookup(each => each.Server);
        if (trees.Count == 0) return;
        var model = new ModelTree();
        foreach (LoggedTransaction each in evidence.Log.Committed) model.Apply(each);
        foreach (IGrouping<int, TreeNodeEntry> tree in trees)
        {
            HashSet<string> moving = ChangedSince(evidence, FinalTree.ClientOf(tree.Key));
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (TreeNodeEntry each in tree.Where(each => ModelTree.IsFollowed(each.Path) && !moving.Contains(each.Path)))
            {
                findings.Look();
                seen.Add(each.Path);
                if (model.Find(each.Path) is not { } node) findings.Add($"Server {tree.Key} has {each.Path}, which by the log does not exist.", each.Time);
                else if (node.Tag != each.Tag || node.Stat != each.Stat) findings.Add($"Server {tree.Key} has {each.Path} with {each.Tag} {each.Stat}; by the log it is {node.Tag} {node.Stat}.", each.Time);
            }

            foreach (string path in model.Nodes.Keys.Where(path => !seen.Contains(path) && !moving.Contains(path))) findings.Add($"Server {tree.Key} lacks {path}.");
        }
    }

    /// <summary>What went on changing while a tree was written down, such as containers that were reaped.</summary>
    private static HashSet<string> ChangedSince(Evidence evidence, int walker)
    {
        var changed = new HashSet<string>(StringComparer.Ordinal);
        long from = evidence.Connections.Where(each => each.Client == walker).SelectMany(each => each.Received).OfType<WireOperationEntry>().Select(each => each.Zxid).DefaultIfEmpty(long.MaxValue).Min();
        var tree = new ModelTree();
        foreach (LoggedTransaction each in evidence.Log.Committed)
        {
            tree.Apply(each, each.Zxid <= from ? null : change =>
            {
                changed.Add(change.Path);
                changed.Add(change.Path.LastIndexOf('/') is var slash and > 0 ? change.Path[..slash] : "/");
            });
        }

        return changed;
    }

    private static void ResolveUnanswered(Evidence evidence, Findings findings)
    {
        int done = 0, refused = 0, absent = 0;
        foreach (WireConnection connection in evidence.Connections)
        {
            foreach (WireOperationEntry each in connection.Unanswered.Where(each => Evidence.IsWrite(each.Type)))
            {
                findings.Look();
                _ = evidence.Log.Find(connection.Session, each.Xid) switch { null => absent++, { IsError: true } => refused++, _ => done++ };
            }
        }

        findings.Fact("unanswered requests: done", done);
        findings.Fact("unanswered requests: refused", refused);
        findings.Fact("unanswered requests: absent", absent);
    }
}
