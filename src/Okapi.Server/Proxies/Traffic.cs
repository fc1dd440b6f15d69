namespace Okapi.Server.Proxies;

/// <summary>How many bytes have gone through a proxy.</summary>
internal sealed class Traffic
{
    private long _requests;
    private long _replies;

    public long Requests => Interlocked.Read(ref _requests);

    public long Replies => Interlocked.Read(ref _replies);

    public void Add(FaultDirection direction, int bytes) => Interlocked.Add(ref direction == FaultDirection.Requests ? ref _requests : ref _replies, bytes);
}
