using System.Text.Json.Serialization;

namespace Okapi.Chaos.Histories;

public enum WatchKind
{
    Data,
    Exists,
    Children,
    Persistent,
    PersistentRecursive,
}

/// <summary>A watch was armed: the call returned.</summary>
public sealed class WatchArmedEntry : ClientEntry
{
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
public sealed class WatchEventEntry : ClientEntry
{
    public long Watch { get; init; }

    public WatchedEventType Type { get; init; }

    [JsonConverter(typeof(PooledTextConverter))]
    public string? Path { get; init; }
}

/// <summary>A watch is over: written before it is disposed, or when its stream has ended.</summary>
public sealed class WatchEndedEntry : ClientEntry
{
    public long Watch { get; init; }

    /// <summary>Whether it ended by itself, with its session, and not because it was disposed.</summary>
    public bool WithSession { get; init; }
}
