namespace Okapi;

/// <summary>
/// Sends writes again that failed with <see cref="ConnectionLossException"/> or <see cref="RequestTimeoutException"/>. Such a write may have been applied the
/// first time: set it only where applying twice does no harm, or where versions guard against it.
/// </summary>
public sealed class RetryPolicy
{
    /// <summary>How often a write is sent again; 1 to 1000.</summary>
    public int MaxRetries { get; set; } = 3;

    /// <summary>The pause before the first retry; it doubles with each. Zero: none.</summary>
    public TimeSpan Delay { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause.</summary>
    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether writes whose outcome is unknown are sent again, or only those that were certainly not sent.</summary>
    public bool RetryUnknownOutcome { get; set; } = true;

    internal RetryPolicy Clone() => (RetryPolicy)MemberwiseClone();

    internal void Validate()
    {
        if (MaxRetries is < 1 or > 1000) throw new ArgumentException($"WriteRetry.{nameof(MaxRetries)} {MaxRetries} is not from 1 to 1000.");
        if (Delay < TimeSpan.Zero || MaxDelay < Delay) throw new ArgumentException($"WriteRetry: 0 <= {nameof(Delay)} ({Delay}) <= {nameof(MaxDelay)} ({MaxDelay}) does not hold.");
    }

    internal bool Allows(int retriesSoFar, ZooKeeperException error) => retriesSoFar < MaxRetries && error switch
    {
        ConnectionLossException loss => RetryUnknownOutcome || loss.Outcome == RequestOutcome.NotSent,
        RequestTimeoutException timeout => RetryUnknownOutcome || timeout.Outcome == RequestOutcome.NotSent,
        _ => false,
    };

    internal TimeSpan DelayBefore(int retry) => TimeSpan.FromTicks(Math.Min(MaxDelay.Ticks, Delay.Ticks << Math.Min(retry, 20)));
}
