namespace Okapi.Server.Proxies;

/// <summary>Waits that a fault makes.</summary>
internal static class Waits
{
    /// <summary>Strikes, and waits for a time or until the fault is over. The timer is set first, so that whoever hears of the strike and moves the clock moves this wait with it.</summary>
    public static async ValueTask StrikeAsync(Fault fault, TimeSpan wait, TimeProvider time, CancellationToken ct)
    {
        ValueTask waiting = ForAsync(fault, wait, time, ct);
        fault.Strike();
        await waiting.ConfigureAwait(false);
    }

    /// <summary>Waits for a time, or until the fault is over.</summary>
    public static async ValueTask ForAsync(Fault fault, TimeSpan wait, TimeProvider time, CancellationToken ct)
    {
        if (wait <= TimeSpan.Zero && wait != Timeout.InfiniteTimeSpan) return;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(Task.Delay(wait, time, either.Token), fault.Over).ConfigureAwait(false);
        await either.CancelAsync().ConfigureAwait(false); // or the timer would stay
        ct.ThrowIfCancellationRequested();
    }
}
