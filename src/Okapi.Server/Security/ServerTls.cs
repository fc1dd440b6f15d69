using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Okapi.Server.Security;

/// <summary>Secures connections as the options say.</summary>
internal sealed class ServerTls(ServerTlsOptions options)
{
    /// <summary>Makes a secured stream of a plain one.</summary>
    /// <returns>The stream, and the subject of the client's certificate if it showed one.</returns>
    /// <exception cref="AuthenticationException">The client did not want it so, or is not welcome.</exception>
    public async Task<(Stream Stream, string? Subject)> AuthenticateAsync(Stream plain, TimeSpan timeout, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        var tls = new SslStream(plain, leaveInnerStreamOpen: false);
        try
        {
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificate = options.Certificate,
                    ClientCertificateRequired = options.ClientCertificate != ClientCertificateMode.None,
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                    CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                    RemoteCertificateValidationCallback = (_, certificate, _, _) => IsAccepted(certificate),
                },
                limit.Token).ConfigureAwait(false);
            return (tls, tls.RemoteCertificate is { } shown ? SubjectOf(shown) : null);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private bool IsAccepted(X509Certificate? certificate)
    {
        if (certificate is null) return options.ClientCertificate != ClientCertificateMode.Need;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(options.ClientAuthorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using X509Certificate2 copy = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return chain.Build(copy);
    }

    /// <summary>The subject as Java writes it (RFC 2253), which is what ACLs hold: the last part first, and nothing between the parts but a comma.</summary>
    private static string SubjectOf(X509Certificate certificate)
    {
        using X509Certificate2 copy = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return copy.SubjectName.Decode(X500DistinguishedNameFlags.Reversed | X500DistinguishedNameFlags.UseUTF8Encoding).Replace(", ", ",", StringComparison.Ordinal);
    }
}
