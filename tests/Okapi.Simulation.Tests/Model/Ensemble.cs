using System.Buffers.Binary;
using Okapi.Protocol;

namespace Okapi.Simulation.Tests.Model;

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
        Worlds.Add(NewWorld(0x1_0000_0000));
        Servers = [.. Enumerable.Range(1, servers).Select(number => new ModelServer(this, simulator, number))];
        foreach (ModelServer server in Servers) server.LoadAll();
    }

    /// <summary>3.9: modes of watches on one path coexist and events tell their zxid; otherwise as 3.8.0.</summary>
    public bool IsModern { get; }

    public IReadOnlyList<string> SeedPaths { get; }

    /// <summary>What the servers hold, behind all that they have lost.</summary>
    public List<World> Worlds { get; } = [];

    public World World => Worlds[^1];

    public List<ModelServer> Servers { get; }

    /// <summary>The session timeout that the servers grant.</summary>
    public TimeSpan Granted { get; set; }

    public double LagMs { get; set; } = 1;

    public string AuthPath { get; init; } = "/auth";

    /// <summary>Called for every connection's first request, with what it has presented.</summary>
    public Action<ModelConnection>? OnFirstRequest { get; set; }

    public Action<ModelConnection, ConnectRequest>? OnHandshake { get; set; }

    public ModelSession? Find(long sessionId) => _sessions.GetValueOrDefault(sessionId);

    /// <summary>How often the write with this number took effect.</summary>
    public int CountApplied(int tag) => Worlds.Sum(world => world.CountApplied(tag));

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
        foreach (ModelSession session in _sessions.Values) session.IsOver = true;
        Worlds.Add(NewWorld(_simulator.Chance(0.5) ? 0 : 0x9_0000_0000));
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
