using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>A clock that stands still, and tells of each timer before it is set.</summary>
internal sealed class TimerTime : TimeProvider
{
    private readonly ManualTime _clock = new();

    public Action<TimeSpan> OnTimer { get; set; } = static _ => { };

    public override long TimestampFrequency => _clock.TimestampFrequency;

    public override long GetTimestamp() => _clock.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => _clock.GetUtcNow();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        OnTimer(dueTime);
        return _clock.CreateTimer(callback, state, dueTime, period);
    }
}

internal static class DelayAssertions
{
    /// <summary>Sees to it that the timer of a delay of three seconds is set before the strike is told.</summary>
    public static async Task BeginsBeforeItStrikesAsync(this Fault delay, TimerTime time, Func<Task> act)
    {
        int strikes = -1;
        time.OnTimer = due =>
        {
            if (due > TimeSpan.FromSeconds(2.9) && due <= TimeSpan.FromSeconds(3)) Interlocked.CompareExchange(ref strikes, delay.Strikes, -1);
        };
        await act();
        await delay.Struck.InTime();
        Assert.Equal(0, Volatile.Read(ref strikes));
    }
}
