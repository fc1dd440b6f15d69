namespace Okapi.Recipes.Tests.Schedules;

/// <summary>The system's clock, but for pauses of a millisecond and less: it jumps over them. Clients that connect again and again spend nearly all their time in such pauses.</summary>
internal sealed class NoPauses : TimeProvider
{
    private long _skipped;

    public override long TimestampFrequency => System.TimestampFrequency;

    public override long GetTimestamp() => System.GetTimestamp() + Volatile.Read(ref _skipped);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SkippingTimer(this, System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan), callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SkippingTimer(NoPauses time, ITimer timer, TimerCallback callback, object? state) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime < TimeSpan.Zero || dueTime.TotalMilliseconds > 1) return timer.Change(dueTime, period);
            Interlocked.Add(ref time._skipped, dueTime.Ticks * System.TimestampFrequency / TimeSpan.TicksPerSecond);
            return ThreadPool.UnsafeQueueUserWorkItem(static self => self.Fire(), this, preferLocal: false);
        }

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();

        private void Fire() => callback(state);
    }
}
