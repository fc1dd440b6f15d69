namespace Okapi.Security;

/// <summary>The part of a GSS-API security context that the GSSAPI mechanism needs, so that it can be tested without a KDC.</summary>
internal interface IGssContext : IDisposable
{
    /// <summary>GSS_Init_sec_context: takes the peer's token (empty at first), gives the next one to send, if any.</summary>
    byte[]? Step(ReadOnlySpan<byte> token, out bool established);

    /// <summary>GSS_Wrap without confidentiality.</summary>
    byte[] Wrap(ReadOnlySpan<byte> message);

    /// <summary>GSS_Unwrap: throws <see cref="SaslException"/> when the message is not the peer's.</summary>
    byte[] Unwrap(ReadOnlySpan<byte> token);
}
