namespace Okapi.Recipes.Nodes;

/// <summary>
/// How a recipe makes a znode that must not be made twice or left behind: a GUID in its name tells it from all others, so that it is found again when the reply to its creation is lost (H54), and
/// deleted when whoever wanted it has given up meanwhile (H57).
/// </summary>
/// <param name="zk">The client.</param>
/// <param name="parent">The znode above it; created where it is missing, see <see cref="Containers"/>.</param>
/// <param name="prefix">The beginning of its name, with the GUID in it.</param>
/// <param name="suffix">The rest of its name, before the number that the server gives a sequential one.</param>
internal sealed class ProtectedNode(ZooKeeperClient zk, string parent, string prefix, string suffix)
{
    /// <summary>What no other znode's name begins with.</summary>
    public string Prefix => prefix;

    /// <summary>Who shares the znode above it, and so whether it is a container; see <see cref="Containers"/>.</summary>
    public NodeNaming Naming { get; init; }

    /// <summary>What the znode above it begins with, where it has to be created.</summary>
    public ReadOnlyMemory<byte>? ParentData { get; init; }

    /// <summary>Creates it. Whoever cancels leaves nothing behind: it is deleted as soon as it is known.</summary>
    /// <returns>Its path.</returns>
    /// <exception cref="SessionEndedException">The session ended first; an ephemeral znode has gone with it.</exception>
    public async Task<string> CreateAsync(ReadOnlyMemory<byte> data, CreateMode mode, IReadOnlyList<Acl>? acl, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task<string> creating = CreateUntilKnownAsync(data, mode, acl);
        try
        {
            return await creating.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Background.Leave(DeleteWhenCreatedAsync(creating));
            throw;
        }
    }

    private async Task DeleteWhenCreatedAsync(Task<string> creating) => await Removal.DeleteAsync(zk, await creating.ConfigureAwait(false)).ConfigureAwait(false);

    private async Task<string> CreateUntilKnownAsync(ReadOnlyMemory<byte> data, CreateMode mode, IReadOnlyList<Acl>? acl)
    {
        string path = ZnodePath.Combine(parent, prefix + suffix);
        while (true)
        {
            try
            {
                return await zk.CreateAsync(path, data, mode, acl).ConfigureAwait(false);
            }
            catch (NoNodeException)
            {
                await EnsureParentAsync(acl).ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (Endurance.IsLoss(lost) || lost is NodeExistsException)
            {
                if (await Endurance.WithinSession.AskAsync(zk, _ => FindAsync(mode), CancellationToken.None).ConfigureAwait(false) is { } found) return found;
                if (lost is NodeExistsException) throw;
            }
        }
    }

    /// <summary>Made again after a lost connection: whether it was made before does not matter.</summary>
    private Task EnsureParentAsync(IReadOnlyList<Acl>? acl) =>
        Endurance.WithinSession.AskAsync(zk, ct => Containers.EnsureAsync(zk, parent, Naming, ParentData, acl, ct), CancellationToken.None);

    /// <summary>Looks for it. One that belongs to an earlier session is about to go and is not it (H55).</summary>
    private async Task<string?> FindAsync(CreateMode mode)
    {
        await zk.SyncAsync(parent).ConfigureAwait(false); // the server in use may not have seen yet what the last one did
        foreach (string name in await zk.TryGetChildrenAsync(parent).ConfigureAwait(false) ?? [])
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal)) continue;
            string found = ZnodePath.Combine(parent, name);
            if (!mode.IsEphemeral()) return found;
            if (await zk.ExistsAsync(found).ConfigureAwait(false) is { } stat && stat.EphemeralOwner == zk.SessionId) return found;
        }

        return null;
    }
}
