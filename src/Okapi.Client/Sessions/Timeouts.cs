namespace Okapi.Sessions;

/// <summary>All times that follow from a session's timeout T, in one place.</summary>
/// <param name="Session">T itself, as the server grants it.</param>
internal readonly record struct Timeouts(TimeSpan Session)
{
    /// <summary>Silence for this long means that the connection is dead: 2/3 T, so that 1/3 T is left to find another server in (Java's rule).</summary>
    public TimeSpan Read => Session * 2 / 3;

    /// <summary>
    /// A ping after this long without sending: 3/10 T, so that with a late timer the gap stays under T/3 and a lost ping is noticed in time; at least
    /// every 10 s, so that middle boxes keep the connection (ZOOKEEPER-1751).
    /// </summary>
    public TimeSpan Ping => TimeSpan.FromTicks(Math.Min(Session.Ticks * 3 / 10, TimeSpan.FromSeconds(10).Ticks));

    /// <summary>No word from any server for this long: by the servers' clock the session has expired (ZOOKEEPER-4508), since they allow T and a tick.</summary>
    public TimeSpan Expiry => Session * 4 / 3;

    /// <summary>
    /// After a request was made that a server has answered, the session is safe for T, and this client says so for 9/10 T: what was held has to be let go before somebody else has it,
    /// and timers may be late.
    /// </summary>
    public TimeSpan Lease => Session * 9 / 10;

    /// <summary>What one attempt on one server may take: the servers share T, within bounds that suit a network.</summary>
    /// <param name="servers">How many servers there are.</param>
    /// <returns>The time.</returns>
    public TimeSpan Attempt(int servers) =>
        TimeSpan.FromTicks(Math.Clamp(Session.Ticks / Math.Max(1, servers), TimeSpan.FromMilliseconds(500).Ticks, TimeSpan.FromSeconds(10).Ticks));
}
