using System.Buffers;
using System.Net;
using System.Net.Security;

namespace Okapi.Security;

/// <summary>A Kerberos context of the platform: GSS-API (MIT or Heimdal) on Unix, SSPI on Windows.</summary>
internal sealed class NegotiateGssContext : IGssContext
{
    private readonly NegotiateAuthentication authentication;

    internal NegotiateGssContext(string targetName, NetworkCredential? credential)
    {
        authentication = new NegotiateAuthentication(new NegotiateAuthenticationClientOptions
        {
            // "Negotiate" could fall back to NTLM, which Java's server does not speak and which is weaker.
            Package = "Kerberos",
            TargetName = targetName,
            Credential = credential ?? CredentialCache.DefaultNetworkCredentials,
            // GSS_Wrap of the offer needs integrity, though no layer is used afterwards (RFC 4752 section 3.1).
            RequiredProtectionLevel = ProtectionLevel.Sign,
            // So that the server proves itself too, as rspauth does in DIGEST-MD5.
            RequireMutualAuthentication = true,
        });
    }

    public byte[]? Step(ReadOnlySpan<byte> token, out bool established)
    {
        byte[]? next = authentication.GetOutgoingBlob(token, out NegotiateAuthenticationStatusCode status);
        established = status == NegotiateAuthenticationStatusCode.Completed;
        if (!established && status != NegotiateAuthenticationStatusCode.ContinueNeeded)
            throw Failure("the security context failed", status);
        if (established && !authentication.IsMutuallyAuthenticated)
            throw new SaslException("GSSAPI: the server did not prove its identity (no mutual authentication).");
        return next;
    }

    public byte[] Wrap(ReadOnlySpan<byte> message)
    {
        ArrayBufferWriter<byte> output = new();
        NegotiateAuthenticationStatusCode status = authentication.Wrap(message, output, requestEncryption: false, out _);
        return status == NegotiateAuthenticationStatusCode.Completed
            ? output.WrittenSpan.ToArray()
            : throw Failure("the answer to the security layer offer could not be wrapped", status);
    }

    public byte[] Unwrap(ReadOnlySpan<byte> token)
    {
        ArrayBufferWriter<byte> output = new();
        NegotiateAuthenticationStatusCode status = authentication.Unwrap(token, output, out _);
        return status == NegotiateAuthenticationStatusCode.Completed
            ? output.WrittenSpan.ToArray()
            : throw Failure("the security layer offer could not be unwrapped", status);
    }

    public void Dispose() => authentication.Dispose();

    private static SaslException Failure(string what, NegotiateAuthenticationStatusCode status)
    {
        string hint = status switch
        {
            NegotiateAuthenticationStatusCode.Unsupported => " (is the Kerberos library of the system installed?)",
            NegotiateAuthenticationStatusCode.UnknownCredentials => " (is there a ticket, or a user name and password?)",
            // MIT's library has one code for a service the KDC does not know and for a KDC out of reach.
            NegotiateAuthenticationStatusCode.TargetUnknown or NegotiateAuthenticationStatusCode.GenericFailure =>
                " (is the KDC in reach, and does the realm know the service and host name?)",
            _ => "",
        };
        return new SaslException($"GSSAPI: {what}: {status}{hint}.");
    }
}
