using System.Text;

namespace Okapi;

/// <summary>A credential that is presented on every connection before any other request.</summary>
public sealed class AuthInfo
{
    private readonly byte[] _credential;

    /// <summary>A credential of any scheme.</summary>
    /// <param name="scheme">The scheme, for example <c>digest</c>.</param>
    /// <param name="credential">The credential in the scheme's own form; for digest <c>user:password</c> in UTF-8.</param>
    public AuthInfo(string scheme, ReadOnlySpan<byte> credential)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(scheme);
        Scheme = scheme;
        _credential = credential.ToArray();
    }

    /// <summary>The scheme.</summary>
    public string Scheme { get; }

    internal ReadOnlyMemory<byte> Credential => _credential;

    /// <summary>A user and password of the digest scheme. Anyone who can read the connection can read them: use TLS.</summary>
    /// <param name="user">The user's name; without a colon.</param>
    /// <param name="password">The password.</param>
    /// <returns>The credential.</returns>
    public static AuthInfo Digest(string user, string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(user);
        ArgumentNullException.ThrowIfNull(password);
        // What follows the colon is likely to be a password given by mistake, so it is not named.
        int colon = user.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0) throw new ArgumentException($"The user name '{user[..colon]}:...' has a colon, which ends the name in the digest scheme.", nameof(user));
        return new("digest", Encoding.UTF8.GetBytes($"{user}:{password}"));
    }

    /// <summary>The scheme alone; the credential is a secret.</summary>
    /// <returns>A text for logs.</returns>
    public override string ToString() => $"{Scheme} credential";
}
