using System.Runtime.ExceptionServices;
using Okapi.Recipes.Caches;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>
/// A copy of a znode, its children or a whole tree in memory, kept up to date by one persistent watch. It survives reconnects and, with <see cref="SessionRecovery.NewSession"/>, sessions: after every gap it compares itself with
/// the server and tells the differences. It follows the tree with the delay of an event and a read; of changes to one znode in quick succession it may see only the last. Without a connection it keeps what it had
/// (<see cref="IsCurrent"/>).
/// </summary>
/// <remarks>
/// It fails, and then answers nothing any more, when the session is over, when there is more than it may hold (<see cref="CacheLimitExceededException"/>), when a reply is too large (<see cref="ReplyTooLargeException"/>), when its watch is
/// removed (<see cref="InvalidOperationException"/>) or the server refuses a read for a reason that is not of the moment. Safe for use by many at once.
/// </remarks>
public sealed class ZnodeCache : IAsyncDisposable
{
    /// <summary>How many paths may wait for their read because of an event. With more, events are left in the watch's buffer (<see cref="ZooKeeperOptions.EventBufferSize"/>), which ends in a Resync.</summary>
    private const int MaxWaitingChanges = 4_096;

    private readonly ZooKeeperClient _zk;
    private readonly Watch _watch;
    private readonly CacheOptions _options;
    private readonly Reach _reach;
    private readonly NodeReader _reader;
    private readonly ReadQueue _queue = new();
    private readonly CacheContent _content;
    private readonly ChangeFeed _feed;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _workersGone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _running;
    private Task _stopping = Task.CompletedTask;
    private TaskCompletionSource? _room;
    private int _workers;
    private bool _isOver;
    private Exception? _failure;

    private ZnodeCache(ZooKeeperClient zk, Watch watch, string path, CacheOptions options)
    {
        _zk = zk;
        _watch = watch;
        _options = options;
        _reach = new(path, options.Scope);
        _reader = new(zk, _reach, options.KeepData);
        _content = new(_reach, options, _queue);
        _feed = new(_content.Snapshot);
        Load();
        _running = RunAsync();
    }

    /// <summary>The znode.</summary>
    public string Path => _reach.Root;

    /// <summary>Which znodes it holds.</summary>
    public CacheScope Scope => _reach.Scope;

    /// <summary>How many znodes it holds.</summary>
    public int Count => _feed.Current.Count;

    /// <summary>How much memory they take, about: their data and paths, and 300 bytes for each (<see cref="CacheOptions.MaxBytes"/>).</summary>
    public long Bytes => _feed.Current.Bytes;

    /// <summary>Whether it follows the tree now: there is a connection, and nothing is known to have been missed.</summary>
    public bool IsCurrent
    {
        get
        {
            if (!_zk.IsConnected) return false;
            lock (_lock) return !_isOver && _queue.Loads == 0;
        }
    }

    /// <summary>Ends when the cache is disposed, and with what it failed of if it fails.</summary>
    public Task Completion => _completion.Task;

    /// <summary>What it holds now. Costs nothing, and never changes.</summary>
    /// <returns>The snapshot.</returns>
    /// <exception cref="ObjectDisposedException">The cache is disposed. When it has failed: what it failed of.</exception>
    public CacheSnapshot Snapshot()
    {
        lock (_lock)
        {
            if (_failure is not null) ExceptionDispatchInfo.Throw(_failure);
            ObjectDisposedException.ThrowIf(_isOver, this);
        }

        return _feed.Current;
    }

    /// <summary>Looks up a znode. Whoever looks up several that belong together takes them from one <see cref="Snapshot"/>.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The znode; null if there is none.</returns>
    /// <exception cref="ArgumentException">The cache does not hold that path, so it cannot tell.</exception>
    /// <exception cref="ObjectDisposedException">The cache is disposed. When it has failed: what it failed of.</exception>
    public CachedNode? TryGet(string path) => Snapshot().TryGet(path);

    /// <summary>A znode's children.</summary>
    /// <param name="path">The parent's path.</param>
    /// <returns>The children, in ordinal order of their names; none if there is no such znode.</returns>
    /// <exception cref="ArgumentException">The cache does not hold that znode's children, so it cannot tell.</exception>
    /// <exception cref="ObjectDisposedException">The cache is disposed. When it has failed: what it failed of.</exception>
    public IReadOnlyCollection<CachedNode> GetChildren(string path) => Snapshot().GetChildren(path);

    /// <summary>
    /// What the cache holds, as <see cref="CacheChangeKind.Created"/> changes, then <see cref="CacheChangeKind.Loaded"/>, then every change. Replaying the stream always gives the state. Each reader gets all of it, at its own
    /// pace: for one that is slow up to <see cref="CacheOptions.ChangeBufferSize"/> changes wait, and then it gets the difference between what it knows and the present state.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The changes. The stream ends when the cache is disposed, and with what it failed of if it fails.</returns>
    public IAsyncEnumerable<CacheChange> ChangesAsync(CancellationToken cancellationToken = default) => _feed.ReadAsync(_options.ChangeBufferSize, cancellationToken);

    /// <summary>Ends all streams, and removes the watch from the server.</summary>
    /// <returns>Completes when nothing is under way any more.</returns>
    public async ValueTask DisposeAsync()
    {
        End(null);
        await _running.ConfigureAwait(false);
    }

    internal static async Task<ZnodeCache> OpenAsync(ZooKeeperClient zk, string path, CacheOptions options, CancellationToken cancellationToken)
    {
        WatchMode mode = options.Scope == CacheScope.SingleNode ? WatchMode.Persistent : WatchMode.PersistentRecursive;
        Watch watch = await Endurance.AcrossSessions.AskAsync(zk, ct => zk.WatchAsync(path, mode, ct), cancellationToken).ConfigureAwait(false);
        var cache = new ZnodeCache(zk, watch, path, options);
        try
        {
            await cache._loaded.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            return cache;
        }
        catch
        {
            await cache.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task RunAsync()
    {
        try
        {
            await FollowAsync(_stop.Token).ConfigureAwait(false);
            End(new InvalidOperationException($"The watch of the cache of {Path} was removed."));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // It has ended already.
        }
        catch (Exception e)
        {
            End(e);
        }

        await _watch.DisposeAsync().ConfigureAwait(false);
        await _workersGone.Task.ConfigureAwait(false);
        await _stopping.ConfigureAwait(false);
        _stop.Dispose();
        if (_failure is null) _completion.SetResult();
        else _completion.SetException(_failure);
        _ = _completion.Task.Exception; // nobody has to look at it
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        long session = _zk.SessionId;
        await foreach (WatchedEvent change in _watch.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            switch (change.Type)
            {
                case WatchedEventType.NodeCreated or WatchedEventType.NodeDeleted or WatchedEventType.NodeDataChanged when _reach.Covers(change.Path!):
                    Change(() => _queue.Ask(change.Path!, load: false));
                    await RoomAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
                    break;
                case WatchedEventType.Resync:
                    if (_zk.SessionId != session) await SyncAsync(cancellationToken).ConfigureAwait(false);
                    session = _zk.SessionId;
                    Load();
                    break;
            }
        }
    }

    /// <summary>A session never reads older data than it has seen, but its server may be behind what the session before it saw.</summary>
    private async Task SyncAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _zk.SyncAsync(Path, cancellationToken).ConfigureAwait(false);
        }
        catch (ZooKeeperException)
        {
            // A read-only server cannot; or there is another gap, and a Resync after it. What the server lacks yet it tells by events when it gets it.
        }
    }

    /// <summary>Compares everything with the server.</summary>
    private void Load() => Change(() =>
    {
        _queue.Outdate();
        _queue.Ask(Path, load: true);
    });

    private Task RoomAsync()
    {
        lock (_lock)
        {
            if (_isOver || _queue.WaitingChanges < MaxWaitingChanges) return Task.CompletedTask;
            return (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Changes what is to be read, publishes what has changed, and starts as many workers as there is work for.</summary>
    private void Change(Action change)
    {
        lock (_lock)
        {
            if (_isOver) return;
            change();
            CacheChange[] changes = _content.TakeChanges();
            if (changes.Length > 0) _feed.Publish(_content.Snapshot, changes);
            if (_queue.Loads == 0) _loaded.TrySetResult();
            int idle = Math.Min(_queue.Waiting, _options.MaxConcurrentReads - _workers);
            for (int i = 0; i < idle; i++) StartWorker_NeedsLock();
        }
    }

    private void StartWorker_NeedsLock()
    {
        _workers++;
        _ = Task.Run(WorkAsync);
    }

    /// <summary>Reads until there is nothing to read.</summary>
    private async Task WorkAsync()
    {
        try
        {
            while (TryTake() is var (read, known))
            {
                NodeReading found = await Endurance.AcrossSessions.AskAsync(_zk, ct => _reader.ReadAsync(read.Path, known, read.IsLoad, ct), _stop.Token).ConfigureAwait(false);
                Change(() => _queue.End(read, isUsed: _content.Take(read, found)));
            }
        }
        catch (OperationCanceledException)
        {
            Leave();
        }
        catch (Exception e)
        {
            End(e);
            Leave();
        }
    }

    private (PendingRead Read, CachedNode? Known)? TryTake()
    {
        lock (_lock)
        {
            if (!_isOver && _queue.TryTake() is { } read)
            {
                if (_queue.WaitingChanges < MaxWaitingChanges / 2) Interlocked.Exchange(ref _room, null)?.SetResult();
                return (read, _content.Snapshot.Find(read.Path)?.Node);
            }

            Leave_NeedsLock();
            return null;
        }
    }

    private void Leave()
    {
        lock (_lock) Leave_NeedsLock();
    }

    private void Leave_NeedsLock()
    {
        _workers--;
        if (_isOver && _workers == 0) _workersGone.TrySetResult();
    }

    /// <summary>Ends the cache, once.</summary>
    /// <param name="failure">Why it failed; null: it is disposed.</param>
    private void End(Exception? failure)
    {
        lock (_lock)
        {
            if (_isOver) return;
            _isOver = true;
            _failure = failure;
            _feed.End(failure);
            _stopping = _stop.CancelAsync(); // whoever waits for it runs elsewhere
            if (_workers == 0) _workersGone.TrySetResult();
        }

        if (failure is null) _loaded.TrySetCanceled();
        else _loaded.TrySetException(failure);
        _ = _loaded.Task.Exception; // nobody has to look at it
    }
}
