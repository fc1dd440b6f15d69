using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Queues;

/// <summary>Takes entries out of a queue: at most once, since each is deleted before it is handed out.</summary>
internal sealed class Taking(QueueFolder folder)
{
    private readonly ZooKeeperClient _zk = folder.Zk;

    /// <returns>The first entry; null if the queue is empty.</returns>
    public async Task<QueueEntry?> TryTakeAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string>? names = await Endurance.AcrossSessions.AskAsync(_zk, ct => _zk.TryGetChildrenAsync(folder.Path, ct).AsTask(), cancellationToken).ConfigureAwait(false);
        return names is null ? null : await TakeFirstAsync(names, cancellationToken).ConfigureAwait(false);
    }

    public async Task<QueueEntry> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // A watch costs a request to remove, so it is set only when there was nothing.
            if (await TryTakeAsync(cancellationToken).ConfigureAwait(false) is { } entry) return entry;
            if (await Endurance.AcrossSessions.AskAsync(_zk, WaitOrTakeAsync, cancellationToken).ConfigureAwait(false) is { } late) return late;
        }
    }

    private async Task<QueueEntry?> WaitOrTakeAsync(CancellationToken cancellationToken)
    {
        OneShotWatch<NodeChildren>? watch = await _zk.TryWatchChildrenAsync(folder.Path, cancellationToken).ConfigureAwait(false);
        if (watch is null)
        {
            await folder.EnsureAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }

        await using (watch.ConfigureAwait(false))
        {
            if (await TakeFirstAsync(watch.Value.Names, cancellationToken).ConfigureAwait(false) is { } entry) return entry;
            await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }
    }

    private async Task<QueueEntry?> TakeFirstAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        foreach (EntryName name in EntryName.Sort(folder.Naming, names))
        {
            string path = folder.PathOf(name);
            while (await Endurance.AcrossSessions.AskAsync(_zk, ct => _zk.TryGetAsync(path, ct).AsTask(), cancellationToken).ConfigureAwait(false) is { } node)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var entry = new QueueEntry(folder.Naming, path, node);
                DeleteOutcome outcome = await DeleteAsync(entry, node.Stat.Version, cancellationToken).ConfigureAwait(false);
                if (outcome == DeleteOutcome.Deleted) return entry;
                if (outcome != DeleteOutcome.BadVersion) break; // another's, or with children: no entry of a queue
            }
        }

        return null;
    }

    /// <summary>Deletes without a token: who cancels while the request is under way would not learn whether the entry is theirs.</summary>
    internal async Task<DeleteOutcome> DeleteAsync(QueueEntry entry, int version, CancellationToken cancellationToken)
    {
        ZooKeeperException? doubt = null;
        while (true)
        {
            try
            {
                DeleteOutcome outcome = await _zk.TryDeleteAsync(entry.Path, version, CancellationToken.None).ConfigureAwait(false);
                // If it is still there to be deleted, the first request was never applied.
                return doubt is null || outcome == DeleteOutcome.Deleted ? outcome : throw new EntryInDoubtException(entry, doubt);
            }
            catch (ZooKeeperException lost) when (Endurance.AcrossSessions.Outlasts(lost))
            {
                if (Doubt.IsRaisedBy(lost)) doubt ??= lost;
            }
            catch (SessionEndedException over) // closed under way
            {
                throw new EntryInDoubtException(entry, doubt ?? over);
            }
            catch (ZooKeeperException refused) when (Doubt.IsLeftBy(doubt, refused))
            {
                throw new EntryInDoubtException(entry, doubt!);
            }

            try
            {
                await _zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
            catch (Exception over) when (doubt is not null && over is SessionEndedException or OperationCanceledException)
            {
                throw new EntryInDoubtException(entry, doubt!);
            }
        }
    }
}
