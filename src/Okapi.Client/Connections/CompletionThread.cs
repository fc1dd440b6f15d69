using System.Diagnostics;

namespace Okapi.Connections;

/// <summary>
/// Completes on a thread of its own, which sleeps without spinning first: where replies come one by one that is most of what a reply costs (decision 0012). When callers' code
/// keeps that thread for longer than <see cref="Patience"/>, the thread pool takes over what waits behind it.
/// </summary>
/// <param name="schedule">Puts work on the thread pool.</param>
/// <param name="flusher">Sends what callers' code submits meanwhile.</param>
internal sealed class CompletionThread(Action<IThreadPoolWorkItem> schedule, IFlusher flusher) : CompletionQueue(schedule)
{
    /// <summary>How long code that continues after a reply can hold up others.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(2);

    [ThreadStatic]
    private static CompletionThread? t_current;

    private readonly object _gate = new();
    private volatile bool _isIdle;
    private volatile bool _isOver;

    /// <summary>Others go on with the queue, because the thread is kept by what it runs.</summary>
    private volatile bool _isHeldUp;
    private bool _hasFlushed;

    /// <summary>How often the thread was through with all there was.</summary>
    private int _runs;

    // The reader's own, to tell how long the thread has not been through.
    private int _seenRuns;
    private long _seenSince;

    public override void Publish()
    {
        if (IsEmpty) return;
        if (_isIdle) // adding to the queue was a full fence
        {
            _isHeldUp = false; // it may have been given up just before it fell asleep, and has to be looked after again
            _seenSince = 0;
            Wake();
        }
        else if (_isHeldUp)
        {
            Schedule();
        }
    }

    /// <summary>Called by the reader before it waits: looks whether the thread gets on.</summary>
    /// <returns>When to look again.</returns>
    public TimeSpan Supervise()
    {
        if (_isHeldUp || (_isIdle && IsEmpty)) return Timeout.InfiniteTimeSpan;
        int runs = Volatile.Read(ref _runs);
        if (runs != _seenRuns || _seenSince == 0) (_seenRuns, _seenSince) = (runs, Stopwatch.GetTimestamp());
        else if (Stopwatch.GetElapsedTime(_seenSince) >= Patience) return GiveUp();
        return Patience;
    }

    public override bool TakesFlush()
    {
        if (_isHeldUp) return false;
        if (t_current == this && IsEmpty && !_hasFlushed)
        {
            _hasFlushed = true; // nobody else is about to submit anything
            flusher.FlushOwed();
            return true;
        }

        if (_isIdle) Wake();
        return !_isHeldUp;
    }

    public override void End()
    {
        _isOver = true;
        if (!IsEmpty) Schedule(); // the thread may be kept for long by what it runs now
        Wake();
    }

    /// <summary>What the thread does until the queue has ended.</summary>
    public void Run()
    {
        t_current = this;
        while (!_isOver || !IsEmpty)
        {
            while (TryTake(out Ready ready))
            {
                _hasFlushed = false;
                ready.Complete();
            }

            _isHeldUp = false;
            Volatile.Write(ref _runs, _runs + 1);
            flusher.FlushOwed();
            Sleep();
        }

        t_current = null;
    }

    private TimeSpan GiveUp()
    {
        _isHeldUp = true;
        Interlocked.MemoryBarrier(); // now either this thread sees what is owed, or whoever owes it sees the mark
        if (flusher.IsOwed) flusher.FlushOnPool(); // and if the pool gets on later than the thread does, the thread sends it after all
        if (!IsEmpty) Schedule();
        return Timeout.InfiniteTimeSpan;
    }

    private void Sleep()
    {
        if (!IsEmpty) return;
        lock (_gate)
        {
            _isIdle = true;
            Interlocked.MemoryBarrier(); // now either this thread sees what was added, or whoever added it sees that it sleeps
            if (IsEmpty && !flusher.IsOwed && !_isOver) Monitor.Wait(_gate);
            _isIdle = false;
        }
    }

    private void Wake()
    {
        lock (_gate) Monitor.Pulse(_gate);
    }
}

/// <summary>Sends what was submitted; it does so once, whoever is told.</summary>
internal interface IFlusher
{
    /// <summary>Whether there is something to send that nobody has begun with.</summary>
    bool IsOwed { get; }

    /// <summary>Sends it on this thread, if it is still owed.</summary>
    void FlushOwed();

    /// <summary>Sends it on the thread pool, if it is still owed by then.</summary>
    void FlushOnPool();
}
