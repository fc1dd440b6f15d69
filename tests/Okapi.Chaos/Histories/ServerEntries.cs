using System.Text.Json.Serialization;

namespace Okapi.Chaos.Histories;

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
