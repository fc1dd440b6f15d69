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

    /// <summary>Waits until there are few enough. Only who is first in the line calls this, so that one waits and no more.</summary>
    public Task<LockHandle?> TakeAsync(ReadOnlyMemory<byte> data, TimeSpan? timeout, CancellationToken cancellationToken) =>
        _holdings.WaitAsync(limit => TakeTurnAsync(data, limit), timeout, cancellationToken);

    public async Task<IReadOnlyList<LockContender>> GetHoldersAsync(CancellationToken cancellationToken)
    {
        var holders = new List<LockContender>();
        foreach (string name in await Persistence.ReadAsync(zk, async () => await zk.TryGetChildrenAsync(path, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false) ?? [])
        {
            string node = ZnodePath.Combine(path, name);
            NodeData? holder = await Persistence.ReadAsync(zk, async () => await zk.TryGetAsync(node, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
            if (holder is { } there) holders.Add(new(node, Encoding.UTF8.GetString(there.Data), there.Stat.Czxid));
        }

        return holders;
    }

    public ValueTask DisposeAsync() => _holdings.DisposeAsync();

    private async Task<Turn> TakeTurnAsync(ReadOnlyMemory<byte> data, Limit limit)
    {
        (string prefix, string suffix, CreateMode mode) = options.Naming == NodeNaming.Kazoo
            ? ($"{Guid.NewGuid():N}", string.Empty, CreateMode.Ephemeral)
            : ($"_c_{Guid.NewGuid():D}-", "lease-", CreateMode.EphemeralSequential);
        // kazoo's semaphores read there how many leases there are, and fail where there are no data at all (recipe/lock.py).
        ReadOnlyMemory<byte>? agreed = options.Naming == NodeNaming.Kazoo ? Encoding.ASCII.GetBytes(maxLeases.ToString(CultureInfo.InvariantCulture)) : null;
        var node = new ProtectedNode(zk, path, prefix, suffix) { Naming = options.Naming, ParentData = agreed };
        await _holdings.StepAsync(LineStep.Create, path).ConfigureAwait(false);
        long session = zk.SessionId;
        string mine = await node.CreateAsync(data, mode, options.Acl, limit.Token).ConfigureAwait(false);
        var turn = Turn.Gone;
        try
        {
            turn = await WaitAsync(mine, prefix, session, limit).ConfigureAwait(false);
            return turn;
        }
        finally
        {
            if (turn.Handle is null) _ = Persistence.DeleteAsync(zk, mine);
        }
    }

    /// <summary>Waits until there are no more leases than agreed on, this one included.</summary>
    private async Task<Turn> WaitAsync(string mine, string prefix, long session, Limit limit)
    {
        while (true)
        {
            await _holdings.StepAsync(LineStep.Watch, path).ConfigureAwait(false);
            OneShotWatch<NodeChildren>? watch = await Persistence.ReadAsync(zk, () => zk.TryWatchChildrenAsync(path, limit.Token), limit.Token).ConfigureAwait(false);
            if (watch is null) return Turn.Gone;
            try
            {
                IReadOnlyList<string> names = watch.Value.Names;
                if (zk.SessionId != session || !names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal))) return Turn.Gone;
                if (names.Count > maxLeases)
                {
                    if (limit.IsZero) return Turn.TimeUp;
                    await _holdings.StepAsync(LineStep.Wait, path).ConfigureAwait(false);
                    await watch.Fired.WaitAsync(limit.Token).ConfigureAwait(false);
                    continue;
                }
            }
            finally
            {
                await watch.DisposeAsync().ConfigureAwait(false);
            }

            await _holdings.StepAsync(LineStep.Confirm, ZnodePath.GetName(mine)).ConfigureAwait(false);
            if (await _holdings.ConfirmAsync(mine, session, limit.Token).ConfigureAwait(false) is { } handle) return new(handle);
        }
    }
}
