using System.Text.Json.Serialization;

namespace Okapi.Chaos.Histories;

/// <summary>A znode of a cache when all had become quiet.</summary>
public sealed class CacheEntry : ClientEntry
{
    /// <summary>The root of the cache.</summary>
    public string Root { get; init; } = "";

    public string Path { get; init; } = "";

    public string? Tag { get; init; }

    public long Mzxid { get; init; }
}

/// <summary>A replica of a shared state came to know a version: it opened with it, or a listener was told.</summary>
public sealed class StateSeenEntry : ClientEntry
{
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
public sealed class StateReadEntry : ClientEntry
{
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
