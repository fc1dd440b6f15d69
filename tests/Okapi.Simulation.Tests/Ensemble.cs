using System.Buffers.Binary;
using Okapi.Protocol;

namespace Okapi.Simulation.Tests;

/// <summary>A session as the ensemble knows it.</summary>
internal sealed class ModelSession(long id, World world, TimeSpan heardAt)
{
    public long Id { get; } = id;

    public World World { get; } = world;

    public byte[] Password { get; } = BitConverter.GetBytes(id ^ 0x5ec2e7).Concat(new byte[8]).ToArray();

    public TimeSpan HeardAt { get; set; } = heardAt;

    public bool IsOver { get; set; }

    public ModelConnection? Connection { get; set; }

    public int LastTag { get; set; }
}

/// <summary>One history: what the servers hold until their data is wiped.</summary>
internal sealed class World(long firstZxid)
{
    private readonly Dictionary<int, List<Txn>> _byTag = [];

    public List<Txn> Log { get; } = [];

    public long Zxid => firstZxid + Log.Count;

    public ModelTree Tree { get; set; } = new();

    public Txn At(long zxid) => Log[(int)(zxid - firstZxid) - 1];

    public bool Knows(long zxid) => zxid > firstZxid && zxid <= Zxid;

    public int CountApplied(int tag) => _byTag.TryGetValue(tag, out List<Txn>? txns) ? txns.Count : 0;

    public Txn Commit(long sessionId, IReadOnlyList<Change> changes)
    {
        var txn = new Txn(Zxid + 1, sessionId, changes);
        Log.Add(txn);
        foreach (Change change in changes)
        {
            if (change.Data is not { Length: 4 } || change.Type == WatchedEventType.NodeDeleted) continue;
            int tag = BinaryPrimitives.ReadInt32LittleEndian(change.Data);
            if (!_byTag.TryGetValue(tag, out List<Txn>? txns)) _byTag[tag] = txns = new(1);
            if (txns.Count == 0 || txns[^1] != txn) txns.Add(txn);
        }

        return txn;
    }

    public long ZxidBefore(int index) => firstZxid + index;
}

/// <summary>A few servers that share one history; each may lag behind it. Just enough ZooKeeper to tell whether a client is right.</summary>
internal sealed class Ensemble
{
    private readonly Simulator _simulator;
    private readonly Dictionary<long, ModelSession> _sessions = [];
    private int _sessionCount;

    public Ensemble(Simulator simulator, int servers, bool isModern, IReadOnlyList<string> seedPaths)
    {
        _simulator = simulator;
        IsModern = isModern;
        SeedPaths = seedPaths;
        World = NewWorld(0x1_0000_0000);
        Servers = [.. Enumerable.Range(1, servers).Select(number => new ModelServer(this, simulator, number))];
        foreach (ModelServer server in Servers) server.LoadAll();
    }

    /// <summary>3.9: modes of watches on one path coexist and events tell their zxid; otherwise as 3.8.0.</summary>
    public bool IsModern { get; }

    public IReadOnlyList<string> SeedPaths { get; }

    public World World { get; private set; }

    public List<ModelServer> Servers { get; }

    /// <summary>The session timeout that the servers grant.</summary>
    public TimeSpan Granted { get; set; }

    public double LagMs { get; set; } = 1;

    public string AuthPath { get; init; } = "/auth";

    /// <summary>Called for every connection's first request, with what it has presented.</summary>
    public Action<ModelConnection>? OnFirstRequest { get; set; }

    public Action<ModelConnection, ConnectRequest>? OnHandshake { get; set; }

    public int Lives { get; private set; }

    public ModelSession? Find(long sessionId) => _sessions.GetValueOrDefault(sessionId);

    public ModelSession OpenSession()
    {
        long id = (0x1000L + ++_sessionCount) * (_sessionCount % 2 == 0 ? -1 : 1); // ids can be negative (H9)
        var session = new ModelSession(id, World, _simulator.Now);
        _sessions[id] = session;
        WatchExpiry(session);
        return session;
    }

    public Txn Commit(long sessionId, IReadOnlyList<Change> changes)
    {
        Txn txn = World.Commit(sessionId, changes);
        foreach (ModelServer server in Servers) server.ScheduleCatchUp();
        return txn;
    }

    /// <summary>Does one write, or several as one.</summary>
    public (List<MultiResult> Results, ErrorCode Error) Write(IReadOnlyList<MultiOperation> operations, long sessionId)
    {
        bool isMulti = operations.Count > 1;
        ModelTree tree = isMulti ? World.Tree.Clone() : World.Tree;
        var changes = new List<Change>(operations.Count);
        var results = new List<MultiResult>(operations.Count);
        foreach (MultiOperation operation in operations)
        {
            ErrorCode error = tree.Prepare(operation, sessionId, out Change change);
            if (error != ErrorCode.Ok)
            {
                int failed = results.Count;
                results = [.. operations.Select((_, i) => new MultiResult(OpCode.Error, i < failed ? ErrorCode.Ok : i == failed ? error : ErrorCode.RuntimeInconsistency))];
                Commit(sessionId, []);
                return (results, error);
            }

            if (change.Path is not null)
            {
                tree.Apply(change, World.Zxid + 1);
                changes.Add(change);
            }

            results.Add(new(operation.Type, Path: operation.Type is OpCode.Create or OpCode.Create2 ? change.Path : null, Stat: operation.Type is OpCode.SetData or OpCode.Create2 ? tree[change.Path!]!.Stat : null));
        }

        World.Tree = tree;
        CheckTags(changes, sessionId);
        Commit(sessionId, changes);
        return (results, ErrorCode.Ok);
    }

    public void EndSession(ModelSession session, string why)
    {
        if (session.IsOver) return;
        session.IsOver = true;
        _simulator.Note($"session 0x{session.Id:x} ends: {why}");
        if (session.World == World)
        {
            Change[] changes = [.. World.Tree.OwnedBy(session.Id).Order(StringComparer.Ordinal).Select(path => new Change(WatchedEventType.NodeDeleted, path))];
            foreach (Change change in changes) World.Tree.Apply(change, World.Zxid + 1);
            Commit(0, changes);
        }

        session.Connection?.Close(why);
    }

    /// <summary>The data of all servers is gone; they start anew.</summary>
    public void Wipe()
    {
        Lives++;
        foreach (ModelSession session in _sessions.Values) session.IsOver = true;
        World = NewWorld(_simulator.Chance(0.5) ? 0 : 0x9_0000_0000);
        foreach (ModelServer server in Servers) server.LoadAll();
    }

    /// <summary>A leader that takes over gives every session a whole time-out.</summary>
    public void TouchSessions()
    {
        foreach (ModelSession session in _sessions.Values) session.HeardAt = _simulator.Now;
    }

    private World NewWorld(long firstZxid)
    {
        var world = new World(firstZxid);
        foreach (string path in SeedPaths)
        {
            var change = new Change(WatchedEventType.NodeCreated, path);
            world.Tree.Apply(change, world.Zxid + 1);
            world.Commit(0, [change]);
        }

        return world;
    }

    /// <summary>I3: writes of a session take effect in the order of its calls; I2: none takes effect twice.</summary>
    private void CheckTags(List<Change> changes, long sessionId)
    {
        if (Find(sessionId) is not { } session) return;
        int last = session.LastTag;
        foreach (Change change in changes)
        {
            if (change.Data is not { Length: 4 }) continue;
            int tag = BinaryPrimitives.ReadInt32LittleEndian(change.Data);
            _simulator.Require(tag > last, $"I3: the write of call {tag} takes effect after that of call {last}");
            session.LastTag = Math.Max(session.LastTag, tag);
        }
    }

    private void WatchExpiry(ModelSession session)
    {
        if (session.IsOver) return;
        TimeSpan due = session.HeardAt + Granted;
        if (due > _simulator.Now) _simulator.At(due, () => WatchExpiry(session));
        else EndSession(session, "it was silent for its time-out");
    }
}

[Flags]
internal enum WatchModes
{
    OneShot = 1,
    Persistent = 2,
    Recursive = 4,
}

internal sealed class ModelServer(Ensemble ensemble, Simulator simulator, int number)
{
    private World _world = ensemble.World;
    private int _applied;
    private bool _isCatchingUp;

    public int Number { get; } = number;

    public Ensemble Ensemble => ensemble;

    public Simulator Simulator => simulator;

    public bool IsUp { get; private set; } = true;

    public ModelTree Replica { get; private set; } = new();

    public List<ModelConnection> Connections { get; } = [];

    public long Zxid => _world.ZxidBefore(_applied);

    public void LoadAll()
    {
        _world = ensemble.World;
        Replica = _world.Tree.Clone();
        _applied = _world.Log.Count;
    }

    public void ScheduleCatchUp()
    {
        if (_isCatchingUp) return;
        _isCatchingUp = true;
        simulator.After(simulator.Between(0.1, ensemble.LagMs), () =>
        {
            _isCatchingUp = false;
            CatchUp();
        });
    }

    public void CatchUp()
    {
        while (_applied < _world.Log.Count)
        {
            Txn txn = _world.Log[_applied++];
            foreach (Change change in txn.Changes)
            {
                Replica.Apply(change, txn.Zxid);
                foreach (ModelConnection connection in Connections) connection.Trigger(change, txn.Zxid);
            }
        }
    }

    public void Stop()
    {
        if (!IsUp) return;
        IsUp = false;
        simulator.Note($"server {Number} stops");
        foreach (ModelConnection connection in Connections.ToArray()) connection.Stream.Reset();
    }

    public void Start()
    {
        if (IsUp) return;
        IsUp = true;
        simulator.Note($"server {Number} starts");
    }
}

/// <summary>A server's end of a connection.</summary>
internal sealed class ModelConnection(ModelServer server, ClientStream stream)
{
    private readonly Dictionary<string, WatchModes> _data = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WatchModes> _children = new(StringComparer.Ordinal);
    private readonly JuteBuffer _out = new();
    private byte[] _in = [];
    private ModelSession? _session;
    private bool _isClosed;
    private bool _hadRequest;

    public const KeeperState LateMark = KeeperState.SaslAuthenticated;

    public ClientStream Stream => stream;

    public ModelServer Server => server;

    /// <summary>The session that the client knows to stand on this connection.</summary>
    public long SessionId { get; set; }

    public List<string> Credentials { get; } = [];

    /// <summary>How many of the next replies are not sent.</summary>
    public int Swallow { get; set; }

    /// <summary>How many of the next replies carry a wrong number.</summary>
    public int Misnumber { get; set; }

    /// <summary>The next handshake on this connection is answered with another session.</summary>
    public bool DenySession { get; set; }

    public IEnumerable<string> Watches => _data.Concat(_children).Select(each => $"{each.Key} {each.Value}");

    private Ensemble Ensemble => server.Ensemble;

    private Simulator Simulator => server.Simulator;

    public void Close(string why)
    {
        if (_isClosed) return;
        _isClosed = true;
        Simulator.Note($"server {server.Number} closes connection {stream.Number}: {why}");
        server.Connections.Remove(this);
        if (_session?.Connection == this) _session.Connection = null;
        _data.Clear();
        _children.Clear();
        stream.ToClient.SendEnd();
    }

    public void Receive(byte[] bytes)
    {
        if (_isClosed) return;
        if (_session is not null) _session.HeardAt = Simulator.Now;
        byte[] all = _in.Length == 0 ? bytes : [.. _in, .. bytes];
        int start = 0;
        while (!_isClosed && all.Length - start >= 4)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(all.AsSpan(start));
            if (all.Length - start - 4 < length) break;
            var reader = new JuteReader(all.AsSpan(start + 4, length));
            start += 4 + length;
            if (_session is null) Greet(ref reader);
            else Handle(ref reader);
        }

        _in = all[start..];
    }

    public void Trigger(in Change change, long zxid)
    {
        string path = change.Path;
        bool sent = Fire(_data, path, change.Type, zxid, alreadySent: false);
        if (change.Type == WatchedEventType.NodeDataChanged) return;
        if (change.Type == WatchedEventType.NodeDeleted) Fire(_children, path, change.Type, zxid, sent);
        Fire(_children, ModelTree.Parent(path), WatchedEventType.NodeChildrenChanged, zxid, alreadySent: false);
    }

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
        Send(Xids.Notification, Ensemble.IsModern ? zxid : -1, ErrorCode.Ok, new WatcherEvent(type, KeeperState.SyncConnected, path).Write);
    }

    /// <summary>What a one-shot watch missed. No server tells it apart from what happens now; the model does by a state, so that streams, which see both, can be checked exactly.</summary>
    private void NotifyLate(WatchedEventType type, string path)
    {
        Simulator.Note($"server {server.Number} notifies late of {type} {path}");
        Send(Xids.Notification, -1, ErrorCode.Ok, new WatcherEvent(type, LateMark, path).Write);
    }

    private void Greet(ref JuteReader reader)
    {
        ConnectRequest request = ConnectRequest.Read(ref reader);
        Ensemble.OnHandshake?.Invoke(this, request);
        if (request.LastZxidSeen > server.Zxid)
        {
            Close($"the client has seen 0x{request.LastZxidSeen:x}, this server 0x{server.Zxid:x}");
            return;
        }

        ModelSession? session = request.SessionId == 0 ? Ensemble.OpenSession() : Ensemble.Find(request.SessionId);
        if (session is null || session.IsOver || (request.SessionId != 0 && !session.Password.AsSpan().SequenceEqual(request.Password)))
        {
            SendRaw(new ConnectResponse(0, 0, 0, new byte[16], false).Write, 0);
            Close($"session 0x{request.SessionId:x} is over");
            return;
        }

        if (DenySession && request.SessionId != 0)
        {
            _session = Ensemble.OpenSession();
            SendRaw(new ConnectResponse(0, (int)Ensemble.Granted.TotalMilliseconds, _session.Id, _session.Password, false).Write, 0);
            Simulator.Note($"server {server.Number} answers session 0x{request.SessionId:x} with 0x{_session.Id:x}");
            return;
        }

        session.Connection?.Close("the session has moved");
        _session = session;
        session.Connection = this;
        session.HeardAt = Simulator.Now;
        Simulator.Note($"server {server.Number} takes session 0x{session.Id:x} on connection {stream.Number}");
        SendRaw(new ConnectResponse(0, (int)Ensemble.Granted.TotalMilliseconds, session.Id, session.Password, false).Write, session.Id);
    }

    private void Handle(ref JuteReader reader)
    {
        RequestHeader header = RequestHeader.Read(ref reader);
        if (header.Type != OpCode.Auth && !_hadRequest)
        {
            _hadRequest = true;
            Ensemble.OnFirstRequest?.Invoke(this);
        }

        switch (header.Type)
        {
            case OpCode.Ping:
                Send(Xids.Ping, server.Zxid, ErrorCode.Ok, null);
                break;
            case OpCode.Auth:
                AuthRequest auth = AuthRequest.Read(ref reader);
                Credentials.Add(System.Text.Encoding.UTF8.GetString(auth.Auth.Span));
                Send(Xids.Auth, server.Zxid, ErrorCode.Ok, null);
                break;
            case OpCode.SetWatches or OpCode.SetWatches2:
                SetWatches(SetWatchesRequest.Read(ref reader, header.Type));
                Send(Xids.SetWatches, server.Zxid, ErrorCode.Ok, null);
                break;
            case OpCode.CloseSession:
                Ensemble.Find(_session!.Id)!.Connection = null;
                Ensemble.EndSession(_session, "the client closed it");
                server.CatchUp();
                Reply(header, ErrorCode.Ok, null);
                Close("the session is closed");
                break;
            case OpCode.AddWatch:
                AddWatchRequest add = AddWatchRequest.Read(ref reader);
                AddPersistent(add.Path.Path, add.Mode);
                Reply(header, ErrorCode.Ok, null);
                break;
            case OpCode.RemoveWatches:
                WatchesRequest remove = WatchesRequest.Read(ref reader);
                Simulator.Note($"server {server.Number} removes {remove.Path.Path} {remove.Type}");
                Reply(header, Remove(remove.Path.Path, remove.Type), null);
                break;
            case OpCode.Sync:
                string path = PathRequest.Read(ref reader).Path.Path;
                server.CatchUp();
                Reply(header, ErrorCode.Ok, new PathReply(path).Write);
                break;
            case OpCode.Exists or OpCode.GetData or OpCode.GetChildren or OpCode.GetChildren2:
                ReadNode(header, ReadRequest.Read(ref reader));
                break;
            default:
                WriteNodes(header, ref reader);
                break;
        }
    }

    private void ReadNode(RequestHeader header, ReadRequest request)
    {
        string path = request.Path.Path;
        if (!MayUse(path))
        {
            Reply(header, ErrorCode.NoAuth, null);
            return;
        }

        ModelNode? node = server.Replica[path];
        bool isList = header.Type is OpCode.GetChildren or OpCode.GetChildren2;
        if (request.Watch && (node is not null || header.Type == OpCode.Exists)) AddMode(isList ? _children : _data, path, WatchModes.OneShot);
        if (node is null)
        {
            Reply(header, ErrorCode.NoNode, null);
            return;
        }

        string[] names = isList ? [.. node.Children] : [];
        Reply(header, ErrorCode.Ok, header.Type switch
        {
            OpCode.Exists => node.Stat.Write,
            OpCode.GetData => new DataReply(node.Data, node.Stat).Write,
            OpCode.GetChildren => new NamesReply(names).Write,
            _ => new ChildrenReply(names, node.Stat).Write,
        });
    }

    private void WriteNodes(RequestHeader header, ref JuteReader reader)
    {
        List<MultiOperation> operations;
        switch (header.Type)
        {
            case OpCode.Multi:
                operations = MultiOperation.ReadAll(ref reader);
                break;
            case OpCode.SetData:
                SetDataRequest set = SetDataRequest.Read(ref reader);
                operations = [new(header.Type, set.Path, set.Data, Version: set.Version)];
                break;
            case OpCode.Delete:
                VersionRequest delete = VersionRequest.Read(ref reader);
                operations = [new(header.Type, delete.Path, Version: delete.Version)];
                break;
            default:
                CreateRequest create = CreateRequest.Read(ref reader, header.Type);
                operations = [new(header.Type, create.Path, create.Data, create.Acl, create.Mode)];
                break;
        }

        if (operations.Any(operation => !MayUse(operation.Path.Path)))
        {
            Ensemble.Commit(_session!.Id, []);
            server.CatchUp();
            Reply(header, ErrorCode.NoAuth, null);
            return;
        }

        (List<MultiResult> results, ErrorCode error) = Ensemble.Write(operations, _session!.Id);
        server.CatchUp();
        if (header.Type == OpCode.Multi) Reply(header, ErrorCode.Ok, (ref JuteWriter writer) => MultiResult.WriteAll(results, ref writer));
        else if (error != ErrorCode.Ok) Reply(header, error, null);
        else Reply(header, ErrorCode.Ok, header.Type switch
        {
            OpCode.Create => new PathReply(results[0].Path!).Write,
            OpCode.Create2 => new CreateReply(results[0].Path!, results[0].Stat!.Value).Write,
            OpCode.SetData => results[0].Stat!.Value.Write,
            _ => null,
        });
    }

    private bool MayUse(string path) => !ZnodePath.IsSameOrBelow(path, Ensemble.AuthPath) || Credentials.Contains("okapi:secret");

    private void AddMode(Dictionary<string, WatchModes> book, string path, WatchModes mode) =>
        book[path] = Ensemble.IsModern ? book.GetValueOrDefault(path) | mode : mode;

    private void AddPersistent(string path, WatchMode mode)
    {
        WatchModes modes = mode == WatchMode.PersistentRecursive ? WatchModes.Recursive : WatchModes.Persistent;
        AddMode(_data, path, modes);
        if (!Ensemble.IsModern || modes == WatchModes.Persistent) AddMode(_children, path, modes);
    }

    private void SetWatches(SetWatchesRequest request)
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

    private ErrorCode Remove(string path, WatcherType type)
    {
        WatchModes modes = type switch
        {
            WatcherType.Persistent => WatchModes.Persistent,
            WatcherType.PersistentRecursive => WatchModes.Recursive,
            WatcherType.Any => WatchModes.OneShot | WatchModes.Persistent | WatchModes.Recursive,
            _ => WatchModes.OneShot,
        };
        if (!Ensemble.IsModern)
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

    private void Reply(RequestHeader header, ErrorCode error, FrameBody? body)
    {
        Simulator.Note($"server {server.Number} answers {header.Type} xid {header.Xid}: {error}, zxid 0x{server.Zxid:x}{(Swallow > 0 ? ", swallowed" : Misnumber > 0 ? ", misnumbered" : "")}");
        if (Swallow > 0)
        {
            Swallow--;
            stream.Taint();
            return;
        }

        int xid = header.Xid;
        if (Misnumber > 0)
        {
            Misnumber--;
            stream.Taint();
            xid += 1000;
        }

        Send(xid, server.Zxid, error, body);
    }

    private void Send(int xid, long zxid, ErrorCode error, FrameBody? body)
    {
        if (_isClosed) return;
        _out.Clear();
        var writer = new JuteWriter(_out);
        int start = writer.BeginFrame();
        new ReplyHeader(xid, zxid, error).Write(ref writer);
        body?.Invoke(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        stream.SendToClient(_out.WrittenSpan, xid, zxid);
    }

    private void SendRaw(FrameBody body, long sessionId)
    {
        _out.Clear();
        var writer = new JuteWriter(_out);
        int start = writer.BeginFrame();
        body(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        stream.SendToClient(_out.WrittenSpan, 0, 0, sessionId);
    }

    private delegate void FrameBody(ref JuteWriter writer);
}
