namespace Okapi.Security;

/// <summary>
/// One authentication exchange of a SASL mechanism (RFC 4422), seen from the client.
/// An instance serves one exchange; a new connection needs a new instance.
/// </summary>
internal interface ISaslMechanism : IDisposable
{
    /// <summary>The mechanism's registered name, such as <c>DIGEST-MD5</c> or <c>GSSAPI</c>.</summary>
    string Name { get; }

    /// <summary>
    /// True when the mechanism needs nothing more from the server. A token returned by the call that made it true
    /// must still be sent, and only the server's reply to that one tells whether the server accepts the client.
    /// </summary>
    bool IsComplete { get; }

    /// <summary>The first token to send. It may be empty: the server speaks first, but ZooKeeper wants to be asked.</summary>
    byte[] Start();

    /// <summary>
    /// The token to send in answer to <paramref name="challenge"/> (an empty one must be sent too),
    /// or <see langword="null"/> when nothing more is to be sent.
    /// </summary>
    /// <exception cref="SaslException">The challenge breaks a rule, or the server's proof is wrong.</exception>
    byte[]? Respond(ReadOnlySpan<byte> challenge);
}
