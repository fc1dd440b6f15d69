namespace Okapi.Chaos.Histories;

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
