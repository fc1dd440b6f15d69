namespace Okapi.Server.Sessions;

/// <summary>
/// The sessions that have not ended, and when they do. They expire in steps of one tick, as Apache's do (ExpiryQueue): a session that was heard of at a time t ends between
/// t + timeout and one tick after that.
/// </summary>
internal sealed class SessionTable(int tickMs)
{
    private readonly Dictionary<long, ServerSession> _sessions = [];
    private readonly SortedDictionary<long, HashSet<ServerSession>> _byExpiry = [];

    public IReadOnlyDictionary<long, ServerSession> Sessions => _sessions;

    /// <summary>The timeouts, by session, as a snapshot keeps them; made on each call.</summary>
    public IReadOnlyDictionary<long, int> GetTimeouts() => _sessions.ToDictionary(each => each.Key, each => each.Value.TimeoutMs);

    /// <summary>When the next session expires, in milliseconds of the clock that the calls name; null when there is none.</summary>
    public long? NextExpiryMs => _byExpiry.Count == 0 ? null : _byExpiry.First().Key;

    public ServerSession? Find(long id) => _sessions.GetValueOrDefault(id);

    public void Add(ServerSession session, long nowMs)
    {
        _sessions.Add(session.Id, session);
        session.ExpiresAtMs = 0;
        Touch(session, nowMs);
    }

    /// <summary>Notes that a session was heard of.</summary>
    public void Touch(ServerSession session, long nowMs)
    {
        long expiresAt = RoundUp(nowMs + session.TimeoutMs);
        if (expiresAt == session.ExpiresAtMs) return;
        Forget(session);
        session.ExpiresAtMs = expiresAt;
        if (!_byExpiry.TryGetValue(expiresAt, out HashSet<ServerSession>? bucket)) _byExpiry.Add(expiresAt, bucket = []);
        bucket.Add(session);
    }

    public void Remove(ServerSession session)
    {
        _sessions.Remove(session.Id);
        Forget(session);
    }

    /// <summary>Takes the sessions whose time has come. They stay in the table until they are removed.</summary>
    public IReadOnlyList<ServerSession> TakeExpired(long nowMs)
    {
        var expired = new List<ServerSession>();
        while (NextExpiryMs is { } next && next <= nowMs)
        {
            expired.AddRange(_byExpiry[next]);
            _byExpiry.Remove(next);
        }

        return expired;
    }

    private long RoundUp(long ms) => ((ms / tickMs) + 1) * tickMs;

    private void Forget(ServerSession session)
    {
        if (!_byExpiry.TryGetValue(session.ExpiresAtMs, out HashSet<ServerSession>? bucket)) return;
        bucket.Remove(session);
        if (bucket.Count == 0) _byExpiry.Remove(session.ExpiresAtMs);
    }
}
