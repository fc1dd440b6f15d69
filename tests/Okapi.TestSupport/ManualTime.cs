using System.Diagnostics;

namespace Okapi.TestSupport;

/// <summary>A clock that goes only when it is told to. Timers that become due run on the thread that moves the clock, in the order of their times.</summary>
public sealed class ManualTime : TimeProvider
{
    /// <summary>How long <see cref="AdvanceUntilAsync"/> takes for the whole of its limit, at least.</summary>
    private static readonly TimeSpan LastResort = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly PriorityQueue<(ManualTimer Timer, int Version), (TimeSpan Due, long Order)> _due = new();
    private TimeSpan _now;
    private TimeSpan _wallOffset;
    private long _order;

    /// <summary>How much time has passed.</summary>
    public TimeSpan Now
    {
        get
        {
            lock (_lock) return _now;
        }
    }

    /// <summary>How many timers are set.</summary>
    public int ActiveTimers { get; private set; }

    /// <summary>How many times a timer has fired; bounds the work that waiting causes.</summary>
    public long Fired { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Now.Ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + TimeSpan.FromDays(20_000) + Now + _wallOffset;

    /// <summary>Sets the wall clock forward or back; no time passes (H16).</summary>
    public void JumpWallClock(TimeSpan by) => _wallOffset += by;

    /// <summary>When the next timer is due; null if none is set.</summary>
    public TimeSpan? NextDue
    {
        get
        {
            lock (_lock)
            {
                SkipStale();
                return _due.TryPeek(out _, out (TimeSpan Due, long) key) ? key.Due : null;
            }
        }
    }

    /// <summary>Lets time pass.</summary>
    /// <param name="by">How much.</param>
    public void Advance(TimeSpan by)
    {
        TimeSpan target = Now + by;
        TimeSpan moment = Now;
        for (int fired = 0; ; fired++)
        {
            ManualTimer timer;
            if (fired > 100_000 && Now == moment) throw new InvalidOperationException("Timers fire without end and no time passes.");
            if (Now != moment) (moment, fired) = (Now, 0);
            lock (_lock)
            {
                SkipStale();
                if (!_due.TryPeek(out var next, out (TimeSpan Due, long) key) || key.Due > target)
                {
                    _now = target;
                    return;
                }

                _due.Dequeue();
                if (key.Due > _now) _now = key.Due;
                timer = next.Timer;
                timer.TakeDue_NeedsLock();
                Fired++;
            }

            timer.Fire();
        }
    }

    /// <summary>Lets time pass while the process stands still, as when it is stopped or starved of threads: timers that become due meanwhile run at its end, late.</summary>
    /// <param name="by">How much.</param>
    public void Stall(TimeSpan by)
    {
        lock (_lock) _now += by;
        Advance(TimeSpan.Zero);
    }

    /// <summary>Lets time pass in steps until a task is complete, giving other threads the chance to act on each step.</summary>
    /// <param name="task">The task.</param>
    /// <param name="limit">How much time may pass.</param>
    /// <param name="step">How much passes at a time.</param>
    /// <returns>Completes with the task.</returns>
    /// <exception cref="TimeoutException">The limit was reached first.</exception>
    public async Task AdvanceUntilAsync(Task task, TimeSpan limit, TimeSpan? step = null)
    {
        TimeSpan start = Now;
        long realStart = Stopwatch.GetTimestamp();
        while (!task.IsCompleted)
        {
            double share = (Now - start) / limit;
            if (share >= 1) throw new TimeoutException($"Not complete after {limit} of manual time.");
            // A thread that acts on a step may not have had the processor since. Time that is nearly up goes slower and slower, so that it gets its turn.
            TimeSpan ahead = (share * share * share * LastResort) - Stopwatch.GetElapsedTime(realStart);
            if (ahead > TimeSpan.FromMilliseconds(1)) await Task.WhenAny(task, Task.Delay(ahead));
            Advance(step ?? TimeSpan.FromMilliseconds(10));
            // What the timers set off runs on the pool. Work at the end of the pool's common queue runs after all that was there before it, however busy the machine is; a yield
            // may be put before it.
            for (int i = 0; i < 20 && !task.IsCompleted; i++)
                await Task.Factory.StartNew(static () => { }, CancellationToken.None, TaskCreationOptions.PreferFairness, TaskScheduler.Default);
        }

        await task;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private void SkipStale()
    {
        while (_due.TryPeek(out var next, out _) && next.Version != next.Timer.Version) _due.Dequeue();
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private bool _isDisposed;
        private bool _isSet;

        public int Version { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                if (_isDisposed) return false;
                Version++;
                _period = period;
                SetActive_NeedsLock(dueTime != Timeout.InfiniteTimeSpan);
                if (_isSet) time._due.Enqueue((this, Version), (time._now + dueTime, time._order++));
                return true;
            }
        }

        public void TakeDue_NeedsLock()
        {
            Version++;
            bool repeats = _period != Timeout.InfiniteTimeSpan && _period > TimeSpan.Zero;
            SetActive_NeedsLock(repeats);
            if (repeats) time._due.Enqueue((this, Version), (time._now + _period, time._order++));
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (time._lock)
            {
                _isDisposed = true;
                Version++;
                SetActive_NeedsLock(false);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void SetActive_NeedsLock(bool isSet)
        {
            if (isSet != _isSet) time.ActiveTimers += isSet ? 1 : -1;
            _isSet = isSet;
        }
    }
}
