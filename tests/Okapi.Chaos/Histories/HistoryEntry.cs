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

/// <summary>What one client has to tell.</summary>
public abstract class ClientEntry : HistoryEntry
{
    [JsonPropertyName("c")]
    public int Client { get; init; }
}
