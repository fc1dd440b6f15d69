using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>A persistent watch's side towards the table.</summary>
internal sealed class PersistentHandle(string path, string serverPath, string chroot, int capacity, Action<WatchHandle> rearm) : WatchHandle(path, serverPath, rearm)
{
    public EventBuffer<WatchedEvent> Events { get; } = new(capacity, new WatchedEvent(WatchedEventType.Resync, KeeperState.SyncConnected, path));

    public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid) =>
        Events.Post(new(type, state, ChrootPaths.ToClient(serverPath, chroot), zxid));

    public override void End(Exception error) => Events.End(error);
}

/// <summary>A one-shot watch's side towards the table.</summary>
internal sealed class OneShotHandle(string path, string serverPath, Action<WatchHandle> rearm) : WatchHandle(path, serverPath, rearm)
{
    private readonly TaskCompletionSource<WatchedEvent> _fired = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<WatchedEvent> Fired => _fired.Task;

    public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid) => _fired.TrySetResult(new(type, state, Path, zxid));

    public override void End(Exception error)
    {
        _fired.TrySetException(error);
        _ = _fired.Task.Exception; // nobody has to look at it
    }

    public void Cancel() => _fired.TrySetCanceled();
}
