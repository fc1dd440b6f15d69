namespace Okapi.Chaos.Histories;

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
