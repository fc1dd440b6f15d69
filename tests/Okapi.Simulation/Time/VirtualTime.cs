namespace Okapi.Simulation.Time;

/// <summary>
/// The only clock of a run. It stands still until <see cref="FireNext"/> moves it to the next timer. Only the pool's one worker uses it, so it needs no lock.
/// </summary>
internal sealed class VirtualTime : TimeProvider
{
    private readonly PriorityQueue<(Timer Timer, int Setting), (long Due, long Order)> _due = new();
    private long _now;
    private long _wallOffset;
    private long _order;

    public TimeSpan Now => new(_now);

    /// <summary>How many timers are set.</summary>
    public int ActiveTimers { get; private set; }

    /// <summary>How many timers have fired.</summary>
    public long Fired { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long GetTimestamp() => _now;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(TimeSpan.TicksPerDay * 20_000 + _now + _wallOffset);

    /// <summary>Sets the wall clock forward or back; no time passes.</summary>
    public void JumpWallClock(TimeSpan by) => _wallOffset += by.Ticks;

    /// <summary>Moves to the time of the next timer and fires it.</summary>
    /// <returns>False if no timer is set: nothing will ever happen again.</returns>
    public bool FireNext()
    {
        while (_due.TryDequeue(out (Timer Timer, int Setting) next, out (long Due, long Order) key))
        {
            if (next.Setting != next.Timer.Setting) continue; // it was set again, or disposed
            if (key.Due > _now) _now = key.Due;
            Fired++;
            next.Timer.Fire();
            return true;
        }

        return false;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Runs something once, after a time.</summary>
    public void After(TimeSpan delay, Action act) => CreateTimer(static act => ((Action)act!)(), act, delay, Timeout.InfiniteTimeSpan);

    private sealed class Timer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        private long _period;
        private bool _isSet;
        private bool _isDisposed;

        public int Setting { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (_isDisposed) return false;
            Setting++;
            _period = period > TimeSpan.Zero ? period.Ticks : 0;
            Set(dueTime >= TimeSpan.Zero, dueTime.Ticks);
            return true;
        }

        public void Fire()
        {
            Setting++;
            Set(_period > 0, _period);
            callback(state);
        }

        public void Dispose()
        {
            if (_isDisposed) return;
            _isDisposed = true;
            Setting++;
            Set(false, 0);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Set(bool isSet, long delay)
        {
            if (isSet != _isSet) time.ActiveTimers += isSet ? 1 : -1;
            _isSet = isSet;
            if (isSet) time._due.Enqueue((this, Setting), (time._now + delay, time._order++));
        }
    }
}
