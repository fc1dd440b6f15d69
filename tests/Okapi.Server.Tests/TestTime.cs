using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>A clock that is moved by hand, and does what clocks should not.</summary>
internal sealed class TestTime : TimeProvider
{
    private readonly ManualResetEventSlim _isRead = new();
    private int _made;

    public ManualTime Manual { get; } = new();

    /// <summary>Whether whoever asks for the time gets an exception.</summary>
    public bool IsBroken { get; set; }

    /// <summary>Whether the first timer fires, and what it sets off runs, before its maker has it.</summary>
    public bool IsEager { get; set; }

    public override long TimestampFrequency => Manual.TimestampFrequency;

    public override long GetTimestamp()
    {
        _isRead.Set();
        return IsBroken ? throw new InvalidTimeZoneException("The clock is broken.") : Manual.GetTimestamp();
    }

    public override DateTimeOffset GetUtcNow() => Manual.GetUtcNow();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = Manual.CreateTimer(callback, state, dueTime, period);
        if (!IsEager || _made++ > 0 || dueTime == Timeout.InfiniteTimeSpan) return timer;
        _isRead.Reset();
        Manual.Advance(dueTime);
        _isRead.Wait();
        return timer;
    }
}
