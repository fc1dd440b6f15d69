using System.Net;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Okapi.TestSupport;

/// <summary>A certification authority that lives for a test, and whatever certificates the test wants from it, good ones and bad ones.</summary>
public sealed class TestAuthority : IDisposable
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _own;

    private TestAuthority(X509Certificate2 own) => _own = own;

    /// <summary>The authority's own certificate in PEM.</summary>
    public string Pem => _own.ExportCertificatePem();

    /// <summary>Its private key in PEM.</summary>
    public string KeyPem => _own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();

    public static TestAuthority Create(string name = "okapi test authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return new(request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-20), DateTimeOffset.UtcNow.AddDays(30)));
    }

    /// <summary>An authority whose certificate and key are in PEM files.</summary>
    public static TestAuthority Load(string certificateFile, string keyFile) => new(X509Certificate2.CreateFromPemFile(certificateFile, keyFile));

    /// <summary>Makes a certificate.</summary>
    /// <param name="commonName">The common name of its subject.</param>
    /// <param name="names">Its alternative names, addresses as such; empty: no such extension.</param>
    /// <param name="usage">What it may be used for.</param>
    /// <param name="from">The first day it is valid, counted from today.</param>
    /// <param name="to">The last day it is valid, counted from today.</param>
    /// <param name="selfSigned">Whether it vouches for itself instead of being vouched for by the authority.</param>
    /// <param name="revocationList">Where whoever checks finds out whether it has been revoked; null: nowhere.</param>
    /// <returns>The certificate with its key.</returns>
    public X509Certificate2 Issue(string commonName, string[] names, string usage = ServerAuthentication, int from = -1, int to = 20, bool selfSigned = false, Uri? revocationList = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={commonName}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        if (revocationList is not null) request.CertificateExtensions.Add(CertificateRevocationListBuilder.BuildCrlDistributionPointExtension([revocationList.ToString()]));
        if (names.Length > 0)
        {
            var alternatives = new SubjectAlternativeNameBuilder();
            foreach (string name in names)
            {
                if (name.StartsWith("dns:", StringComparison.Ordinal)) alternatives.AddDnsName(name[4..]); // an address given as if it were a name
                else if (IPAddress.TryParse(name, out IPAddress? address)) alternatives.AddIpAddress(address);
                else alternatives.AddDnsName(name);
            }

            request.CertificateExtensions.Add(alternatives.Build());
        }

        DateTimeOffset notBefore = DateTimeOffset.UtcNow.AddDays(from), notAfter = DateTimeOffset.UtcNow.AddDays(to);
        if (selfSigned) return request.CreateSelfSigned(notBefore, notAfter);
        if (notBefore < _own.NotBefore) notBefore = _own.NotBefore;
        using X509Certificate2 issued = request.Create(_own, notBefore, notAfter, RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>A signed list of the certificates that have been revoked, in DER.</summary>
    public byte[] Revoke(params X509Certificate2[] revoked)
    {
        var list = new CertificateRevocationListBuilder();
        foreach (X509Certificate2 certificate in revoked) list.AddEntry(certificate, DateTimeOffset.UtcNow.AddHours(-1), X509RevocationReason.KeyCompromise);
        return list.Build(_own, BigInteger.One, DateTimeOffset.UtcNow.AddDays(1), HashAlgorithmName.SHA256, thisUpdate: DateTimeOffset.UtcNow.AddHours(-2));
    }

    public void Dispose() => _own.Dispose();
}
