using Okapi.Simulation.Time;

namespace Okapi.Simulation;

/// <summary>What happened in a run: as a number that two runs can be compared by, and in words for whoever looks at one.</summary>
internal sealed class Trace(VirtualTime time, TextWriter? words)
{
    private ulong _digest = 14695981039346656037;

    public ulong Digest => _digest;

    public bool HasWords => words is not null;

    public long Count { get; private set; }

    /// <summary>Notes that something happened, now.</summary>
    public void Note(int what, long a = 0, long b = 0, long c = 0)
    {
        Count++;
        Mix(time.Now.Ticks);
        Mix(what);
        Mix(a);
        Mix(b);
        Mix(c);
    }

    public void Say(string text) => words?.WriteLine($"{time.Now.TotalSeconds,11:0.000000} {text}");

    private void Mix(long value)
    {
        _digest = (_digest ^ (ulong)value) * 1099511628211;
        _digest ^= _digest >> 29;
    }
}
