using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Barriers;

/// <summary>One attempt to enter a double barrier.</summary>
internal sealed class BarrierEntry(ZooKeeperClient zk, string parent, int memberCount, RecipeOptions options)
{
    /// <summary>The znode that says that the barrier is open.</summary>
    public const string Ready = "ready";

    private readonly string _ready = ZnodePath.Combine(parent, Ready);
    private readonly ProtectedNode _node = new(zk, parent, Guid.NewGuid().ToString("D"), "") { Naming = options.Naming };
    private string? _path;

    /// <summary>The members' names, in order: GUIDs, with hyphens (Curator) or without (kazoo). Whatever else is there is none of ours (H63).</summary>
    public static string[] MembersOf(IEnumerable<string> names) => [.. names.Where(name => Guid.TryParseExact(name, "D", out _) || Guid.TryParseExact(name, "N", out _)).Order(StringComparer.Ordinal)];

    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        await Endurance.AcrossSessions.AskAsync(zk, CloseIfForsakenAsync, cancellationToken).ConfigureAwait(false);
        _path = await _node.CreateAsync(default, CreateMode.Ephemeral, options.Acl, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until the barrier is open, and opens it if this is the last member that is needed.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                if (await WaitOnceAsync(cancellationToken).ConfigureAwait(false)) return;
            }
            catch (ZooKeeperException lost) when (Endurance.IsLoss(lost))
            {
                await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <returns>The membership; null if the znode has not lasted.</returns>
    public async Task<BarrierMember?> ConfirmAsync(CancellationToken cancellationToken)
    {
        string path = _path!;
        CancellationToken atRisk = zk.SessionAtRisk;
        Stat? stat = await Endurance.AcrossSessions.AskAsync(zk, ct => zk.ExistsAsync(path, ct).AsTask(), cancellationToken).ConfigureAwait(false);
        // Of an earlier session: it is about to go (H56).
        return stat is { } own && own.EphemeralOwner == zk.SessionId ? new(zk, parent, path, own.Czxid, atRisk) : null;
    }

    public Task DeleteAsync() => _path is { } path ? Removal.DeleteAsync(zk, path) : Task.CompletedTask;

    /// <summary>A barrier that is open without members is left over from members that died. Whoever comes first closes it: the round that it belongs to has ended.</summary>
    private async Task<bool> CloseIfForsakenAsync(CancellationToken cancellationToken)
    {
        if (await zk.TryGetChildrenAsync(parent, cancellationToken).ConfigureAwait(false) is not { } names)
        {
            await Containers.EnsureAsync(zk, parent, options.Naming, null, options.Acl, cancellationToken).ConfigureAwait(false); // here, where a lost connection does not matter
            return false;
        }

        bool isForsaken = names.Contains(Ready, StringComparer.Ordinal) && MembersOf(names).Length == 0;
        if (isForsaken) await zk.TryDeleteAsync(_ready, cancellationToken: cancellationToken).ConfigureAwait(false);
        return isForsaken;
    }

    private async Task<bool> WaitOnceAsync(CancellationToken cancellationToken)
    {
        OneShotWatch<Stat?> watch = await zk.WatchExistsAsync(_ready, cancellationToken).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            if (watch.Value is not null) return true;
            string[] members = MembersOf(await zk.TryGetChildrenAsync(parent, cancellationToken).ConfigureAwait(false) ?? []);
            if (members.Length >= memberCount) return (await zk.TryCreateAsync(_ready, acl: options.Acl, cancellationToken: cancellationToken).ConfigureAwait(false)).Outcome is CreateOutcome.Created or CreateOutcome.NodeExists;
            await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
    }
}
