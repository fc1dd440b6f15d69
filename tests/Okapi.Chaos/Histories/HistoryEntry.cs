using System.Text.Json.Serialization;

namespace Okapi.Chaos.Histories;

/// <summary>
/// One line of a history. Times are <see cref="HistoryWriter.Now"/>: nanoseconds of the machine's monotonic clock, the same in every process.
/// Clients are numbered from 1; 0 is the one who runs the whole. Servers are numbered as in the ensemble.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "e")]
[JsonDerivedType(typeof(RunEntry), "run")]
[JsonDerivedType(typeof(OperationEntry), "op")]
[JsonDerivedType(typeof(WatchArmedEntry), "watch")]
[JsonDerivedType(typeof(WatchEventEntry), "event")]
[JsonDerivedType(typeof(WatchEndedEntry), "unwatch")]
[JsonDerivedType(typeof(GrantEntry), "grant")]
[JsonDerivedType(typeof(GrantEndedEntry), "ungrant")]
[JsonDerivedType(typeof(FencedWriteEntry), "fenced")]
[JsonDerivedType(typeof(CacheEntry), "cache")]
[JsonDerivedType(typeof(StateSeenEntry), "state")]
[JsonDerivedType(typeof(StateReadEntry), "stateread")]
[JsonDerivedType(typeof(SessionEntry), "session")]
[JsonDerivedType(typeof(FaultEntry), "fault")]
[JsonDerivedType(typeof(HealEntry), "heal")]
[JsonDerivedType(typeof(OutageEntry), "outage")]
[JsonDerivedType(typeof(ServerModeEntry), "mode")]
[JsonDerivedType(typeof(ServerWordEntry), "word")]
[JsonDerivedType(typeof(TreeNodeEntry), "node")]
[JsonDerivedType(typeof(WireConnectedEntry), "connected")]
[JsonDerivedType(typeof(WireEndedEntry), "ended")]
[JsonDerivedType(typeof(WireOperationEntry), "wire")]
[JsonDerivedType(typeof(WireNotificationEntry), "notified")]
public abstract class HistoryEntry
{
    /// <summary>When it happened; for what takes a while, when it was over.</summary>
    [JsonPropertyName("t")]
    public long Time { get; set; }
}

/// <summary>What was run. The first line of the history of the one who runs the whole.</summary>
public sealed class RunEntry : HistoryEntry
{
    public long Seed { get; init; }

    /// <summary>The wall clock at <see cref="HistoryEntry.Time"/>.</summary>
    public DateTimeOffset Started { get; init; }

    /// <summary>The command that repeats the run.</summary>
    public string Command { get; init; } = "";

    public int TickMs { get; init; }

    /// <summary>The session timeout that was negotiated.</summary>
    public int SessionTimeoutMs { get; init; }

    public int Servers { get; init; }

    public int Clients { get; init; }

    /// <summary>What must hold no znode (containers excepted) once all clients have closed.</summary>
    public IReadOnlyList<string> RecipeRoots { get; init; } = [];

    /// <summary>A path which every client writes to after the last fault has been healed (K7); any znode below it will do.</summary>
    public string ProbeRoot { get; init; } = "/probe";

    /// <summary>Servers' machinery in words, such as whether there were partitions.</summary>
    public string Notes { get; init; } = "";
}

public enum OperationKind
{
    Create,
    Delete,
    SetData,
    GetData,
    Exists,
    GetChildren,
    Multi,
    Sync,
    Other,
}

public enum Outcome
{
    /// <summary>It succeeded; an absent znode is a success of <see cref="OperationKind.Exists"/>.</summary>
    Ok,

    /// <summary>The server said no: see <see cref="OperationEntry.Error"/>.</summary>
    Error,

    /// <summary>It may have been done or not.</summary>
    Unknown,

    /// <summary>The client says that it was never sent.</summary>
    NotSent,

    /// <summary>It had not returned when the history ended.</summary>
    Pending,
}

/// <summary>A call of the API, written when it returned.</summary>
public sealed class OperationEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    /// <summary>Unique for the client.</summary>
    public long Id { get; init; }

    public OperationKind Kind { get; init; }

    /// <summary>The path without a sequence number. For a multi, that of its first operation.</summary>
    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    /// <summary>What was written, see <see cref="DataTag"/>: unique in the run, which is how a write whose outcome is unknown is found again.</summary>
    public string? Tag { get; init; }

    /// <summary>The session that the client had when the call was made.</summary>
    public long Session { get; init; }

    /// <summary>When the call was made; <see cref="HistoryEntry.Time"/> is when it returned.</summary>
    public long Invoked { get; init; }

    public Outcome Outcome { get; set; }

    public ErrorCode Error { get; set; }

    /// <summary>The path that a create returned.</summary>
    public string? ResultPath { get; set; }

    /// <summary>The Stat that was returned.</summary>
    [JsonConverter(typeof(StatConverter))]
    public Stat? Stat { get; set; }

    /// <summary>What a read returned.</summary>
    public string? ResultTag { get; set; }

    [JsonIgnore]
    public bool IsWrite => Kind is OperationKind.Create or OperationKind.Delete or OperationKind.SetData or OperationKind.Multi;
}

public enum WatchKind
{
    Data,
    Exists,
    Children,
    Persistent,
    PersistentRecursive,
}

/// <summary>A watch was armed: the call returned.</summary>
public sealed class WatchArmedEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    /// <summary>Unique for the client.</summary>
    public long Watch { get; init; }

    public WatchKind Kind { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    public long Session { get; init; }

    /// <summary>When the call was made.</summary>
    public long Invoked { get; init; }
}

/// <summary>An event came out of a watch's stream, Resync among them. Written by the one who reads the stream, in its order.</summary>
public sealed class WatchEventEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    public long Watch { get; init; }

    public WatchedEventType Type { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string? Path { get; init; }
}

/// <summary>A watch is over: written before it is disposed, or when its stream has ended.</summary>
public sealed class WatchEndedEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    public long Watch { get; init; }

    /// <summary>Whether it ended by itself, with its session, and not because it was disposed.</summary>
    public bool WithSession { get; init; }
}

public enum GrantKind
{
    Lock,
    Leader,
}

/// <summary>A lock or an office was granted: the call returned.</summary>
public sealed class GrantEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    public GrantKind Kind { get; init; }

    /// <summary>The path of the lock or election: contenders are its children.</summary>
    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    /// <summary>The fencing token: the czxid of the contender's znode.</summary>
    public long Token { get; init; }

    public long Session { get; init; }
}

/// <summary>The holder no longer believes that it holds: written when Lost tripped, or before release was called.</summary>
public sealed class GrantEndedEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    public GrantKind Kind { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    public long Token { get; init; }

    /// <summary>Whether it was lost and not released.</summary>
    public bool Lost { get; init; }
}

/// <summary>A write to what a lock protects, which refuses a token that is older than one it has seen.</summary>
public sealed class FencedWriteEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    /// <summary>The path of the lock or election.</summary>
    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    public long Token { get; init; }

    public long Invoked { get; init; }

    /// <summary>Ok: accepted; Error: refused by the fence; Unknown and NotSent as elsewhere.</summary>
    public Outcome Outcome { get; init; }

    /// <summary>The fence's own order of what it accepted: a zxid, or a number that grows.</summary>
    public long Order { get; init; }
}

/// <summary>A znode of a cache when all had become quiet.</summary>
public sealed class CacheEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    /// <summary>The root of the cache.</summary>
    public string Root { get; init; } = "";

    public string Path { get; init; } = "";

    public string? Tag { get; init; }

    public long Mzxid { get; init; }
}

/// <summary>A replica of a shared state came to know a version: it opened with it, or a listener was told.</summary>
public sealed class StateSeenEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    /// <summary>Unique for the client.</summary>
    public long Replica { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    public int Version { get; init; }

    public long Zxid { get; init; }

    /// <summary>The znode's bytes as the replica has them, see <see cref="DataTag.Of(ReadOnlySpan{byte})"/>; null where they are not at hand.</summary>
    public string? Tag { get; init; }

    /// <summary>The replica's document, see <see cref="DataTag.OfJson(System.Text.Json.JsonElement)"/>; null where it was not looked at.</summary>
    public string? ContentTag { get; init; }

    /// <summary>The document a listener has by applying one difference after the other, see <see cref="DataTag.OfJson(System.Text.Json.Nodes.JsonNode)"/>; must be the same as <see cref="ContentTag"/>.</summary>
    public string? AppliedTag { get; init; }

    /// <summary>Whether all had become quiet: this is the replica's last.</summary>
    public bool IsFinal { get; init; }
}

public enum StateReadKind
{
    /// <summary>Read: no older than MaxStaleness.</summary>
    Near,

    /// <summary>ReadLatestAsync: no older than the call.</summary>
    Latest,
}

/// <summary>A shared state was read.</summary>
public sealed class StateReadEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    public long Replica { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    public StateReadKind Kind { get; init; }

    public long Invoked { get; init; }

    /// <summary>Error: refused as stale.</summary>
    public Outcome Outcome { get; init; }

    /// <summary>The zxid of the version that was read.</summary>
    public long Zxid { get; init; }

    public int Version { get; init; }

    /// <summary>The replica's MaxStaleness.</summary>
    public int MaxStalenessMs { get; init; }
}

/// <summary>A client's session came to be in a state.</summary>
public sealed class SessionEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }

    public SessionState State { get; init; }

    public long Session { get; init; }
}

/// <summary>A fault began.</summary>
public sealed class FaultEntry : HistoryEntry
{
    /// <summary>Unique in the run.</summary>
    public int Fault { get; init; }

    /// <summary>Such as <c>kill-leader</c>: what is counted as one kind.</summary>
    public string Kind { get; init; } = "";

    /// <summary>Such as <c>server 2</c> or <c>client 7</c>.</summary>
    public string Target { get; init; } = "";

    /// <summary>The server it hits, or 0.</summary>
    public int Server { get; init; }

    /// <summary>The clients whose process it stops; empty for every fault of servers and of the network.</summary>
    public IReadOnlyList<int> PausedClients { get; init; } = [];
}

/// <summary>A fault was healed.</summary>
public sealed class HealEntry : HistoryEntry
{
    public int Fault { get; init; }
}

/// <summary>How long the servers themselves took no write after a fault, measured without the clients.</summary>
public sealed class OutageEntry : HistoryEntry
{
    public int Fault { get; init; }

    public int OutageMs { get; init; }
}

/// <summary>How a server's mode changed, as its own words tell; from the outside, so that it is the server's own time to recover.</summary>
public sealed class ServerModeEntry : HistoryEntry
{
    public int Server { get; init; }

    /// <summary>As "srvr" says: leader, follower, read-only; or none, when it does not serve.</summary>
    public string Mode { get; init; } = "none";
}

/// <summary>A server's answer to a four-letter word (dump, wchs) after all clients have closed.</summary>
public sealed class ServerWordEntry : HistoryEntry
{
    public int Server { get; init; }

    public string Word { get; init; } = "";

    public string Answer { get; init; } = "";
}

/// <summary>A znode as one server has it in the end, see <see cref="FinalTree"/>.</summary>
public sealed class TreeNodeEntry : HistoryEntry
{
    public int Server { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    public string? Tag { get; init; }

    [JsonConverter(typeof(StatConverter))]
    public Stat? Stat { get; init; }
}
