namespace Okapi;

/// <summary>Where a session stands.</summary>
public enum SessionState
{
    /// <summary>No server has taken the session yet.</summary>
    Connecting = 0,

    /// <summary>Connected to a server that takes reads and writes.</summary>
    Connected = 1,

    /// <summary>Connected to a server in read-only mode; writes fail with <see cref="NotReadOnlyException"/>, and a read-write server is looked for.</summary>
    ConnectedReadOnly = 2,

    /// <summary>The connection is lost and another is being sought. The session may still live; whatever depends on it should act with care.</summary>
    Disconnected = 3,

    /// <summary>Over: a server said so, or none could be reached for 4/3 of the session timeout.</summary>
    Expired = 4,

    /// <summary>Over: a server refused the credentials, or could not prove its own.</summary>
    AuthFailed = 5,

    /// <summary>Over: this program closed the client.</summary>
    Closed = 6,
}

/// <summary>A change of a session's state.</summary>
/// <param name="State">The new state.</param>
/// <param name="SessionId">The session; 0 before a server has given it an id.</param>
/// <param name="Missed">Whether changes before this one were dropped because the reader was too slow.</param>
public readonly record struct SessionStateChange(SessionState State, long SessionId, bool Missed = false)
{
    /// <summary>Whether requests reach a server.</summary>
    public bool IsConnected => State is SessionState.Connected or SessionState.ConnectedReadOnly;

    /// <summary>Whether the session is over.</summary>
    public bool IsOver => State >= SessionState.Expired;
}
