using Okapi.Recipes.Locks;

namespace Okapi.Recipes;

/// <summary>
/// As many leases as were agreed on, held by whoever has one. Fair, and without a herd: those who wait for a lease stand in a line, and only the first of it looks at the leases.
/// Compatible with Curator's InterProcessSemaphoreV2, and with kazoo's Semaphore (<see cref="NodeNaming.Kazoo"/>).
/// </summary>
public sealed class DistributedSemaphore : IAsyncDisposable
{
    private readonly Line _line;
    private readonly Leases _leases;
    private readonly string _marker;
    private readonly byte[] _identity;

    internal DistributedSemaphore(ZooKeeperClient zk, string path, int maxLeases, LockOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLeases, 1);
        MaxLeases = maxLeases;
        Path = path;
        _identity = options.ValidIdentity();
        bool isKazoo = options.Naming == NodeNaming.Kazoo;
        _marker = isKazoo ? "__lock__" : "lock-";
        _line = new Line(zk, isKazoo ? path + "-__lock__" : ZnodePath.Combine(path, "locks"), options, [_marker]);
        _leases = new Leases(zk, isKazoo ? path : ZnodePath.Combine(path, "leases"), maxLeases, options);
    }

    /// <summary>The znode that all of it lies below.</summary>
    public string Path { get; }

    /// <summary>How many leases there are. All who use the same path have to agree on it.</summary>
    public int MaxLeases { get; }

    /// <summary>Waits for a lease.</summary>
    /// <param name="cancellationToken">Ends the waiting; nothing of it is left behind.</param>
    /// <returns>The lease; dispose it to give it back.</returns>
    public async Task<LockHandle> AcquireAsync(CancellationToken cancellationToken = default) => (await EnterAsync(timeout: null, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Waits for a lease, but not for ever.</summary>
    /// <param name="timeout">How long.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lease.</returns>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public async Task<LockHandle> AcquireAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        await EnterAsync(timeout, cancellationToken).ConfigureAwait(false) ?? throw new TimeoutException($"No lease of {Path} could be had within {timeout.TotalSeconds:0.###} s.");

    /// <summary>Takes a lease if one can be had in time.</summary>
    /// <param name="timeout">How long to wait. Zero, the default: only for the servers' answers.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lease; null: none could be had.</returns>
    public Task<LockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) => EnterAsync(timeout, cancellationToken);

    /// <summary>Who holds a lease.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The holders at some moment of the call.</returns>
    public Task<IReadOnlyList<LockContender>> GetHoldersAsync(CancellationToken cancellationToken = default) => _leases.GetHoldersAsync(cancellationToken);

    /// <summary>Gives back what is held through this object, each even if another's return is refused, and ends what is waited for through it.</summary>
    public ValueTask DisposeAsync() => new(Task.WhenAll(_line.DisposeAsync().AsTask(), _leases.DisposeAsync().AsTask()));

    /// <summary>Whoever is first in the line waits for a lease to be free, and takes it.</summary>
    private Task<LockHandle?> EnterAsync(TimeSpan? timeout, CancellationToken cancellationToken) => _leases.TakeAsync(
        limit => _line.EnterAsync(_marker, _identity, static (line, mine) => mine == 0 ? null : line[mine - 1], limit.IsZero ? TimeSpan.Zero : null, limit.Token),
        _identity,
        timeout,
        cancellationToken);
}
