using Okapi.Protocol;

namespace Okapi.Watches;

/// <summary>What has to be told to the server when a watch is given up.</summary>
/// <param name="Rearm">Watches on the path to arm on their own again; null: none.</param>
/// <param name="Remove">What to remove; null: nothing.</param>
/// <param name="LeavesOneShots">Whether what <see cref="WatchTable.FindUnused"/> tells is to be removed after that.</param>
internal readonly record struct WatchRelease(SetWatchesRequest? Rearm, WatcherType? Remove, bool LeavesOneShots = false);

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
            bool hasPersistent = HasPersistent(handles);
            handles.Add(handle);
            if (handle.Kind == WatchKind.Recursive) _recursive++;
            bool hasRecursive = Has(handles, WatchKind.Recursive);
            handle.IsAsked = handle.IsOneShot ? !hasPersistent : handle.Kind == WatchKind.Recursive || !hasRecursive;
            return handle.IsOneShot ? handle.IsAsked : hasRecursive;
        }
    }

    /// <summary>The server has answered: from now on events concern the watch.</summary>
    public void Arm(WatchHandle handle, WatchKind kind)
    {
        bool isServed;
        lock (_lock)
        {
            handle.Kind = kind;
            handle.IsArmed = true;
            isServed = handle.IsAsked || (_byPath.TryGetValue(handle.ServerPath, out List<WatchHandle>? handles) && (Has(handles, WatchKind.Recursive) || (handle.IsOneShot && Has(handles, WatchKind.Persistent))));
        }

        // The watch that was to serve it is gone already, and its request did not ask for what it needs.
        if (!isServed) handle.ArmAlone();
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
            if (!_byPath.TryGetValue(handle.ServerPath, out List<WatchHandle>? handles) || !handles.Remove(handle)) return default;
            if (handles.Count == 0) _byPath.Remove(handle.ServerPath);
            if (handle.Kind == WatchKind.Recursive) _recursive--;
            if (!handle.IsArmed) return default;
            return handle.IsOneShot ? ReleaseOneShot(handle, handles) : ReleasePersistent(handle, handles, lastZxid);
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
                if (!_bySpan.TryGetValue(ancestor, out handles) || !Has(handles, WatchKind.Recursive, armedOnly: true)) continue;
                foreach (WatchHandle handle in handles)
                    if (handle is { Kind: WatchKind.Recursive, IsArmed: true }) handle.Notify(type, state, path, zxid);
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

    /// <summary>Tells persistent watches on some paths that events may be missing.</summary>
    public void PostResync(IReadOnlyList<string> serverPaths, KeeperState state)
    {
        lock (_lock)
        {
            foreach (string path in serverPaths)
            {
                if (!_byPath.TryGetValue(path, out List<WatchHandle>? handles)) continue;
                foreach (WatchHandle handle in handles)
                    if (!handle.IsOneShot && handle.IsArmed) handle.Notify(WatchedEventType.Resync, state, path, -1);
            }
        }
    }

    /// <summary>What a server may hold for a path that no watch here needs, once a persistent watch on it has gone and one-shot watches have stayed.</summary>
    public WatcherType? FindUnused(string serverPath)
    {
        lock (_lock)
        {
            if (!_byPath.TryGetValue(serverPath, out List<WatchHandle>? handles)) return WatcherType.Any;
            if (HasPersistent(handles)) return null;
            bool data = Has(handles, WatchKind.Data) || Has(handles, WatchKind.Exist);
            bool children = Has(handles, WatchKind.Children);
            return data && children ? null : data ? WatcherType.Children : children ? WatcherType.Data : WatcherType.Any;
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
            return [.. handles.Where(handle => Matches(handle.Kind, type))];
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
            if (handle.Kind == kind && (handle.IsArmed || !armedOnly)) return true;
        return false;
    }

    private static bool HasPersistent(List<WatchHandle> handles) => Has(handles, WatchKind.Persistent) || Has(handles, WatchKind.Recursive);

    private static ReadOnlySpan<char> Parent(ReadOnlySpan<char> path)
    {
        if (path.Length <= 1) return default;
        int slash = path.LastIndexOf('/');
        return slash == 0 ? path[..1] : path[..slash];
    }

    public static SetWatchesRequest Batch(long relativeZxid, WatchKind kind, List<string> paths) => new(
        relativeZxid,
        kind == WatchKind.Data ? paths : [],
        kind == WatchKind.Exist ? paths : [],
        kind == WatchKind.Children ? paths : [],
        kind == WatchKind.Persistent ? paths : [],
        kind == WatchKind.Recursive ? paths : []);

    private static SetWatchesRequest? RearmOneShots(string path, List<WatchHandle> handles, long lastZxid)
    {
        // Those without a reply yet may have lost what they asked for, and arm themselves when it comes.
        foreach (WatchHandle handle in handles)
            if (!handle.IsArmed) handle.IsAsked = false;
        string[] Only(WatchKind kind) => Has(handles, kind, armedOnly: true) ? [path] : [];
        var request = new SetWatchesRequest(lastZxid, Only(WatchKind.Data), Only(WatchKind.Exist), Only(WatchKind.Children), [], []);
        return request.Count > 0 ? request : null;
    }

    // While a persistent watch is there the server has nothing of the one-shot, or loses it at its next event; asking 3.8 to
    // remove it would remove half of the persistent watch (ZOOKEEPER-4471).
    private static WatchRelease ReleaseOneShot(WatchHandle handle, List<WatchHandle> left)
    {
        if (HasPersistent(left)) return default;
        bool isChild = handle.Kind == WatchKind.Children;
        if (left.Any(other => (other.Kind == WatchKind.Children) == isChild)) return default;
        return new(null, isChild ? WatcherType.Children : WatcherType.Data);
    }

    private static WatchRelease ReleasePersistent(WatchHandle handle, List<WatchHandle> left, long lastZxid)
    {
        WatcherType own = handle.Kind == WatchKind.Recursive ? WatcherType.PersistentRecursive : WatcherType.Persistent;
        // A recursive one serves what is left. 3.9 may hold both modes; 3.8 has only that one, and refuses the removal.
        if (Has(left, WatchKind.Recursive)) return handle.Kind == WatchKind.Persistent && !Has(left, WatchKind.Persistent) ? new(null, own) : default;
        if (Has(left, WatchKind.Persistent))
        {
            if (handle.Kind == WatchKind.Persistent) return default;
            // Recursive to persistent. Arming the persistent mode replaces the recursive one on 3.8, which then refuses the removal; 3.9 has both and removes one.
            return new(new SetWatchesRequest(lastZxid, [], [], [], [handle.ServerPath], []), own);
        }

        if (left.Count == 0) return new(null, WatcherType.Any);
        // 3.9 can remove the persistent mode alone; 3.8 only whole halves, so those without a one-shot watch go after it.
        return new(RearmOneShots(handle.ServerPath, left, lastZxid), own, LeavesOneShots: true);
    }

    private void DispatchTo(List<WatchHandle> handles, WatchedEventType type, KeeperState state, string path, long zxid)
    {
        // Beside a recursive watch the children's own events stand for this one, on 3.8 and 3.9 alike.
        bool derived = type == WatchedEventType.NodeChildrenChanged && Has(handles, WatchKind.Recursive, armedOnly: true);
        for (int i = handles.Count - 1; i >= 0; i--)
        {
            WatchHandle handle = handles[i];
            if (!handle.IsArmed || !Concerns(handle.Kind, type) || (derived && handle.Kind == WatchKind.Persistent)) continue;
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
