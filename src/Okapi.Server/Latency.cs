namespace Okapi.Server;

/// <summary>How long requests took, from when they came to when their replies went, in whole milliseconds.</summary>
internal struct Latency
{
    private long _totalMs;

    public long LeastMs { get; private set; }

    public long GreatestMs { get; private set; }

    public long Count { get; private set; }

    public readonly double AverageMs => Count == 0 ? 0 : (double)_totalMs / Count;

    /// <param name="ms">What each of them took.</param>
    /// <param name="requests">How many took that, at least 1.</param>
    public void Took(long ms, int requests)
    {
        LeastMs = Count == 0 ? ms : Math.Min(LeastMs, ms);
        GreatestMs = Math.Max(GreatestMs, ms);
        _totalMs += ms * requests;
        Count += requests;
    }
}
