namespace Okapi.Recipes;

/// <summary>
/// Several locks at once: all are held, or none. They are taken in the order of their paths, so those who ask for the same locks in another order do not wait for each other for ever.
/// </summary>
public sealed class LockSet : IAsyncDisposable
{
    private readonly DistributedLock[] _locks;

    internal LockSet(ZooKeeperClient zk, IEnumerable<string> paths, LockOptions options)
    {
        string[] sorted = [.. paths.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (sorted.Length == 0) throw new ArgumentException("No lock is named.", nameof(paths));
        _locks = [.. sorted.Select(path => new DistributedLock(zk, path, options))];
    }

    /// <summary>Waits until all are held.</summary>
    /// <param name="cancellationToken">Ends the waiting; nothing of it is left behind.</param>
    /// <returns>All of them.</returns>
    public async Task<LockSetHandle> AcquireAsync(CancellationToken cancellationToken = default) =>
        (await EnterAsync(static (each, ct) => NotNullAsync(each.AcquireAsync(ct)), cancellationToken).ConfigureAwait(false))!;

    /// <summary>Takes them all if they can be had in time.</summary>
    /// <param name="timeout">How long to wait in all. Zero, the default: only for the servers' answers.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>All of them; null: one could not be had, and none is held.</returns>
    public Task<LockSetHandle?> TryAcquireAsync(TimeSpan timeout = default, CancellationToken cancellationToken = default)
    {
        TimeProvider time = _locks[0].TimeProvider;
        long start = time.GetTimestamp();
        return EnterAsync(
            (each, ct) =>
            {
                TimeSpan left = timeout == TimeSpan.Zero || timeout == Timeout.InfiniteTimeSpan ? timeout : timeout - time.GetElapsedTime(start);
                return each.TryAcquireAsync(left < TimeSpan.Zero && timeout > TimeSpan.Zero ? TimeSpan.Zero : left, ct);
            },
            cancellationToken);
    }

    /// <summary>Gives back what is held through this object, each even if another's return is refused, and ends what is waited for through it.</summary>
    public ValueTask DisposeAsync() => new(Task.WhenAll(_locks.Select(static each => each.DisposeAsync().AsTask())));

    private static async Task<LockHandle?> NotNullAsync(Task<LockHandle> acquiring) => await acquiring.ConfigureAwait(false);

    private async Task<LockSetHandle?> EnterAsync(Func<DistributedLock, CancellationToken, Task<LockHandle?>> acquire, CancellationToken cancellationToken)
    {
        var held = new List<LockHandle>();
        bool isWhole = false;
        try
        {
            foreach (DistributedLock each in _locks)
            {
                if (await acquire(each, cancellationToken).ConfigureAwait(false) is not { } handle) return null;
                held.Add(handle);
            }

            isWhole = true;
            return new LockSetHandle(held);
        }
        finally
        {
            if (!isWhole) await LockSetHandle.ReleaseAsync(held).ConfigureAwait(false);
        }
    }
}

/// <summary>Several locks, all held. Disposing it gives them all back.</summary>
public sealed class LockSetHandle : IAsyncDisposable
{
    private readonly CancellationTokenSource _lost;
    private readonly IReadOnlyList<LockHandle> _handles;

    internal LockSetHandle(IReadOnlyList<LockHandle> handles)
    {
        _handles = handles;
        _lost = CancellationTokenSource.CreateLinkedTokenSource([.. handles.Select(each => each.Lost)]);
        Lost = _lost.Token;
    }

    /// <summary>Each lock, in the order of their paths; each has a fencing token of its own.</summary>
    public IReadOnlyList<LockHandle> Locks => _handles;

    /// <summary>Trips when one of them is lost, or may be.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Whether all are still held for certain.</summary>
    public bool IsHeld => _handles.All(static each => each.IsHeld);

    /// <summary>Gives them back, beginning with the last that was taken; each, even if another's return is refused.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await ReleaseAsync(_handles).ConfigureAwait(false);
        }
        finally
        {
            _lost.Dispose();
        }
    }

    internal static Task ReleaseAsync(IReadOnlyList<LockHandle> handles) => Task.WhenAll(handles.Reverse().Select(static each => each.DisposeAsync().AsTask()));
}
