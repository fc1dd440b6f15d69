using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>A persistent watch's side towards the table.</summary>
internal sealed class PersistentHandle(string path, string serverPath, string chroot, int capacity) : WatchHandle(path, serverPath)
{
    public EventBuffer<WatchedEvent> Events { get; } = new(capacity, new WatchedEvent(WatchedEventType.Resync, KeeperState.SyncConnected, path));

    public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid) =>
        Events.Post(new(type, state, ChrootPaths.ToClient(serverPath, chroot), zxid));

    public override void End(Exception error) => Events.End(error);
}

/// <summary>A one-shot watch's side towards the table.</summary>
internal sealed class OneShotHandle(string path, string serverPath) : WatchHandle(path, serverPath)
{
    /// <summary>Made when somebody looks or something happens: it is larger than all the rest of a watch.</summary>
    private TaskCompletionSource<WatchedEvent>? _completion;

    public Task<WatchedEvent> Fired => Completion.Task;

    private TaskCompletionSource<WatchedEvent> Completion
    {
        get
        {
            if (Volatile.Read(ref _completion) is { } made) return made;
            var completion = new TaskCompletionSource<WatchedEvent>(TaskCreationOptions.RunContinuationsAsynchronously);
            return Interlocked.CompareExchange(ref _completion, completion, null) ?? completion;
        }
    }

    public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid) => Completion.TrySetResult(new(type, state, Path, zxid));

    public override void End(Exception error)
    {
        Completion.TrySetException(error);
        _ = Fired.Exception; // nobody has to look at it
    }

    public void Cancel() => Completion.TrySetCanceled();
}
