using System.Text.Json.Serialization;

namespace Okapi.Chaos.Histories;

public enum GrantKind
{
    Lock,
    Leader,
}

/// <summary>A lock or an office was granted: the call returned.</summary>
public sealed class GrantEntry : ClientEntry
{
    public GrantKind Kind { get; init; }

    /// <summary>The path of the lock or election: contenders are its children.</summary>
    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    /// <summary>The fencing token: the czxid of the contender's znode.</summary>
    public long Token { get; init; }

    public long Session { get; init; }
}

/// <summary>The holder no longer believes that it holds: written when Lost tripped, or before release was called.</summary>
public sealed class GrantEndedEntry : ClientEntry
{
    public GrantKind Kind { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string Path { get; init; } = "";

    public long Token { get; init; }

    /// <summary>Whether it was lost and not released.</summary>
    public bool Lost { get; init; }
}

/// <summary>A write to what a lock protects, which refuses a token that is older than one it has seen.</summary>
public sealed class FencedWriteEntry : ClientEntry
{
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
