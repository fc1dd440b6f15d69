namespace Okapi.Recipes;

/// <summary>An ephemeral znode while it is there: one life of it, from its creation to its end.</summary>
#pragma warning disable CA1001 // A source of cancellation without a timer holds nothing that needs disposal, and its token outlives the holding.
public sealed class HeldNode
#pragma warning restore CA1001
{
    private readonly ZooKeeperClient _zk;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationToken _atRisk;
    private readonly CancellationTokenRegistration _registration;

    internal HeldNode(ZooKeeperClient zk, string path, Stat stat, CancellationToken atRisk)
    {
        _zk = zk;
        Path = path;
        FencingToken = stat.Czxid;
        _atRisk = atRisk;
        _registration = atRisk.UnsafeRegister(static self => ((HeldNode)self!).Trip(), this);
    }

    /// <summary>The znode.</summary>
    public string Path { get; }

    /// <summary>The transaction that created the znode (czxid). Whatever is created at this path later has a greater one, unless the servers have lost data between them.</summary>
    public long FencingToken { get; }

    /// <summary>
    /// Trips when the znode is no longer surely there: somebody deleted it, it was given up, or a server may end the session before it hears from this client again
    /// (<see cref="ZooKeeperClient.SessionAtRisk"/>), which is before anybody else can take its place.
    /// </summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Whether it is there for certain. Looks at the clock, so it is right even where timers are late.</summary>
    public bool IsHeld
    {
        get
        {
            _ = _zk.SessionAtRisk; // trips what is due
            return !_lost.IsCancellationRequested && !_atRisk.IsCancellationRequested;
        }
    }

    internal void End()
    {
        _registration.Unregister();
        Trip();
    }

    // What others have registered on the token runs elsewhere; that it is cancelled is seen at once.
    private void Trip() => _ = _lost.CancelAsync();
}
