using System.Net.Security;

namespace Okapi;

/// <summary>
/// TLS. Turned on, the platform's trust, TLS 1.2 or newer, and a check of the server's certificate against the host name in the
/// connect string are the defaults. Files are read anew for each connection once they have changed, so that certificates can be renewed
/// under a running client.
/// </summary>
public sealed class TlsOptions
{
    /// <summary>Whether connections use TLS.</summary>
    public bool Enabled { get; set; }

    /// <summary>A PEM file of certificate authorities to trust instead of the platform's; null: the platform's.</summary>
    public string? TrustedCertificatesFile { get; set; }

    /// <summary>The client's certificate: a PEM file (with <see cref="ClientKeyFile"/>) or a PKCS#12 file; null: none.</summary>
    public string? ClientCertificateFile { get; set; }

    /// <summary>The client's private key in PEM; null where the certificate's file has it.</summary>
    public string? ClientKeyFile { get; set; }

    /// <summary>The password of the PKCS#12 file or of the encrypted key; null: none.</summary>
    public string? ClientKeyPassword { get; set; }

    /// <summary>The name that the server's certificate must have; null: the host in the connect string.</summary>
    public string? ServerName { get; set; }

    /// <summary>Whether revocation of the server's certificate is checked online. Off by default: private authorities seldom publish lists.</summary>
    public bool CheckRevocation { get; set; }

    /// <summary>Takes any name in the server's certificate. Whoever has any certificate of a trusted authority can then read and change everything.</summary>
    public bool DangerousAcceptAnyServerName { get; set; }

    /// <summary>Takes any certificate from anyone. For experiments only: such a connection is not protected.</summary>
    public bool DangerousAcceptAnyCertificate { get; set; }

    /// <summary>A last word on the handshake's options, called for each connection; null: none.</summary>
    public Action<SslClientAuthenticationOptions>? Configure { get; set; }

    internal TlsOptions Clone() => (TlsOptions)MemberwiseClone();

    internal void Validate()
    {
        if (!Enabled) return;
        RequireFile(TrustedCertificatesFile, nameof(TrustedCertificatesFile));
        RequireFile(ClientCertificateFile, nameof(ClientCertificateFile));
        RequireFile(ClientKeyFile, nameof(ClientKeyFile));
        if (ClientKeyFile is not null && ClientCertificateFile is null)
            throw new ArgumentException($"Tls.{nameof(ClientKeyFile)} is set and Tls.{nameof(ClientCertificateFile)} is not; a key needs its certificate.");
    }

    private static void RequireFile(string? file, string name)
    {
        if (file is not null && !File.Exists(file)) throw new ArgumentException($"Tls.{name} \"{file}\" does not exist.");
    }
}
