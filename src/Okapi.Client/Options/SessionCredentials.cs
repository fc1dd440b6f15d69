namespace Okapi;

/// <summary>
/// What it takes to resume a session: its id and password. Apache's servers derive the password from the id, so treat
/// both as secrets, and do not rely on them staying secret.
/// </summary>
public sealed class SessionCredentials
{
    private readonly byte[] _password;

    /// <summary>Credentials of a session.</summary>
    /// <param name="sessionId">The session's id; never 0, can be negative.</param>
    /// <param name="password">The session's password.</param>
    public SessionCredentials(long sessionId, ReadOnlySpan<byte> password)
    {
        if (sessionId == 0) throw new ArgumentOutOfRangeException(nameof(sessionId), sessionId, "0 means \"no session\"; a session id is any other number.");
        SessionId = sessionId;
        _password = password.ToArray();
    }

    /// <summary>The session's id.</summary>
    public long SessionId { get; }

    /// <summary>The session's password.</summary>
    public ReadOnlyMemory<byte> Password => _password;

    /// <summary>The id alone; the password is a secret.</summary>
    /// <returns>A text for logs.</returns>
    public override string ToString() => $"session 0x{SessionId:x}";

    internal byte[] CopyPassword() => [.. _password];
}
