using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>K1: writes are linearizable. The order is the log's, so nothing has to be searched for: every answer must be what the log says at its zxid.</summary>
public sealed class WriteCheck : ICheck
{
    public string Name => "K1";

    public string Promise => "Every answered write is one transaction with its session, xid and zxid, in an order that real time agrees with, and its answer is what the log says.";

    public Findings Run(Evidence evidence)
    {
        var findings = new Findings();
        foreach (string each in evidence.Undecoded) findings.Add($"The history has a hole: {each}.");
        (WireOperationEntry Operation, LoggedTransaction Transaction)[] answered = [.. Join(evidence, findings)];
        CheckRealTime(answered, findings);
        CheckOrderOfSessions(evidence, findings);
        Replay(evidence, answered, findings);
        new CallCheck(evidence, findings).CheckWrites();
        return findings;
    }

    // What servers refuse without asking the leader leaves no transaction.
    private static bool LeavesTransaction(ErrorCode error) =>
        error is ErrorCode.Ok or ErrorCode.NoNode or ErrorCode.NodeExists or ErrorCode.BadVersion or ErrorCode.NotEmpty or ErrorCode.NoChildrenForEphemerals;

    private static IEnumerable<(WireOperationEntry Operation, LoggedTransaction Transaction)> Join(Evidence evidence, Findings findings)
    {
        long unlogged = 0, lost = 0;
        foreach (WireConnection connection in evidence.Connections)
        {
            foreach (WireOperationEntry each in connection.Received.OfType<WireOperationEntry>())
            {
                if (!Evidence.IsWrite(each.Type)) continue;
                findings.Look();
                ErrorCode error = Evidence.ErrorOf(each);
                if (evidence.Log.Find(connection.Session, each.Xid) is not { } transaction)
                {
                    if (evidence.Log.HasLost(connection.Session, each.Xid, each.Zxid)) lost++;
                    else if (LeavesTransaction(error)) findings.Add($"{Text(connection, each)} was answered with zxid 0x{each.Zxid:x} and {error}, and the log has no transaction of it.", each.Time);
                    else unlogged++;
                    continue;
                }

                if (transaction.Zxid != each.Zxid) findings.Add($"{Text(connection, each)} was answered with zxid 0x{each.Zxid:x}; its transaction has 0x{transaction.Zxid:x}.", each.Time);
                else if (transaction.Error != error && !(transaction.HasUnknownError && error != ErrorCode.Ok)) findings.Add($"{Text(connection, each)} was answered with {error}; the log has {transaction}.", each.Time);
                else yield return (each, transaction);
            }
        }

        findings.Fact("refused without a transaction", unlogged);
        if (lost > 0) findings.Fact("answered, and lost by the servers afterwards", lost);
    }

    /// <summary>What was answered before another was sent must have the lower zxid.</summary>
    private static void CheckRealTime((WireOperationEntry Operation, LoggedTransaction Transaction)[] answered, Findings findings)
    {
        WireOperationEntry[] bySent = [.. answered.Select(each => each.Operation).OrderBy(each => each.Sent)];
        WireOperationEntry[] byAnswered = [.. answered.Select(each => each.Operation).OrderBy(each => each.Time)];
        WireOperationEntry? newest = null;
        int next = 0;
        foreach (WireOperationEntry each in bySent)
        {
            for (; next < byAnswered.Length && byAnswered[next].Time < each.Sent; next++)
            {
                if (newest is null || byAnswered[next].Zxid > newest.Zxid) newest = byAnswered[next];
            }

            if (newest is not null && newest.Zxid >= each.Zxid)
                findings.Add($"Client {each.Client}'s {each.Type} {each.Path} has zxid 0x{each.Zxid:x}, though it was sent after client {newest.Client}'s {newest.Type} {newest.Path} had been answered with 0x{newest.Zxid:x}.", each.Time);
        }
    }

    /// <summary>A session's requests take effect in the order in which they were sent, which is that of their xids.</summary>
    private static void CheckOrderOfSessions(Evidence evidence, Findings findings)
    {
        var last = new Dictionary<long, LoggedTransaction>();
        foreach (LoggedTransaction each in evidence.Log.Committed)
        {
            // What a connection that had been left still held: it is refused whenever it comes, and changes nothing.
            if (each.Cxid <= 0 || each.Error == ErrorCode.SessionMoved) continue;
            if (last.TryGetValue(each.Session, out LoggedTransaction? before) && before.Cxid >= each.Cxid)
                findings.Add($"The log has {each} after {before}: the session's requests changed places.");
            last[each.Session] = each;
        }
    }

    private static void Replay(Evidence evidence, (WireOperationEntry Operation, LoggedTransaction Transaction)[] answered, Findings findings)
    {
        ILookup<long, WireOperationEntry> answers = answered.ToLookup(each => each.Transaction.Zxid, each => each.Operation);
        var tree = new ModelTree();
        foreach (LoggedTransaction transaction in evidence.Log.Committed)
        {
            foreach (WireOperationEntry each in answers[transaction.Zxid])
            {
                if (transaction.IsError && WhyNotRefused(tree, each, transaction.Error) is { } why) findings.Add($"Client {each.Client}'s {each.Type} {each.Path} was refused with {transaction.Error} at zxid 0x{transaction.Zxid:x}, but {why}.", each.Time);
            }

            int possible = tree.Impossible.Count;
            tree.Apply(transaction);
            // A leader that has another tree than the others does what only its own allows.
            if (evidence.HadDiverged(DateTimeOffset.FromUnixTimeMilliseconds(transaction.TimeMs))) tree.Impossible.RemoveRange(possible, tree.Impossible.Count - possible);
            foreach (WireOperationEntry each in answers[transaction.Zxid])
            {
                if (!transaction.IsError) CheckAnswer(tree, each, transaction, findings);
            }
        }

        foreach (string each in tree.Impossible) findings.Add($"The log does the impossible: {each}");
    }

    private static string? WhyNotRefused(ModelTree tree, WireOperationEntry operation, ErrorCode error)
    {
        if (operation.Path is not { } path || operation.Type == OpCode.Multi || !ModelTree.IsFollowed(path)) return null;
        bool isCreate = operation.Type is OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl;
        bool isSequential = isCreate && ((CreateMode)operation.Argument).IsSequential();
        ModelNode? node = tree.Find(path);
        ModelNode? parent = path == "/" ? null : tree.Find(path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "/");
        return error switch
        {
            ErrorCode.NoNode when isCreate => parent is null ? null : "its parent existed",
            ErrorCode.NoNode => node is null ? null : "the znode existed",
            ErrorCode.NodeExists => node is not null || isSequential ? null : "the znode did not exist",
            ErrorCode.BadVersion => node is not null && (operation.Type == OpCode.SetAcl ? node.AclVersion : node.Version) == operation.Argument ? $"the version was {operation.Argument}" : null,
            ErrorCode.NotEmpty => node is { Children.Count: > 0 } ? null : "the znode had no children",
            ErrorCode.NoChildrenForEphemerals => parent is { IsEphemeral: true } ? null : "the parent was not ephemeral",
            _ => null,
        };
    }

    private static void CheckAnswer(ModelTree tree, WireOperationEntry operation, LoggedTransaction transaction, Findings findings)
    {
        if (operation.Type == OpCode.CloseSession) return;
        if (operation.Type == OpCode.Multi)
        {
            CheckParts(operation, transaction, findings);
            return;
        }

        LoggedChange change = transaction.Changes[0];
        string path = operation.ResultPath ?? operation.Path!;
        if (path != change.Path) findings.Add($"Client {operation.Client}'s {operation.Type} {operation.Path} was answered with the path {path}; the log has {transaction}.", operation.Time);
        else if (operation.Tag is { } tag && change.Tag is { } logged && tag != logged) findings.Add($"Client {operation.Client}'s {operation.Type} {path} wrote {tag}; the log has {transaction}.", operation.Time);
        else if (operation.Stat is { } stat && ModelTree.IsFollowed(path) && tree.Find(path)?.Stat is var expected && expected != stat)
            findings.Add($"Client {operation.Client}'s {operation.Type} {path} was answered with {stat}; by the log it is {expected}.", operation.Time);
    }

    private static void CheckParts(WireOperationEntry operation, LoggedTransaction transaction, Findings findings)
    {
        for (int i = 0; i < operation.Parts!.Count; i++)
        {
            WirePart part = operation.Parts[i];
            string path = part.ResultPath ?? part.Path;
            if (i < transaction.Changes.Count && transaction.Changes[i] is var change && change.Path == path
                && (change.Type != OpCode.SetData || part.Stat is not { } stat || (stat.Version == change.Version && stat.Mzxid == transaction.Zxid))
                && (part.Tag is null || change.Tag is null || part.Tag == change.Tag)) continue;
            findings.Add($"Client {operation.Client}'s transaction was answered with {part.Type} {path} {part.Tag} {part.Stat} at place {i}; the log has {transaction}.", operation.Time);
        }
    }

    private static string Text(WireConnection connection, WireOperationEntry operation) =>
        $"Client {operation.Client}'s {operation.Type} {operation.Path} (session 0x{connection.Session:x}, xid {operation.Xid})";
}
