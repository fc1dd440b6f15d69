using System.Runtime.ExceptionServices;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Queues;

/// <summary>Puts entries into a queue.</summary>
internal sealed class Enqueuing(QueueFolder folder, int? maxLength)
{
    /// <summary>The longest pause after somebody else was faster.</summary>
    private static readonly TimeSpan s_backoff = TimeSpan.FromMilliseconds(20);

    private readonly ZooKeeperClient _zk = folder.Zk;
    private readonly Random _random = folder.Zk.NewRandom();

    /// <param name="prefix">What the entry's name begins with.</param>
    /// <param name="data">Its data.</param>
    /// <param name="patience">Ends the waiting for room, and no request: so when it does, nothing has been added.</param>
    /// <param name="cancellationToken">Cancels everything.</param>
    /// <returns>The entry's path.</returns>
    public Task<string> EnqueueAsync(string prefix, ReadOnlyMemory<byte> data, CancellationToken patience, CancellationToken cancellationToken)
    {
        string path = ZnodePath.Combine(folder.Path, prefix);
        return maxLength is { } bound ? EnqueueBoundedAsync(path, data, bound, patience, cancellationToken) : EnqueueFreelyAsync(path, data, cancellationToken);
    }

    private async Task<string> EnqueueFreelyAsync(string path, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await _zk.CreateAsync(path, data, CreateMode.PersistentSequential, folder.Acl, cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            catch (NoNodeException)
            {
                await Endurance.AcrossSessions.AskAsync(_zk, folder.EnsureAsync, cancellationToken).ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (Endurance.AcrossSessions.Outlasts(lost) && !Doubt.IsRaisedBy(lost))
            {
                await _zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<string> EnqueueBoundedAsync(string path, ReadOnlyMemory<byte> data, int bound, CancellationToken patience, CancellationToken cancellationToken)
    {
        while (true)
        {
            NodeData room = await Endurance.AcrossSessions.AskAsync(_zk, ct => WaitForRoomAsync(bound, patience, ct), cancellationToken).ConfigureAwait(false);
            if (await TryAddAsync(path, data, room, cancellationToken).ConfigureAwait(false) is { } added) return added;
            patience.ThrowIfCancellationRequested();
            await Task.Delay(NextPause(), _zk.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Writes the queue's znode as it is, to say that somebody has added an entry, and adds it. After a lost reply the same is sent again: it can be applied once only. If it is refused then, the first
    /// may have been the reason.
    /// </summary>
    private async Task<string?> TryAddAsync(string path, ReadOnlyMemory<byte> data, NodeData room, CancellationToken cancellationToken)
    {
        ZooKeeperException? doubt = null;
        while (true)
        {
            try
            {
                TransactionResult added = await _zk.Transaction()
                    .Set(folder.Path, room.IsNull ? null : room.Data, room.Stat.Version)
                    .Create(path, data, CreateMode.PersistentSequential, folder.Acl)
                    .CommitAsync(cancellationToken).ConfigureAwait(false);
                return added.Operations[1].Path;
            }
            catch (TransactionFailedException refused) when (refused.Code is ErrorCode.BadVersion or ErrorCode.NoNode)
            {
                if (doubt is null) return null;
                ExceptionDispatchInfo.Throw(doubt);
            }
            catch (ZooKeeperException lost) when (Endurance.AcrossSessions.Outlasts(lost) && lost != doubt)
            {
                if (Doubt.IsRaisedBy(lost)) doubt ??= lost;
                try
                {
                    await _zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
                }
                catch (SessionEndedException) when (doubt is not null)
                {
                    ExceptionDispatchInfo.Throw(doubt); // what became of the entry is what the caller has to know
                }
            }
            catch (ZooKeeperException refused) when (Doubt.IsLeftBy(doubt, refused))
            {
                ExceptionDispatchInfo.Throw(doubt!);
            }
        }
    }

    /// <returns>The queue's znode as it was when there was room.</returns>
    private async Task<NodeData> WaitForRoomAsync(int bound, CancellationToken patience, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await _zk.TryGetAsync(folder.Path, cancellationToken).ConfigureAwait(false) is not { } node)
            {
                await folder.EnsureAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (node.Stat.ChildCount < bound) return node; // the common case needs no list of the children
            OneShotWatch<NodeChildren>? watch = await _zk.TryWatchChildrenAsync(folder.Path, cancellationToken).ConfigureAwait(false);
            if (watch is null) continue;
            await using (watch.ConfigureAwait(false))
            {
                if (EntryName.Count(folder.Naming, watch.Value.Names) >= bound) await watch.Fired.WaitAsync(patience).ConfigureAwait(false);
                else if (watch.Value.Stat.Version == node.Stat.Version) return node;
            }
        }
    }

    private TimeSpan NextPause()
    {
        lock (_random) return s_backoff * _random.NextDouble();
    }
}
