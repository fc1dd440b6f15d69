using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Security;

/// <summary>TLS, seen by a client that is not Okapi's: the platform's own SslStream, and bare sockets.</summary>
public sealed class ServerTlsTests : IDisposable
{
    private readonly TestAuthority _authority = TestAuthority.Create();
    private readonly TestAuthority _stranger = TestAuthority.Create("stranger");
    private readonly List<IDisposable> _owned = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (IDisposable each in _owned) each.Dispose();
        _authority.Dispose();
        _stranger.Dispose();
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Both_versions_are_spoken_and_requests_of_many_records_pass(SslProtocols protocol)
    {
        await using EmbeddedServer server = await StartAsync();
        await using WireClient zk = await OpenAsync(server, protocol: protocol);
        byte[] data = new byte[300_000];
        for (int i = 0; i < data.Length; i++) data[i] = (byte)(i * 31 / 7);
        await zk.CallAsync(OpCode.Create, (ref JuteWriter writer) =>
        {
            writer.WriteString("/n");
            writer.WriteBuffer(data);
            writer.WriteRecords(Acl.Open);
            writer.WriteInt(0);
        });
        WireReply reply = await zk.CallAsync(OpCode.GetData, (ref JuteWriter writer) =>
        {
            writer.WriteString("/n");
            writer.WriteBoolean(false);
        });
        Assert.Equal(data, reply.Read(DataReply.Read).Data);
    }

    [Fact]
    public async Task Nothing_older_is_spoken()
    {
        await using EmbeddedServer server = await StartAsync();
#pragma warning disable SYSLIB0039, CA5397 // that is what must fail
        await Assert.ThrowsAnyAsync<Exception>(() => OpenAsync(server, protocol: SslProtocols.Tls11));
#pragma warning restore SYSLIB0039, CA5397
        await using WireClient zk = await OpenAsync(server);
    }

    [Fact]
    public async Task Certificates_may_come_from_PEM_or_PFX()
    {
        using X509Certificate2 issued = _authority.Issue("server", ["localhost"]);
        using X509Certificate2 pem = X509Certificate2.CreateFromPem(issued.ExportCertificatePem(), issued.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        using X509Certificate2 pfx = X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pkcs12, "secret"), "secret");
        foreach (X509Certificate2 certificate in (X509Certificate2[])[pem, pfx])
        {
            await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { Tls = new() { Certificate = certificate } }, Cancel);
            await using WireClient zk = await OpenAsync(server);
            Assert.NotEqual(0, zk.SessionId);
        }
    }

    [Theory]
    [InlineData(ClientCertificateMode.None, null, true, false)]
    [InlineData(ClientCertificateMode.None, "good", true, false)]
    [InlineData(ClientCertificateMode.Want, null, true, false)]
    [InlineData(ClientCertificateMode.Want, "good", true, true)]
    [InlineData(ClientCertificateMode.Want, "stranger", false, false)]
    [InlineData(ClientCertificateMode.Need, null, false, false)]
    [InlineData(ClientCertificateMode.Need, "good", true, true)]
    [InlineData(ClientCertificateMode.Need, "stranger", false, false)]
    [InlineData(ClientCertificateMode.Need, "self-signed", false, false)]
    [InlineData(ClientCertificateMode.Need, "for servers", false, false)]
    [InlineData(ClientCertificateMode.Need, "expired", false, false)]
    [InlineData(ClientCertificateMode.Need, "early", false, false)]
    [InlineData(ClientCertificateMode.Want, "for servers", false, false)]
    [InlineData(ClientCertificateMode.Want, "expired", false, false)]
    public async Task A_client_is_let_in_by_what_it_shows(ClientCertificateMode mode, string? certificate, bool isLetIn, bool isKnown)
    {
        await using EmbeddedServer server = await StartAsync(mode);
        foreach (SslProtocols protocol in (SslProtocols[])[SslProtocols.Tls12, SslProtocols.Tls13])
        {
            if (!isLetIn)
            {
                Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => OpenAsync(server, Client(certificate), protocol));
                Assert.True(refused is AuthenticationException or IOException, refused.ToString()); // TLS 1.3 refuses after the client's handshake
                continue;
            }

            await using WireClient zk = await OpenAsync(server, Client(certificate), protocol);
            ClientInfo[] who = await WhoAmIAsync(zk);
            Assert.Equal(isKnown ? [new("ip", "127.0.0.1"), new("x509", "CN=client")] : [new("ip", "127.0.0.1")], who);
        }

        await using WireClient after = await OpenAsync(server, Client("good")); // whoever was refused has made no difference
        Assert.NotEqual(0, after.SessionId);
    }

    [Fact]
    public async Task A_certificate_opens_what_its_name_may_open()
    {
        await using EmbeddedServer server = await StartAsync(ClientCertificateMode.Want);
        await using WireClient owner = await OpenAsync(server, Client("good")), other = await OpenAsync(server);
        await owner.CallAsync(OpCode.Create, (ref JuteWriter writer) =>
        {
            writer.WriteString("/mine");
            writer.WriteBuffer(Array.Empty<byte>());
            writer.WriteRecords((Acl[])[new(Permissions.All, "auth", "")]);
            writer.WriteInt(0);
        });
        WireReply acl = await owner.CallAsync(OpCode.GetAcl, (ref JuteWriter writer) => writer.WriteString("/mine"));
        Assert.Equal([new Acl(Permissions.All, "x509", "CN=client")], acl.Read(AclReply.Read).Acl);
        foreach ((WireClient client, ErrorCode error) in new[] { (owner, ErrorCode.Ok), (other, ErrorCode.NoAuth) })
        {
            Assert.Equal(error, (await client.CallAsync(OpCode.GetData, (ref JuteWriter writer) =>
            {
                writer.WriteString("/mine");
                writer.WriteBoolean(false);
            })).Error);
        }
    }

    [Fact]
    public async Task A_client_without_TLS_is_cut_off_and_so_is_one_with_it_on_the_other_port()
    {
        await using EmbeddedServer server = await StartAsync();
        await using (WireClient plain = await WireClient.ConnectAsync(server.Members[0].SecureEndPoint!))
        {
            await Assert.ThrowsAnyAsync<IOException>(() => plain.HandshakeAsync());
        }

        await Assert.ThrowsAnyAsync<IOException>(async () => await ConnectAsync(server.Members[0].EndPoint!));
        await using WireClient zk = await OpenAsync(server);
        await using WireClient plainly = await WireClient.OpenAsync(server.Members[0].EndPoint!);
        Assert.NotEqual(zk.SessionId, plainly.SessionId);
    }

    [Fact]
    public async Task Who_says_nothing_is_cut_off_when_the_time_is_over()
    {
        var time = new ManualTime();
        using var log = new LogRecorder();
        await using EmbeddedServer server = await StartAsync(configure: options => (options.TimeProvider, options.LoggerFactory, options.HandshakeTimeout) = (time, log, TimeSpan.FromSeconds(7)));
        int timers = time.ActiveTimers;
        await using WireClient silent = await WireClient.ConnectAsync(server.Members[0].SecureEndPoint!);
        await silent.SendBytesAsync("ruok"u8.ToArray()); // too little to be anything
        while (time.ActiveTimers == timers) await Task.Yield(); // until its time has begun
        time.Advance(TimeSpan.FromSeconds(8));
        await silent.ExpectCloseAsync();
        await log.WaitAsync(108, 1, Cancel);
        Assert.Contains("It was not done in 00:00:07.", log.Entries.Single(entry => entry.Id == 108).Text, StringComparison.Ordinal);
        await using WireClient zk = await OpenAsync(server);
    }

    [Fact]
    public async Task A_server_that_ends_does_not_wait_for_handshakes()
    {
        EmbeddedServer server = await StartAsync();
        await using WireClient silent = await WireClient.ConnectAsync(server.Members[0].SecureEndPoint!);
        await using WireClient zk = await OpenAsync(server); // so the silent one has been taken up as well
        await server.DisposeAsync();
        await silent.ExpectCloseAsync();
        await zk.ExpectCloseAsync();
    }

    [Fact]
    public async Task The_end_is_an_end_in_TLS_too()
    {
        await using EmbeddedServer server = await StartAsync(configure: options => options.FourLetterWords.Add("ruok"));
        (SslStream tls, RecordingStream seen) = await ConnectRecordedAsync(server);
        await using (tls)
        {
            await tls.WriteAsync("ruok"u8.ToArray(), Cancel);
            byte[] answer = new byte[4];
            await tls.ReadExactlyAsync(answer, Cancel);
            Assert.Equal("imok"u8.ToArray(), answer);
            Assert.Equal(0, await tls.ReadAsync(answer, Cancel));
        }

        Assert.Equal(21, seen.LastRecordType()); // an alert: close_notify, which TLS 1.2 shows openly
    }

    [Fact]
    public async Task A_cut_is_a_reset_of_the_socket_beneath()
    {
        await using EmbeddedServer server = await StartAsync();
        (SslStream tls, RecordingStream seen) = await ConnectRecordedAsync(server);
        await using (tls)
        {
            await using var zk = new WireClient(tls);
            await zk.HandshakeAsync();
            await server.Faults.CutAsync(CutKind.Reset);
            await Assert.ThrowsAsync<IOException>(async () => await tls.ReadExactlyAsync(new byte[1], Cancel));
            Assert.True(seen.WasReset);
        }
    }

    [Fact]
    public async Task A_half_closed_connection_ends_in_one_direction_only()
    {
        await using EmbeddedServer server = await StartAsync();
        await using WireClient zk = await OpenAsync(server, protocol: SslProtocols.Tls12), other = await OpenAsync(server);
        await server.Faults.CutAsync(CutKind.HalfClose, zk.SessionId);
        await zk.ExpectCloseAsync();
        await zk.SendAsync(OpCode.Create, (ref JuteWriter writer) =>
        {
            writer.WriteString("/said-to-a-deaf-ear");
            writer.WriteBuffer(Array.Empty<byte>());
            writer.WriteRecords(Acl.Open);
            writer.WriteInt(0);
        });
        while ((await other.CallAsync(OpCode.Exists, (ref JuteWriter writer) =>
        {
            writer.WriteString("/said-to-a-deaf-ear");
            writer.WriteBoolean(false);
        })).Error != ErrorCode.Ok) Cancel.ThrowIfCancellationRequested();
    }

    [Fact]
    public void What_cannot_work_is_refused_at_once()
    {
        using X509Certificate2 good = _authority.Issue("server", ["localhost"]), bare = X509CertificateLoader.LoadCertificate(good.RawData);
        foreach (ServerTlsOptions wrong in (ServerTlsOptions[])[new(), new() { Certificate = bare }, new() { Certificate = good, ClientCertificate = ClientCertificateMode.Want }, new() { Certificate = good, ClientCertificate = (ClientCertificateMode)7 }])
            Assert.Throws<ArgumentException>(() => new EmbeddedServerOptions { Tls = wrong }.CloneValidated());
        new EmbeddedServerOptions { Tls = new() { Certificate = good } }.CloneValidated();
    }

    private X509Certificate2? Client(string? kind) => kind switch
    {
        null => null,
        "good" => Own(_authority.Issue("client", [], TestAuthority.ClientAuthentication)),
        "stranger" => Own(_stranger.Issue("client", [], TestAuthority.ClientAuthentication)),
        "self-signed" => Own(_authority.Issue("client", [], TestAuthority.ClientAuthentication, selfSigned: true)),
        "for servers" => Own(_authority.Issue("client", [])),
        "expired" => Own(_authority.Issue("client", [], TestAuthority.ClientAuthentication, from: -10, to: -1)),
        "early" => Own(_authority.Issue("client", [], TestAuthority.ClientAuthentication, from: 1, to: 10)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private T Own<T>(T disposable)
        where T : IDisposable
    {
        _owned.Add(disposable);
        return disposable;
    }

    private Task<EmbeddedServer> StartAsync(ClientCertificateMode mode = ClientCertificateMode.None, Action<EmbeddedServerOptions>? configure = null)
    {
        var options = new EmbeddedServerOptions { Tls = new() { Certificate = Own(_authority.Issue("server", ["localhost"])), ClientCertificate = mode } };
        options.Tls.ClientAuthorities.ImportFromPem(_authority.Pem);
        configure?.Invoke(options);
        return EmbeddedServer.StartAsync(options, Cancel);
    }

    private static async Task<WireClient> OpenAsync(EmbeddedServer server, X509Certificate2? certificate = null, SslProtocols protocol = SslProtocols.None)
    {
        var client = new WireClient(await ConnectAsync(server.Members[0].SecureEndPoint!, certificate, protocol));
        try
        {
            await client.HandshakeAsync();
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    private static async Task<SslStream> ConnectAsync(IPEndPoint at, X509Certificate2? certificate = null, SslProtocols protocol = SslProtocols.None, Func<Stream, Stream>? wrap = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(at, Cancel);
        Stream plain = new NetworkStream(socket, ownsSocket: true);
        var tls = new SslStream(wrap is null ? plain : wrap(plain));
        try
        {
#pragma warning disable CA5359 // the server's certificate is not what is tested here
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "localhost",
                    EnabledSslProtocols = protocol,
                    RemoteCertificateValidationCallback = (_, _, _, _) => true,
                    ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
                },
                Cancel);
#pragma warning restore CA5359
            return tls;
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }

    private static async Task<(SslStream Tls, RecordingStream Seen)> ConnectRecordedAsync(EmbeddedServer server)
    {
        RecordingStream? seen = null;
        SslStream tls = await ConnectAsync(server.Members[0].SecureEndPoint!, protocol: SslProtocols.Tls12, wrap: plain => seen = new RecordingStream(plain));
        return (tls, seen!);
    }

    private static async Task<ClientInfo[]> WhoAmIAsync(WireClient zk) => (await zk.CallAsync(OpCode.WhoAmI)).Read(WhoAmIReply.Read).Identities;

    /// <summary>Keeps what comes from the server as it came.</summary>
    private sealed class RecordingStream(Stream inner) : TapStream(inner)
    {
        private readonly MemoryStream _seen = new();

        public bool WasReset { get; private set; }

        /// <summary>The type of the last whole record.</summary>
        public int LastRecordType()
        {
            ReadOnlySpan<byte> rest = _seen.ToArray();
            int type = -1;
            for (; rest.Length >= 5; rest = rest[(5 + ((rest[3] << 8) | rest[4]))..]) type = rest[0];
            return type;
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                int count = await base.ReadAsync(buffer, cancellationToken);
                _seen.Write(buffer.Span[..count]);
                return count;
            }
            catch (IOException error) when (error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
            {
                WasReset = true;
                throw;
            }
        }
    }
}
