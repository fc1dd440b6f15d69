namespace Okapi.Chaos.Checks;

/// <summary>A promise that was broken.</summary>
/// <param name="Text">What was seen and what should have been.</param>
/// <param name="Time">When, on the history's clock; 0 if there is no such moment.</param>
public readonly record struct Violation(string Text, long Time = 0);

/// <summary>What a check found.</summary>
public sealed class Findings
{
    // Whoever reads them needs the first; a broken run may have as many as it has operations.
    private const int Kept = 200;

    private readonly List<Violation> _violations = [];
    private readonly Dictionary<string, string> _facts = [];

    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>How many there are, those that were not kept included.</summary>
    public int Count { get; private set; }

    /// <summary>How many things were looked at; a check that has looked at nothing has shown nothing.</summary>
    public long Looked { get; private set; }

    /// <summary>What else is worth knowing, such as how many outcomes were unknown.</summary>
    public IReadOnlyDictionary<string, string> Facts => _facts;

    public void Add(string text, long time = 0)
    {
        Count++;
        if (_violations.Count < Kept) _violations.Add(new Violation(text, time));
    }

    public void Look(long count = 1) => Looked += count;

    public void Fact(string name, object value) => _facts[name] = FormattableString.Invariant($"{value}");
}

/// <summary>One of the checks that decide about a run.</summary>
public interface ICheck
{
    /// <summary>Such as K1.</summary>
    string Name { get; }

    /// <summary>What must hold, in one sentence.</summary>
    string Promise { get; }

    Findings Run(Evidence evidence);
}
