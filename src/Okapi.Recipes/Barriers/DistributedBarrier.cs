using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>
/// A barrier: closed while its znode exists, as Curator's <c>DistributedBarrier</c> and kazoo's <c>Barrier</c> have it. The znode is persistent: the barrier stays closed when whoever closed it has
/// gone. It holds nothing, so there is nothing to dispose.
/// </summary>
public sealed class DistributedBarrier
{
    private readonly ZooKeeperClient _zk;
    private readonly IReadOnlyList<Acl>? _acl;

    internal DistributedBarrier(ZooKeeperClient zk, string path, IReadOnlyList<Acl>? acl) => (_zk, Path, _acl) = (zk, path, acl);

    /// <summary>The znode.</summary>
    public string Path { get; }

    /// <summary>Closes it; done again until a server has answered, so that a lost reply does not matter.</summary>
    /// <param name="cancellationToken">Cancels the call; the barrier may then be closed.</param>
    /// <returns>False if it was closed already. After a lost reply that may have been by this call.</returns>
    public Task<bool> SetAsync(CancellationToken cancellationToken = default) => Endurance.AcrossSessions.AskAsync(_zk, TrySetAsync, cancellationToken);

    /// <summary>Opens it; done again until a server has answered, so that a lost reply does not matter.</summary>
    /// <param name="cancellationToken">Cancels the call; the barrier may then be open.</param>
    /// <returns>False if it was open already. After a lost reply that may have been by this call.</returns>
    /// <exception cref="NotEmptyException">The znode has children, so it cannot be deleted.</exception>
    public async Task<bool> RemoveAsync(CancellationToken cancellationToken = default)
    {
        // The form that throws has the server's own error for a znode with children.
        try
        {
            return await Endurance.AcrossSessions.AskAsync(_zk, DeleteAsync, cancellationToken).ConfigureAwait(false);
        }
        catch (NoNodeException)
        {
            return false;
        }
    }

    /// <summary>Whether it is closed.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>True if it is.</returns>
    public Task<bool> IsSetAsync(CancellationToken cancellationToken = default) =>
        Endurance.AcrossSessions.AskAsync(_zk, async ct => await _zk.ExistsAsync(Path, ct).ConfigureAwait(false) is not null, cancellationToken);

    /// <summary>Waits until it is open; over lost connections and, with <see cref="SessionRecovery.NewSession"/>, over sessions.</summary>
    /// <param name="cancellationToken">Ends the waiting; no watch stays behind.</param>
    /// <returns>Completes when it was open at some time after the call.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public Task WaitAsync(CancellationToken cancellationToken = default) => Endurance.AcrossSessions.AskAsync(_zk, WaitOnceAsync, cancellationToken);

    /// <summary>Waits until it is open or a time is up.</summary>
    /// <param name="timeout">How long to wait; zero: not at all.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>False if the time was up first.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task<bool> TryWaitAsync(TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        if (!await IsSetAsync(cancellationToken).ConfigureAwait(false)) return true;
        if (timeout == TimeSpan.Zero) return false;
        return await Waits.WithinAsync(_zk.TimeProvider, timeout, async ct => (object)await Endurance.AcrossSessions.AskAsync(_zk, WaitOnceAsync, ct).ConfigureAwait(false), cancellationToken).ConfigureAwait(false) is not null;
    }

    private async Task<bool> TrySetAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            CreateResult created = await _zk.TryCreateAsync(Path, acl: _acl, cancellationToken: cancellationToken).ConfigureAwait(false);
            if (created.Outcome is CreateOutcome.Created or CreateOutcome.NodeExists) return created.IsCreated;
            await Containers.EnsureAsync(_zk, ZnodePath.GetParent(Path)!, _acl, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> DeleteAsync(CancellationToken cancellationToken)
    {
        await _zk.DeleteAsync(Path, cancellationToken: cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>A znode that was deleted and created again while the watch was under way counts as open: it was.</summary>
    private async Task<bool> WaitOnceAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            OneShotWatch<Stat?> watch = await _zk.WatchExistsAsync(Path, cancellationToken).ConfigureAwait(false);
            await using (watch.ConfigureAwait(false))
            {
                if (watch.Value is null) return true;
                if ((await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false)).Type == WatchedEventType.NodeDeleted) return true;
            }
        }
    }
}
