using Okapi.Protocol;
using Okapi.Server.Trees;

namespace Okapi.Server.Watches;

/// <summary>The watches of all connections of one member, and what fires them.</summary>
internal sealed class MemberWatches(ServerVersion version)
{
    private const WatchModes AnyMode = WatchModes.OneShot | WatchModes.Persistent | WatchModes.Recursive;

    private readonly bool _modesCoexist = version >= ServerVersion.V39;
    private readonly HashSet<IWatcher> _taken = [];
    private readonly HashSet<IWatcher> _told = [];

    public WatchTable Data { get; } = new(version >= ServerVersion.V39);

    public WatchTable Children { get; } = new(version >= ServerVersion.V39);

    /// <summary>Arms a watch for as long as the connection lasts (addWatch).</summary>
    public void Add(string path, IWatcher watcher, WatchMode mode)
    {
        WatchModes modes = mode == WatchMode.Persistent ? WatchModes.Persistent : WatchModes.Recursive;
        Data.Add(path, watcher, modes);
        // 3.8.0 puts a recursive watch among those of children as well, where it never fires but takes the place of a one-shot.
        if (mode == WatchMode.Persistent || !_modesCoexist) Children.Add(path, watcher, modes);
    }

    /// <summary>Tells all who watch of a change. Nobody is told twice of one thing (B94).</summary>
    public void Fire(in TreeChange change, long zxid)
    {
        switch (change.Type)
        {
            case WatchedEventType.NodeCreated:
                Fire(Data, change.Path, WatchedEventType.NodeCreated, zxid, change.Acl);
                FireParent(change, zxid);
                break;
            case WatchedEventType.NodeDeleted:
                _told.Clear();
                Fire(Data, change.Path, WatchedEventType.NodeDeleted, zxid, change.Acl);
                _told.UnionWith(_taken);
                Fire(Children, change.Path, WatchedEventType.NodeDeleted, zxid, change.Acl, _told);
                FireParent(change, zxid);
                break;
            default:
                Fire(Data, change.Path, change.Type, zxid, change.Acl);
                break;
        }
    }

    /// <summary>Arms what a client watched on a connection before this one; what has changed since the zxid that it has seen is told at once (B112).</summary>
    public void Rearm(SetWatchesRequest request, Tree tree, IWatcher watcher)
    {
        foreach (string path in request.Data)
        {
            Znode? node = tree.Find(path);
            if (node is null) watcher.Notify(WatchedEventType.NodeDeleted, path, -1, acl: null);
            else if (node.Mzxid > request.RelativeZxid) watcher.Notify(WatchedEventType.NodeDataChanged, path, -1, acl: null);
            else Data.Add(path, watcher, WatchModes.OneShot);
        }

        foreach (string path in request.Exist)
        {
            if (tree.Find(path) is not null) watcher.Notify(WatchedEventType.NodeCreated, path, -1, acl: null);
            else Data.Add(path, watcher, WatchModes.OneShot);
        }

        foreach (string path in request.Children)
        {
            Znode? node = tree.Find(path);
            if (node is null) watcher.Notify(WatchedEventType.NodeDeleted, path, -1, acl: null);
            else if (node.Pzxid > request.RelativeZxid) watcher.Notify(WatchedEventType.NodeChildrenChanged, path, -1, acl: null);
            else Children.Add(path, watcher, WatchModes.OneShot);
        }

        foreach (string path in request.Persistent) Add(path, watcher, WatchMode.Persistent);
        foreach (string path in request.PersistentRecursive) Add(path, watcher, WatchMode.PersistentRecursive);
    }

    /// <summary>Whether a connection has a watch of a type on a path; null when the type is not known to this version.</summary>
    public bool? Contains(string path, WatcherType type, IWatcher watcher) => Ask(type, (table, modes) => table.Contains(path, watcher, modes));

    /// <summary>Removes a connection's watches of a type from a path. False: there was none; null: the type is not known to this version.</summary>
    public bool? Remove(string path, WatcherType type, IWatcher watcher) => Ask(type, (table, modes) => table.Remove(path, watcher, modes));

    public void RemoveAll(IWatcher watcher)
    {
        Data.RemoveAll(watcher);
        Children.RemoveAll(watcher);
    }

    private bool? Ask(WatcherType type, Func<WatchTable, WatchModes, bool> ask) => type switch
    {
        WatcherType.Children => ask(Children, WatchModes.OneShot),
        WatcherType.Data => ask(Data, WatchModes.OneShot),
        WatcherType.Any => ask(Children, AnyMode) | ask(Data, AnyMode),
        WatcherType.Persistent when _modesCoexist => ask(Children, WatchModes.Persistent) | ask(Data, WatchModes.Persistent),
        WatcherType.PersistentRecursive when _modesCoexist => ask(Data, WatchModes.Recursive),
        _ => null,
    };

    private void FireParent(in TreeChange change, long zxid)
    {
        if (ZnodePath.GetParent(change.Path) is { } parent) Fire(Children, parent, WatchedEventType.NodeChildrenChanged, zxid, change.ParentAcl);
    }

    private void Fire(WatchTable table, string path, WatchedEventType type, long zxid, IReadOnlyList<Acl> acl, HashSet<IWatcher>? except = null)
    {
        _taken.Clear();
        table.Take(path, type, _taken);
        foreach (IWatcher watcher in _taken)
        {
            if (except?.Contains(watcher) != true) watcher.Notify(type, path, zxid, acl);
        }
    }
}
