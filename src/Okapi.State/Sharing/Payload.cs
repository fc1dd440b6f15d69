using Okapi.State.Json;

namespace Okapi.State.Sharing;

/// <summary>The payload's znode, as the servers have it.</summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <remarks>
/// What is read comes after a <c>sync</c>, in one round trip, so that the server in use has caught up with its leader. What it is compared by is the transaction that wrote it: versions go back when a znode is created anew, and wrap.
/// What is older than what was known before it was asked for comes from a server that is behind for a moment, or from servers that have lost data, and whose transactions count anew. It is asked for again behind a transaction: what
/// the quorum then shows is what there is, and the known value is of the past.
/// </remarks>
internal sealed class Payload<T>(ZooKeeperClient zk, StatePaths paths, PayloadFormat<T> format, Replica<T> replica)
    where T : notnull
{
    /// <summary>Reads the newest value, and leaves a watch. Once, so that a lost connection is the caller's business.</summary>
    /// <returns>The watch, which fires when there may be something newer; and whether there is a payload.</returns>
    public async Task<PayloadWatch> WatchAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Versioned<T>? before = replica.KnownOrNull;
            long askedAt = zk.TimeProvider.GetTimestamp();
            Task synced = zk.SyncAsync(paths.Payload, cancellationToken).AsTask();
            OneShotWatch<NodeData>? watch = await AfterAsync(synced, zk.TryWatchDataAsync(paths.Payload, cancellationToken)).ConfigureAwait(false);
            if (watch is not null)
            {
                await TakeAsync(watch, before, askedAt, cancellationToken).ConfigureAwait(false);
                return new(watch.Fired, watch, Exists: true);
            }

            OneShotWatch<Stat?> absent = await zk.WatchExistsAsync(paths.Payload, cancellationToken).ConfigureAwait(false);
            if (absent.Value is null)
            {
                replica.Doubt(new StateMissingException(paths.Directory, paths.Payload));
                return new(absent.Fired, absent, Exists: false);
            }

            await absent.DisposeAsync().ConfigureAwait(false); // created meanwhile
        }
    }

    /// <summary>Compares what is known with what the servers have. Once.</summary>
    /// <returns>Whether it is the same.</returns>
    public async Task<bool> CheckAsync(CancellationToken cancellationToken)
    {
        long askedAt = zk.TimeProvider.GetTimestamp();
        Task synced = zk.SyncAsync(paths.Payload, cancellationToken).AsTask();
        Task<Stat?> asked = zk.ExistsAsync(paths.Payload, cancellationToken).AsTask();
        await Task.WhenAll(synced, asked).ConfigureAwait(false);
        return await asked.ConfigureAwait(false) is { } stat && replica.Confirm(stat, askedAt);
    }

    /// <summary>The newest value.</summary>
    /// <param name="throughQuorum">Whether it is to be proven by a transaction.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="StateMissingException">There is none.</exception>
    /// <exception cref="InvalidStateException">It cannot be read.</exception>
    public Task<Versioned<T>> ReadLatestAsync(bool throughQuorum, CancellationToken cancellationToken) =>
        Patience.AskAsync(zk, () => throughQuorum ? ProveLatestAsync(cancellationToken) : SyncLatestAsync(cancellationToken), cancellationToken);

    private async Task<Versioned<T>> SyncLatestAsync(CancellationToken cancellationToken) =>
        await CheckAsync(cancellationToken).ConfigureAwait(false)
            ? replica.Known
            : await ReadBehindAsync(throughQuorum: false, cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// A transaction that only checks goes through the quorum as a write does, and what this session reads after it is not older than it. That the version is the known one is not enough: a znode that was created anew has the same
    /// versions again, so the transaction that wrote it is compared besides.
    /// </summary>
    private async Task<Versioned<T>> ProveLatestAsync(CancellationToken cancellationToken)
    {
        long askedAt = zk.TimeProvider.GetTimestamp();
        int version = replica.Known.Version;
        Task<TransactionResult> proof = ThroughQuorumAsync(version < 0 ? null : version, cancellationToken);
        Task<Stat?> asked = zk.ExistsAsync(paths.Payload, cancellationToken).AsTask();
        await Task.WhenAll(proof, asked).ConfigureAwait(false);
        bool isSame = (await proof.ConfigureAwait(false)).IsCommitted;
        if (await asked.ConfigureAwait(false) is { } stat && isSame && replica.Confirm(stat, askedAt)) return replica.Known;
        return await ReadBehindAsync(throughQuorum: true, cancellationToken).ConfigureAwait(false);
    }

    private Task<TransactionResult> ThroughQuorumAsync(int? version, CancellationToken cancellationToken) => zk.Transaction().Check(paths.Payload, version).TryCommitAsync(cancellationToken);

    private async Task<Versioned<T>> ReadBehindAsync(bool throughQuorum, CancellationToken cancellationToken)
    {
        Versioned<T> before = replica.Known;
        long askedAt = zk.TimeProvider.GetTimestamp(), session = zk.SessionId;
        Task barrier = throughQuorum ? ThroughQuorumAsync(null, cancellationToken) : zk.SyncAsync(paths.Payload, cancellationToken).AsTask();
        if (throughQuorum) await barrier.ConfigureAwait(false); // over a lost connection they would not stay together, and a proof must be one
        Task<NodeData?> asked = zk.TryGetAsync(paths.Payload, cancellationToken).AsTask();
        await Task.WhenAll(barrier, asked).ConfigureAwait(false);
        NodeData? read = await asked.ConfigureAwait(false);
        // The next session can be one of a server that is behind: it has seen no proof.
        if (throughQuorum && zk.SessionId != session) return await ReadBehindAsync(throughQuorum, cancellationToken).ConfigureAwait(false);
        Versioned<T> found = format.Read(read ?? throw new StateMissingException(paths.Directory, paths.Payload));
        if (IsNotBefore(found, before)) return replica.Adopt(found, askedAt);
        return throughQuorum ? replica.Adopt(found, askedAt, lost: before) : await ReadBehindAsync(throughQuorum: true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes what a watch came with; what is not valid leaves the known value as it is. If that cannot be done the watch is disposed.</summary>
    private async Task TakeAsync(OneShotWatch<NodeData> watch, Versioned<T>? before, long askedAt, CancellationToken cancellationToken)
    {
        if (replica.Confirm(watch.Value.Stat, askedAt)) return;
        try
        {
            Versioned<T> found = format.Read(watch.Value);
            if (before is null || IsNotBefore(found, before)) replica.Adopt(found, askedAt);
            else await ReadBehindAsync(throughQuorum: true, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception wrong) when (wrong is InvalidStateException or StateMissingException)
        {
            replica.Doubt(wrong);
        }
        catch
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static bool IsNotBefore(Versioned<T> found, Versioned<T> known) => found.Zxid > known.Zxid || found.IsSameAs(known);

    private static async Task<OneShotWatch<NodeData>?> AfterAsync(Task synced, Task<OneShotWatch<NodeData>?> watching)
    {
        OneShotWatch<NodeData>? watch = null;
        bool isDone = false;
        try
        {
            watch = await watching.ConfigureAwait(false);
            await synced.ConfigureAwait(false);
            isDone = true;
            return watch;
        }
        finally
        {
            if (!isDone)
            {
                await synced.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (watch is not null) await watch.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}

/// <summary>A watch of the payload.</summary>
/// <param name="Fired">Completes when there may be something newer; faults when the session is over.</param>
/// <param name="Handle">What to dispose.</param>
/// <param name="Exists">Whether there is a payload.</param>
internal readonly record struct PayloadWatch(Task Fired, IAsyncDisposable Handle, bool Exists);
