using System.Text;
using Okapi.Recipes.Locks;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>
/// A lock that one holds at a time, among all processes that use the same path. Fair: who comes first has it first, and a release wakes one. Not re-entrant: whoever holds it and asks again
/// waits for himself. Compatible with Curator's InterProcessMutex, and with kazoo's Lock (<see cref="NodeNaming.Kazoo"/>).
/// </summary>
public sealed class DistributedLock : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly Line _line;
    private readonly string _marker;
    private readonly byte[] _identity;

    internal DistributedLock(ZooKeeperClient zk, string path, LockOptions options, string curatorMarker = "lock-")
    {
        _zk = zk;
        _identity = options.ValidIdentity();
        _marker = options.Naming == NodeNaming.Kazoo ? "__lock__" : curatorMarker;
        _line = new Line(zk, path, options, [_marker]);
    }

    /// <summary>The znode that the contenders' znodes are children of.</summary>
    public string Path => _line.Path;

    internal TimeProvider TimeProvider => _zk.TimeProvider;

    /// <summary>Waits for the lock.</summary>
    /// <param name="cancellationToken">Ends the waiting; nothing of it is left behind.</param>
    /// <returns>The lock, held; dispose it to give it back.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    /// <exception cref="ObjectDisposedException">This was disposed meanwhile.</exception>
    public async Task<LockHandle> AcquireAsync(CancellationToken cancellationToken = default) =>
        (await EnterAsync(timeout: null, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Waits for the lock, but not for ever.</summary>
    /// <param name="timeout">How long.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lock, held.</returns>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public async Task<LockHandle> AcquireAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        await EnterAsync(timeout, cancellationToken).ConfigureAwait(false) ?? throw new TimeoutException($"The lock {Path} could not be had within {timeout.TotalSeconds:0.###} s.");

    /// <summary>Takes the lock if it can be had in time.</summary>
    /// <param name="timeout">How long to wait. Zero, the default: it is taken if it is free, and only the servers' answers are waited for.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The lock, held; null: it could not be had.</returns>
    public Task<LockHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default) => EnterAsync(timeout, cancellationToken);

    /// <summary>Who holds it (the first) and who waits for it, in order.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The contenders at some moment of the call.</returns>
    public Task<IReadOnlyList<LockContender>> GetContendersAsync(CancellationToken cancellationToken = default) => Contenders.ReadAsync(_zk, _line, cancellationToken);

    /// <summary>Gives back what is held through this object, and ends what is waited for through it.</summary>
    public ValueTask DisposeAsync() => _line.DisposeAsync();

    private Task<LockHandle?> EnterAsync(TimeSpan? timeout, CancellationToken cancellationToken) =>
        _line.EnterAsync(_marker, _identity, static (line, mine) => mine == 0 ? null : line[mine - 1], timeout, cancellationToken);
}
