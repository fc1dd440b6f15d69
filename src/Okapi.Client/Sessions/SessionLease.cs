namespace Okapi.Sessions;

/// <summary>
/// For how long the session is safe from its server: no server lets it expire sooner than its timeout after it heard from the client, and what a server has answered it heard after it was asked.
/// So the lease counts from the making of the newest request that was answered, not from the answer, and not from when a cut is noticed.
/// </summary>
/// <remarks>Renewing is on the way of every reply: two reads and a write. A timer is set once a lease, not once a reply, and looks whether the time is really up.</remarks>
internal sealed class SessionLease : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private CancellationTokenSource _atRisk = new();
    private TimeSpan _term = Timeout.InfiniteTimeSpan;
    private long _renewedAt = long.MinValue;
    private volatile bool _isTripped;
    private volatile bool _isPaused = true;
    private bool _isOver;

    public SessionLease(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static self => ((SessionLease)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Trips when the lease has run out. A later answer begins another lease, with a token of its own.</summary>
    public CancellationToken AtRisk
    {
        get
        {
            lock (_lock)
            {
                TripIfDue_NeedsLock(); // timers may be late
                return _atRisk.Token;
            }
        }
    }

    /// <summary>A server has taken the session, on a connection of its own.</summary>
    /// <param name="term">How long a lease lasts.</param>
    /// <param name="askedAt">When the server was asked.</param>
    /// <param name="keepsAlive">Whether what this server hears keeps the session alive; what one in read-only mode hears does not.</param>
    public void Begin(TimeSpan term, long askedAt, bool keepsAlive)
    {
        lock (_lock)
        {
            _term = term;
            _isPaused = !keepsAlive;
        }

        Renew(askedAt);
        lock (_lock) SetTimer_NeedsLock();
    }

    /// <summary>A server has answered what it was asked at a time.</summary>
    public void Renew(long askedAt)
    {
        if (_isPaused || askedAt <= Volatile.Read(ref _renewedAt)) return;
        Volatile.Write(ref _renewedAt, askedAt);
        if (_isTripped) BeginAnew();
    }

    /// <summary>The session is over, and with it every lease.</summary>
    public void End()
    {
        lock (_lock)
        {
            _isOver = true;
            Trip_NeedsLock();
        }
    }

    public void Dispose() => _timer.Dispose();

    private void BeginAnew()
    {
        lock (_lock)
        {
            if (!_isTripped || _isOver || Left_NeedsLock() <= TimeSpan.Zero) return;
            _atRisk = new CancellationTokenSource(); // not the old one reset: whoever held the old one has lost what it stood for
            _isTripped = false;
            SetTimer_NeedsLock();
        }
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            TripIfDue_NeedsLock();
            SetTimer_NeedsLock();
        }
    }

    private TimeSpan Left_NeedsLock() => _term - _time.GetElapsedTime(Volatile.Read(ref _renewedAt));

    private bool IsRunning_NeedsLock => !_isTripped && _term != Timeout.InfiniteTimeSpan && Volatile.Read(ref _renewedAt) != long.MinValue;

    private void TripIfDue_NeedsLock()
    {
        if (IsRunning_NeedsLock && Left_NeedsLock() <= TimeSpan.Zero) Trip_NeedsLock();
    }

    private void Trip_NeedsLock()
    {
        if (_isTripped) return;
        _isTripped = true;
        _ = _atRisk.CancelAsync(); // what is registered on it runs elsewhere; that it is cancelled is seen at once
    }

    private void SetTimer_NeedsLock()
    {
        if (!IsRunning_NeedsLock || _isOver) return;
        double left = Math.Ceiling(Left_NeedsLock().TotalMilliseconds); // timers count whole milliseconds
        _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(left, 0, int.MaxValue)), Timeout.InfiniteTimeSpan);
    }
}
