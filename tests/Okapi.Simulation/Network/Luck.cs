namespace Okapi.Simulation.Network;

/// <summary>All chance of a run.</summary>
internal sealed class Luck(long seed)
{
    private ulong _state = (ulong)seed * 0x9E3779B97F4A7C15 + 0x1234567;

    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>From the first to the second, both possible.</summary>
    public int Between(int least, int most) => least + Below(most - least + 1);

    public bool OneIn(int n) => Below(n) == 0;

    public double Fraction() => (Next() >> 11) * (1.0 / (1L << 53));

    public TimeSpan Time(TimeSpan least, TimeSpan most) => least + ((most - least) * Fraction());

    public TimeSpan Ms(int least, int most) => Time(TimeSpan.FromMilliseconds(least), TimeSpan.FromMilliseconds(most));

    public T Of<T>(params ReadOnlySpan<T> values) => values[Below(values.Length)];

    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];

    /// <summary>Another source, so that what one part draws does not change what another does.</summary>
    public Luck Fork() => new((long)Next());

    // SplitMix64: the same everywhere, whatever the runtime does.
    private ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
