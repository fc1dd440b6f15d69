namespace Okapi.Recipes.Discovery;

/// <summary>Which instances have failed too often of late.</summary>
internal sealed class DownMarks(TimeProvider time, int threshold, TimeSpan downTime)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Id, DateTimeOffset? Registered), (long Since, int Errors)> _marks = [];

    /// <summary>When the next mark passes away; null: there is none.</summary>
    public TimeSpan? NextUp
    {
        get
        {
            lock (_lock)
            {
                Purge_NeedsLock();
                if (_marks.Count == 0) return null;
                double left = Math.Ceiling(_marks.Values.Min(mark => downTime - time.GetElapsedTime(mark.Since)).TotalMilliseconds); // timers count whole milliseconds
                return TimeSpan.FromMilliseconds(Math.Min(left, int.MaxValue));
            }
        }
    }

    public void Add((string Id, DateTimeOffset? Registered) life)
    {
        lock (_lock)
        {
            Purge_NeedsLock();
            _marks[life] = _marks.TryGetValue(life, out (long Since, int Errors) mark) ? (mark.Since, mark.Errors + 1) : (time.GetTimestamp(), 1);
        }
    }

    public bool IsDown((string Id, DateTimeOffset? Registered) life)
    {
        lock (_lock)
        {
            Purge_NeedsLock();
            return _marks.TryGetValue(life, out (long Since, int Errors) mark) && mark.Errors >= threshold;
        }
    }

    private void Purge_NeedsLock()
    {
        foreach ((var life, (long since, _)) in _marks.ToArray())
            if (time.GetElapsedTime(since) >= downTime) _marks.Remove(life);
    }
}
