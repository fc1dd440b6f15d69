using System.Collections.Concurrent;

namespace Okapi.Soak.Load;

/// <summary>What became of the operations of all clients.</summary>
internal sealed class Tally
{
    private readonly ConcurrentDictionary<string, int> _failures = new();
    private long _done;
    private long _lost;
    private long _events;

    public long Done => Interlocked.Read(ref _done);

    /// <summary>Operations whose connection was lost, as it is in a run of cuts.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    public long Events => Interlocked.Read(ref _events);

    /// <summary>What should not have happened, and how often.</summary>
    public IReadOnlyDictionary<string, int> Failures => _failures;

    public void Did() => Interlocked.Increment(ref _done);

    public void Lose() => Interlocked.Increment(ref _lost);

    public void Saw() => Interlocked.Increment(ref _events);

    public void Fail(Exception error) => Fail($"{error.GetType().Name}: {error.Message}");

    public void Fail(string what) => _failures.AddOrUpdate(what, 1, static (_, count) => count + 1);
}
