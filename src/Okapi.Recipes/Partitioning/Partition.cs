namespace Okapi.Recipes;

/// <summary>A member's share of a set, for as long as it holds it.</summary>
#pragma warning disable CA1001 // A source of cancellation without a timer holds nothing that needs disposal, and its token outlives the holding.
public sealed class Partition
#pragma warning restore CA1001
{
    private readonly IReadOnlyDictionary<string, LockHandle> _claims;
    private readonly CancellationTokenSource _lost = new();
    private readonly List<CancellationTokenRegistration> _registrations = [];

    internal Partition(IReadOnlyList<string> items, IReadOnlyDictionary<string, LockHandle> claims, CancellationToken stop)
    {
        _claims = claims;
        Items = items;
        FencingTokens = claims.ToDictionary(claim => claim.Key, claim => claim.Value.FencingToken, StringComparer.Ordinal);
        Paths = claims.ToDictionary(claim => claim.Key, claim => claim.Value.Path, StringComparer.Ordinal);
        foreach (CancellationToken end in claims.Values.Select(claim => claim.Lost).Append(stop))
            _registrations.Add(end.UnsafeRegister(static self => ((Partition)self!).Trip(), this));
    }

    /// <summary>The items, in order. None if there are more members than items.</summary>
    public IReadOnlyList<string> Items { get; }

    /// <summary>For each item the czxid of the znode that claims it: higher for each who holds the item later. A store that refuses lower tokens than it has seen is safe from whoever goes on too long.</summary>
    public IReadOnlyDictionary<string, long> FencingTokens { get; }

    /// <summary>For each item the znode that claims it; <c>zk.Transaction().Check(path)</c> makes a write depend on it.</summary>
    public IReadOnlyDictionary<string, string> Paths { get; }

    /// <summary>
    /// Trips when the work on the items has to stop: the members have changed and the set is divided anew, or the claims are lost or may be (<see cref="ZooKeeperClient.SessionAtRisk"/>). It trips
    /// before anybody else gets an item.
    /// </summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Whether every item is held for certain. Looks at the clock, so it is right even where timers are late.</summary>
    public bool IsHeld => !_lost.IsCancellationRequested && _claims.Values.All(claim => claim.IsHeld);

    internal void End()
    {
        foreach (CancellationTokenRegistration registration in _registrations) registration.Unregister();
        Trip();
    }

    // What others have registered on the token runs elsewhere; that it is cancelled is seen at once.
    private void Trip() => _ = _lost.CancelAsync();
}

/// <summary>Where a partitioner stands. The names are kazoo's.</summary>
public enum PartitionState
{
    /// <summary>A share is being sought: the members are read, the claims of former holders waited for. Also before the first reading.</summary>
    Allocating = 0,

    /// <summary>A share is held.</summary>
    Acquired = 1,

    /// <summary>The share is lost or to be divided anew; what works on it has to stop, and the next partition has not been asked for yet.</summary>
    Release = 2,

    /// <summary>Over: the client is, or a server has refused something, or the reading was ended.</summary>
    Failed = 3,
}
