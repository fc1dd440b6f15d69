namespace Okapi.Server;

/// <summary>What four-letter words tell of a member.</summary>
internal sealed class MemberStatistics
{
    public long Received { get; set; }

    public long Sent { get; set; }

    public long LeastLatencyMs { get; private set; }

    public long GreatestLatencyMs { get; private set; }

    public double AverageLatencyMs => Count == 0 ? 0 : (double)_totalMs / Count;

    public long Count { get; private set; }

    private long _totalMs;

    public void Took(long ms)
    {
        LeastLatencyMs = Count == 0 ? ms : Math.Min(LeastLatencyMs, ms);
        GreatestLatencyMs = Math.Max(GreatestLatencyMs, ms);
        _totalMs += ms;
        Count++;
    }

    public void Reset() => (Received, Sent, LeastLatencyMs, GreatestLatencyMs, _totalMs, Count) = (0, 0, 0, 0, 0, 0);
}
