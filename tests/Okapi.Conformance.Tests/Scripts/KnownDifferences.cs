namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Where the embedded server is allowed to say something else than Apache's, and why.</summary>
public static class KnownDifferences
{
    /// <summary>
    /// A reason, and what tells from a line of Apache's transcript and one of the embedded server's whether it is the reason. A difference without an entry here is a fault.
    /// </summary>
    public static IReadOnlyList<(string Why, Func<string, string, bool> Explains)> All { get; } =
    [
        ("A null path in a multi or multiRead: Apache stumbles over it when it has begun to answer, and the error is followed by what it had of the answer, which no client reads.",
            static (apache, embedded) => apache.Contains("MarshallingError", StringComparison.Ordinal) && apache.StartsWith(embedded + " {", StringComparison.Ordinal)),
        ("A path without a slash in checkWatches: 3.8.0 stumbles over it while anybody on the server has a recursive watch.",
            static (apache, embedded) => embedded.Contains("NoWatcher", StringComparison.Ordinal) && apache == embedded.Replace("NoWatcher", "MarshallingError", StringComparison.Ordinal)),
    ];

    /// <summary>The other server's transcript, with what is allowed to differ put as the first server has it.</summary>
    public static Transcript Excuse(Transcript one, Transcript other)
    {
        if (All.Count == 0) return other;
        return new([.. other.Steps.Select((step, i) => i < one.Steps.Count && one.Steps[i].Lines.Count == step.Lines.Count
            ? step with { Lines = [.. step.Lines.Zip(one.Steps[i].Lines, (theirs, ours) => All.Any(each => each.Explains(ours, theirs)) ? ours : theirs)] }
            : step)]);
    }
}
