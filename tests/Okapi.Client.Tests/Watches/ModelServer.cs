using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Watches;

/// <summary>
/// A small model of a server's tree and watches, in two behaviours. 3.8: one mode per path, connection and half (data, children), the last one set wins;
/// removal by kind takes a whole half whatever its mode; kinds 4 and 5 are not known. 3.9: modes are kept side by side, and each is removed by itself (ZOOKEEPER-4466, 4471).
/// </summary>
internal sealed class ModelServer(bool is39)
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<string, (long Mzxid, long Pzxid)> _tree = new(StringComparer.Ordinal) { ["/"] = (0, 0) };
    private readonly Dictionary<string, Modes> _data = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Modes> _children = new(StringComparer.Ordinal);
    private PeerConnection? _connection;
    private long _zxid = 1000;

    [Flags]
    private enum Modes
    {
        None = 0,
        Standard = 1,
        Persistent = 2,
        Recursive = 4,
    }

    /// <summary>What is armed, in words.</summary>
    public string Armed => string.Join(", ", _data.Select(each => $"data {each.Key} {each.Value}").Concat(_children.Select(each => $"children {each.Key} {each.Value}")));

    public bool Exists(string path) => _tree.ContainsKey(path);

    public bool HasChildren(string path) => _tree.Keys.Any(node => node != "/" && Parent(node) == path);

    /// <summary>Takes the connection over and serves it to its end; the watches of the one before are gone.</summary>
    public async Task ServeAsync(PeerConnection connection)
    {
        await _turn.WaitAsync();
        _connection = connection;
        _data.Clear();
        _children.Clear();
        _turn.Release();
        await connection.ServeAsync(async request =>
        {
            await _turn.WaitAsync();
            try
            {
                connection.Zxid = _zxid;
                await AnswerAsync(connection, request);
            }
            finally
            {
                _turn.Release();
            }
        });
    }

    /// <summary>Another client's write.</summary>
    /// <returns>The transaction.</returns>
    public async Task<long> ChangeAsync(WatchedEventType change, string path)
    {
        await _turn.WaitAsync();
        try
        {
            long zxid = ++_zxid;
            switch (change)
            {
                case WatchedEventType.NodeCreated:
                    _tree[path] = (zxid, zxid);
                    _tree[Parent(path)] = _tree[Parent(path)] with { Pzxid = zxid };
                    await TriggerAsync(_data, change, path, zxid);
                    await TriggerAsync(_children, WatchedEventType.NodeChildrenChanged, Parent(path), zxid);
                    break;
                case WatchedEventType.NodeDeleted:
                    _tree.Remove(path);
                    _tree[Parent(path)] = _tree[Parent(path)] with { Pzxid = zxid };
                    bool told = await TriggerAsync(_data, change, path, zxid);
                    await TriggerAsync(_children, change, path, zxid, isTold: told);
                    await TriggerAsync(_children, WatchedEventType.NodeChildrenChanged, Parent(path), zxid);
                    break;
                default:
                    _tree[path] = _tree[path] with { Mzxid = zxid };
                    await TriggerAsync(_data, change, path, zxid);
                    break;
            }

            return zxid;
        }
        finally
        {
            _turn.Release();
        }
    }

    public static string Parent(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "/";

    private async Task AnswerAsync(PeerConnection connection, PeerRequest request)
    {
        switch (request.OpCode)
        {
            case OpCode.Exists or OpCode.GetData or OpCode.GetChildren2:
                (WirePath path, bool watch) = PeerConnection.Read(request.Body, ReadRequest.Read);
                bool exists = _tree.TryGetValue(path.Path, out (long Mzxid, long Pzxid) node);
                if (watch && (exists || request.OpCode == OpCode.Exists)) Add(request.OpCode == OpCode.GetChildren2 ? _children : _data, path.Path, Modes.Standard);
                var stat = new Stat(1, node.Mzxid, 0, 0, 0, 0, 0, 0, 0, 0, node.Pzxid);
                FrameBody body = request.OpCode switch { OpCode.Exists => stat.Write, OpCode.GetData => new DataReply([], stat).Write, _ => new ChildrenReply([], stat).Write };
                await connection.ReplyAsync(request, exists ? body : null, exists ? ErrorCode.Ok : ErrorCode.NoNode);
                break;
            case OpCode.AddWatch:
                AddWatchRequest add = PeerConnection.Read(request.Body, AddWatchRequest.Read);
                AddPersistent(add.Path.Path, add.Mode == WatchMode.PersistentRecursive);
                await connection.ReplyAsync(request);
                break;
            case OpCode.RemoveWatches:
                WatchesRequest remove = PeerConnection.Read(request.Body, WatchesRequest.Read);
                await connection.ReplyAsync(request, error: Remove(remove.Path.Path, remove.Type));
                break;
            case OpCode.SetWatches or OpCode.SetWatches2:
                await SetWatchesAsync(PeerConnection.Read(request.Body, (ref JuteReader reader) => SetWatchesRequest.Read(ref reader, request.OpCode)));
                await connection.ReplyAsync(request);
                break;
            case OpCode.Sync:
                await connection.ReplyAsync(request, new PathReply(request.Path).Write);
                break;
            default:
                await connection.ReplyAsync(request);
                break;
        }
    }

    private void Add(Dictionary<string, Modes> half, string path, Modes mode) => half[path] = is39 ? half.GetValueOrDefault(path) | mode : mode;

    private void AddPersistent(string path, bool recursive)
    {
        Modes mode = recursive ? Modes.Recursive : Modes.Persistent;
        Add(_data, path, mode);
        if (!is39 || !recursive) Add(_children, path, mode);
    }

    private ErrorCode Remove(string path, WatcherType type)
    {
        if (!is39 && type >= WatcherType.Persistent) return ErrorCode.MarshallingError;
        bool data = type != WatcherType.Children;
        bool children = type is not (WatcherType.Data or WatcherType.PersistentRecursive);
        Modes modes = !is39 || type == WatcherType.Any ? (Modes)~0 : type switch { WatcherType.Persistent => Modes.Persistent, WatcherType.PersistentRecursive => Modes.Recursive, _ => Modes.Standard };
        bool removed = (data && Take(_data, path, modes)) | (children && Take(_children, path, modes));
        return removed ? ErrorCode.Ok : ErrorCode.NoWatcher;
    }

    private static bool Take(Dictionary<string, Modes> half, string path, Modes modes)
    {
        Modes had = half.GetValueOrDefault(path);
        if ((had & modes) == 0) return false;
        if ((had & ~modes) == 0) half.Remove(path);
        else half[path] = had & ~modes;
        return true;
    }

    private async Task SetWatchesAsync(SetWatchesRequest request)
    {
        foreach (string path in request.Data)
        {
            if (!_tree.TryGetValue(path, out (long Mzxid, long Pzxid) node)) await SendAsync(WatchedEventType.NodeDeleted, path, -1);
            else if (node.Mzxid > request.RelativeZxid) await SendAsync(WatchedEventType.NodeDataChanged, path, -1);
            else Add(_data, path, Modes.Standard);
        }

        foreach (string path in request.Exist)
        {
            if (_tree.ContainsKey(path)) await SendAsync(WatchedEventType.NodeCreated, path, -1);
            else Add(_data, path, Modes.Standard);
        }

        foreach (string path in request.Children)
        {
            if (!_tree.TryGetValue(path, out (long Mzxid, long Pzxid) node)) await SendAsync(WatchedEventType.NodeDeleted, path, -1);
            else if (node.Pzxid > request.RelativeZxid) await SendAsync(WatchedEventType.NodeChildrenChanged, path, -1);
            else Add(_children, path, Modes.Standard);
        }

        foreach (string path in request.Persistent) AddPersistent(path, recursive: false);
        foreach (string path in request.PersistentRecursive) AddPersistent(path, recursive: true);
    }

    /// <summary>One event at most for the connection, whatever number of its modes match.</summary>
    private async Task<bool> TriggerAsync(Dictionary<string, Modes> half, WatchedEventType type, string path, long zxid, bool isTold = false)
    {
        Modes own = half.GetValueOrDefault(path);
        bool isChildren = type == WatchedEventType.NodeChildrenChanged;
        bool hit = (own & (isChildren ? Modes.Standard | Modes.Persistent : (Modes)~0)) != 0;
        Take(half, path, Modes.Standard);
        for (string at = path; at != "/" && !isChildren;)
        {
            at = Parent(at);
            hit |= half.GetValueOrDefault(at).HasFlag(Modes.Recursive);
        }

        if (hit && !isTold) await SendAsync(type, path, is39 ? zxid : -1);
        return hit;
    }

    private async Task SendAsync(WatchedEventType type, string path, long zxid)
    {
        try
        {
            if (_connection is { } connection) await connection.NotifyAsync(type, path, zxid);
        }
        catch (Exception cut) when (cut is IOException or ObjectDisposedException)
        {
            // What happens while nobody is connected.
        }
    }
}
