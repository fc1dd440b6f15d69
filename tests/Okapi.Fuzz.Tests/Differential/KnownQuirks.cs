namespace Okapi.Fuzz.Tests.Differential;

/// <summary>Where the embedded server may answer otherwise than Apache's 3.8.0: the row of the conformance table, why, and what tells from both answers that it is this.</summary>
internal static class KnownQuirks
{
    public static IReadOnlyList<(string Row, string Why, Func<OpCode, bool, string, string, bool> Explains)> All { get; } =
    [
        ("B106", "A path without a slash in checkWatches: 3.8.0 stumbles over it while anybody on the server has a recursive watch.",
            static (type, _, apache, embedded) => type == OpCode.CheckWatches && embedded.Contains("NoWatcher", StringComparison.Ordinal) && apache == embedded.Replace("NoWatcher", "MarshallingError", StringComparison.Ordinal)),
        ("B22", "A length that cannot be, after requests in the same bytes: 3.8.0 closes at once, and replies that are under way are lost or not. The embedded server sends what it owes first.",
            static (_, isSeveral, apache, embedded) => isSeveral && apache.EndsWith("closed", StringComparison.Ordinal) && embedded.EndsWith("closed", StringComparison.Ordinal)
                && embedded.StartsWith(apache[..^"closed".Length], StringComparison.Ordinal)),
        ("B23", "A vector of less than -1 elements is empty to Apache's jute, which counts down to 0 or less; what follows is then read and refused in its own way. The embedded server does not read on.",
            static (type, _, apache, embedded) => type is OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl or OpCode.SetAcl or OpCode.SetWatches or OpCode.SetWatches2 or OpCode.Multi
                && embedded.EndsWith(" MarshallingError", StringComparison.Ordinal) && apache.Split(' ') is [var xid, _] && embedded.StartsWith(xid + " ", StringComparison.Ordinal)),
    ];

    /// <summary>The row that explains a difference, or null.</summary>
    /// <param name="type">What the first frame asks for.</param>
    /// <param name="isSeveral">Whether there is more than that frame.</param>
    /// <param name="apache">What Apache's server answered.</param>
    /// <param name="embedded">What the embedded server answered.</param>
    public static string? Find(OpCode type, bool isSeveral, string apache, string embedded) => All.FirstOrDefault(each => each.Explains(type, isSeveral, apache, embedded)).Row;
}
