using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>A persistent watch's side towards the table.</summary>
internal sealed class PersistentHandle(string path, string serverPath, string chroot, int capacity) : WatchHandle(path, serverPath)
{
    public EventBuffer<WatchedEvent> Events { get; } = new(capacity, new WatchedEvent(WatchedEventType.Resync, KeeperState.SyncConnected, path));

    public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid, ICompletionSink sink) =>
        Events.Post(new(type, state, ChrootPaths.ToClient(serverPath, chroot), zxid), sink);

    public override void End(Exception? error, ICompletionSink sink) => Events.End(error, sink);
}

/// <summary>A one-shot watch's side towards the table.</summary>
internal sealed class OneShotHandle(string path, string serverPath) : WatchHandle(path, serverPath)
{
    /// <summary>Made when somebody looks or something happens: it is larger than all the rest of a watch.</summary>
    private Firing? _firing;

    public Task<WatchedEvent> Fired => (Volatile.Read(ref _firing) ?? Keep(new())).Task;

    public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid, ICompletionSink sink) =>
        Settle(new WatchedEvent(type, state, Path, zxid), sink);

    public override void End(Exception? error, ICompletionSink sink) => Settle(error ?? Firing.GivenUp, sink);

    private Firing Keep(Firing made) => Interlocked.CompareExchange(ref _firing, made, null) ?? made;

    /// <summary>Decides what becomes of it, unless that is decided. Whoever waits goes on by way of the sink.</summary>
    /// <param name="outcome">A <see cref="WatchedEvent"/>, the exception it ends with, or <see cref="Firing.GivenUp"/>.</param>
    /// <param name="sink">Completes the task.</param>
    private void Settle(object outcome, ICompletionSink sink)
    {
        Firing? firing = Volatile.Read(ref _firing);
        if (firing is null)
        {
            var settled = new Firing();
            settled.TryDecide(outcome);
            settled.Complete(); // nobody waits yet
            firing = Keep(settled);
            if (firing == settled) return;
        }

        if (firing.TryDecide(outcome)) sink.AddEvent(firing);
    }

    /// <summary>What becomes of the watch is decided at once, but its task completes where it may run the code of whoever waits.</summary>
    private sealed class Firing : TaskCompletionSource<WatchedEvent>, IEventCompletion
    {
        public static readonly object GivenUp = new();

        private object? _outcome; // one field for all that it can be: there may be a million of these

        public bool IsComplete => Task.IsCompleted;

        public bool TryDecide(object outcome) => Interlocked.CompareExchange(ref _outcome, outcome, null) is null;

        public void Complete()
        {
            if (_outcome is WatchedEvent happened)
            {
                TrySetResult(happened);
            }
            else if (_outcome is Exception error)
            {
                TrySetException(error);
                _ = Task.Exception; // nobody has to look at it
            }
            else
            {
                TrySetCanceled();
            }
        }
    }
}
