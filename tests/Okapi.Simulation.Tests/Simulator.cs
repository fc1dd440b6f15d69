using System.Runtime.CompilerServices;
using Okapi.TestSupport;

namespace Okapi.Simulation.Tests;

/// <summary>An invariant does not hold.</summary>
public sealed class SimulationException(string message) : Exception(message);

/// <summary>Virtual time and luck: one thread, one queue of things to come, one seed. Two runs of a seed take the same steps.</summary>
internal sealed class Simulator(int seed, bool isTraced)
{
    private readonly PriorityQueue<Action, (TimeSpan At, long Order)> _queue = new();
    private long _order;
    private string? _failure;

    public int Seed { get; } = seed;

    public Random Random { get; } = new(seed);

    public ManualTime Time { get; } = new();

    public TimeSpan Now => Time.Now;

    public long Steps { get; private set; }

    /// <summary>A digest of all that happened; two runs of a seed have the same.</summary>
    public ulong Digest { get; private set; } = 14695981039346656037;

    public List<string>? Trace { get; } = isTraced ? [] : null;

    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    public void At(TimeSpan when, Action action) => _queue.Enqueue(action, (when < Now ? Now : when, _order++));

    /// <summary>Takes the next step, if one is due by then.</summary>
    public bool Step(TimeSpan limit)
    {
        TimeSpan? timer = Time.NextDue;
        bool hasAction = _queue.TryPeek(out _, out (TimeSpan At, long Order) next);
        if (timer is { } due && (!hasAction || due <= next.At))
        {
            if (due > limit) return false;
            Steps++;
            Time.Advance(due > Now ? due - Now : TimeSpan.Zero);
        }
        else
        {
            if (!hasAction || next.At > limit) return false;
            Steps++;
            if (next.At > Now) Time.Advance(next.At - Now);
            _queue.Dequeue()();
        }

        Mix((ulong)Now.Ticks);
        return true;
    }

    public void Mix(ulong value) => Digest = (Digest ^ value) * 1099511628211;

    /// <summary>Lets the rest of the time up to a moment pass.</summary>
    public void PassUntil(TimeSpan when)
    {
        if (when > Now) Time.Advance(when - Now);
    }

    public bool Chance(double probability) => Random.NextDouble() < probability;

    public TimeSpan Between(double minimumMs, double maximumMs) => TimeSpan.FromMilliseconds(Math.Round(minimumMs + (Random.NextDouble() * (maximumMs - minimumMs)), 3));

    public T Pick<T>(IReadOnlyList<T> from) => from[Random.Next(from.Count)];

    public void Note([InterpolatedStringHandlerArgument("")] TraceText text)
    {
        if (Trace is not null) Trace.Add($"{Now.TotalSeconds,9:0.000000} {text.Text.ToStringAndClear()}");
    }

    /// <summary>Remembers the first breach. It is thrown between steps: thrown inside one, the client would take it for a fault of the network.</summary>
    public void Fail(string message)
    {
        _failure ??= $"at {Now.TotalSeconds:0.000000} s: {message}";
        Note($"BREACH {message}");
    }

    public void Require(bool holds, string message)
    {
        if (!holds) Fail(message);
    }

    public void ThrowIfFailed()
    {
        if (_failure is null) return;
        string trace = Trace is null ? string.Empty : Environment.NewLine + string.Join(Environment.NewLine, Trace);
        throw new SimulationException($"Seed {Seed} {_failure}{trace}");
    }

    /// <summary>Builds a line of the trace only if there is one.</summary>
    [InterpolatedStringHandler]
    public ref struct TraceText
    {
        public DefaultInterpolatedStringHandler Text;
        private readonly bool _isOn;

        public TraceText(int literalLength, int formattedCount, Simulator simulator, out bool isOn)
        {
            _isOn = isOn = simulator.Trace is not null;
            if (_isOn) Text = new(literalLength, formattedCount);
        }

        public void AppendLiteral(string value) => Text.AppendLiteral(value);

        public void AppendFormatted<T>(T value) => Text.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string? format) => Text.AppendFormatted(value, format);
    }
}
