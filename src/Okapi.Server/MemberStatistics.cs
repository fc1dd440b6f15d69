namespace Okapi.Server;

/// <summary>What four-letter words tell of a member. srst begins all of it anew but the count of those who were refused.</summary>
internal sealed class MemberStatistics
{
    private Latency _latency;

    /// <summary>How many frames and four-letter words came.</summary>
    public long Received { get; private set; }

    /// <summary>How many frames and answers to four-letter words went, events among them.</summary>
    public long Sent { get; private set; }

    public Latency Latency => _latency;

    /// <summary>How many were not who they said they were.</summary>
    public long RefusedLogins { get; set; }

    public void CountReceived() => Received++;

    public void CountSent() => Sent++;

    public void Took(long ms, int requests) => _latency.Took(ms, requests);

    public void Reset() => (Received, Sent, _latency) = (0, 0, default);
}
