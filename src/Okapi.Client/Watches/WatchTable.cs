using System.Runtime.InteropServices;
using System.Text;
using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>
/// The client's watches. It lives as long as the client: persistent watches outlast connections and, with
/// <see cref="SessionRecovery.NewSession"/>, sessions.
/// </summary>
/// <remarks>
/// Up to ZooKeeper 3.8 a server keeps one mode per path and connection, and the last one set wins (ZOOKEEPER-4466): a one-shot read would end a persistent watch.
/// So that watches on one path do not disturb each other on any version, a path on which the server was asked for a persistent mode keeps it until its last watch is gone
/// or the connection is; until then all watches there are served from its events. Beside the recursive mode, changes to the path's own list of children
/// are told from the children's events. docs/decisions/0003 has the reasons.
/// </remarks>
internal sealed class WatchTable
{
    /// <summary>The size of a setWatches frame, well under <c>jute.maxbuffer</c>; Java's client has the same.</summary>
    internal const int BatchBytes = 128 * 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, PathWatches> _paths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PathWatches>.AlternateLookup<ReadOnlySpan<char>> _pathsBySpan;

    /// <summary>How many paths have the recursive mode; without any, ancestors need not be looked up.</summary>
    private int _recursivePaths;

    /// <param name="elsewhere">Lets those go on who wait for what is not a connection's.</param>
    public WatchTable(ICompletionSink elsewhere)
    {
        Elsewhere = elsewhere;
        _pathsBySpan = _paths.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public ICompletionSink Elsewhere { get; }

    /// <summary>
    /// Held while a watch is entered or taken out and the requests that go with it are made, so that the server hears of both in the table's order: a removal
    /// that overtakes, or is overtaken by, the request for another watch of its path would take that one away.
    /// </summary>
    public Lock Order { get; } = new();

    public int Count
    {
        get
        {
            int count = 0;
            lock (_lock)
            {
                foreach (PathWatches path in _paths.Values)
                    foreach (WatchHandle _ in path) count++;
            }

            return count;
        }
    }

    /// <summary>
    /// Makes room for a watch that is about to be asked for, and notes what its request has to say: <see cref="WatchHandle.IsAsked"/> and, of a persistent one,
    /// <see cref="WatchHandle.WireMode"/>.
    /// </summary>
    /// <param name="handle">The watch; not armed yet.</param>
    /// <returns>Whether the server has to be asked.</returns>
    public bool Add(WatchHandle handle)
    {
        lock (_lock)
        {
            ref PathWatches? path = ref CollectionsMarshal.GetValueRefOrAddDefault(_paths, handle.ServerPath, out _);
            path ??= new();
            path.Add(handle);
            if (handle.IsOneShot)
            {
                handle.IsAsked = path.Asked is null;
            }
            else
            {
                handle.IsAsked = true;
                handle.WireMode = handle.Kind == WatchKind.Recursive ? WatchMode.PersistentRecursive : path.Asked ?? WatchMode.Persistent;
                path.Asked = handle.WireMode;
            }

            return handle.IsAsked;
        }
    }

    /// <summary>The server has answered a one-shot watch's read: from now on events concern it.</summary>
    /// <param name="handle">The watch.</param>
    /// <param name="kind">What it turned out to wait for.</param>
    /// <param name="wasAsked">Whether the read asked for a watch of its own.</param>
    /// <param name="since">The transaction whose state was read.</param>
    public void Arm(WatchHandle handle, WatchKind kind, bool wasAsked, long since)
    {
        lock (_lock)
        {
            handle.Kind = kind;
            handle.Since = since;
            handle.IsArmed = true;
            if (!wasAsked || !_paths.TryGetValue(handle.ServerPath, out PathWatches? path)) return;
            if (kind == WatchKind.Children) path.HasChildren = true;
            else path.HasData = true;
        }
    }

    /// <summary>The server has taken a persistent watch: from now on events concern it.</summary>
    public void Arm(WatchHandle handle)
    {
        lock (_lock)
        {
            handle.IsArmed = true;
            if (!_paths.TryGetValue(handle.ServerPath, out PathWatches? path)) return;
            SetAnswered(path, handle.WireMode);
            if (path.Asked != WatchMode.PersistentRecursive) path.Asked = path.Answered; // another request for it may have been refused
        }
    }

    /// <summary>The server has refused a persistent watch: it has only what it had before.</summary>
    public void Refuse(WatchHandle handle)
    {
        lock (_lock)
        {
            if (_paths.TryGetValue(handle.ServerPath, out PathWatches? path)) path.Asked = path.Answered;
        }
    }

    /// <summary>
    /// What arms a one-shot watch that counted on a persistent mode which the server then did not have, for it was refused. Null: it is served.
    /// Call it under <see cref="Order"/>.
    /// </summary>
    public SetWatchesRequest? TakeStray(WatchHandle handle)
    {
        lock (_lock)
        {
            if (!handle.IsArmed || !_paths.TryGetValue(handle.ServerPath, out PathWatches? path) || path.Asked is not null || !path.Contains(handle)) return null;
            bool isChildren = handle.Kind == WatchKind.Children;
            if (isChildren ? path.HasChildren : path.HasData) return null;
            if (isChildren) path.HasChildren = true;
            else path.HasData = true;
            return Batch(handle.Since, handle.Kind, [handle.ServerPath]);
        }
    }

    /// <summary>Takes a watch out. What the server has of it is told by <see cref="TakeUnused"/>.</summary>
    public void Remove(WatchHandle handle)
    {
        lock (_lock)
        {
            if (!_paths.TryGetValue(handle.ServerPath, out PathWatches? path) || !path.Remove(handle)) return;
            // A request that ended without an answer asks for nothing any more.
            if (handle is { IsOneShot: false, IsArmed: false } && !path.AwaitsPersistent()) path.Asked = path.Answered;
            Forget(handle.ServerPath, path);
        }
    }

    /// <summary>What the server has on a path and no watch needs, to be removed there. Call it under <see cref="Order"/>, and send what it tells.</summary>
    public IReadOnlyList<WatcherType> TakeUnused(string serverPath)
    {
        lock (_lock)
        {
            if (!_paths.TryGetValue(serverPath, out PathWatches? path)) return [];
            if (path.IsEmpty && path.Answered == WatchMode.PersistentRecursive) _recursivePaths--;
            IReadOnlyList<WatcherType> unused = path.TakeUnused();
            Forget(serverPath, path);
            return unused;
        }
    }

    /// <summary>Passes a notification to the watches it concerns.</summary>
    /// <returns>Paths on which the server now may have something that no watch needs; null: none.</returns>
    public List<string>? Dispatch(in WatcherEvent notification, long zxid, ICompletionSink sink)
    {
        (WatchedEventType type, KeeperState state, string path) = notification;
        List<string>? unused = null;
        lock (_lock)
        {
            if (_paths.TryGetValue(path, out PathWatches? watches))
            {
                watches.Spend(type);
                // Beside the recursive mode the children's own events stand for this one, on 3.8 and 3.9 alike; what it can still be is the answer to a one-shot watch
                // that was armed again.
                bool isDerived = type == WatchedEventType.NodeChildrenChanged && watches.Answered == WatchMode.PersistentRecursive;
                Notify(watches, type, state, path, path, zxid, sink, oneShotsOnly: isDerived);
                if (watches.IsEmpty) Leave(path, watches, ref unused);
            }

            if (_recursivePaths > 0 && type is WatchedEventType.NodeCreated or WatchedEventType.NodeDeleted or WatchedEventType.NodeDataChanged)
                DispatchUpwards(type, state, path, zxid, sink, ref unused);
        }

        return unused;
    }

    /// <summary>
    /// What to send on a new connection, in frames of a bounded size: one-shot watches first, because on one path the last mode set wins. What the old connection
    /// had is forgotten.
    /// </summary>
    public List<SetWatchesRequest> BuildRearm(long relativeZxid)
    {
        lock (_lock)
        {
            _recursivePaths = 0;
            foreach ((string path, PathWatches watches) in _paths)
            {
                watches.Asked = watches.Answered = null;
                WatchMode? mode = watches.Has(WatchKind.Recursive, armedOnly: true) ? WatchMode.PersistentRecursive
                    : watches.Has(WatchKind.Persistent, armedOnly: true) || watches.AwaitsServed() ? WatchMode.Persistent
                    : null;
                if (mode is { } answered) SetAnswered(watches, answered);
                watches.Asked = mode;
                watches.IsRearming = mode is not null;
                watches.HasData = watches.Has(WatchKind.Data, armedOnly: true) || watches.Has(WatchKind.Exist, armedOnly: true);
                watches.HasChildren = watches.Has(WatchKind.Children, armedOnly: true);
                if (watches.IsEmpty) _paths.Remove(path);
                // Requests that are still to be answered are sent again after this, and ask for what they asked for.
                foreach (WatchHandle handle in watches)
                    if (handle is { IsOneShot: false, IsArmed: false }) watches.Asked = handle.WireMode;
            }

            var batches = new List<SetWatchesRequest>();
            foreach (WatchKind kind in Enum.GetValues<WatchKind>()) AddBatches(batches, relativeZxid, kind);
            return batches;
        }
    }

    /// <summary>The server has armed some watches again: from now on the persistent ones miss nothing.</summary>
    public void OnRearmed(in SetWatchesRequest batch)
    {
        lock (_lock)
        {
            foreach (string path in batch.Persistent.Concat(batch.PersistentRecursive))
                if (_paths.TryGetValue(path, out PathWatches? watches)) watches.IsRearming = false;
        }
    }

    /// <summary>Tells every persistent watch that events may be missing.</summary>
    public void PostResync(KeeperState state)
    {
        lock (_lock)
        {
            foreach (PathWatches path in _paths.Values)
            {
                foreach (WatchHandle handle in path)
                    if (handle is { IsOneShot: false, IsArmed: true }) handle.Notify(WatchedEventType.Resync, state, handle.ServerPath, -1, Elsewhere);
            }
        }
    }

    /// <summary>The server refused to arm some watches again: they end.</summary>
    public void EndRefused(in SetWatchesRequest batch, Exception error)
    {
        lock (_lock)
        {
            EndAll(batch.Data, WatchKind.Data, error);
            EndAll(batch.Exist, WatchKind.Exist, error);
            EndAll(batch.Children, WatchKind.Children, error);
            EndAll(batch.Persistent, WatchKind.Persistent, error);
            EndAll(batch.PersistentRecursive, WatchKind.Persistent, error);
            EndAll(batch.PersistentRecursive, WatchKind.Recursive, error);
        }
    }

    /// <summary>The session is over.</summary>
    /// <param name="error">What the watches get.</param>
    /// <param name="keepPersistent">Whether persistent watches wait for the next session; they then get a state event instead of an end.</param>
    public void EndSession(Func<Exception> error, bool keepPersistent)
    {
        lock (_lock)
        {
            foreach (PathWatches path in _paths.Values)
            {
                foreach (WatchHandle handle in path)
                {
                    if (!handle.IsArmed) continue; // its request is pending, and fails by itself
                    if (keepPersistent && !handle.IsOneShot)
                    {
                        handle.Notify(WatchedEventType.None, KeeperState.Expired, handle.ServerPath, -1, Elsewhere);
                        continue;
                    }

                    path.Remove(handle);
                    handle.End(error(), Elsewhere);
                }
            }
        }
    }

    /// <summary>The caller's own watches on a path, for a removal by kind.</summary>
    public List<WatchHandle> Find(string serverPath, WatcherType type)
    {
        lock (_lock)
        {
            var found = new List<WatchHandle>();
            if (!_paths.TryGetValue(serverPath, out PathWatches? path)) return found;
            foreach (WatchHandle handle in path)
                if (Matches(handle.Kind, type)) found.Add(handle);
            return found;
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

    private static ReadOnlySpan<char> Parent(ReadOnlySpan<char> path)
    {
        if (path.Length <= 1) return default;
        int slash = path.LastIndexOf('/');
        if (slash < 0) return default; // a server can send any text
        return slash == 0 ? path[..1] : path[..slash];
    }

    private static SetWatchesRequest Batch(long relativeZxid, WatchKind kind, List<string> paths) => new(
        relativeZxid,
        kind == WatchKind.Data ? paths : [],
        kind == WatchKind.Exist ? paths : [],
        kind == WatchKind.Children ? paths : [],
        kind == WatchKind.Persistent ? paths : [],
        kind == WatchKind.Recursive ? paths : []);

    /// <summary>Tells the watches on a path of an event there, or, for the recursive ones, below it.</summary>
    private static void Notify(PathWatches watches, WatchedEventType type, KeeperState state, string watched, string path, long zxid, ICompletionSink sink, bool oneShotsOnly = false)
    {
        bool isBelow = watched.Length != path.Length;
        oneShotsOnly |= watches.IsRearming;
        foreach (WatchHandle handle in watches)
        {
            if (!handle.IsArmed || (oneShotsOnly && !handle.IsOneShot) || (isBelow ? handle.Kind != WatchKind.Recursive : !Concerns(handle.Kind, type))) continue;
            if (handle.IsOneShot) watches.Remove(handle);
            handle.Notify(type, state, path, zxid, sink);
        }
    }

    private void DispatchUpwards(WatchedEventType type, KeeperState state, string path, long zxid, ICompletionSink sink, ref List<string>? unused)
    {
        bool isParent = true;
        for (ReadOnlySpan<char> ancestor = Parent(path); ancestor.Length > 0; ancestor = Parent(ancestor), isParent = false)
        {
            if (!_pathsBySpan.TryGetValue(ancestor, out string? watched, out PathWatches? watches) || watches.Answered != WatchMode.PersistentRecursive) continue;
            Notify(watches, type, state, watched, path, zxid, sink);
            if (!isParent || type == WatchedEventType.NodeDataChanged) continue;
            Notify(watches, WatchedEventType.NodeChildrenChanged, state, watched, watched, zxid, sink);
            if (watches.IsEmpty) Leave(watched, watches, ref unused);
        }
    }

    private void SetAnswered(PathWatches path, WatchMode mode)
    {
        if (path.Answered == WatchMode.PersistentRecursive) return;
        path.Answered = mode;
        if (mode == WatchMode.PersistentRecursive) _recursivePaths++;
    }

    /// <summary>The last watch on a path has gone: the server is told if it has something there, and otherwise the path is forgotten.</summary>
    private void Leave(string serverPath, PathWatches path, ref List<string>? unused)
    {
        if (path.IsUnused) (unused ??= []).Add(serverPath);
        else _paths.Remove(serverPath);
    }

    /// <summary>Keeps no path on which there is nothing, here or on the server.</summary>
    private void Forget(string serverPath, PathWatches path)
    {
        if (path.IsForgotten) _paths.Remove(serverPath);
    }

    private void AddBatches(List<SetWatchesRequest> batches, long relativeZxid, WatchKind kind)
    {
        var batch = new List<string>();
        int bytes = 0;
        foreach ((string path, PathWatches watches) in _paths)
        {
            bool isWanted = kind switch
            {
                WatchKind.Persistent => watches.Answered == WatchMode.Persistent,
                WatchKind.Recursive => watches.Answered == WatchMode.PersistentRecursive,
                _ => watches.Has(kind, armedOnly: true),
            };
            if (!isWanted) continue;
            int size = 4 + Encoding.UTF8.GetByteCount(path);
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

    private void EndAll(IReadOnlyList<string> paths, WatchKind kind, Exception error)
    {
        foreach (string path in paths)
        {
            if (!_paths.TryGetValue(path, out PathWatches? watches)) continue;
            foreach (WatchHandle handle in watches)
            {
                if (handle.Kind != kind || !handle.IsArmed) continue;
                watches.Remove(handle);
                handle.End(error, Elsewhere);
            }

            if (kind < WatchKind.Persistent)
            {
                if (kind == WatchKind.Children) watches.HasChildren = false;
                else watches.HasData = false;
            }
            else
            {
                if (watches.Answered == WatchMode.PersistentRecursive) _recursivePaths--;
                watches.Asked = watches.Answered = null;
                watches.IsRearming = false;
            }

            Forget(path, watches);
        }
    }
}
