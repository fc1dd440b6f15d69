using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Okapi.Conformance.Tests.Rows;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Security;

/// <summary>TLS with real servers: what they show, what they ask for, and what happens when their files change.</summary>
public abstract class TlsTests(TargetFixture plain)
{
    public sealed class OnApache(SharedApache plain) : TlsTests(plain)
    {
        protected override async Task<Target> StartAsync(TlsTarget tls)
        {
            NeedApache.OrSkip();
            return await ApacheTarget.StartAsync(new() { Tls = tls });
        }
    }

    public sealed class OnEmbedded(SharedEmbedded plain) : TlsTests(plain)
    {
        protected override async Task<Target> StartAsync(TlsTarget tls) => await EmbeddedTarget.StartAsync(new() { Tls = tls }, ServerVersion.V38);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H67_A_client_trusts_what_it_is_told_to_and_nothing_else()
    {
        await using Target server = await StartAsync(new());
        int port = server.Tls.Port;
        foreach (string host in new[] { "localhost", "127.0.0.1" })
        {
            foreach (SslProtocols protocol in new[] { SslProtocols.Tls12, SslProtocols.Tls13 })
            {
                ZooKeeperOptions good = Options(server, host);
                SslProtocols offered = SslProtocols.None;
                good.Tls.Configure = handshake => offered = handshake.EnabledSslProtocols = protocol;
                await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(good, Cancel);
                await zk.CreateAsync("/tls", new byte[300_000], CreateMode.Ephemeral, cancellationToken: Cancel); // many records of 16 KiB
                Assert.Equal(300_000, (await zk.GetAsync("/tls", Cancel)).Data.Length);
                Assert.Equal(protocol, offered);
            }
        }

        ZooKeeperOptions platform = Options(server);
        platform.Tls.TrustedCertificatesFile = null;
        await ShouldFailAsync(platform, "not trusted: PartialChain");
        ZooKeeperOptions foreign = Options(server);
        foreign.Tls.TrustedCertificatesFile = server.Tls.OtherCaPem;
        await ShouldFailAsync(foreign, "not trusted: PartialChain");
        foreign.Tls.DangerousAcceptAnyServerName = true; // any name, not any authority
        await ShouldFailAsync(foreign, "not trusted: PartialChain");
        foreign.Tls.DangerousAcceptAnyCertificate = true;
        await ShouldConnectAsync(foreign);
        ZooKeeperOptions otherName = Options(server);
        otherName.Tls.ServerName = "zk.example";
        await ShouldFailAsync(otherName, "not issued to zk.example (it names localhost, 127.0.0.1)");

        // Either side without TLS: a clear word, and well before the time for connecting is over.
        ZooKeeperOptions plainClient = new() { ConnectString = $"localhost:{port}", ConnectTimeout = TimeSpan.FromSeconds(20) };
        await ShouldFailAsync(plainClient, "closed the connection before it answered the session's handshake");
        ZooKeeperOptions plainPort = Options(server);
        plainPort.ConnectString = server.ConnectString;
        await ShouldFailAsync(plainPort, "does this port speak TLS");
        ZooKeeperOptions plainServer = Options(server);
        plainServer.ConnectString = plain.Target.ConnectString;
        await ShouldFailAsync(plainServer, "does this port speak TLS");

        // What has failed in between has not made any difference.
        await ShouldConnectAsync(Options(server));
    }

    [Fact]
    public async Task H67_A_servers_certificate_for_another_name_is_refused_unless_that_name_is_wanted()
    {
        await using Target server = await StartAsync(new() { ServerName = "zk.okapi.test" });
        await ShouldFailAsync(Options(server), "not issued to localhost (it names zk.okapi.test)");
        await ShouldFailAsync(Options(server, "127.0.0.1"), "not issued to 127.0.0.1 (it names zk.okapi.test)");
        ZooKeeperOptions named = Options(server, "127.0.0.1");
        named.Tls.ServerName = "zk.okapi.test";
        await ShouldConnectAsync(named);
        ZooKeeperOptions any = Options(server);
        any.Tls.DangerousAcceptAnyServerName = true;
        await ShouldConnectAsync(any);
    }

    [Fact]
    public async Task H67_A_servers_expired_certificate_is_refused_whatever_its_name()
    {
        await using Target server = await StartAsync(new() { IsExpired = true });
        await ShouldFailAsync(Options(server), "not trusted: NotTimeValid");
        ZooKeeperOptions any = Options(server);
        any.Tls.DangerousAcceptAnyServerName = true;
        await ShouldFailAsync(any, "not trusted: NotTimeValid");
    }

    [Fact]
    public async Task A_server_that_needs_the_clients_certificate_gets_it_and_renewed_files_count_for_the_next_connection()
    {
        await using Target server = await StartAsync(new() { ClientCertificate = ClientCertificateMode.Need });
        string folder = server.Tls.Folder;
        // Apache's says why, in an alert; .NET on Linux has no means to, and just ends the connection.
        await ShouldFailAsync(Options(server), server is ApacheTarget ? "certificate" : "closed the connection before it answered the session's handshake");

        ZooKeeperOptions p12 = Options(server);
        p12.Tls.ClientCertificateFile = server.Tls.ClientP12;
        p12.Tls.ClientKeyPassword = server.Tls.Password;
        await using (ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(p12, Cancel))
            Assert.Contains(await zk.WhoAmIAsync(Cancel), who => who is { Scheme: "x509", User: "CN=okapi test client" });

        // A client that renews its certificate, behind a proxy, and runs on.
        await using var proxy = new SocketProxy(server.Tls.Port);
        string pem = Copy(server.Tls.ClientPem, "renewed.pem"), key = Copy(server.Tls.ClientKey, "renewed.key"), trusted = Copy(server.Tls.CaPem, "trusted.pem");
        ZooKeeperOptions options = Options(server);
        options.ConnectString = $"localhost:{proxy.Port}";
        options.BackoffMinimum = options.BackoffMaximum = TimeSpan.FromMilliseconds(50);
        options.Tls.TrustedCertificatesFile = trusted;
        options.Tls.ClientCertificateFile = pem;
        options.Tls.ClientKeyFile = key;
        using var log = new LogRecorder();
        options.LoggerFactory = log;
        await using ZooKeeperClient renewing = await ZooKeeperClient.ConnectAsync(options, Cancel);
        Assert.Contains(await renewing.WhoAmIAsync(Cancel), who => who is { Scheme: "x509", User: "CN=okapi test client" });
        long session = renewing.SessionId;
        using (TestAuthority authority = TestAuthority.Load(server.Tls.CaPem, server.Tls.CaKey))
        using (X509Certificate2 renewed = authority.Issue("renewed client", ["okapi-client"], TestAuthority.ClientAuthentication))
        {
            File.WriteAllText(pem, renewed.ExportCertificatePem());
            File.WriteAllText(key, renewed.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        }

        Assert.Contains(await renewing.WhoAmIAsync(Cancel), who => who is { Scheme: "x509", User: "CN=okapi test client" }); // a connection in use stays
        await proxy.CutAsync();
        Assert.Contains(await renewing.WhoAmIAsync(Cancel), who => who is { Scheme: "x509", User: "CN=renewed client" });

        // An embedded server has its certificate from its options, for as long as it lives.
        if (server is not ApacheTarget apache) return;

        // The servers' authority is replaced as well: refused until the client's file has the new one, with no new client.
        using var successor = TestAuthority.Create("successor");
        using (X509Certificate2 own = successor.Issue("server", ["localhost"]))
            File.WriteAllText(Path.Combine(folder, "server-both.pem"), own.ExportCertificatePem() + "\n" + own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem() + "\n");
        await apache.RestartAsync();
        await WaitForAsync(() => log.Entries.Any(entry => entry.Id == 2 && entry.Text.Contains("not trusted: PartialChain", StringComparison.Ordinal)));
        Assert.False(renewing.IsConnected);
        File.WriteAllText(trusted, successor.Pem);
        Assert.Contains(await renewing.WhoAmIAsync(Cancel), who => who is { Scheme: "x509", User: "CN=renewed client" });
        Assert.Equal(session, renewing.SessionId);

        string Copy(string from, string name)
        {
            string to = Path.Combine(folder, name);
            File.Copy(from, to);
            return to;
        }

        async Task WaitForAsync(Func<bool> reached)
        {
            for (int failures = 1; !reached(); failures++) await log.WaitAsync(2, failures, Cancel);
        }
    }

    internal static ZooKeeperOptions Options(Target server, string host = "localhost") => new()
    {
        ConnectString = $"{host}:{server.Tls.Port}",
        ConnectTimeout = TimeSpan.FromSeconds(20),
        SessionTimeout = TimeSpan.FromSeconds(30),
        Tls = { Enabled = true, TrustedCertificatesFile = server.Tls.CaPem },
    };

    protected abstract Task<Target> StartAsync(TlsTarget tls);

    private static async Task ShouldConnectAsync(ZooKeeperOptions options)
    {
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options, Cancel);
        Assert.NotNull(await zk.ExistsAsync("/", Cancel));
    }

    private static async Task ShouldFailAsync(ZooKeeperOptions options, string reason)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        ConnectFailedException failed = await FailedAttempts.OfAsync(options, Cancel);
        Assert.True(failed.Message.Contains(reason, StringComparison.Ordinal), failed.Message);
        Assert.Contains(options.ConnectString, failed.Message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < options.ConnectTimeout, $"It took {watch.Elapsed}."); // the server's refusal ended it, not the clock
    }
}
