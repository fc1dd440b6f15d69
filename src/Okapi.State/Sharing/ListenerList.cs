using System.Runtime.CompilerServices;

namespace Okapi.State.Sharing;

/// <summary>Reads who listens.</summary>
internal static class ListenerList
{
    public static IReadOnlyList<string> Sort(IReadOnlyList<string> names) => [.. names.Order(StringComparer.Ordinal)];

    public static async IAsyncEnumerable<IReadOnlyList<string>> ReadAllAsync(ZooKeeperClient zk, string path, CancellationToken disposed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(disposed, cancellationToken);
        IReadOnlyList<string>? last = null;
        while (await ReadNextAsync(zk, path, last, disposed, cancellationToken, stop.Token).ConfigureAwait(false) is { } next) yield return last = next;
    }

    /// <returns>Null: the state is disposed.</returns>
    private static async Task<IReadOnlyList<string>?> ReadNextAsync(ZooKeeperClient zk, string path, IReadOnlyList<string>? last, CancellationToken disposed, CancellationToken cancellationToken, CancellationToken stop)
    {
        try
        {
            return await Patience.AskAsync(zk, () => ReadOtherAsync(zk, path, last, stop), stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (disposed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Waits for another list than the last.</summary>
    private static async Task<IReadOnlyList<string>> ReadOtherAsync(ZooKeeperClient zk, string path, IReadOnlyList<string>? last, CancellationToken cancellationToken)
    {
        while (true)
        {
            OneShotWatch<NodeChildren>? watch = await zk.TryWatchChildrenAsync(path, cancellationToken).ConfigureAwait(false);
            if (watch is null)
            {
                await WaitForDirectoryAsync(zk, path, cancellationToken).ConfigureAwait(false);
                continue;
            }

            await using (watch.ConfigureAwait(false))
            {
                IReadOnlyList<string> names = Sort(watch.Value.Names);
                if (last is null || !names.SequenceEqual(last, StringComparer.Ordinal)) return names;
                await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static async Task WaitForDirectoryAsync(ZooKeeperClient zk, string path, CancellationToken cancellationToken)
    {
        OneShotWatch<Stat?> watch = await zk.WatchExistsAsync(path, cancellationToken).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            if (watch.Value is null) await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }
}
