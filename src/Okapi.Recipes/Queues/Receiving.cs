using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Queues;

/// <summary>Gives out entries that stay in the queue until they are completed: at least once.</summary>
internal sealed class Receiving(QueueFolder folder)
{
    private readonly ZooKeeperClient _zk = folder.Zk;

    /// <returns>The first entry that nobody holds; null if there is none.</returns>
    public async Task<ReceivedEntry?> TryReceiveAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string> names = await Endurance.AcrossSessions.AskAsync(_zk, ct => ListAsync(folder.Path, ct), cancellationToken).ConfigureAwait(false);
        if (names.Count == 0) return null;
        IReadOnlyList<string> locks = await Endurance.AcrossSessions.AskAsync(_zk, ct => ListAsync(folder.LockPath, ct), cancellationToken).ConfigureAwait(false);
        return await ClaimFirstAsync(EntryName.Sort(folder.Naming, names), locks, cancellationToken).ConfigureAwait(false);
    }

    public async Task<ReceivedEntry> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await TryReceiveAsync(cancellationToken).ConfigureAwait(false) is { } entry) return entry;
            if (await Endurance.AcrossSessions.AskAsync(_zk, WaitOrReceiveAsync, cancellationToken).ConfigureAwait(false) is { } late) return late;
        }
    }

    /// <summary>
    /// An entry can be had when one is added, which changes the queue's children, or given back, which changes the locks'. The locks matter only while there are entries: an empty queue is watched
    /// alone. Both are read after their watches are set, so nothing falls between.
    /// </summary>
    private async Task<ReceivedEntry?> WaitOrReceiveAsync(CancellationToken cancellationToken)
    {
        OneShotWatch<NodeChildren>? added = await _zk.TryWatchChildrenAsync(folder.Path, cancellationToken).ConfigureAwait(false);
        if (added is null)
        {
            await folder.EnsureAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }

        await using (added.ConfigureAwait(false))
        {
            List<EntryName> entries = EntryName.Sort(folder.Naming, added.Value.Names);
            if (entries.Count == 0)
            {
                await added.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
                return null;
            }

            OneShotWatch<NodeChildren>? released = await _zk.TryWatchChildrenAsync(folder.LockPath, cancellationToken).ConfigureAwait(false);
            if (released is null)
            {
                await folder.EnsureLocksAsync(cancellationToken).ConfigureAwait(false);
                return null;
            }

            await using (released.ConfigureAwait(false))
            {
                if (await ClaimFirstAsync(entries, released.Value.Names, cancellationToken).ConfigureAwait(false) is { } entry) return entry;
                Task<WatchedEvent> first = await Task.WhenAny(added.Fired, released.Fired).WaitAsync(cancellationToken).ConfigureAwait(false);
                await first.ConfigureAwait(false);
                return null;
            }
        }
    }

    private async Task<ReceivedEntry?> ClaimFirstAsync(List<EntryName> entries, IReadOnlyList<string> locks, CancellationToken cancellationToken)
    {
        HashSet<string> taken = [.. locks.Where(name => !EntryClaim.IsMark(name))];
        foreach (EntryName entry in entries)
        {
            if (taken.Contains(entry.Name)) continue;
            if (await new EntryClaim(folder, entry).TryClaimAsync(cancellationToken).ConfigureAwait(false) is { } claimed) return claimed;
        }

        return null;
    }

    private async Task<IReadOnlyList<string>> ListAsync(string path, CancellationToken cancellationToken) =>
        await _zk.TryGetChildrenAsync(path, cancellationToken).ConfigureAwait(false) ?? [];
}
