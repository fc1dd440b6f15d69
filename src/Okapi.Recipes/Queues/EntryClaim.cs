using System.Runtime.ExceptionServices;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Queues;

/// <summary>
/// The claim of one consumer on one entry: two ephemeral znodes made in one transaction. The lock has the entry's name, as Curator's and kazoo's consumers expect it, so the next holder's lock has the same
/// path; the mark has a GUID in its name, so it is told from all others: by whoever looks for it after a lost reply (H54), and by a transaction that must fail when the claim was lost.
/// </summary>
internal sealed class EntryClaim(QueueFolder folder, EntryName entry)
{
    private readonly ZooKeeperClient _zk = folder.Zk;

    public string EntryPath { get; } = folder.PathOf(entry);

    public string MarkPath { get; } = ZnodePath.Combine(folder.LockPath, $"_c_{Guid.NewGuid():D}-{entry.Name}");

    private string LockPath { get; } = ZnodePath.Combine(folder.LockPath, entry.Name);

    /// <summary>Makes the claim. Whoever cancels leaves none behind.</summary>
    /// <returns>The held entry; null if another has it, or it has gone.</returns>
    public async Task<ReceivedEntry?> TryClaimAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task<ReceivedEntry?> claiming = ClaimAsync();
        try
        {
            return await claiming.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Background.Leave(AbandonWhenClaimedAsync(claiming));
            throw;
        }
    }

    /// <summary>Deletes the entry and the claim on it.</summary>
    /// <returns>False if the claim was lost before.</returns>
    public async Task<bool> TryCompleteAsync(CancellationToken sessionLost, CancellationToken cancellationToken)
    {
        ZooKeeperException? doubt = null;
        while (true)
        {
            try
            {
                TransactionResult done = await _zk.Transaction().Delete(MarkPath).Delete(LockPath).Delete(EntryPath).TryCommitAsync(cancellationToken).ConfigureAwait(false);
                if (done.IsCommitted) return true;
                // In the session of the claim nobody but an earlier try deletes the mark.
                if (done.FailedIndex == 0 && doubt is not null && !sessionLost.IsCancellationRequested) return true;
                if (done.FailedIndex == 0 && doubt is not null && await _zk.ExistsAsync(EntryPath, cancellationToken).ConfigureAwait(false) is null) throw doubt;
                if (done.Operations[done.FailedIndex.Value].Error is not ErrorCode.NoNode)
                {
                    // Asked for by itself, so that the server's own error says why it is refused.
                    string refused = done.FailedIndex switch { 0 => MarkPath, 1 => LockPath, _ => EntryPath };
                    await _zk.DeleteAsync(refused, cancellationToken: cancellationToken).ConfigureAwait(false);
                }

                if (done.FailedIndex > 0) await ReleaseAsync().ConfigureAwait(false);
                return false;
            }
            catch (ZooKeeperException lost) when (Endurance.AcrossSessions.Outlasts(lost) && lost != doubt)
            {
                if (Doubt.IsRaisedBy(lost)) doubt ??= lost;
                await _zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            catch (ZooKeeperException refused) when (Doubt.IsLeftBy(doubt, refused))
            {
                ExceptionDispatchInfo.Throw(doubt!);
            }
        }
    }

    /// <summary>Gives the entry back. When this returns it is done; or there is no connection, or no server that takes writes, and it goes on in the background until a server has taken it or the session is over (H58).</summary>
    public Task ReleaseAsync() => Removal.RunAsync(_zk, ReleaseOnceAsync);

    /// <summary>Whether a name in the folder of locks is a mark and not a lock.</summary>
    public static bool IsMark(string name) => name.StartsWith("_c_", StringComparison.Ordinal);

    private async Task AbandonWhenClaimedAsync(Task<ReceivedEntry?> claiming)
    {
        if (await claiming.ConfigureAwait(false) is not null) await ReleaseAsync().ConfigureAwait(false);
    }

    private async Task<ReceivedEntry?> ClaimAsync()
    {
        CancellationToken sessionLost = _zk.SessionLost;
        while (true)
        {
            try
            {
                if (!await CreateAsync().ConfigureAwait(false)) return null;
                CancellationToken atRisk = _zk.SessionAtRisk;
                Task<Stat?> mark = _zk.ExistsAsync(MarkPath).AsTask();
                Task<NodeData?> node = _zk.TryGetAsync(EntryPath).AsTask(); // both in one go
                await Task.WhenAll(mark, node).ConfigureAwait(false);
                if (await mark.ConfigureAwait(false) is { } own && await node.ConfigureAwait(false) is { } held && own.EphemeralOwner == _zk.SessionId && !sessionLost.IsCancellationRequested)
                    return new(this, new(folder.Naming, EntryPath, held), own.Czxid, atRisk, sessionLost);
                await ReleaseAsync().ConfigureAwait(false); // completed by another meanwhile, or of a session that has ended (H56)
                return null;
            }
            catch (ZooKeeperException lost) when (Endurance.AcrossSessions.Outlasts(lost))
            {
                await _zk.WaitConnectedAsync().ConfigureAwait(false);
                if (sessionLost.IsCancellationRequested) return null; // what was claimed has gone with the session
            }
        }
    }

    private async Task<bool> CreateAsync()
    {
        while (true)
        {
            TransactionResult made;
            try
            {
                made = await _zk.Transaction()
                    .Create(LockPath, mode: CreateMode.Ephemeral, acl: folder.Acl)
                    .Create(MarkPath, mode: CreateMode.Ephemeral, acl: folder.Acl)
                    .CommitAsync().ConfigureAwait(false);
                return made.IsCommitted;
            }
            catch (TransactionFailedException refused) when (refused.Code == ErrorCode.NoNode)
            {
                await folder.EnsureLocksAsync(CancellationToken.None).ConfigureAwait(false);
            }
            catch (TransactionFailedException refused) when (refused.Code == ErrorCode.NodeExists)
            {
                // The lock may be this claim's, made by a try whose reply was lost: then the mark is there as well. On this server, too: it has just refused.
                await _zk.SyncAsync(MarkPath).ConfigureAwait(false);
                return await _zk.ExistsAsync(MarkPath).ConfigureAwait(false) is not null;
            }
        }
    }

    private async Task ReleaseOnceAsync()
    {
        TransactionResult released = await _zk.Transaction().Delete(MarkPath).Delete(LockPath).TryCommitAsync().ConfigureAwait(false);
        if (released.IsCommitted || IsGone(released, index: 0)) return;
        if (IsGone(released, index: 1)) await _zk.TryDeleteAsync(MarkPath).ConfigureAwait(false); // somebody deleted the lock by hand
        else await _zk.TryDeleteAsync(released.FailedIndex == 0 ? MarkPath : LockPath).ConfigureAwait(false); // the server's own error says why it is refused

        static bool IsGone(TransactionResult released, int index) => released.FailedIndex == index && released.Operations[index].Error == ErrorCode.NoNode;
    }
}
