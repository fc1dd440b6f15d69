using System.Runtime.ExceptionServices;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Counters;

/// <summary>A znode whose data is written only on top of what was read, and never twice.</summary>
internal sealed class VersionedNode(ZooKeeperClient zk, string path, IReadOnlyList<Acl>? acl)
{
    /// <summary>The last version that can be expected: after it, servers count on from int.MinValue, and -1 is "any" (H65, ZOOKEEPER-4743).</summary>
    internal int LastVersion { get; init; } = int.MaxValue;

    public Task<NodeData?> ReadAsync(CancellationToken cancellationToken) =>
        Endurance.AcrossSessions.AskAsync(zk, ct => zk.TryGetAsync(path, ct).AsTask(), cancellationToken);

    /// <summary>
    /// Reads behind a transaction that only checks: it goes through the quorum as a write does, and what its session reads after it is not older. Waits for a server that takes writes. The next session could be one of a server that is
    /// behind, so both have to be of the same.
    /// </summary>
    public Task<NodeData?> ReadThroughQuorumAsync(CancellationToken cancellationToken) => Endurance.Unlimited.AskAsync(
        zk,
        async ct =>
        {
            while (true)
            {
                long session = zk.SessionId;
                await zk.Transaction().Check(path).TryCommitAsync(ct).ConfigureAwait(false);
                NodeData? read = await zk.TryGetAsync(path, ct).ConfigureAwait(false);
                if (zk.SessionId == session) return read;
            }
        },
        cancellationToken);

    /// <summary>
    /// Writes if the znode is as it was read. When a reply is lost the same conditional write is sent again: if it succeeds, it was applied once; if it is refused, what the znode holds now tells
    /// most often whose write it was.
    /// </summary>
    /// <param name="seen">What was read; null: there was no znode.</param>
    /// <param name="data">The new data.</param>
    /// <param name="cancellationToken">Cancels; the write may then have been applied.</param>
    /// <returns>The znode's new Stat; null if it is not as it was read, and nothing was written.</returns>
    /// <exception cref="ConnectionLossException">A reply was lost and nobody can tell whether the write was applied.</exception>
    public async Task<Stat?> TryWriteAsync(NodeData? seen, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        ZooKeeperException? doubt = null;
        while (true)
        {
            try
            {
                Stat? written = await SendAsync(seen, data, cancellationToken).ConfigureAwait(false);
                if (written is not null || doubt is null) return written;
                if (!await IsOfOthersAsync(seen, data, cancellationToken).ConfigureAwait(false)) ExceptionDispatchInfo.Throw(doubt);
                return null;
            }
            catch (ZooKeeperException lost) when (Endurance.AcrossSessions.Outlasts(lost) && lost != doubt)
            {
                if (Doubt.IsRaisedBy(lost)) doubt ??= lost;
                await ReconnectAsync(doubt, cancellationToken).ConfigureAwait(false);
            }
            catch (ZooKeeperException refused) when (Doubt.IsLeftBy(doubt, refused))
            {
                ExceptionDispatchInfo.Throw(doubt!);
            }
        }
    }

    /// <summary>Writes whatever the znode holds, or creates it.</summary>
    /// <exception cref="ConnectionLossException">The reply was lost; its outcome says what that means.</exception>
    public async Task<Stat> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        while (true)
        {
            SetResult set = await zk.TrySetAsync(path, data, cancellationToken: cancellationToken).ConfigureAwait(false);
            if (set.IsWritten) return set.Stat;
            if (await TryCreateAsync(data, cancellationToken).ConfigureAwait(false) is { } created) return created;
        }
    }

    /// <returns>The new znode's Stat; null if it exists.</returns>
    public async Task<Stat?> TryCreateAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return (await zk.CreateWithStatAsync(path, data, acl: acl, cancellationToken: cancellationToken).ConfigureAwait(false)).Stat;
            }
            catch (NodeExistsException)
            {
                return null;
            }
            catch (NoNodeException) when (ZnodePath.GetParent(path) is { } parent)
            {
                // To lose a reply to this leaves no doubt about the value.
                await Endurance.AcrossSessions.AskAsync(zk, ct => Containers.EnsureAsync(zk, parent, acl, ct), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<Stat?> SendAsync(NodeData? seen, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        if (seen is not { Stat: var stat }) return await TryCreateAsync(data, cancellationToken).ConfigureAwait(false);
        if (stat.Version < 0 || stat.Version >= LastVersion) return await ReplaceAsync(stat.Version, data, cancellationToken).ConfigureAwait(false);
        SetResult set = await zk.TrySetAsync(path, data, stat.Version, cancellationToken).ConfigureAwait(false);
        return set.IsWritten ? set.Stat : null;
    }

    /// <summary>A new znode in the place of one whose versions are used up: they begin at 0 again. Nobody sees it missing, and it is no more open than the one before.</summary>
    private async Task<Stat?> ReplaceAsync(int version, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        if (version < 0) throw new InvalidOperationException($"The version of {path} is {version}: it has run over, and no write can expect it. Delete the znode and create it anew while nobody uses it.");
        if (await ReadAclAsync(cancellationToken).ConfigureAwait(false) is not { } own) return null;
        TransactionResult replaced = await zk.Transaction().Delete(path, version).Create(path, data, acl: own).TryCommitAsync(cancellationToken).ConfigureAwait(false);
        return replaced.IsCommitted ? await zk.ExistsAsync(path, cancellationToken).ConfigureAwait(false) : null;
    }

    private async Task<IReadOnlyList<Acl>?> ReadAclAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Acl> own;
        try
        {
            own = (await zk.GetAclAsync(path, cancellationToken).ConfigureAwait(false)).Acl;
        }
        catch (NoNodeException)
        {
            return null; // it is not as it was read
        }

        // Servers show this in place of a digest to who has not the right Admin (ZOOKEEPER-1392): with it, its owner would be locked out.
        return own.Any(each => each.Scheme == "digest" && each.Id.EndsWith(":x", StringComparison.Ordinal))
            ? throw new InvalidOperationException($"The versions of {path} are used up. It has to be created anew with its ACL, which this client may not read whole: that takes the right {nameof(Permissions.Admin)}.")
            : own;
    }

    /// <summary>Whether the write that came in between is certainly not the one whose reply was lost.</summary>
    private async Task<bool> IsOfOthersAsync(NodeData? seen, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        await Endurance.AcrossSessions.AskAsync(zk, ct => zk.SyncAsync(path, ct).AsTask(), cancellationToken).ConfigureAwait(false);
        if (await ReadAsync(cancellationToken).ConfigureAwait(false) is not { } now) return false;
        bool isNext = seen is { Stat: var before } ? (before.Czxid is 0 || now.Stat.Czxid == before.Czxid) && now.Stat.Version == before.Version + 1 : now.Stat.Version == 0;
        return isNext && !data.Span.SequenceEqual(now.Data);
    }

    private async Task ReconnectAsync(ZooKeeperException? doubt, CancellationToken cancellationToken)
    {
        try
        {
            await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (SessionEndedException) when (doubt is not null)
        {
            ExceptionDispatchInfo.Throw(doubt); // what became of the write is what the caller has to know
        }
    }
}
