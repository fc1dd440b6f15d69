using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Okapi.Client.Tests.Performance;
using Okapi.Connections;
using Okapi.Security;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>TLS with servers as no sound server is. What a real one does is in the conformance tests.</summary>
public sealed class TlsTests : IDisposable
{
    private static readonly string[] Local = ["localhost", "127.0.0.1"];

    private readonly TestAuthority _authority = TestAuthority.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("okapi-tls-").FullName;

    /// <summary>Title; host to connect to; certificate; a change of the options; what the reason must say. (No reason: it connects.)</summary>
    private static readonly Dictionary<string, (string Host, Func<TestAuthority, X509Certificate2> Certificate, Action<TlsOptions> Change, string? Reason)> Table = new()
    {
        ["the name is right"] = ("localhost", a => a.Issue("x", ["localhost"]), _ => { }, null),
        ["the address is right"] = ("127.0.0.1", a => a.Issue("x", ["127.0.0.1"]), _ => { }, null),
        ["the name fits a wildcard"] = ("localhost", a => a.Issue("x", ["*.okapi.test"]), tls => tls.ServerName = "a.okapi.test", null),
        ["the name does not fit a wildcard, which stands for one label"] = ("localhost", a => a.Issue("x", ["*.okapi.test"]), tls => tls.ServerName = "a.b.okapi.test", "not issued to a.b.okapi.test"),
        ["the name is another's"] = ("localhost", a => a.Issue("x", ["other.test"]), _ => { }, "not issued to localhost (it names other.test)"),
        ["the name is another's and ServerName is that name"] = ("localhost", a => a.Issue("x", ["other.test"]), tls => tls.ServerName = "other.test", null),
        ["ServerName counts and not the host"] = ("localhost", a => a.Issue("x", Local), tls => tls.ServerName = "other.test", "not issued to other.test"),
        ["only the common name is right"] = ("localhost", a => a.Issue("localhost", []), _ => { }, "not issued to localhost"),
        ["only the common name is right, beside an address"] = ("localhost", a => a.Issue("localhost", ["127.0.0.1"]), _ => { }, "not issued to localhost"),
        ["only the common name is the address"] = ("127.0.0.1", a => a.Issue("127.0.0.1", []), _ => { }, "not issued to 127.0.0.1"),
        ["the address is named as if it were a name"] = ("127.0.0.1", a => a.Issue("x", ["dns:127.0.0.1"]), _ => { }, "not issued to 127.0.0.1"),
        ["the address is not named"] = ("127.0.0.1", a => a.Issue("x", ["localhost"]), _ => { }, "not issued to 127.0.0.1"),
        ["it has expired"] = ("localhost", a => a.Issue("x", Local, from: -9, to: -8), _ => { }, "NotTimeValid"),
        ["it is not valid yet"] = ("localhost", a => a.Issue("x", Local, from: 8, to: 9), _ => { }, "NotTimeValid"),
        ["it is a client's"] = ("localhost", a => a.Issue("x", Local, TestAuthority.ClientAuthentication), _ => { }, "NotValidForUsage"),
        ["it vouches for itself"] = ("localhost", a => a.Issue("x", Local, selfSigned: true), _ => { }, "UntrustedRoot"),
        ["another authority vouches for it"] = ("localhost", _ => Foreign(), _ => { }, "PartialChain"),
        ["the platform does not trust the authority"] = ("localhost", a => a.Issue("x", Local), tls => tls.TrustedCertificatesFile = null, "PartialChain"),
        ["the platform does not trust it, and it is a client's"] = ("localhost", a => a.Issue("x", Local, TestAuthority.ClientAuthentication), tls => tls.TrustedCertificatesFile = null, "NotValidForUsage"),
        ["any name: the name is another's"] = ("localhost", a => a.Issue("x", ["other.test"]), AnyName, null),
        ["any name: only the common name is there"] = ("localhost", a => a.Issue("y", []), AnyName, null),
        ["any name: it has expired"] = ("localhost", a => a.Issue("x", Local, from: -9, to: -8), AnyName, "NotTimeValid"),
        ["any name: it is a client's"] = ("localhost", a => a.Issue("x", Local, TestAuthority.ClientAuthentication), AnyName, "NotValidForUsage"),
        ["any name: another authority vouches for it"] = ("localhost", _ => Foreign(), AnyName, "PartialChain"),
        ["any certificate: it vouches for itself, is a client's, has expired and is another's"] =
            ("localhost", a => a.Issue("x", ["other.test"], TestAuthority.ClientAuthentication, -9, -8, selfSigned: true), tls => tls.DangerousAcceptAnyCertificate = true, null),
    };

    public static TheoryData<string> Titles => [.. Table.Keys];

    [Theory, MemberData(nameof(Titles))]
    public async Task H67_A_servers_certificate_is_judged(string title)
    {
        (string host, Func<TestAuthority, X509Certificate2> issue, Action<TlsOptions> change, string? reason) = Table[title];
        using X509Certificate2 certificate = issue(_authority);
        await using var server = new TlsServer(certificate);
        ZooKeeperOptions options = Options(server.Port, host);
        change(options.Tls);
        if (reason is null)
        {
            await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
            await server.ArrivalAsync();
            return;
        }

        ConnectFailedException failed = await FailedAttempts.OfAsync(options, TestContext.Current.CancellationToken);
        Assert.Contains(reason, failed.Message, StringComparison.Ordinal);
        Assert.Contains($"{host}:{server.Port}", failed.Message, StringComparison.Ordinal);
        Assert.IsType<AuthenticationException>(failed.Attempts.Single().Error);
    }

    [Fact]
    public async Task A_certificate_that_vouches_for_itself_is_taken_if_it_is_the_trusted_one()
    {
        using X509Certificate2 certificate = _authority.Issue("x", Local, selfSigned: true);
        await using var server = new TlsServer(certificate);
        ZooKeeperOptions options = Options(server.Port);
        options.Tls.TrustedCertificatesFile = Write("own.pem", certificate.ExportCertificatePem());
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
        await server.ArrivalAsync();
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task TLS_1_2_and_1_3_will_do(SslProtocols protocol)
    {
        using X509Certificate2 certificate = _authority.Issue("x", Local);
        await using var server = new TlsServer(certificate, protocol);
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(Options(server.Port), TestContext.Current.CancellationToken);
        Assert.Equal(protocol, (await server.ArrivalAsync()).Protocol);
    }

    [Fact]
    public async Task A_server_of_TLS_1_1_is_refused()
    {
        using X509Certificate2 certificate = _authority.Issue("x", Local);
#pragma warning disable SYSLIB0039, CA5397 // the point is that they are refused
        await using var server = new TlsServer(certificate, SslProtocols.Tls | SslProtocols.Tls11);
#pragma warning restore SYSLIB0039, CA5397
        ConnectFailedException failed = await FailedAttempts.OfAsync(Options(server.Port), TestContext.Current.CancellationToken);
        Assert.Contains("TLS handshake", failed.Message, StringComparison.Ordinal);
    }

    // What OpenSSL would let through depends on its configuration, so it is the client's own offer that is looked at.
    [Theory]
    [InlineData("localhost", null, "localhost")]
    [InlineData("127.0.0.1", null, null)]
    [InlineData("127.0.0.1", "other.test", "other.test")]
    public async Task The_client_offers_TLS_1_2_and_1_3_only_and_tells_the_name_it_wants_unless_that_is_an_address(string host, string? serverName, string? told)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        ZooKeeperOptions options = Options(((IPEndPoint)listener.LocalEndpoint).Port, host);
        options.Tls.ServerName = serverName;
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        using TcpClient client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        byte[] hello = await ReadRecordAsync(client.GetStream());
        Dictionary<int, byte[]> extensions = Extensions(hello);
        byte[] versions = extensions[43];
        Assert.Equal([0x0304, 0x0303], Enumerable.Range(0, versions[0] / 2).Select(i => (int)BinaryPrimitives.ReadUInt16BigEndian(versions.AsSpan(1 + (2 * i)))).Where(version => (version & 0x0f0f) != 0x0a0a).OrderDescending());
        Assert.Equal(told, extensions.TryGetValue(0, out byte[]? name) ? Encoding.ASCII.GetString(name, 5, name.Length - 5) : null);
    }

    [Fact]
    public async Task A_handshake_that_stalls_ends_with_the_connect_timeout()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var time = new ManualTime();
        using var log = new LogRecorder();
        ZooKeeperOptions options = Options(((IPEndPoint)listener.LocalEndpoint).Port);
        options.TimeProvider = time;
        options.LoggerFactory = log;
        options.ConnectTimeout = TimeSpan.FromSeconds(3);
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        using TcpClient client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await ReadRecordAsync(client.GetStream());
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.Equal(0, log.Count(2));
        time.Advance(TimeSpan.FromSeconds(0.1));
        await log.WaitAsync(2, 1, TestContext.Current.CancellationToken);
        Assert.Contains("TLS", log.Entries.Single(entry => entry.Id == 2).Text, StringComparison.Ordinal);
        using var patience = new CancellationTokenSource(ScriptedPeer.Patience);
        Assert.Equal(0, await client.GetStream().ReadAsync(new byte[16], patience.Token)); // nothing is left open
    }

    public static TheoryData<string, bool> ClientFiles => new()
    {
        { "a certificate and a key in PEM", true },
        { "both in one PEM file", true },
        { "an encrypted key in PEM", true },
        { "PKCS#12", true },
        { "PKCS#12 with a wrong password", false },
        { "an encrypted key without its password", false },
        { "an encrypted key with a wrong password", false },
        { "a certificate without a key", false },
        { "a key of another certificate", false },
        { "no certificate at all", false },
    };

    [Theory, MemberData(nameof(ClientFiles))]
    public async Task A_client_shows_its_certificate(string title, bool works)
    {
        using X509Certificate2 certificate = _authority.Issue("x", Local);
        using X509Certificate2 own = _authority.Issue("okapi", ["okapi"], TestAuthority.ClientAuthentication);
        using X509Certificate2 other = _authority.Issue("other", ["other"], TestAuthority.ClientAuthentication);
        using ECDsa key = own.GetECDsaPrivateKey()!;
        using ECDsa otherKey = other.GetECDsaPrivateKey()!;
        string encrypted = key.ExportEncryptedPkcs8PrivateKeyPem("sesame", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        string pem = own.ExportCertificatePem();
        await using var server = new TlsServer(certificate, asksForClient: true);
        ZooKeeperOptions options = Options(server.Port);
        TlsOptions tls = options.Tls;
        (tls.ClientCertificateFile, tls.ClientKeyFile, tls.ClientKeyPassword) = title switch
        {
            "a certificate and a key in PEM" => (Write("a.pem", pem), Write("a.key", key.ExportPkcs8PrivateKeyPem()), null),
            "both in one PEM file" => (Write("a.pem", pem + "\n" + key.ExportPkcs8PrivateKeyPem()), null, null),
            "an encrypted key in PEM" => (Write("a.pem", pem), Write("a.key", encrypted), "sesame"),
            "PKCS#12" => (Write("a.p12", own.Export(X509ContentType.Pkcs12, "sesame")), null, "sesame"),
            "PKCS#12 with a wrong password" => (Write("a.p12", own.Export(X509ContentType.Pkcs12, "sesame")), null, "mustard"),
            "an encrypted key with a wrong password" => (Write("a.pem", pem), Write("a.key", encrypted), "mustard"),
            "an encrypted key without its password" => (Write("a.pem", pem), Write("a.key", encrypted), null),
            "a certificate without a key" => (Write("a.pem", pem), null, null),
            "a key of another certificate" => (Write("a.pem", pem), Write("a.key", otherKey.ExportPkcs8PrivateKeyPem()), (string?)null),
            _ => default((string?, string?, string?)),
        };
        if (works)
        {
            await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
            Assert.Equal("CN=okapi", (await server.ArrivalAsync()).Client?.Subject);
            return;
        }

        ConnectFailedException failed = await FailedAttempts.OfAsync(options, TestContext.Current.CancellationToken);
        Assert.DoesNotContain("mustard", failed.ToString(), StringComparison.Ordinal);
        if (tls.ClientCertificateFile is { } file) Assert.Contains(Path.GetFileName(file), failed.Message, StringComparison.Ordinal);
        else Assert.Matches("TLS|certificate|closed the connection", failed.Message);
    }

    [Fact]
    public async Task H12_The_probe_for_a_read_write_server_speaks_TLS_too()
    {
        using X509Certificate2 certificate = _authority.Issue("x", Local);
        await using var server = new TlsServer(certificate);
        ZooKeeperOptions options = Options(server.Port);
        var connector = new TcpConnector(new Tls(options.Tls), new Random(1), TimeProvider.System);
        string answer = await ReadWriteProbe.AskAsync(connector, new("localhost", server.Port), TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal("rw", answer);
    }

    [Fact]
    public async Task Configure_has_the_last_word()
    {
        using X509Certificate2 certificate = _authority.Issue("x", Local);
        await using var server = new TlsServer(certificate);
        ZooKeeperOptions options = Options(server.Port);
        options.Tls.Configure = handshake => handshake.EnabledSslProtocols = SslProtocols.Tls12;
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
        Assert.Equal(SslProtocols.Tls12, (await server.ArrivalAsync()).Protocol);
    }

    [Fact]
    public async Task A_stream_of_the_users_that_fails_is_not_said_to_be_TLS()
    {
        var options = new ZooKeeperOptions { ConnectString = "x:1", ConnectCallback = (_, _) => new(new Failing(Stream.Null)) };
        ConnectFailedException failed = await FailedAttempts.OfAsync(options, TestContext.Current.CancellationToken);
        Assert.Contains("the tunnel is full", failed.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("TLS", failed.Message, StringComparison.Ordinal);
    }

    private sealed class Failing(Stream inner) : CountingStream(inner)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("the tunnel is full", new InvalidOperationException("water"));
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static void AnyName(TlsOptions tls) => tls.DangerousAcceptAnyServerName = true;

    private static X509Certificate2 Foreign()
    {
        using var foreign = TestAuthority.Create("another authority");
        return foreign.Issue("x", Local);
    }

    private ZooKeeperOptions Options(int port, string host = "localhost") => new()
    {
        ConnectString = $"{host}:{port}",
        ConnectTimeout = TimeSpan.FromSeconds(20),
        Tls = { Enabled = true, TrustedCertificatesFile = Write("ca.pem", _authority.Pem) },
    };

    private string Write(string name, string text) => Write(name, Encoding.ASCII.GetBytes(text));

    private string Write(string name, byte[] bytes)
    {
        string file = Path.Combine(_folder, name);
        File.WriteAllBytes(file, bytes);
        return file;
    }

    private static async Task<byte[]> ReadRecordAsync(NetworkStream stream)
    {
        using var patience = new CancellationTokenSource(ScriptedPeer.Patience);
        var header = new byte[5];
        await stream.ReadExactlyAsync(header, patience.Token);
        var body = new byte[BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(3))];
        await stream.ReadExactlyAsync(body, patience.Token);
        return body;
    }

    /// <summary>The extensions of a ClientHello (RFC 8446 section 4.1.2), by their numbers.</summary>
    private static Dictionary<int, byte[]> Extensions(ReadOnlySpan<byte> hello)
    {
        ReadOnlySpan<byte> rest = hello[(4 + 2 + 32)..];
        rest = rest[(1 + rest[0])..]; // session id
        rest = rest[(2 + BinaryPrimitives.ReadUInt16BigEndian(rest))..]; // cipher suites
        rest = rest[(1 + rest[0])..]; // compression methods
        rest = rest[2..];
        var extensions = new Dictionary<int, byte[]>();
        while (rest.Length > 0)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            extensions.Add(BinaryPrimitives.ReadUInt16BigEndian(rest), rest.Slice(4, length).ToArray());
            rest = rest[(4 + length)..];
        }

        return extensions;
    }
}
