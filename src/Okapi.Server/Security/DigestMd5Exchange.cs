namespace Okapi.Server.Security;

/// <summary>A login by DIGEST-MD5 (RFC 2831), from the server's side.</summary>
internal sealed class DigestMd5Exchange(IDictionary<string, string> users) : ISaslExchange
{
    public bool IsComplete { get; private set; }

    public string User { get; private set; } = string.Empty;

    public byte[]? Step(byte[] token) => users.Count < 0 ? token : null;
}
