using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Checks;

/// <summary>What went over one connection that a server took.</summary>
public sealed class WireConnection(WireConnectedEntry opened)
{
    public WireConnectedEntry Opened { get; } = opened;

    public long Session => Opened.Session;

    public int Client => Opened.Client;

    /// <summary>Answers and notifications in the order in which they came.</summary>
    public List<WireEntry> Received { get; } = [];

    /// <summary>Requests that were sent and never answered.</summary>
    public List<WireOperationEntry> Unanswered { get; } = [];

    /// <summary>When it ended; the end of time if the history does not tell.</summary>
    public long Ended { get; set; } = long.MaxValue;

    /// <summary>The newest zxid that it told of.</summary>
    public long LastZxid { get; set; }
}
