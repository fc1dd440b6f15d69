using System.Globalization;
using Okapi.Recipes;

namespace Okapi.State.Updating;

/// <summary>
/// The lock that makes updates exclusive among processes: a <see cref="DistributedLock"/>, which besides minds the processes of zkstate. Those take a LeaderLatch of Rust's zookeeper crate on the same znode: children
/// <c>latch-ID-NUMBER</c>, in one sequence with the lock's own, each waiting for the number before it whatever its name. So they wait for a lock's znode by themselves, and the lock has to wait for latches with lower numbers.
/// </summary>
internal sealed class WriteLock(ZooKeeperClient zk, string path, string id, IReadOnlyList<Acl>? acl) : IAsyncDisposable
{
    private const string LatchPrefix = "latch-";

    private readonly DistributedLock _lock = zk.Lock(path, new LockOptions { Identity = id, Acl = acl });

    /// <summary>Waits for the lock.</summary>
    public async Task<LockHandle> AcquireAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            LockHandle handle = await _lock.AcquireAsync(cancellationToken).ConfigureAwait(false);
            bool isMine = false;
            try
            {
                isMine = await WaitForLatchesAsync(handle, cancellationToken).ConfigureAwait(false);
                if (isMine) return handle;
            }
            catch (ZooKeeperException lost) when (lost is SessionExpiredException or ConnectionLossException or RequestTimeoutException)
            {
                await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                if (!isMine) await ReleaseAsync(handle).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Gives the lock back. Without a connection that takes until there is one, and whoever has given up is not to wait for it.</summary>
    public async Task ReleaseAsync(LockHandle handle)
    {
        Task released = handle.DisposeAsync().AsTask();
        if (zk.IsConnected) await released.ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _lock.DisposeAsync();

    /// <returns>False if the lock was lost meanwhile.</returns>
    private async Task<bool> WaitForLatchesAsync(LockHandle handle, CancellationToken cancellationToken)
    {
        if (!TryGetNumber(handle.Path, out int mine)) return true;
        while (await FindBlockerAsync(mine, cancellationToken).ConfigureAwait(false) is { } latch)
        {
            OneShotWatch<NodeData>? watch = await zk.TryWatchDataAsync(latch, cancellationToken).ConfigureAwait(false);
            if (watch is null) continue;
            await using (watch.ConfigureAwait(false))
            {
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, handle.Lost);
                try
                {
                    await watch.Fired.WaitAsync(stop.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <returns>The latch that comes last among those with a number below the lock's; null: there is none.</returns>
    private async Task<string?> FindBlockerAsync(int mine, CancellationToken cancellationToken)
    {
        (string Name, int Number)? blocker = null;
        foreach (string name in await zk.TryGetChildrenAsync(path, cancellationToken).ConfigureAwait(false) ?? [])
        {
            if (!name.StartsWith(LatchPrefix, StringComparison.Ordinal) || !TryGetNumber(name, out int number)) continue;
            if (unchecked(number - mine) < 0 && (blocker is null || unchecked(number - blocker.Value.Number) > 0)) blocker = (name, number);
        }

        return blocker is { } found ? ZnodePath.Combine(path, found.Name) : null;
    }

    private static bool TryGetNumber(string name, out int number) => int.TryParse(name.AsSpan(name.LastIndexOf('-') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
