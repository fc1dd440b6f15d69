namespace Okapi.Soak.Measures;

/// <summary>What one gauge showed in the course of a run.</summary>
internal sealed class Series(string name, Func<double, string>? text = null)
{
    private readonly List<Sample> _samples = [];

    public string Name => name;

    public IReadOnlyList<Sample> Samples => _samples;

    public string Text(double value) => text?.Invoke(value) ?? FormattableString.Invariant($"{value:0}");

    public void Add(TimeSpan at, double value) => _samples.Add(new(at, value));
}
