namespace Okapi.Server;

/// <summary>Whether a new session is known to one member alone. Such a session is cheap, since no transaction tells of it, and cannot be resumed on another member.</summary>
public enum LocalSessions
{
    /// <summary>All sessions are known to all members.</summary>
    Never = 0,

    /// <summary>A session is local until it creates an ephemeral znode.</summary>
    UntilEphemeral = 1,

    /// <summary>Sessions stay local, and may not create ephemeral znodes.</summary>
    Always = 2,
}
