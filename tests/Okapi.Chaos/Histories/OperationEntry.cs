using System.Text.Json.Serialization;

namespace Okapi.Chaos.Histories;

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
public sealed class OperationEntry : ClientEntry
{
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
