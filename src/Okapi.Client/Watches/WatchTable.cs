using Okapi.Protocol;

namespace Okapi.Watches;

/// <summary>What has to be told to the server when a watch is given up.</summary>
/// <param name="Rearm">One-shot watches on the path to arm on their own again; null: none.</param>
/// <param name="Remove">What to remove; a server that does not know one of them, or has no such watch, says so and that is fine. Empty: nothing.</param>
/// <param name="Downgrade">Whether a recursive watch is to become a persistent one; it stays in the table until <see cref="WatchTable.Retire"/>.</param>
internal readonly record struct WatchRelease(SetWatchesRequest? Rearm, IReadOnlyList<WatcherType> Remove, bool Downgrade = false);

/// <summary>
/// The client's watches. It lives as long as the client: persistent watches outlast connections and, with
/// <see cref="SessionRecovery.NewSession"/>, sessions.
/// </summary>
/// <remarks>
/// Up to ZooKeeper 3.8 a server keeps one mode per path and connection, and the last one set wins (ZOOKEEPER-4466): a one-shot read would end a persistent watch.
/// So that watches on one path do not disturb each other on any version, at most one kind is asked for at a time: while a persistent watch is on a path,
/// one-shot watches there are served from its events, and a persistent watch beside a recursive one gets its child events from the children's own.
/// </remarks>
internal sealed class WatchTable
{
    /// <summary>The size of a setWatches frame, well under <c>jute.maxbuffer</c>; Java's client has the same.</summary>
    internal const int BatchBytes = 128 * 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<WatchHandle>> _byPath = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<WatchHandle>>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private int _recursive;

    public WatchTable() => _bySpan = _byPath.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>
    /// Held while a watch is entered or taken out and the requests that go with it are made, so that the server hears of both in the table's order: a removal
    /// that overtakes, or is overtaken by, the request for another watch of its path would take that one away.
    /// </summary>
    public Lock Order { get; } = new();

    public int Count
    {
        get
        {
            lock (_lock) return _byPath.Values.Sum(handles => handles.Count);
        }
    }

    /// <summary>Makes room for a watch that is about to be asked for.</summary>
    /// <param name="handle">The watch; not armed yet.</param>
    /// <returns>For a one-shot watch: whether the server has to be asked. For a persistent one: whether the path needs the recursive mode.</returns>
    public bool Add(WatchHandle handle)
    {
        lock (_lock)
        {
            if (!_byPath.TryGetValue(handle.ServerPath, out List<WatchHandle>? handles)) _byPath[handle.ServerPath] = handles = new(1);
            bool hasPersistent = Has(handles, WatchKind.Persistent) || Has(handles, WatchKind.Recursive);
            handles.Add(handle);
            if (handle.Kind == WatchKind.Recursive) _recursive++;
            return handle.IsOneShot ? !hasPersistent : Has(handles, WatchKind.Recursive);
        }
    }

    /// <summary>The server has answered: from now on events concern the watch.</summary>
    public void Arm(WatchHandle handle, WatchKind kind)
    {
        lock (_lock)
        {
            handle.Kind = kind;
            handle.IsArmed = true;
        }
    }

    /// <summary>Gives a watch up.</summary>
    /// <param name="handle">The watch.</param>
    /// <param name="lastZxid">The newest transaction seen; what happens to the path after it fires watches that are armed again.</param>
    /// <param name="mayBeArmed">Whether the request for it may have reached the server, although its reply was not waited for.</param>
    /// <returns>What to tell the server.</returns>
    public WatchRelease Remove(WatchHandle handle, long lastZxid, bool mayBeArmed = false)
    {
        lock (_lock)
        {
            handle.IsArmed |= mayBeArmed;
            if (!_byPath.TryGetValue(handle.ServerPath, out List<WatchHandle>? handles) || !handles.Remove(handle)) return new(null, []);
            if (handles.Count == 0) _byPath.Remove(handle.ServerPath);
            if (handle.Kind == WatchKind.Recursive) _recursive--;
            if (!handle.IsArmed) return new(null, []);
            WatchRelease release = handle.IsOneShot ? ReleaseOneShot(handle, handles) : ReleasePersistent(handle, handles, lastZxid);
            if (!release.Downgrade) return release;
            // The server goes on with the recursive mode until it answers, and the persistent watches beside it live on what it sends.
            handle.IsRetiring = true;
            handles.Add(handle);
            _recursive++;
            return release;
        }
    }

    /// <summary>The server has put a persistent watch in the place of a recursive one that was given up, or the connection is gone.</summary>
    public void Retire(WatchHandle handle)
    {
        lock (_lock)
        {
            if (!handle.IsRetiring || !_byPath.TryGetValue(handle.ServerPath, out List<WatchHandle>? handles) || !handles.Contains(handle)) return;
            Take(handles, handle);
            if (handles.Count == 0) _byPath.Remove(handle.ServerPath);
        }
    }

    /// <summary>Passes a notification to the watches it concerns.</summary>
    public void Dispatch(in WatcherEvent notification, long zxid)
    {
        (WatchedEventType type, KeeperState state, string path) = notification;
        lock (_lock)
        {
            if (_byPath.TryGetValue(path, out List<WatchHandle>? handles)) DispatchTo(handles, type, state, path, zxid);
            if (_recursive == 0 || type is not (WatchedEventType.NodeCreated or WatchedEventType.NodeDeleted or WatchedEventType.NodeDataChanged)) return;
            bool isParent = true;
            for (ReadOnlySpan<char> ancestor = Parent(path); ancestor.Length > 0; ancestor = Parent(ancestor), isParent = false)
            {
                if (!_bySpan.TryGetValue(ancestor, out handles) || !IsRecursiveOnServer(handles)) continue;
                foreach (WatchHandle handle in handles)
                    if (handle is { Kind: WatchKind.Recursive, IsArmed: true, IsRetiring: false }) handle.Notify(type, state, path, zxid);
                if (isParent && type != WatchedEventType.NodeDataChanged) NotifyOfChild(handles, state, zxid);
            }
        }
    }

    /// <summary>
    /// What to send on a new connection, in frames of a bounded size: one-shot watches first, because on one path the last mode set wins.
    /// </summary>
    public List<SetWatchesRequest> BuildRearm(long relativeZxid)
    {
        lock (_lock)
        {
            var batches = new List<SetWatchesRequest>();
            foreach (WatchKind kind in Enum.GetValues<WatchKind>())
            {
                var batch = new List<string>();
                int bytes = 0;
                foreach ((string path, List<WatchHandle> handles) in _byPath)
                {
                    bool served = kind == WatchKind.Persistent && Has(handles, WatchKind.Recursive, armedOnly: true);
                    if (served || !Has(handles, kind, armedOnly: true)) continue;
                    int size = 4 + System.Text.Encoding.UTF8.GetByteCount(path);
                    if (batch.Count > 0 && bytes + size > BatchBytes)
                    {
                        batches.Add(Batch(relativeZxid, kind, batch));
                        batch = [];
                        bytes = 0;
                    }

                    batch.Add(path);
                    bytes += size;
                }

                if (batch.Count > 0) batches.Add(Batch(relativeZxid, kind, batch));
            }

            return batches;
        }
    }

    /// <summary>Tells every persistent watch that events may be missing.</summary>
    public void PostResync(KeeperState state)
    {
        lock (_lock)
        {
            foreach (List<WatchHandle> handles in _byPath.Values)
            {
                foreach (WatchHandle handle in handles)
                    if (!handle.IsOneShot && handle.IsArmed) handle.Notify(WatchedEventType.Resync, state, handle.ServerPath, -1);
            }
        }
    }

    /// <summary>The server refused to arm some watches again: they end.</summary>
    /// <returns>How many.</returns>
    public int EndRefused(in SetWatchesRequest batch, Exception error)
    {
        int ended = 0;
        lock (_lock)
        {
            ended += EndAll(batch.Data, WatchKind.Data, error);
            ended += EndAll(batch.Exist, WatchKind.Exist, error);
            ended += EndAll(batch.Children, WatchKind.Children, error);
            ended += EndAll(batch.Persistent, WatchKind.Persistent, error);
            ended += EndAll(batch.PersistentRecursive, WatchKind.Persistent, error);
            ended += EndAll(batch.PersistentRecursive, WatchKind.Recursive, error);
        }

        return ended;
    }

    /// <summary>The session is over.</summary>
    /// <param name="error">What the watches get.</param>
    /// <param name="keepPersistent">Whether persistent watches wait for the next session; they then get a state event instead of an end.</param>
    public void EndSession(Func<Exception> error, bool keepPersistent)
    {
        lock (_lock)
        {
            foreach (string path in _byPath.Keys.ToArray())
            {
                List<WatchHandle> handles = _byPath[path];
                foreach (WatchHandle handle in handles.ToArray())
                {
                    // One that is not armed yet has a request pending, which fails by itself.
                    if (!handle.IsArmed) continue;
                    if (keepPersistent && !handle.IsOneShot)
                    {
                        handle.Notify(WatchedEventType.None, KeeperState.Expired, handle.ServerPath, -1);
                        continue;
                    }

                    Take(handles, handle);
                    handle.End(error());
                }

                if (handles.Count == 0) _byPath.Remove(path);
            }
        }
    }

    /// <summary>Takes the caller's own watches on a path out, for a removal by kind.</summary>
    public List<WatchHandle> Find(string serverPath, WatcherType type)
    {
        lock (_lock)
        {
            if (!_byPath.TryGetValue(serverPath, out List<WatchHandle>? handles)) return [];
            return [.. handles.Where(handle => !handle.IsRetiring && Matches(handle.Kind, type))];
        }
    }

    private static bool Matches(WatchKind kind, WatcherType type) => type switch
    {
        WatcherType.Children => kind == WatchKind.Children,
        WatcherType.Data => kind is WatchKind.Data or WatchKind.Exist,
        WatcherType.Persistent => kind == WatchKind.Persistent,
        WatcherType.PersistentRecursive => kind == WatchKind.Recursive,
        _ => true,
    };

    private static bool Concerns(WatchKind kind, WatchedEventType type) => type switch
    {
        WatchedEventType.NodeCreated => kind is WatchKind.Data or WatchKind.Exist or WatchKind.Persistent or WatchKind.Recursive,
        WatchedEventType.NodeDeleted => true,
        WatchedEventType.NodeDataChanged => kind != WatchKind.Children,
        WatchedEventType.NodeChildrenChanged => kind is WatchKind.Children or WatchKind.Persistent,
        WatchedEventType.DataWatchRemoved => kind is WatchKind.Data or WatchKind.Exist,
        WatchedEventType.ChildWatchRemoved => kind == WatchKind.Children,
        WatchedEventType.PersistentWatchRemoved => kind is WatchKind.Persistent or WatchKind.Recursive,
        _ => false,
    };

    private static bool Has(List<WatchHandle> handles, WatchKind kind, bool armedOnly = false)
    {
        foreach (WatchHandle handle in handles)
            if (handle.Kind == kind && !handle.IsRetiring && (handle.IsArmed || !armedOnly)) return true;
        return false;
    }

    private static bool IsRecursiveOnServer(List<WatchHandle> handles)
    {
        foreach (WatchHandle handle in handles)
            if (handle is { Kind: WatchKind.Recursive, IsArmed: true }) return true;
        return false;
    }

    private static ReadOnlySpan<char> Parent(ReadOnlySpan<char> path)
    {
        if (path.Length <= 1) return default;
        int slash = path.LastIndexOf('/');
        return slash == 0 ? path[..1] : path[..slash];
    }

    private static SetWatchesRequest Batch(long relativeZxid, WatchKind kind, List<string> paths) => new(
        relativeZxid,
        kind == WatchKind.Data ? paths : [],
        kind == WatchKind.Exist ? paths : [],
        kind == WatchKind.Children ? paths : [],
        kind == WatchKind.Persistent ? paths : [],
        kind == WatchKind.Recursive ? paths : []);

    private static SetWatchesRequest? RearmOneShots(string path, List<WatchHandle> handles, long lastZxid)
    {
        string[] Only(WatchKind kind) => Has(handles, kind) ? [path] : [];
        var request = new SetWatchesRequest(lastZxid, Only(WatchKind.Data), Only(WatchKind.Exist), Only(WatchKind.Children), [], []);
        return request.Count > 0 ? request : null;
    }

    // While a persistent watch is there the server has nothing of the one-shot, or loses it at its next event; asking 3.8 to
    // remove it would remove half of the persistent watch (ZOOKEEPER-4471).
    private static WatchRelease ReleaseOneShot(WatchHandle handle, List<WatchHandle> left)
    {
        if (left.Any(other => !other.IsOneShot && !other.IsRetiring)) return new(null, []);
        bool isChild = handle.Kind == WatchKind.Children;
        if (left.Any(other => (other.Kind == WatchKind.Children) == isChild)) return new(null, []);
        return new(null, [isChild ? WatcherType.Children : WatcherType.Data]);
    }

    private static WatchRelease ReleasePersistent(WatchHandle handle, List<WatchHandle> left, long lastZxid)
    {
        if (Has(left, WatchKind.Recursive)) return new(null, []); // it serves what is left
        if (Has(left, WatchKind.Persistent))
        {
            if (handle.Kind == WatchKind.Persistent) return new(null, []);
            // Recursive to persistent. Arming the persistent mode replaces the recursive one on 3.8, which then refuses the removal; 3.9 has both and removes one.
            return new(null, [WatcherType.PersistentRecursive], Downgrade: true);
        }

        if (RearmOneShots(handle.ServerPath, left, lastZxid) is not { } rearm) return new(null, [WatcherType.Any]);
        // 3.9 can remove the persistent mode alone; 3.8 only whole kinds, so what is left armed there is the half without a one-shot watch.
        WatcherType own = handle.Kind == WatchKind.Recursive ? WatcherType.PersistentRecursive : WatcherType.Persistent;
        bool data = rearm.Data.Count + rearm.Exist.Count > 0;
        bool children = rearm.Children.Count > 0;
        return new(rearm, data && children ? [own] : [own, data ? WatcherType.Children : WatcherType.Data]);
    }

    private void DispatchTo(List<WatchHandle> handles, WatchedEventType type, KeeperState state, string path, long zxid)
    {
        // Beside a recursive watch the children's own events stand for this one, on 3.8 and 3.9 alike; not before the server has it.
        bool derived = type == WatchedEventType.NodeChildrenChanged && IsRecursiveOnServer(handles);
        for (int i = handles.Count - 1; i >= 0; i--)
        {
            WatchHandle handle = handles[i];
            if (!handle.IsArmed || handle.IsRetiring || !Concerns(handle.Kind, type) || (derived && handle.Kind == WatchKind.Persistent)) continue;
            if (handle.IsOneShot) Take(handles, handle);
            handle.Notify(type, state, path, zxid);
        }

        if (handles.Count == 0) _byPath.Remove(path);
    }

    /// <summary>A child of a recursively watched znode came or went: the znode's list of children changed.</summary>
    private void NotifyOfChild(List<WatchHandle> handles, KeeperState state, long zxid)
    {
        for (int i = handles.Count - 1; i >= 0; i--)
        {
            WatchHandle handle = handles[i];
            if (!handle.IsArmed || handle.Kind is not (WatchKind.Children or WatchKind.Persistent)) continue;
            if (handle.IsOneShot) Take(handles, handle);
            handle.Notify(WatchedEventType.NodeChildrenChanged, state, handle.ServerPath, zxid);
        }
    }

    private int EndAll(IReadOnlyList<string> paths, WatchKind kind, Exception error)
    {
        int ended = 0;
        foreach (string path in paths)
        {
            if (!_byPath.TryGetValue(path, out List<WatchHandle>? handles)) continue;
            foreach (WatchHandle handle in handles.Where(handle => handle.Kind == kind && handle.IsArmed).ToArray())
            {
                Take(handles, handle);
                handle.End(error);
                ended++;
            }

            if (handles.Count == 0) _byPath.Remove(path);
        }

        return ended;
    }

    private void Take(List<WatchHandle> handles, WatchHandle handle)
    {
        handles.Remove(handle);
        if (handle.Kind == WatchKind.Recursive) _recursive--;
    }
}
