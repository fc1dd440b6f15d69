namespace Okapi;

/// <summary>The session is over: it expired, authentication failed, or this program closed it. Three different things, three leaves.</summary>
public abstract class SessionEndedException : ZooKeeperException
{
    private protected SessionEndedException(ErrorCode code, long sessionId, string message, Exception? innerException)
        : base(code, path: null, message, innerException) => SessionId = sessionId;

    /// <summary>The session that is over; 0 if it never began.</summary>
    public long SessionId { get; }

    /// <summary>The same end, told to another caller: an exception object carries one stack trace and belongs to one of them.</summary>
    internal abstract SessionEndedException Again();
}

/// <summary>
/// The session has expired: a server said so, or no server could be reached for 4/3 of the session timeout. Its ephemeral znodes are
/// gone or about to go.
/// </summary>
public sealed class SessionExpiredException : SessionEndedException
{
    internal SessionExpiredException(long sessionId, string message, Exception? innerException = null)
        : base(ErrorCode.SessionExpired, sessionId, message, innerException)
    {
    }

    internal override SessionEndedException Again() => new SessionExpiredException(SessionId, Message, InnerException);
}

/// <summary>A server refused the client's credentials, or could not prove its own.</summary>
public sealed class AuthFailedException : SessionEndedException
{
    internal AuthFailedException(long sessionId, string message, Exception? innerException = null)
        : base(ErrorCode.AuthFailed, sessionId, message, innerException)
    {
    }

    internal override SessionEndedException Again() => new AuthFailedException(SessionId, Message, InnerException);
}

/// <summary>This program closed the client.</summary>
public sealed class SessionClosedException : SessionEndedException
{
    internal SessionClosedException(long sessionId, string message, Exception? innerException = null)
        : base(ErrorCode.Closing, sessionId, message, innerException)
    {
    }

    internal override SessionEndedException Again() => new SessionClosedException(SessionId, Message, InnerException);
}
