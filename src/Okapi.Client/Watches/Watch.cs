using Okapi.Watches;

namespace Okapi;

/// <summary>
/// A persistent watch: a stream of events for one reader. It survives reconnects and, with <see cref="SessionRecovery.NewSession"/>, sessions; after
/// every gap it carries a <see cref="WatchedEventType.Resync"/>. Disposing it removes it from the server.
/// </summary>
/// <remarks>
/// The stream ends with <see cref="SessionEndedException"/> when the session is over, and in order when the watch is disposed.
/// Up to <see cref="ZooKeeperOptions.EventBufferSize"/> events wait for the reader.
/// </remarks>
public sealed class Watch : IAsyncEnumerable<WatchedEvent>, IAsyncDisposable
{
    private readonly PersistentHandle _handle;
    private readonly Func<WatchHandle, ValueTask> _release;

    internal Watch(PersistentHandle handle, Func<WatchHandle, ValueTask> release)
    {
        _handle = handle;
        _release = release;
    }

    /// <summary>The znode.</summary>
    public string Path => _handle.Path;

    /// <summary>How far the watch sees.</summary>
    public WatchMode Mode => _handle.Kind == WatchKind.Recursive ? WatchMode.PersistentRecursive : WatchMode.Persistent;

    internal EventBuffer<WatchedEvent> Events => _handle.Events;

    /// <summary>Reads the events. One reader at a time; a second one would take events from the first.</summary>
    /// <param name="cancellationToken">Ends the reading, not the watch.</param>
    /// <returns>The events, in the order of their transactions.</returns>
    public IAsyncEnumerator<WatchedEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        _handle.Events.ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>Ends the stream and removes the watch from the server, and never another watch of the same path.</summary>
    /// <returns>Completes when the server has removed it, or the connection is gone.</returns>
    public ValueTask DisposeAsync() => _release(_handle);
}

/// <summary>A one-shot watch and the value that was read when it was set.</summary>
/// <typeparam name="T">The value's type.</typeparam>
public sealed class OneShotWatch<T> : IAsyncDisposable
{
    private readonly OneShotHandle _handle;
    private readonly Func<WatchHandle, ValueTask> _release;

    internal OneShotWatch(OneShotHandle handle, T value, Func<WatchHandle, ValueTask> release)
    {
        _handle = handle;
        _release = release;
        Value = value;
    }

    /// <summary>What was read.</summary>
    public T Value { get; }

    /// <summary>
    /// Completes with the first event after <see cref="Value"/> was read; with <see cref="SessionEndedException"/> when the session is over; as cancelled when the watch
    /// is disposed. A znode that was created and deleted while the client was away does not show (ZooKeeper guide, watches).
    /// </summary>
    public Task<WatchedEvent> Fired => _handle.Fired;

    /// <summary>Removes the watch from the server unless it has fired, and never another watch of the same path.</summary>
    /// <returns>Completes when the server has removed it, or the connection is gone.</returns>
    public ValueTask DisposeAsync() => EndAsync(_release(_handle));

    /// <summary>It is told to whoever waits for <see cref="Fired"/>, too, before the watch counts as disposed.</summary>
    private async ValueTask EndAsync(ValueTask released)
    {
        await released.ConfigureAwait(false);
        await ((Task)Fired).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
