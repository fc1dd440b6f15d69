using Okapi.Diagnostics;
using Okapi.Requests;
using Okapi.Watches;

namespace Okapi.Sessions;

/// <summary>Sets a client's watches and gives them up: enters them in the table and makes the requests that go with it, in one order.</summary>
internal sealed class WatchRequests
{
    private readonly ClientCore _core;
    private readonly string _chroot;

    public WatchRequests(ClientCore core, string chroot)
    {
        _core = core;
        _chroot = chroot;
        Release = handle =>
        {
            handle.End(null, core.Watches.Elsewhere);
            return ReleaseAsync(handle);
        };
    }

    /// <summary>Gives a watch up, on the server too if no other watch needs what is armed there. Every watch has it, so there is one of it.</summary>
    public Func<WatchHandle, ValueTask> Release { get; }

    public Task<OneShotWatch<Stat?>> WatchExistsAsync(string path, CancellationToken cancellationToken)
    {
        OneShotHandle handle = NewOneShot(path, WatchKind.Data);
        return AddAsync<WatchExistsOperation, OneShotWatch<Stat?>>(handle, new(handle, _core.Watches, Release), cancellationToken);
    }

    /// <param name="path">The path.</param>
    /// <param name="isRequired">Whether an absent znode is an error; otherwise the result is then null.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public Task<OneShotWatch<NodeData>?> WatchDataAsync(string path, bool isRequired, CancellationToken cancellationToken)
    {
        OneShotHandle handle = NewOneShot(path, WatchKind.Data);
        return AddAsync<WatchDataOperation, OneShotWatch<NodeData>?>(handle, new(handle, _core.Watches, Release, isRequired), cancellationToken);
    }

    /// <inheritdoc cref="WatchDataAsync"/>
    public Task<OneShotWatch<NodeChildren>?> WatchChildrenAsync(string path, bool isRequired, CancellationToken cancellationToken)
    {
        OneShotHandle handle = NewOneShot(path, WatchKind.Children);
        return AddAsync<WatchChildrenOperation, OneShotWatch<NodeChildren>?>(handle, new(handle, _core.Watches, Release, isRequired), cancellationToken);
    }

    public Task<Watch> WatchAsync(string path, WatchMode mode, CancellationToken cancellationToken)
    {
        var handle = new PersistentHandle(path, ChrootPaths.ToServer(path, _chroot), _chroot, _core.Options.EventBufferSize)
        {
            Kind = mode == WatchMode.PersistentRecursive ? WatchKind.Recursive : WatchKind.Persistent,
        };
        return AddAsync<AddWatchOperation, Watch>(handle, new(handle, _core.Watches, Release), cancellationToken);
    }

    /// <summary>Ends all watches of the client on a path, of some kinds or all, as if each were disposed.</summary>
    /// <returns>How many they are, and their ends on the server.</returns>
    public (int Count, Task Released) Remove(string path, WatcherType type)
    {
        List<WatchHandle> handles = _core.Watches.Find(ChrootPaths.ToServer(path, _chroot), type);
        var released = new List<Task>();
        foreach (WatchHandle handle in handles)
        {
            WatchedEventType removed = handle.Kind switch { WatchKind.Children => WatchedEventType.ChildWatchRemoved, WatchKind.Data or WatchKind.Exist => WatchedEventType.DataWatchRemoved, _ => WatchedEventType.PersistentWatchRemoved };
            handle.Notify(removed, KeeperState.SyncConnected, handle.ServerPath, -1, _core.Watches.Elsewhere);
            released.Add(Release(handle).AsTask());
        }

        return (handles.Count, Task.WhenAll(released));
    }

    private OneShotHandle NewOneShot(string path, WatchKind kind) => new(path, ChrootPaths.ToServer(path, _chroot)) { Kind = kind };

    /// <summary>Puts a watch into the table and sends its request; takes it out again unless the server arms it.</summary>
    private Task<TWatch> AddAsync<TOperation, TWatch>(WatchHandle handle, in TOperation operation, CancellationToken cancellationToken)
        where TOperation : struct, IOperation<TWatch>
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled<TWatch>(cancellationToken);
        ValueTask<TWatch> request;
        // What a watch needs of the server follows from what is on its path already, so the table and the outbox must agree on the order.
        lock (_core.Watches.Order)
        {
            _core.Watches.Add(handle);
            request = Telemetry.ObservesOperations ? ObserveAsync<TOperation, TWatch>(operation) : _core.Session.Outbox.SendAsync<TOperation, TWatch>(operation, CancellationToken.None);
        }

        return FinishAsync(handle, request, cancellationToken);
    }

    /// <summary>A caller who cancels stops waiting; the request goes on, because what it armed has to be known to be removed (H52).</summary>
    private async Task<TWatch> FinishAsync<TWatch>(WatchHandle handle, ValueTask<TWatch> request, CancellationToken cancellationToken)
    {
        Task<TWatch>? abandonable = cancellationToken.CanBeCanceled ? request.AsTask() : null;
        try
        {
            TWatch watch = await (abandonable is null ? request : new(abandonable.WaitAsync(cancellationToken))).ConfigureAwait(false);
            // Not waited for: results come in the order of the replies.
            if (!handle.IsArmed) _ = ReleaseAsync(handle).AsTask();
            else if (!handle.IsAsked) ArmStray(handle);
            return watch;
        }
        catch (OperationCanceledException) when (abandonable is { IsCompleted: false })
        {
            _ = ReleaseAfterAsync(abandonable, handle);
            throw;
        }
        catch
        {
            _ = ReleaseAsync(handle).AsTask();
            throw;
        }
    }

    private ValueTask<TWatch> ObserveAsync<TOperation, TWatch>(TOperation operation)
        where TOperation : struct, IOperation<TWatch> =>
        Telemetry.ObserveAsync(operation.OpCode, _chroot, _core.Session.Server, () => _core.Session.Outbox.SendAsync<TOperation, TWatch>(operation, CancellationToken.None));

    /// <summary>A one-shot watch that counted on a persistent one which then was not there needs the server's own.</summary>
    private void ArmStray(WatchHandle handle)
    {
        lock (_core.Watches.Order)
        {
            if (_core.Watches.TakeStray(handle) is { } rearm) _core.Session.Watches.Arm(rearm);
        }
    }

    private async Task ReleaseAfterAsync(Task request, WatchHandle handle)
    {
        await request.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ReleaseAsync(handle).ConfigureAwait(false);
    }

    private ValueTask ReleaseAsync(WatchHandle handle)
    {
        Session session = _core.Session;
        lock (_core.Watches.Order)
        {
            _core.Watches.Remove(handle);
            return new(session.Watches.ReleaseUnusedAsync(handle.ServerPath));
        }
    }
}
