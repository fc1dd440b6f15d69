using Okapi.Simulation.Tests.Model;
using Okapi.Simulation.Tests.Wire;

namespace Okapi.Simulation.Tests.Checks;

/// <summary>A watch that the client holds, and what it has told.</summary>
internal sealed class WatchRecord(string path, WatchKind kind, ModelSession session)
{
    /// <summary>The path as the server knows it.</summary>
    public string Path { get; } = path;

    public WatchKind Kind { get; } = kind;

    /// <summary>The session it was set in.</summary>
    public ModelSession Session { get; private set; } = session;

    /// <summary>Its session is over and the next is still to come.</summary>
    public bool IsBetweenSessions { get; private set; }

    /// <summary>What happened up to this transaction was before the watch.</summary>
    public long After { get; set; }

    /// <summary>What happens after this transaction was surely after the watch.</summary>
    public long ArmedBy { get; set; }

    public Okapi.Watch? Stream { get; init; }

    public Task<WatchedEvent>? Fired { get; init; }

    public required Func<ValueTask> Dispose { get; init; }

    /// <summary>Its reader looks only now and then.</summary>
    public bool IsSlow { get; init; }

    /// <summary>What its stream told in this session; for gap marks, the connection that ended the gap or how far the servers were when it was read.</summary>
    public List<(WatchedEvent Event, ClientStream? Connection, long Seen)> Items { get; } = [];

    /// <summary>A stream has told that its session is over.</summary>
    public void EndSession()
    {
        Items.Clear();
        After = 0;
        ArmedBy = long.MaxValue;
        IsBetweenSessions = true;
    }

    /// <summary>A stream goes on in the next session.</summary>
    public void BeginSession(ModelSession session)
    {
        Session = session;
        IsBetweenSessions = false;
    }
}

internal enum WatchKind
{
    Data,
    Absent,
    Children,
    Persistent,
    Recursive,
}
