namespace Okapi;

/// <summary>How far a request got that has no reply.</summary>
public enum RequestOutcome
{
    /// <summary>It was never sent, so it has had no effect.</summary>
    NotSent = 0,

    /// <summary>It was sent, or partly sent: the server may or may not have applied it.</summary>
    Unknown = 1,
}

/// <summary>
/// The connection was lost before the reply came. Reads are sent again by themselves and rarely end here; for a write,
/// <see cref="Outcome"/> says whether it may have been applied. A request that was not sent yet does not fail this way: it waits for the next connection.
/// </summary>
public sealed class ConnectionLossException : ZooKeeperException
{
    internal ConnectionLossException(RequestOutcome outcome, string? path, string message, Exception? innerException)
        : base(ErrorCode.ConnectionLoss, path, message, innerException) => Outcome = outcome;

    /// <summary>Whether the request may have been applied.</summary>
    public RequestOutcome Outcome { get; }
}

/// <summary>No reply came within <see cref="ZooKeeperOptions.RequestTimeout"/>.</summary>
public sealed class RequestTimeoutException : ZooKeeperException
{
    internal RequestTimeoutException(RequestOutcome outcome, string? path, string message, Exception? innerException = null)
        : base(ErrorCode.RequestTimeout, path, message, innerException) => Outcome = outcome;

    /// <summary>Whether the request may have been applied.</summary>
    public RequestOutcome Outcome { get; }
}
