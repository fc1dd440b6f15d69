using System.Text;
using Okapi.Recipes.Membership;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Partitioning;

/// <summary>One member's part in the dividing of a set: it follows who the members are, and turns what it is entitled to into what it holds.</summary>
internal sealed class Allocation : IAsyncDisposable
{
    private readonly ZooKeeperClient _zk;
    private readonly string _path;
    private readonly IReadOnlyList<string> _items;
    private readonly LockOptions _lockOptions;
    private readonly CancellationTokenSource _stop;
    private readonly EphemeralNode _member;
    private readonly Dictionary<string, LockHandle> _claims = new(StringComparer.Ordinal);
    private readonly Signal _shareChanged = new();
    private readonly Lock _lock = new();
    private readonly Task _following;
    private readonly Task _failing;
    private IReadOnlyList<string>? _share;
    private Partition? _current;

    public Allocation(ZooKeeperClient zk, string path, string memberId, IReadOnlyList<string> items, IReadOnlyList<Acl>? acl, CancellationToken stop)
    {
        (_zk, _path, _items) = (zk, path, items);
        _lockOptions = new() { Acl = acl, Naming = NodeNaming.Kazoo, Identity = memberId };
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _member = new(zk, ZnodePath.Combine(Party, $"{Guid.NewGuid():N}-{memberId}"), Encoding.UTF8.GetBytes(memberId), _lockOptions);
        _following = Task.Run(FollowAsync, CancellationToken.None);
        _failing = Task.WhenAny(_following, _member.Keeping);
    }

    public PartitionState State { get; private set; }

    /// <summary>Whether a share is in a reader's hands.</summary>
    public bool IsHandedOut { get; private set; }

    private string Party => ZnodePath.Combine(_path, "party");

    /// <summary>Gives the last share back, as soon as it is over, and waits for the next.</summary>
    public async Task<Partition> NextAsync()
    {
        IsHandedOut = false;
        if (_current is { } last)
        {
            await Waits.AnyAsync(_failing, last.Lost, _stop.Token).ConfigureAwait(false);
            last.End(); // before anything of it is given back
        }

        while (true)
        {
            State = PartitionState.Allocating;
            await ThrowIfOverAsync().ConfigureAwait(false);
            Task changed = _shareChanged.Next;
            IReadOnlyList<string>? share = TakeShare();
            await ReleaseAsync(claim => share is null || !share.Contains(claim.Key, StringComparer.Ordinal) || !claim.Value.IsHeld).ConfigureAwait(false);
            if (share is null) await WaitAsync(changed).ConfigureAwait(false);
            else if (share.Where(item => !_claims.ContainsKey(item)).ToArray() is { Length: > 0 } missing) await ClaimAsync(missing, changed).ConfigureAwait(false);
            else if (TryHandOut(share) is { } partition) return partition;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _current?.End();
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_member.DisposeAsync().AsTask(), ReleaseAsync(static _ => true)).ConfigureAwait(false);
        _stop.Dispose();
        State = PartitionState.Failed;
    }

    private async Task FollowAsync()
    {
        var members = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            await foreach (IReadOnlyList<ChildChange> changes in Children.FollowAsync(_zk, Party, _stop.Token).ConfigureAwait(false))
            {
                foreach (ChildChange change in changes)
                {
                    if (change.Kind == MembershipChangeKind.Left) members.Remove(change.Child.Name);
                    else members.Add(change.Child.Name);
                }

                SetShare(ShareOf(members));
            }
        }
        finally
        {
            SetShare(null);
        }
    }

    /// <summary>What this member is entitled to, as kazoo reckons it; null while it is not a member.</summary>
    private List<string>? ShareOf(HashSet<string> members)
    {
        string mine = ZnodePath.GetName(_member.Path);
        if (!members.Contains(mine)) return null;
        List<string> order = [.. members.OrderBy(MemberNames.ShallowIdOf, StringComparer.Ordinal).ThenBy(name => name, StringComparer.Ordinal)];
        int place = order.IndexOf(mine);
        return [.. _items.Where((_, i) => i % order.Count == place)];
    }

    private void SetShare(List<string>? share)
    {
        Partition? over;
        lock (_lock)
        {
            if (share is null ? _share is null : _share is not null && share.SequenceEqual(_share, StringComparer.Ordinal)) return;
            _share = share;
            over = _current;
            if (over is not null) State = PartitionState.Release;
        }

        over?.End();
        _shareChanged.Set();
    }

    private IReadOnlyList<string>? TakeShare()
    {
        lock (_lock)
        {
            _current = null;
            return _share;
        }
    }

    private Partition? TryHandOut(IReadOnlyList<string> share)
    {
        var partition = new Partition(share, new Dictionary<string, LockHandle>(_claims, StringComparer.Ordinal), _stop.Token);
        lock (_lock)
        {
            if (ReferenceEquals(share, _share) && partition.IsHeld)
            {
                (_current, State, IsHandedOut) = (partition, PartitionState.Acquired, true);
                return partition;
            }
        }

        partition.End();
        return null;
    }

    /// <summary>Waits for the items' locks, for as long as this member is entitled to them.</summary>
    private async Task ClaimAsync(string[] missing, Task changed)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task<LockHandle>[] waits = [.. missing.Select(item => _zk.Lock(ZnodePath.Combine(_path, $"locks/{ItemNames.ToNode(item)}"), _lockOptions).AcquireAsync(giveUp.Token))];
        Task all = Task.WhenAll(waits);
        await Task.WhenAny(all, changed, _failing).ConfigureAwait(false);
        await giveUp.CancelAsync().ConfigureAwait(false);
        await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        for (int i = 0; i < waits.Length; i++)
            if (waits[i].IsCompletedSuccessfully) _claims[missing[i]] = await waits[i].ConfigureAwait(false);
        foreach (Task<LockHandle> failed in waits.Where(wait => wait.IsFaulted)) await failed.ConfigureAwait(false);
    }

    private async Task ReleaseAsync(Func<KeyValuePair<string, LockHandle>, bool> which)
    {
        KeyValuePair<string, LockHandle>[] over = [.. _claims.Where(which)];
        await Task.WhenAll(over.Select(claim => claim.Value.DisposeAsync().AsTask())).ConfigureAwait(false);
        foreach ((string item, _) in over) _claims.Remove(item);
    }

    private async Task WaitAsync(Task changed) => await Task.WhenAny(changed, _failing).WaitAsync(_stop.Token).ConfigureAwait(false);

    private async Task ThrowIfOverAsync()
    {
        _stop.Token.ThrowIfCancellationRequested();
        if (_failing.IsCompleted) await (await ((Task<Task>)_failing).ConfigureAwait(false)).ConfigureAwait(false);
    }
}
