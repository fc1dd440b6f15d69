using System.Text.Json.Serialization;
using Okapi.Protocol;

namespace Okapi.Chaos.Histories;

/// <summary>Something on a connection's bytes. What came from the server stands in the order in which it came.</summary>
public abstract class WireEntry : ClientEntry
{
    /// <summary>Unique for the client, and growing.</summary>
    [JsonPropertyName("n")]
    public int Connection { get; init; }
}

/// <summary>A handshake was answered.</summary>
public sealed class WireConnectedEntry : WireEntry
{
    public string Server { get; init; } = "";

    /// <summary>0: the server says that the session is gone.</summary>
    public long Session { get; init; }

    /// <summary>The session that was asked for; 0: a new one.</summary>
    public long AskedSession { get; init; }

    /// <summary>The newest transaction that the client had seen, as it says.</summary>
    public long LastZxidSeen { get; init; }

    public int TimeoutMs { get; init; }

    public bool ReadOnly { get; init; }
}

/// <summary>A connection is over. Before it stand the requests that have no answer.</summary>
public sealed class WireEndedEntry : WireEntry
{
    /// <summary>What the recorder could not decode; null: all was decoded.</summary>
    public string? Undecoded { get; init; }
}

/// <summary>A request and its answer (not of pings), written when the answer came, or when the connection ended without it.</summary>
public sealed class WireOperationEntry : WireEntry
{
    [JsonPropertyName("x")]
    public int Xid { get; init; }

    [JsonPropertyName("o")]
    public OpCode Type { get; init; }

    [JsonPropertyName("p")]
    [JsonConverter(typeof(PooledTextConverter))]
    public string? Path { get; init; }

    /// <summary>What it writes, see <see cref="DataTag"/>.</summary>
    [JsonPropertyName("w")]
    public string? Tag { get; init; }

    /// <summary>The expected version, the mode of a create or of a watch, or the kind of watches to remove.</summary>
    [JsonPropertyName("a")]
    public int Argument { get; init; }

    /// <summary>Whether it leaves a one-shot watch.</summary>
    public bool Watch { get; init; }

    /// <summary>When the request was handed to the socket; <see cref="HistoryEntry.Time"/> is when the answer came.</summary>
    [JsonPropertyName("s")]
    public long Sent { get; init; }

    public bool Answered { get; set; }

    [JsonPropertyName("z")]
    public long Zxid { get; set; }

    [JsonPropertyName("r")]
    public ErrorCode Error { get; set; }

    /// <summary>The path a create returned.</summary>
    [JsonPropertyName("rp")]
    public string? ResultPath { get; set; }

    [JsonPropertyName("st")]
    [JsonConverter(typeof(StatConverter))]
    public Stat? Stat { get; set; }

    /// <summary>What a read returned.</summary>
    [JsonPropertyName("rw")]
    public string? ResultTag { get; set; }

    /// <summary>The children a read returned, see <see cref="ChildrenDigest"/>.</summary>
    [JsonPropertyName("ch")]
    public ulong Children { get; set; }

    /// <summary>How many children a read returned.</summary>
    [JsonPropertyName("cc")]
    public int ChildCount { get; set; }

    /// <summary>The operations of a transaction.</summary>
    public IReadOnlyList<WirePart>? Parts { get; init; }

    /// <summary>The watches that setWatches arms again.</summary>
    public WireWatches? Watches { get; init; }
}

/// <summary>One operation of a transaction, with its result.</summary>
public sealed class WirePart
{
    [JsonPropertyName("o")]
    public OpCode Type { get; init; }

    [JsonPropertyName("p")]
    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    [JsonPropertyName("w")]
    public string? Tag { get; init; }

    [JsonPropertyName("a")]
    public int Argument { get; init; }

    [JsonPropertyName("r")]
    public ErrorCode Error { get; set; }

    [JsonPropertyName("rp")]
    public string? ResultPath { get; set; }

    [JsonPropertyName("st")]
    [JsonConverter(typeof(StatConverter))]
    public Stat? Stat { get; set; }

    [JsonPropertyName("rw")]
    public string? ResultTag { get; set; }
}

/// <summary>The body of setWatches or setWatches2.</summary>
public sealed class WireWatches
{
    public long RelativeZxid { get; init; }

    public IReadOnlyList<string> Data { get; init; } = [];

    public IReadOnlyList<string> Exists { get; init; } = [];

    public IReadOnlyList<string> Children { get; init; } = [];

    public IReadOnlyList<string> Persistent { get; init; } = [];

    public IReadOnlyList<string> PersistentRecursive { get; init; } = [];
}

/// <summary>A watch notification.</summary>
public sealed class WireNotificationEntry : WireEntry
{
    [JsonPropertyName("y")]
    public WatchedEventType Type { get; init; }

    [JsonPropertyName("p")]
    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    /// <summary>The zxid of the answer before it on this connection: what is told here was done after that.</summary>
    [JsonPropertyName("z")]
    public long After { get; init; }
}
