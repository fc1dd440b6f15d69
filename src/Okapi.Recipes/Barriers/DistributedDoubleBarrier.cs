using Okapi.Recipes.Barriers;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>
/// A double barrier: its members pass in together and out together, as in Curator's <c>DistributedDoubleBarrier</c> and kazoo's <c>DoubleBarrier</c>. A member that dies counts no more once its
/// session has ended: those who leave do not wait for it, those who enter need another in its place.
/// </summary>
/// <remarks>
/// The barrier opens with the last member needed, and whoever comes later passes at once until all have left. So a path should serve one round, or the next one begin only when everybody has
/// left the last. An opened barrier whose members are all gone without leaving is put right by the next one who enters.
/// </remarks>
public sealed class DistributedDoubleBarrier
{
    private readonly ZooKeeperClient _zk;
    private readonly int _memberCount;
    private readonly RecipeOptions _options;

    internal DistributedDoubleBarrier(ZooKeeperClient zk, string path, int memberCount, RecipeOptions options) => (_zk, Path, _memberCount, _options) = (zk, path, memberCount, options);

    /// <summary>The znode with the members below it.</summary>
    public string Path { get; }

    /// <summary>Enters: waits until all members are there.</summary>
    /// <param name="cancellationToken">Ends the waiting; neither a znode nor a watch stays behind. Others who have counted this member by then may pass without it.</param>
    /// <returns>The membership, to be left or disposed.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task<BarrierMember> EnterAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var entry = new BarrierEntry(_zk, Path, _memberCount, _options);
            try
            {
                await entry.CreateAsync(cancellationToken).ConfigureAwait(false);
                await entry.WaitAsync(cancellationToken).ConfigureAwait(false);
                if (await entry.ConfirmAsync(cancellationToken).ConfigureAwait(false) is { } member) return member;
                await entry.DeleteAsync().ConfigureAwait(false);
            }
            catch (SessionExpiredException)
            {
                await _zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false); // the znode has gone with the session; once more, in the next
            }
            catch
            {
                await entry.DeleteAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>Enters, or gives up when a time is up.</summary>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The membership; null if the time was up first, and then this is no member.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public Task<BarrierMember?> TryEnterAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        Waits.WithinAsync(_zk.TimeProvider, timeout, EnterAsync, cancellationToken);
}

/// <summary>A member of a <see cref="DistributedDoubleBarrier"/>, from entering to leaving.</summary>
public sealed class BarrierMember : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly string _parent;
    private int _hasLeft;

    internal BarrierMember(ZooKeeperClient zk, string parent, string path, long fencingToken, CancellationToken lost) =>
        (_zk, _parent, Path, FencingToken, Lost) = (zk, parent, path, fencingToken, lost);

    /// <summary>The member's znode.</summary>
    public string Path { get; }

    /// <summary>The transaction that created the znode.</summary>
    public long FencingToken { get; }

    /// <summary>Trips when a server may count this member no more (<see cref="ZooKeeperClient.SessionAtRisk"/>).</summary>
    public CancellationToken Lost { get; }

    /// <summary>Whether it is a member: not left, and the session is safe.</summary>
    public bool IsHeld => Volatile.Read(ref _hasLeft) == 0 && !Lost.IsCancellationRequested;

    /// <summary>Leaves: waits until all members have left or died. May be called again after it was cancelled or has failed.</summary>
    /// <param name="cancellationToken">Ends the waiting; the member has then left without waiting for the others.</param>
    /// <returns>Completes when all have left.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task LeaveAsync(CancellationToken cancellationToken = default)
    {
        Volatile.Write(ref _hasLeft, 1);
        try
        {
            await Endurance.AcrossSessions.AskAsync(_zk, LeaveOnceAsync, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await Removal.DeleteAsync(_zk, Path).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Leaves, and waits for the others until a time is up.</summary>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>False if the time was up before all had left; this member has left all the same.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task<bool> TryLeaveAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        await Waits.WithinAsync(_zk.TimeProvider, timeout, async ct => { await LeaveAsync(ct).ConfigureAwait(false); return this; }, cancellationToken).ConfigureAwait(false) is not null;

    /// <summary>Leaves without waiting for the others, if it has not left yet.</summary>
    /// <returns>Completes when the znode is gone, or no server takes writes and the deletion goes on in the background.</returns>
    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _hasLeft, 1) == 0 ? new(Removal.DeleteAsync(_zk, Path)) : default;

    /// <summary>
    /// The first by name stays to the end and watches the last; all others go at once and watch the first. So each departure wakes one, and the end all: Curator's and kazoo's members do the same.
    /// </summary>
    private async Task<bool> LeaveOnceAsync(CancellationToken cancellationToken)
    {
        string own = ZnodePath.GetName(Path);
        while (true)
        {
            IReadOnlyList<string>? names = await _zk.TryGetChildrenAsync(_parent, cancellationToken).ConfigureAwait(false);
            string[] members = BarrierEntry.MembersOf(names ?? []);
            bool isOpen = names?.Contains(BarrierEntry.Ready, StringComparer.Ordinal) == true;
            if (members.Length == 0 || (members.Length == 1 && members[0] == own))
            {
                if (isOpen) await _zk.TryDeleteAsync(ZnodePath.Combine(_parent, BarrierEntry.Ready), cancellationToken: cancellationToken).ConfigureAwait(false);
                await _zk.TryDeleteAsync(Path, cancellationToken: cancellationToken).ConfigureAwait(false);
                return true;
            }

            bool isFirst = members[0] == own;
            OneShotWatch<Stat?> watch = await _zk.WatchExistsAsync(ZnodePath.Combine(_parent, isFirst ? members[^1] : members[0]), cancellationToken).ConfigureAwait(false);
            await using (watch.ConfigureAwait(false))
            {
                if (!isFirst && members.Contains(own, StringComparer.Ordinal)) await _zk.TryDeleteAsync(Path, cancellationToken: cancellationToken).ConfigureAwait(false);
                if (watch.Value is not null) await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
