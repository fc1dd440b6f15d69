using Okapi.Protocol;

namespace Okapi.Server;

/// <summary>What the word cons tells of one connection; crst begins it anew. What is counted here is counted for the member as well.</summary>
internal sealed class ConnectionStatistics(MemberStatistics member)
{
    private Latency _latency;
    private int _answered;
    private bool _isInRequest;

    public long Received { get; private set; }

    public long Sent { get; private set; }

    public Latency Latency => _latency;

    /// <summary>What was last asked for; null: nothing yet.</summary>
    public OpCode? LastOperation { get; private set; }

    /// <summary>The xid of the last request that is not one of the client library's own, such as a ping; -1: there was none.</summary>
    public int LastCxid { get; private set; } = -1;

    public long LastZxid { get; private set; } = -1;

    /// <summary>When the last reply went, in milliseconds of the system's running time.</summary>
    public long LastReplyMs { get; private set; }

    public long LastLatencyMs { get; private set; }

    public void CountReceived()
    {
        Received++;
        member.CountReceived();
    }

    public void CountSent()
    {
        Sent++;
        member.CountSent();
    }

    /// <summary>A request is taken up. Handshakes that resume, auth packets and steps of SASL are none, here as on Apache's servers.</summary>
    public void Begin(OpCode type, int xid)
    {
        LastOperation = type;
        if (xid >= 0) LastCxid = xid;
        _isInRequest = true;
    }

    /// <summary>The request that was taken up has its reply.</summary>
    public void Answered(long zxid)
    {
        if (!_isInRequest) return;
        _isInRequest = false;
        _answered++;
        LastZxid = zxid;
    }

    /// <summary>The replies go.</summary>
    /// <param name="arrival">When the bytes came that the requests were in.</param>
    public void Flushed(TimeProvider time, long arrival)
    {
        if (_answered == 0) return;
        long now = time.GetTimestamp();
        long ms = (long)time.GetElapsedTime(arrival, now).TotalMilliseconds;
        _latency.Took(ms, _answered);
        member.Took(ms, _answered);
        (LastReplyMs, LastLatencyMs, _answered) = ((long)time.GetElapsedTime(0, now).TotalMilliseconds, ms, 0);
    }

    public void Reset() => (Received, Sent, _latency, LastOperation, LastCxid, LastZxid, LastReplyMs, LastLatencyMs) = (0, 0, default, null, -1, -1, 0, 0);
}
