namespace Okapi.Recipes.Nodes;

/// <summary>The doubt whether a write was applied whose reply was lost: the first failure of that kind, which is what the caller has to know if nothing settles it.</summary>
internal static class Doubt
{
    /// <summary>Whether a write that failed may have been applied.</summary>
    public static bool IsRaisedBy(Exception error) => error switch
    {
        ConnectionLossException loss => loss.Outcome != RequestOutcome.NotSent,
        RequestTimeoutException late => late.Outcome != RequestOutcome.NotSent,
        SessionEndedException => true,
        _ => false,
    };

    /// <summary>Whether a failure says nothing of an earlier try, which may have been applied: a refusal of the later one, such as by a server in read-only mode, is not the answer then.</summary>
    public static bool IsLeftBy(ZooKeeperException? doubt, Exception error) => doubt is not null && error != doubt && !Endurance.AcrossSessions.Outlasts(error);
}
