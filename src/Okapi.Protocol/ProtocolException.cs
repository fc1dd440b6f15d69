namespace Okapi;

/// <summary>
/// A peer sent bytes that the ZooKeeper protocol does not allow: malformed, truncated, oversized or out of order.
/// The connection they came on is over; the session is resumed on another one.
/// </summary>
public sealed class ProtocolException : Exception
{
    /// <summary>Says what was wrong with the peer's bytes.</summary>
    /// <param name="message">The rule that was broken and the value that broke it; never user data.</param>
    public ProtocolException(string message)
        : base(message)
    {
    }

    /// <summary>Says what was wrong with the peer's bytes, and what showed it.</summary>
    /// <param name="message">The rule that was broken and the value that broke it; never user data.</param>
    /// <param name="innerException">What showed it.</param>
    public ProtocolException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
