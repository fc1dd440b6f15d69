using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>Holds what the API's calls returned against the log, which knows a write again by its tag, and against the answers on the wire.</summary>
internal sealed class CallCheck(Evidence evidence, Findings findings)
{
    /// <summary>A call that says it succeeded did, once; and what it returned is what the server said.</summary>
    public void CheckWrites()
    {
        Dictionary<string, List<LoggedTransaction>> byTag = ByTag();
        foreach (OperationEntry each in evidence.Operations)
        {
            if (!each.IsWrite || each.Outcome != Outcome.Ok) continue;
            findings.Look();
            if (each.Tag is null)
            {
                if (!evidence.AnswersTo(each.Client, each.Path, each.Invoked, each.Time).Any(answer => Evidence.IsWrite(answer.Type) && Evidence.ErrorOf(answer) == ErrorCode.Ok))
                    findings.Add($"{Text(each)} succeeded, and no server ever said so.", each.Time);
                continue;
            }

            int count = byTag.TryGetValue(each.Tag, out List<LoggedTransaction>? found) ? found.Count : 0;
            if (count != 1)
            {
                findings.Add($"{Text(each)} succeeded, and {count} transactions in the log write {each.Tag}.", each.Time);
                continue;
            }

            LoggedChange change = found![0].Changes.First(change => change.Tag == each.Tag);
            if (each.ResultPath is { } path && path != change.Path) findings.Add($"{Text(each)} returned the path {path}; the log has {found[0]}.", each.Time);
            if (each.Stat is { } stat && stat.Mzxid != found[0].Zxid) findings.Add($"{Text(each)} returned {stat}; the log has {found[0]}.", each.Time);
        }
    }

    /// <summary>A call that says it was refused, or never sent, left nothing; whether one that cannot say did, the log tells.</summary>
    public void CheckFailures()
    {
        Dictionary<string, List<LoggedTransaction>> byTag = ByTag();
        int done = 0, notDone = 0, untagged = 0;
        foreach (OperationEntry each in evidence.Operations)
        {
            if (!each.IsWrite || each.Outcome == Outcome.Ok) continue;
            findings.Look();
            if (each.Tag is null)
            {
                untagged++;
                continue;
            }

            int count = byTag.TryGetValue(each.Tag, out List<LoggedTransaction>? found) ? found.Count : 0;
            if (each.Outcome is Outcome.Error or Outcome.NotSent && count > 0)
                findings.Add($"{Text(each)} {(each.Outcome == Outcome.Error ? "was refused with " + each.Error : "was never sent")}, and the log has {found![0]}.", each.Time);
            else if (count > 1)
                findings.Add($"{Text(each)} was done {count} times: {found![0]} and {found[1]}.", each.Time);
            else if (each.Outcome is Outcome.Unknown or Outcome.Pending)
                _ = count == 1 ? done++ : notDone++;
        }

        findings.Fact("unknown outcomes that were done", done);
        findings.Fact("unknown outcomes that were not done", notDone);
        findings.Fact("failed writes without a tag", untagged);
    }

    /// <summary>What a read returned is what a server answered while it was called.</summary>
    public void CheckReads()
    {
        foreach (OperationEntry each in evidence.Operations)
        {
            if (each.Kind is not (OperationKind.GetData or OperationKind.Exists) || each.Outcome != Outcome.Ok) continue;
            findings.Look();
            if (!evidence.AnswersTo(each.Client, each.Path, each.Invoked, each.Time).Any(answer => IsAnswer(each, answer)))
                findings.Add($"{Text(each)} returned {each.ResultTag} {each.Stat}, and no server said so while it was called.", each.Time);
        }
    }

    private static bool IsAnswer(OperationEntry call, WireOperationEntry answer) => call.Kind switch
    {
        OperationKind.GetData => answer.Type == OpCode.GetData && answer.Error == ErrorCode.Ok && (call.ResultTag is null || call.ResultTag == answer.ResultTag) && (call.Stat is null || call.Stat == answer.Stat),
        _ => answer.Type == OpCode.Exists && answer.Error is ErrorCode.Ok or ErrorCode.NoNode && call.Stat == answer.Stat,
    };

    private static string Text(OperationEntry call) => $"Client {call.Client}'s call {call.Id}, {call.Kind} {call.Path}";

    private Dictionary<string, List<LoggedTransaction>> ByTag()
    {
        var wanted = new Dictionary<string, List<LoggedTransaction>>(StringComparer.Ordinal);
        foreach (OperationEntry each in evidence.Operations)
        {
            if (each is { IsWrite: true, Tag: { } tag }) wanted.TryAdd(tag, []);
        }

        foreach (LoggedTransaction transaction in evidence.Log.Committed.Concat(evidence.Log.Lost))
        {
            foreach (LoggedChange change in transaction.Changes)
            {
                if (change.Tag is { } tag && wanted.TryGetValue(tag, out List<LoggedTransaction>? found) && (found.Count == 0 || found[^1] != transaction)) found.Add(transaction);
            }
        }

        return wanted;
    }
}
