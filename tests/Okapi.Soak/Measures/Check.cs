namespace Okapi.Soak.Measures;

/// <summary>What was found of a promise.</summary>
internal enum Verdict
{
    Holds,

    /// <summary>The run was too short to tell; no failure.</summary>
    Unclear,

    Broken,
}

/// <summary>A promise, what was found, and what was measured.</summary>
internal sealed record Check(string Name, Verdict Verdict, string Detail)
{
    public static Check That(bool holds, string name, string detail) => new(name, holds ? Verdict.Holds : Verdict.Broken, detail);

    public static Check Equal(string name, long wanted, long found) => That(wanted == found, name, FormattableString.Invariant($"{found}, wanted {wanted}"));
}
