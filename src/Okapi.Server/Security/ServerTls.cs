using System.Formats.Asn1;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Okapi.Server.Security;

/// <summary>Secures connections as the options say.</summary>
internal sealed class ServerTls(ServerTlsOptions options)
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly SslStreamCertificateContext _certificate = SslStreamCertificateContext.Create(Usable(options.Certificate!), additionalCertificates: null, offline: true);

    /// <summary>Makes a secured stream of a plain one, or ends the plain one.</summary>
    /// <returns>The stream, and the subject of the client's certificate if it showed one.</returns>
    /// <exception cref="AuthenticationException">The client does not speak TLS as it is wanted here, or is not welcome.</exception>
    /// <exception cref="IOException">The client has gone.</exception>
    /// <exception cref="OperationCanceledException">The client has not said enough in time, or the server ends.</exception>
    public async Task<(SecureStream Stream, string? Subject)> AuthenticateAsync(NetworkStream plain, TimeSpan timeout, TimeProvider time, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(timeout, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        var tls = new SecureStream(plain);
        try
        {
            await tls.AuthenticateAsServerAsync(Handshake(), limit.Token).ConfigureAwait(false);
            return (tls, tls.RemoteCertificate is { } shown ? SubjectOf(shown) : null);
        }
        catch (Exception error)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            if (error is OperationCanceledException && late.IsCancellationRequested) throw new OperationCanceledException($"It was not done in {timeout}.", error);
            throw;
        }
    }

    private SslServerAuthenticationOptions Handshake()
    {
        var handshake = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _certificate,
            ClientCertificateRequired = options.ClientCertificate != ClientCertificateMode.None,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            AllowRenegotiation = false,
            AllowTlsResume = false, // each connection shows its certificate anew
            RemoteCertificateValidationCallback = (_, _, _, errors) => IsAccepted(errors),
        };
        if (options.ClientCertificate == ClientCertificateMode.None) return handshake;
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true, // a client does not decide where this server looks for certificates
        };
        policy.CustomTrustStore.AddRange(options.ClientAuthorities);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        handshake.CertificateChainPolicy = policy;
        return handshake;
    }

    private bool IsAccepted(SslPolicyErrors errors) =>
        errors == SslPolicyErrors.None
        || ((errors & SslPolicyErrors.RemoteCertificateNotAvailable) != 0 && options.ClientCertificate != ClientCertificateMode.Need);

    private static string? SubjectOf(X509Certificate shown)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(shown.GetRawCertData());
        try
        {
            // Without a name (it may have alternative ones) it is nobody in particular.
            return SubjectName.Of(certificate.SubjectName.RawData) is { Length: > 0 } name ? name : null;
        }
        catch (AsnContentException error)
        {
            throw new AuthenticationException("The subject of the client's certificate cannot be read.", error);
        }
    }

    // Windows does not take a key that is in no store, which is where those from PEM are; what comes from PFX it takes.
    private static X509Certificate2 Usable(X509Certificate2 certificate) =>
        OperatingSystem.IsWindows() ? X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null) : certificate;
}
