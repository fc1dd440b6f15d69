using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>
/// K3: reads are sequential. The zxid in the header of an answer is that of the tree it was read from (FinalRequestProcessor; no server reads
/// beside a write, CommitProcessor), so a read must be exactly what the log makes of the tree up to there. What clients were told of before the servers
/// lost it is part of the tree until then. While servers by their own account have different trees (<see cref="Divergence"/>), wrong answers are counted and not held against the client, who can only pass them on.
/// </summary>
public sealed class ReadCheck : ICheck
{
    public string Name => "K3";

    public string Promise => "A session never sees an older tree than it has seen, on whatever server, and every read is exactly the tree at its zxid.";

    public Findings Run(Evidence evidence)
    {
        var findings = new Findings();
        CheckSessions(evidence, findings);
        CheckValues(evidence, findings);
        new CallCheck(evidence, findings).CheckReads();
        return findings;
    }

    private static void CheckSessions(Evidence evidence, Findings findings)
    {
        int moves = 0;
        foreach ((long session, List<WireConnection> connections) in evidence.Sessions)
        {
            WireOperationEntry? newest = null;
            moves += connections.Count - 1;
            foreach (WireOperationEntry each in connections.SelectMany(connection => connection.Received).OfType<WireOperationEntry>())
            {
                // Auth and the like are answered with zxid 0; xids below 0 are no requests of a user.
                if (each.Zxid <= 0 || each.Xid < 0) continue;
                findings.Look();
                if (newest is not null && each.Zxid < newest.Zxid)
                    findings.Add($"Session 0x{session:x} saw zxid 0x{each.Zxid:x} with {each.Type} {each.Path} (xid {each.Xid}) after 0x{newest.Zxid:x} with {newest.Type} {newest.Path} (xid {newest.Xid}).", each.Time);
                else newest = each;
            }
        }

        findings.Fact("times a session moved to another connection", moves);
    }

    private static bool IsRead(WireOperationEntry each) =>
        each.Type is OpCode.Exists or OpCode.GetData or OpCode.GetChildren or OpCode.GetChildren2
        && each.Error is ErrorCode.Ok or ErrorCode.NoNode
        && each is { Zxid: > 0, Path: { } path } && ModelTree.IsFollowed(path);

    private static void CheckValues(Evidence evidence, Findings findings)
    {
        WireOperationEntry[] reads = [.. evidence.Connections.SelectMany(each => each.Received).OfType<WireOperationEntry>()
            .Where(IsRead)
            .OrderBy(each => each.Zxid)];
        var replay = new Replay(evidence.Log);
        int diverged = 0;
        foreach (WireOperationEntry each in reads)
        {
            findings.Look();
            ModelTree tree = replay.At(each.Zxid);
            if (each.Zxid > evidence.Log.LastZxid) findings.Add($"Client {each.Client}'s {each.Type} {each.Path} was answered at zxid 0x{each.Zxid:x}, which the log does not reach.", each.Time);
            else if (Difference(each, tree.Find(each.Path!)) is not { } difference) continue;
            else if (evidence.HadDiverged(each.Time)) diverged++;
            else
                findings.Add($"Client {each.Client}'s {each.Type} {each.Path} (xid {each.Xid}) was answered at zxid 0x{each.Zxid:x} with {difference}.", each.Time);
        }

        if (evidence.DivergedFor() is { Ticks: > 0 } time) findings.Fact("seconds in which servers had different trees, by their own account", (long)time.TotalSeconds);
        if (diverged > 0) findings.Fact("wrong answers of servers while these had different trees, by their own account", diverged);
    }

    private static string? Difference(WireOperationEntry read, ModelNode? node)
    {
        if (node is null || read.Error == ErrorCode.NoNode)
            return node is null == (read.Error == ErrorCode.NoNode) ? null : node is null ? $"{read.Stat}, though it did not exist" : $"NoNode, though it existed: {node.Stat}";
        if (read.Stat is { } stat && stat != node.Stat) return $"{stat}; by the log it was {node.Stat}";
        if (read.Type == OpCode.GetData && read.ResultTag != node.Tag) return $"{read.ResultTag}; by the log it was {node.Tag}";
        return read.Type is OpCode.GetChildren or OpCode.GetChildren2 && (read.ChildCount != node.Children.Count || read.Children != node.ChildrenDigest)
            ? $"{read.ChildCount} children; by the log there were {node.Children.Count}, or others"
            : null;
    }
}
