using System.Security.Cryptography.X509Certificates;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.TestServers;

/// <summary>How a server that is put to the test does TLS.</summary>
public sealed record TlsTarget
{
    public ClientCertificateMode ClientCertificate { get; init; }

    /// <summary>The only name in the server's certificate; null: localhost and 127.0.0.1.</summary>
    public string? ServerName { get; init; }

    public bool IsExpired { get; init; }
}

/// <summary>The files that clients have to do with, under the names that eng/apache-zookeeper gives them.</summary>
public sealed record TlsFiles(string Folder, int Port, string Password)
{
    public string CaPem => Path.Combine(Folder, "ca.pem");

    public string CaKey => Path.Combine(Folder, "ca.key");

    public string OtherCaPem => Path.Combine(Folder, "other-ca.pem");

    public string ClientPem => Path.Combine(Folder, "client.pem");

    public string ClientKey => Path.Combine(Folder, "client.key");

    public string ClientP12 => Path.Combine(Folder, "client.p12");
}

/// <summary>The certificates of an embedded server and its clients; the files are gone when it is disposed.</summary>
public sealed class EmbeddedTls : IDisposable
{
    public const string Password = "okapi-tls";

    private readonly X509Certificate2 _server;

    private EmbeddedTls(string folder, X509Certificate2 server, ServerTlsOptions options)
    {
        Folder = folder;
        _server = server;
        Options = options;
    }

    public string Folder { get; }

    public ServerTlsOptions Options { get; }

    public static EmbeddedTls Create(TlsTarget target)
    {
        var files = new TlsFiles(Directory.CreateTempSubdirectory("okapi-tls-").FullName, 0, Password);
        using var authority = TestAuthority.Create("okapi test ca");
        using var other = TestAuthority.Create("okapi test other-ca");
        using X509Certificate2 client = authority.Issue("okapi test client", ["okapi-client"], TestAuthority.ClientAuthentication);
        X509Certificate2 server = authority.Issue("okapi test server", target.ServerName is { } name ? [name] : ["localhost", "127.0.0.1"], from: target.IsExpired ? -20 : -1, to: target.IsExpired ? -10 : 20);
        File.WriteAllText(files.CaPem, authority.Pem);
        File.WriteAllText(files.CaKey, authority.KeyPem);
        File.WriteAllText(files.OtherCaPem, other.Pem);
        File.WriteAllText(files.ClientPem, client.ExportCertificatePem());
        File.WriteAllText(files.ClientKey, client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        File.WriteAllBytes(files.ClientP12, client.Export(X509ContentType.Pkcs12, Password));
        var options = new ServerTlsOptions { Certificate = server, ClientCertificate = target.ClientCertificate };
        options.ClientAuthorities.ImportFromPem(authority.Pem);
        return new(files.Folder, server, options);
    }

    public void Dispose()
    {
        _server.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
