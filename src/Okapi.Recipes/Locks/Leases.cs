using System.Globalization;
using System.Text;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Locks;

/// <summary>
/// The leases of a semaphore that are taken: an ephemeral znode each. Whoever takes one creates his first and then counts: of those who hold one, the last to come has seen all others, so there are
/// never more than agreed on, whatever else goes wrong.
/// </summary>
internal sealed class Leases(ZooKeeperClient zk, string path, int maxLeases, RecipeOptions options) : IAsyncDisposable
{
    private readonly Holdings _holdings = new(zk, path, options);

    /// <summary>Waits until there are few enough.</summary>
    /// <param name="becomeFirst">Waits to be the only one who looks for a lease; null when the time was up.</param>
    /// <param name="data">What others can read of who holds it.</param>
    /// <param name="timeout">How long to wait in all.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public Task<LockHandle?> TakeAsync(Func<Limit, Task<LockHandle?>> becomeFirst, ReadOnlyMemory<byte> data, TimeSpan? timeout, CancellationToken cancellationToken) =>
        _holdings.WaitAsync(limit => TakeTurnAsync(becomeFirst, data, limit), timeout, cancellationToken);

    public async Task<IReadOnlyList<LockContender>> GetHoldersAsync(CancellationToken cancellationToken)
    {
        var holders = new List<LockContender>();
        foreach (string name in await Endurance.AcrossSessions.AskAsync(zk, ct => zk.TryGetChildrenAsync(path, ct).AsTask(), cancellationToken).ConfigureAwait(false) ?? [])
        {
            string node = ZnodePath.Combine(path, name);
            NodeData? holder = await Endurance.AcrossSessions.AskAsync(zk, ct => zk.TryGetAsync(node, ct).AsTask(), cancellationToken).ConfigureAwait(false);
            if (holder is { } there) holders.Add(new(node, Encoding.UTF8.GetString(there.Data), there.Stat.Czxid));
        }

        return holders;
    }

    public ValueTask DisposeAsync() => _holdings.DisposeAsync();

    private async Task<Turn> TakeTurnAsync(Func<Limit, Task<LockHandle?>> becomeFirst, ReadOnlyMemory<byte> data, Limit limit)
    {
        LockHandle? first = await becomeFirst(limit).ConfigureAwait(false);
        if (first is null) return Turn.TimeUp;
        var turn = Turn.Gone;
        try
        {
            turn = await TakeAsFirstAsync(first, data, limit).ConfigureAwait(false);
            return turn;
        }
        finally
        {
            Task leaving = first.DisposeAsync().AsTask();
            if (turn.Handle is { } lease) await LeaveLineAsync(leaving, lease).ConfigureAwait(false);
            else Background.Leave(leaving); // whoever has given up does not wait for servers
        }
    }

    /// <summary>Who has a lease and cannot leave the line for the next is told so, and has none.</summary>
    private static async Task LeaveLineAsync(Task leaving, LockHandle lease)
    {
        try
        {
            await leaving.ConfigureAwait(false);
        }
        catch
        {
            await lease.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Goes on only for as long as this is the first: two who had both created a lease and counted would wait for each other for ever.</summary>
    private async Task<Turn> TakeAsFirstAsync(LockHandle first, ReadOnlyMemory<byte> data, Limit limit)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, first.Lost);
        try
        {
            long session = zk.SessionId;
            return first.IsHeld ? await TakeAsync(session, data, limit.IsZero, both.Token).ConfigureAwait(false) : Turn.Gone;
        }
        catch (OperationCanceledException) when (!limit.Token.IsCancellationRequested)
        {
            return Turn.Gone;
        }
    }

    private async Task<Turn> TakeAsync(long session, ReadOnlyMemory<byte> data, bool isAtOnce, CancellationToken cancellationToken)
    {
        (string prefix, string suffix, CreateMode mode) = options.Naming == NodeNaming.Kazoo
            ? ($"{Guid.NewGuid():N}", string.Empty, CreateMode.Ephemeral)
            : ($"_c_{Guid.NewGuid():D}-", "lease-", CreateMode.EphemeralSequential);
        // kazoo's semaphores read there how many leases there are, and fail where there are no data at all (recipe/lock.py).
        ReadOnlyMemory<byte>? agreed = options.Naming == NodeNaming.Kazoo ? Encoding.ASCII.GetBytes(maxLeases.ToString(CultureInfo.InvariantCulture)) : null;
        var node = new ProtectedNode(zk, path, prefix, suffix) { Naming = options.Naming, ParentData = agreed };
        await _holdings.StepAsync(LineStep.Create, path).ConfigureAwait(false);
        if (zk.SessionId != session) return Turn.Gone;
        string mine = await node.CreateAsync(data, mode, options.Acl, cancellationToken).ConfigureAwait(false);
        var turn = Turn.Gone;
        try
        {
            turn = await WaitAsync(mine, prefix, session, isAtOnce, cancellationToken).ConfigureAwait(false);
            return turn;
        }
        finally
        {
            if (turn.Handle is null) Background.Leave(Removal.DeleteAsync(zk, mine));
        }
    }

    /// <summary>Waits until there are no more leases than agreed on, this one included.</summary>
    private async Task<Turn> WaitAsync(string mine, string prefix, long session, bool isAtOnce, CancellationToken cancellationToken)
    {
        while (zk.SessionId == session)
        {
            await _holdings.StepAsync(LineStep.Watch, path).ConfigureAwait(false);
            OneShotWatch<NodeChildren>? watch = await Endurance.WithinSession.AskAsync(zk, ct => zk.TryWatchChildrenAsync(path, ct), cancellationToken).ConfigureAwait(false);
            if (watch is null) return Turn.Gone;
            try
            {
                IReadOnlyList<string> names = watch.Value.Names;
                if (zk.SessionId != session || !names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal))) return Turn.Gone;
                if (names.Count > maxLeases)
                {
                    if (isAtOnce) return Turn.TimeUp;
                    await _holdings.StepAsync(LineStep.Wait, path).ConfigureAwait(false);
                    await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
                    continue;
                }
            }
            finally
            {
                Background.Leave(watch.DisposeAsync().AsTask()); // not waited for: whoever has given up does not wait for servers
            }

            await _holdings.StepAsync(LineStep.Confirm, ZnodePath.GetName(mine)).ConfigureAwait(false);
            if (await _holdings.ConfirmAsync(mine, session, cancellationToken).ConfigureAwait(false) is { } handle) return new(handle);
        }

        return Turn.Gone;
    }
}
