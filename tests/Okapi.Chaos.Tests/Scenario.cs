using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

/// <summary>A small history and its log, written step by step as a faultless client and server would: a test adds the one thing that is wrong.</summary>
internal sealed class Scenario
{
    public const long Second = 1_000_000_000;

    public static readonly DateTimeOffset Started = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly ModelTree _tree = new();
    private readonly Dictionary<int, (int Connection, long Session, int Xid)> _clients = [];
    private readonly List<int> _servers = [1, 2, 3];

    public Scenario(int clients = 2)
    {
        Add(new RunEntry { Clients = clients, Servers = 3, Started = Started, SessionTimeoutMs = 4000, TickMs = 500, RecipeRoots = ["/locks"], Command = "eng/chaos --seed 1" });
        for (int client = 1; client <= clients; client++) Connect(client, newSession: true);
    }

    public List<HistoryEntry> Entries { get; } = [];

    public List<LoggedTransaction> Log { get; } = [];

    public long Now { get; private set; } = 100 * Second;

    public long Zxid => Log.Count > 0 ? Log[^1].Zxid : 0;

    /// <summary>What a server has instead of the log that all have.</summary>
    public Dictionary<int, ServerLog> Differing { get; } = [];

    public Evidence Evidence => new(
        History.Of(Entries),
        [.. _servers.Select(each => Differing.TryGetValue(each, out ServerLog? own) ? own : new ServerLog(each, [.. Log], [0], []))]);

    public long SessionOf(int client) => _clients[client].Session;

    public void Wait(long nanoseconds) => Now += nanoseconds;

    public T Add<T>(T entry)
        where T : HistoryEntry
    {
        Now += 1_000_000;
        if (entry.Time == 0) entry.Time = Now;
        Entries.Add(entry);
        return entry;
    }

    /// <summary>A new connection of a client: of a new session, or of the one it has.</summary>
    public void Connect(int client, bool newSession = false)
    {
        bool isKnown = _clients.TryGetValue(client, out (int Connection, long Session, int Xid) was);
        if (isKnown) Add(new WireEndedEntry { Client = client, Connection = was.Connection });
        long session = newSession ? 0x100000 + (client * 0x100) + was.Connection : was.Session;
        _clients[client] = (was.Connection + 1, session, was.Xid);
        if (newSession) Commit(session, 0, OpCode.CreateSession);
        Add(new WireConnectedEntry { Client = client, Connection = was.Connection + 1, Session = session, TimeoutMs = 4000 });
        Add(new SessionEntry { Client = client, State = SessionState.Connected, Session = session });
    }

    /// <summary>Ends a session as a server does, by request or because it has expired.</summary>
    public void Expire(int client) => Commit(SessionOf(client), 0, OpCode.CloseSession);

    public LoggedTransaction Commit(long session, int xid, OpCode type, ErrorCode error = ErrorCode.Ok, params LoggedChange[] changes)
    {
        var transaction = new LoggedTransaction(session, xid, Zxid + 1, Now / 1_000_000, error == ErrorCode.Ok ? type : OpCode.Error, error, changes, []);
        Log.Add(transaction);
        _tree.Apply(transaction);
        return transaction;
    }

    /// <summary>A write that is done, logged and answered; it returns the answer and the call.</summary>
    public (WireOperationEntry Wire, OperationEntry Call) Write(int client, OpCode type, string path, string? tag = null, CreateMode mode = CreateMode.Persistent, Func<Stat, Stat>? answer = null, ErrorCode error = ErrorCode.Ok)
    {
        long sent = Now += 1_000_000;
        LoggedTransaction transaction = Commit(SessionOf(client), NextXid(client), type, error, error == ErrorCode.Ok ? [ChangeOf(client, type, path, tag, mode)] : []);
        Stat? stat = error != ErrorCode.Ok || type == OpCode.Delete ? null : _tree.Find(path)!.Stat;
        if (stat is { } known && answer is not null) stat = answer(known);
        WireOperationEntry wire = Add(new WireOperationEntry
        {
            Client = client,
            Connection = _clients[client].Connection,
            Xid = _clients[client].Xid,
            Type = type == OpCode.Create ? OpCode.Create2 : type,
            Path = path,
            Tag = tag,
            Argument = type == OpCode.Create ? (int)mode : -1,
            Sent = sent,
            Answered = true,
            Zxid = transaction.Zxid,
            Error = error,
            ResultPath = type == OpCode.Create && error == ErrorCode.Ok ? path : null,
            Stat = stat,
        });
        OperationEntry call = Add(new OperationEntry
        {
            Client = client,
            Id = _clients[client].Xid,
            Kind = type switch { OpCode.Create => OperationKind.Create, OpCode.SetData => OperationKind.SetData, _ => OperationKind.Delete },
            Path = path,
            Tag = tag,
            Session = SessionOf(client),
            Invoked = sent - 1000,
            Outcome = error == ErrorCode.Ok ? Outcome.Ok : Outcome.Error,
            Error = error,
            ResultPath = wire.ResultPath,
            Stat = stat,
        });
        return (wire, call);
    }

    public WireOperationEntry Create(int client, string path, string tag = "", CreateMode mode = CreateMode.Persistent) => Write(client, OpCode.Create, path, tag.Length > 0 ? tag : $"made {path}", mode).Wire;

    public WireOperationEntry Set(int client, string path, string tag) => Write(client, OpCode.SetData, path, tag).Wire;

    public WireOperationEntry Delete(int client, string path) => Write(client, OpCode.Delete, path).Wire;

    /// <summary>A read, answered from the tree as it is.</summary>
    public WireOperationEntry Read(int client, OpCode type, string path, bool watch = false, long? zxid = null, Func<Stat, Stat>? answer = null, string? tag = null)
    {
        long sent = Now += 1_000_000;
        ModelNode? node = _tree.Find(path);
        Stat? stat = node is null || type == OpCode.GetChildren ? null : (answer ?? (each => each))(node.Stat);
        WireOperationEntry wire = Add(new WireOperationEntry
        {
            Client = client,
            Connection = _clients[client].Connection,
            Xid = NextXid(client),
            Type = type,
            Path = path,
            Watch = watch,
            Sent = sent,
            Answered = true,
            Zxid = zxid ?? Zxid,
            Error = node is null ? ErrorCode.NoNode : ErrorCode.Ok,
            Stat = stat,
            ResultTag = type == OpCode.GetData && node is not null ? tag ?? node.Tag : null,
            Children = type is OpCode.GetChildren or OpCode.GetChildren2 && node is not null ? node.ChildrenDigest : 0,
            ChildCount = type is OpCode.GetChildren or OpCode.GetChildren2 && node is not null ? node.Children.Count : 0,
        });
        if (type is OpCode.GetData or OpCode.Exists)
        {
            Add(new OperationEntry
            {
                Client = client,
                Id = wire.Xid,
                Kind = type == OpCode.GetData ? OperationKind.GetData : OperationKind.Exists,
                Path = path,
                Invoked = sent - 1000,
                Outcome = node is null && type == OpCode.GetData ? Outcome.Error : Outcome.Ok,
                Error = wire.Error,
                Stat = stat,
                ResultTag = wire.ResultTag,
            });
        }

        return wire;
    }

    /// <summary>Something sent that no answer came to.</summary>
    public WireOperationEntry Unanswered(int client, OpCode type, string path, string? tag = null) => Add(new WireOperationEntry
    {
        Client = client, Connection = _clients[client].Connection, Xid = NextXid(client), Type = type, Path = path, Tag = tag, Sent = Now,
    });

    /// <summary>Arms a watch: on the wire, and as the API tells.</summary>
    public void Arm(int client, long watch, WatchKind kind, string path)
    {
        long invoked = Now += 1_000_000;
        if (kind is WatchKind.Persistent or WatchKind.PersistentRecursive)
        {
            Add(new WireOperationEntry
            {
                Client = client, Connection = _clients[client].Connection, Xid = NextXid(client), Type = OpCode.AddWatch, Path = path,
                Argument = kind == WatchKind.Persistent ? 0 : 1, Sent = invoked, Answered = true, Zxid = Zxid,
            });
        }
        else
        {
            Read(client, kind switch { WatchKind.Data => OpCode.GetData, WatchKind.Exists => OpCode.Exists, _ => OpCode.GetChildren }, path, watch: true);
        }

        Add(new WatchArmedEntry { Client = client, Watch = watch, Kind = kind, Path = path, Session = SessionOf(client), Invoked = invoked });
    }

    /// <summary>Arms persistent-recursive watches again, on a new connection.</summary>
    public void Rearm(int client, params string[] paths) => Add(new WireOperationEntry
    {
        Client = client, Connection = _clients[client].Connection, Xid = Xids.SetWatches, Type = OpCode.SetWatches2, Sent = Now, Answered = true, Zxid = Zxid,
        Watches = new WireWatches { PersistentRecursive = paths },
    });

    public void Tell(int client, long watch, WatchedEventType type, string? path) => Add(new WatchEventEntry { Client = client, Watch = watch, Type = type, Path = path });

    private int NextXid(int client)
    {
        (int connection, long session, int xid) = _clients[client];
        _clients[client] = (connection, session, xid + 1);
        return xid + 1;
    }

    private LoggedChange ChangeOf(int client, OpCode type, string path, string? tag, CreateMode mode)
    {
        string parent = path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "/";
        return type switch
        {
            OpCode.Create => new(OpCode.Create, path, tag, tag?.Length ?? 0, (_tree.Find(parent)?.Creates ?? 0) + 1, mode.IsEphemeral() ? SessionOf(client) : mode == CreateMode.Container ? long.MinValue : 0),
            OpCode.SetData => new(OpCode.SetData, path, tag, tag?.Length ?? 0, (_tree.Find(path)?.Version ?? 0) + 1),
            _ => new(OpCode.Delete, path),
        };
    }
}
