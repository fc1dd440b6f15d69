namespace Okapi.Server.Proxies;

/// <summary>Waits that a fault makes.</summary>
internal static class Waits
{
    /// <summary>Waits for a time, or until the fault is over.</summary>
    public static async ValueTask ForAsync(TimeSpan wait, Fault fault, TimeProvider time, CancellationToken ct)
    {
        if (wait <= TimeSpan.Zero && wait != Timeout.InfiniteTimeSpan) return;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(Task.Delay(wait, time, either.Token), fault.Over).ConfigureAwait(false);
        await either.CancelAsync().ConfigureAwait(false); // or the timer would stay
        ct.ThrowIfCancellationRequested();
    }
}
