namespace Okapi.Fuzz.Tests.Differential;

/// <summary>Where the embedded server may answer otherwise than Apache's 3.8.0: the row of the conformance table, why, and what tells from both answers that it is this.</summary>
internal static class KnownQuirks
{
    public static IReadOnlyList<(string Row, string Why, Func<OpCode, string, string, bool> Explains)> All { get; } =
    [
        ("B106", "A path without a slash in checkWatches: 3.8.0 stumbles over it while anybody on the server has a recursive watch.",
            static (type, apache, embedded) => type == OpCode.CheckWatches && embedded.Contains("NoWatcher", StringComparison.Ordinal) && apache == embedded.Replace("NoWatcher", "MarshallingError", StringComparison.Ordinal)),
    ];

    /// <summary>The row that explains a difference, or null.</summary>
    public static string? Find(OpCode type, string apache, string embedded) => All.FirstOrDefault(each => each.Explains(type, apache, embedded)).Row;
}
