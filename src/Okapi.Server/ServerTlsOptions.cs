using System.Security.Cryptography.X509Certificates;

namespace Okapi.Server;

/// <summary>Whether a client has to show a certificate.</summary>
public enum ClientCertificateMode
{
    /// <summary>It is not asked for one.</summary>
    None = 0,

    /// <summary>It is asked for one and may go without.</summary>
    Want = 1,

    /// <summary>It is cut off without one.</summary>
    Need = 2,
}

/// <summary>How an embedded server does TLS 1.2 and 1.3.</summary>
public sealed class ServerTlsOptions
{
    /// <summary>The server's certificate, with its private key.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>Whether clients show a certificate; None by default. One that is accepted authenticates the session with the scheme "x509". (ssl.clientAuth)</summary>
    public ClientCertificateMode ClientCertificate { get; set; }

    /// <summary>The authorities that may have signed clients' certificates, and nobody else; needed unless <see cref="ClientCertificate"/> is None.</summary>
    public X509Certificate2Collection ClientAuthorities { get; } = [];

    internal ServerTlsOptions Clone()
    {
        var copy = new ServerTlsOptions { Certificate = Certificate, ClientCertificate = ClientCertificate };
        copy.ClientAuthorities.AddRange(ClientAuthorities);
        return copy;
    }

    internal void Validate()
    {
        if (!Enum.IsDefined(ClientCertificate)) throw new ArgumentException($"{nameof(ClientCertificate)} {ClientCertificate} is not one of {string.Join(", ", Enum.GetNames<ClientCertificateMode>())}.");
        if (Certificate is null || !Certificate.HasPrivateKey) throw new ArgumentException($"{nameof(Certificate)} is missing, or has no private key.");
        if (ClientCertificate != ClientCertificateMode.None && ClientAuthorities.Count == 0)
            throw new ArgumentException($"{nameof(ClientCertificate)} is {ClientCertificate} and {nameof(ClientAuthorities)} is empty: no certificate could be accepted.");
    }
}
