using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Okapi.Security;

/// <summary>Makes a TLS connection out of a plain one, with the certificates as their files are now.</summary>
internal sealed class Tls(TlsOptions options)
{
    private readonly ReloadedFile<X509Certificate2Collection>? _trusted = options.TrustedCertificatesFile is { } file
        ? new(nameof(TlsOptions.TrustedCertificatesFile), [file], () => LoadTrusted(file))
        : null;
    private readonly ReloadedFile<SslStreamCertificateContext>? _client = options.ClientCertificateFile is { } certificate
        ? new(nameof(TlsOptions.ClientCertificateFile), options.ClientKeyFile is { } key ? [certificate, key] : [certificate], () => LoadClient(options))
        : null;

    public async Task<Stream> AuthenticateAsync(Stream plain, ServerEndpoint server, CancellationToken cancellationToken)
    {
        var verdict = new Verdict(options.ServerName ?? server.Host, options.DangerousAcceptAnyServerName);
        SslClientAuthenticationOptions handshake = Build(verdict);
        var stream = new SslStream(plain, leaveInnerStreamOpen: false);
        try
        {
            await stream.AuthenticateAsClientAsync(handshake, cancellationToken).ConfigureAwait(false);
            return stream;
        }
        catch (Exception error)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw error switch
            {
                AuthenticationException => new AuthenticationException($"The TLS handshake failed: {verdict.Refusal ?? $"{error.Message} {error.InnerException?.Message}".TrimEnd()}", error),
                // What a plain-text port does: it reads the greeting as a frame of 369 MB and closes.
                IOException => new AuthenticationException("The server closed the connection during the TLS handshake: does this port speak TLS, and does the server accept the client's certificate?", error),
                _ => error,
            };
        }
    }

    private SslClientAuthenticationOptions Build(Verdict verdict)
    {
        var result = new SslClientAuthenticationOptions
        {
            TargetHost = verdict.Name,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateRevocationCheckMode = options.CheckRevocation ? X509RevocationMode.Online : X509RevocationMode.NoCheck,
            ClientCertificateContext = _client?.Get(),
            // A renewed certificate must count for the next connection, so the old session is not taken up again.
            AllowTlsResume = false,
        };
        if (_trusted is not null)
        {
            result.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = result.CertificateRevocationCheckMode,
            };
            result.CertificateChainPolicy.CustomTrustStore.AddRange(_trusted.Get());
            result.CertificateChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // server authentication
        }

#pragma warning disable CA5359 // the option's name says what it is
        if (options.DangerousAcceptAnyCertificate) result.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        else result.RemoteCertificateValidationCallback = verdict.Accepts;
        options.Configure?.Invoke(result);
        return result;
    }

    private static X509Certificate2Collection LoadTrusted(string file)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(file);
        return certificates.Count > 0 ? certificates : throw new CryptographicException($"{file} holds no certificate in PEM.");
    }

    private static SslStreamCertificateContext LoadClient(TlsOptions options)
    {
        string file = options.ClientCertificateFile!;
        if (options.ClientKeyFile is null && !IsPem(file))
        {
            X509Certificate2Collection all = X509CertificateLoader.LoadPkcs12CollectionFromFile(file, options.ClientKeyPassword);
            X509Certificate2 own = all.FirstOrDefault(certificate => certificate.HasPrivateKey) ?? throw new CryptographicException($"{file} holds no private key.");
            return SslStreamCertificateContext.Create(own, all, offline: true);
        }

        X509Certificate2 certificate = options.ClientKeyPassword is { } password
            ? X509Certificate2.CreateFromEncryptedPemFile(file, password, options.ClientKeyFile)
            : X509Certificate2.CreateFromPemFile(file, options.ClientKeyFile);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(file);
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    private static bool IsPem(string file)
    {
        using StreamReader reader = File.OpenText(file);
        var start = new char[4096];
        return reader.ReadBlock(start) > 0 && start.AsSpan().IndexOf("-----BEGIN ") >= 0;
    }
}

/// <summary>
/// Judges one server's certificate. The platform does, except that it takes the common name where there is no alternative name: names in there have not
/// counted since RFC 6125, and authorities do not vouch for them.
/// </summary>
internal sealed class Verdict(string name, bool anyName)
{
    public string Name => name;

    /// <summary>Why the certificate was refused; null if it was not. What is in there, whoever answers at the address wrote; it is made printable, because it goes to logs.</summary>
    public string? Refusal { get; private set; }

    public bool Accepts(object sender, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
    {
        if (shown is not X509Certificate2 certificate)
        {
            Refusal = "the server showed no certificate.";
        }
        else if ((errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0)
        {
            IEnumerable<string> faults = chain?.ChainStatus.Select(status => $"{status.Status} ({status.StatusInformation.Trim()})") ?? [];
            Refusal = ZnodePath.ToPrintable($"the server's certificate ({certificate.Subject}) is not trusted: {string.Join(", ", faults)}.");
        }
        else if (!anyName && ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0 || !certificate.MatchesHostname(name, allowWildcards: true, allowCommonName: false)))
        {
            Refusal = ZnodePath.ToPrintable($"the server's certificate is not issued to {name} ({NamesOf(certificate)}).");
        }

        return Refusal is null;
    }

    private static string NamesOf(X509Certificate2 certificate)
    {
        string[] names = [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(extension => extension.EnumerateDnsNames().Concat(extension.EnumerateIPAddresses().Select(address => address.ToString())))];
        return names.Length == 0 ? "it has no subject alternative name" : $"it names {string.Join(", ", names.Take(8))}";
    }
}

/// <summary>Something read from files, read again once one of them has changed.</summary>
internal sealed class ReloadedFile<T>(string option, string[] files, Func<T> load)
    where T : class
{
    private readonly Lock _lock = new();
    private T? _value;
    private long _version;

    public T Get()
    {
        lock (_lock)
        {
            long version = files.Aggregate(17L, (hash, file) => (hash * 31) + File.GetLastWriteTimeUtc(file).Ticks);
            if (_value is null || version != _version) (_value, _version) = (Load(), version);
            return _value;
        }
    }

    private T Load()
    {
        try
        {
            return load();
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CryptographicException($"Tls.{option} {string.Join(" with ", files)} cannot be used: {error.Message}", error);
        }
    }
}
