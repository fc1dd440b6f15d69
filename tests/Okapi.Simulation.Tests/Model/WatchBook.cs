using Okapi.Protocol;

namespace Okapi.Simulation.Tests.Model;

[Flags]
internal enum WatchModes
{
    OneShot = 1,
    Persistent = 2,
    Recursive = 4,
}

/// <summary>The watches of one connection as its server keeps them, and what they tell.</summary>
internal sealed class WatchBook(ModelServer server, Action<WatcherEvent, long> tell)
{
    private readonly Dictionary<string, WatchModes> _data = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WatchModes> _children = new(StringComparer.Ordinal);

    public const KeeperState LateMark = KeeperState.SaslAuthenticated;

    public IEnumerable<string> All => _data.Concat(_children).Select(each => $"{each.Key} {each.Value}");

    private bool IsModern => server.Ensemble.IsModern;

    private Simulator Simulator => server.Simulator;

    public void Clear()
    {
        _data.Clear();
        _children.Clear();
    }

    public void AddOneShot(string path, bool ofChildren) => AddMode(ofChildren ? _children : _data, path, WatchModes.OneShot);

    public void AddPersistent(string path, WatchMode mode)
    {
        WatchModes modes = mode == WatchMode.PersistentRecursive ? WatchModes.Recursive : WatchModes.Persistent;
        AddMode(_data, path, modes);
        if (!IsModern || modes == WatchModes.Persistent) AddMode(_children, path, modes);
    }

    /// <summary>Those of a connection that was lost, as the client remembers them.</summary>
    public void Restore(SetWatchesRequest request)
    {
        Simulator.Require(request.Count > 0, "H38: setWatches without watches");
        Simulator.Note($"server {server.Number} is given {request.Count} watches relative to 0x{request.RelativeZxid:x}");
        foreach (string path in request.Data)
        {
            if (server.Replica[path] is not { } node) NotifyLate(WatchedEventType.NodeDeleted, path);
            else if (node.Mzxid > request.RelativeZxid) NotifyLate(WatchedEventType.NodeDataChanged, path);
            else AddMode(_data, path, WatchModes.OneShot);
        }

        foreach (string path in request.Exist)
        {
            if (server.Replica[path] is { } node) NotifyLate(WatchedEventType.NodeCreated, path);
            else AddMode(_data, path, WatchModes.OneShot);
        }

        foreach (string path in request.Children)
        {
            if (server.Replica[path] is not { } node) NotifyLate(WatchedEventType.NodeDeleted, path);
            else if (node.Pzxid > request.RelativeZxid) NotifyLate(WatchedEventType.NodeChildrenChanged, path);
            else AddMode(_children, path, WatchModes.OneShot);
        }

        foreach (string path in request.Persistent) AddPersistent(path, WatchMode.Persistent);
        foreach (string path in request.PersistentRecursive) AddPersistent(path, WatchMode.PersistentRecursive);
    }

    public ErrorCode Remove(string path, WatcherType type)
    {
        WatchModes modes = type switch
        {
            WatcherType.Persistent => WatchModes.Persistent,
            WatcherType.PersistentRecursive => WatchModes.Recursive,
            WatcherType.Any => WatchModes.OneShot | WatchModes.Persistent | WatchModes.Recursive,
            _ => WatchModes.OneShot,
        };
        if (!IsModern)
        {
            if (type > WatcherType.Any) return ErrorCode.BadArguments;
            modes = (WatchModes)7; // 3.8 removes whatever the half holds
        }

        bool removed = type != WatcherType.Children && Take(_data);
        if (type != WatcherType.Data) removed |= Take(_children);
        return removed ? ErrorCode.Ok : ErrorCode.NoWatcher;

        bool Take(Dictionary<string, WatchModes> book)
        {
            if (!book.TryGetValue(path, out WatchModes held) || (held & modes) == 0) return false;
            if ((held & ~modes) == 0) book.Remove(path);
            else book[path] = held & ~modes;
            return true;
        }
    }

    public void Trigger(in Change change, long zxid)
    {
        string path = change.Path;
        bool sent = Fire(_data, path, change.Type, zxid, alreadySent: false);
        if (change.Type == WatchedEventType.NodeDataChanged) return;
        if (change.Type == WatchedEventType.NodeDeleted) Fire(_children, path, change.Type, zxid, sent);
        Fire(_children, ModelTree.Parent(path), WatchedEventType.NodeChildrenChanged, zxid, alreadySent: false);
    }

    private void AddMode(Dictionary<string, WatchModes> book, string path, WatchModes mode) =>
        book[path] = IsModern ? book.GetValueOrDefault(path) | mode : mode;

    private bool Fire(Dictionary<string, WatchModes> book, string path, WatchedEventType type, long zxid, bool alreadySent)
    {
        bool fires = false;
        bool isChild = type == WatchedEventType.NodeChildrenChanged;
        if (book.TryGetValue(path, out WatchModes modes))
        {
            fires = (modes & (WatchModes.OneShot | WatchModes.Persistent)) != 0 || ((modes & WatchModes.Recursive) != 0 && !isChild);
            if ((modes & ~WatchModes.OneShot) is var left && left == 0) book.Remove(path);
            else book[path] = left;
        }

        for (string each = path; !fires && !isChild && each != "/";)
        {
            each = ModelTree.Parent(each);
            fires = book.TryGetValue(each, out modes) && (modes & WatchModes.Recursive) != 0;
        }

        if (fires && !alreadySent) Notify(type, path, zxid);
        return fires || alreadySent;
    }

    private void Notify(WatchedEventType type, string path, long zxid)
    {
        Simulator.Note($"server {server.Number} notifies of {type} {path} 0x{zxid:x}");
        tell(new(type, KeeperState.SyncConnected, path), IsModern ? zxid : -1);
    }

    /// <summary>What a one-shot watch missed. No server tells it apart from what happens now; the model does by a state, so that streams, which see both, can be checked exactly.</summary>
    private void NotifyLate(WatchedEventType type, string path)
    {
        Simulator.Note($"server {server.Number} notifies late of {type} {path}");
        tell(new(type, LateMark, path), -1);
    }
}
