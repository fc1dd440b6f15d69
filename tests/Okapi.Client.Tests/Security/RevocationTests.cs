using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>Certificates that their authority has taken back, by a list that a server of the test gives out.</summary>
public sealed class RevocationTests : IDisposable
{
    private readonly TestAuthority _authority = TestAuthority.Create();
    private readonly string _folder = Directory.CreateTempSubdirectory("okapi-revoked-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("revoked", true, false, "Revoked")]
    [InlineData("revoked", true, true, "Revoked")] // any name, not any certificate
    [InlineData("not revoked", true, false, null)]
    [InlineData("no list", true, false, "RevocationStatusUnknown")] // who cannot find out does not connect
    [InlineData("revoked", false, false, null)] // it is not looked at unless somebody says so
    public async Task H67_A_revoked_certificate_is_refused_where_that_is_to_be_checked(string kind, bool check, bool anyName, string? reason)
    {
        await using var lists = new ListServer();
        using X509Certificate2 certificate = _authority.Issue("x", ["localhost"], revocationList: lists.Uri);
        using X509Certificate2 another = _authority.Issue("y", ["localhost"], revocationList: lists.Uri);
        lists.List = kind switch
        {
            "revoked" => _authority.Revoke(certificate),
            "not revoked" => _authority.Revoke(another),
            _ => null,
        };
        await using var server = new TlsServer(certificate);
        var options = new ZooKeeperOptions
        {
            ConnectString = $"localhost:{server.Port}",
            ConnectTimeout = TimeSpan.FromSeconds(20),
            Tls = { Enabled = true, TrustedCertificatesFile = Path.Combine(_folder, "ca.pem"), CheckRevocation = check, DangerousAcceptAnyServerName = anyName },
        };
        File.WriteAllText(options.Tls.TrustedCertificatesFile, _authority.Pem);
        if (reason is null)
        {
            await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options, Cancel);
            await server.ArrivalAsync();
        }
        else
        {
            ConnectFailedException failed = await FailedAttempts.OfAsync(options, Cancel);
            Assert.Contains($"is not trusted: {reason}", failed.Message, StringComparison.Ordinal);
        }

        Assert.Equal(check, lists.Asked > 0);
    }

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Gives out one list, by HTTP. On Linux the platform keeps lists in the user's folder; what it kept of this one goes with it.</summary>
    private sealed class ListServer : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly string _name = $"{Guid.NewGuid():n}.crl";
        private readonly string _kept = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotnet", "corefx", "cryptography", "crls");
        private readonly HashSet<string> _before;
        private readonly Task _serving;

        public ListServer()
        {
            _before = [.. Kept()];
            _listener.Start();
            Uri = new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/{_name}");
            _serving = ServeAsync();
        }

        public Uri Uri { get; }

        /// <summary>The list in DER; null: there is none.</summary>
        public byte[]? List { get; set; }

        public int Asked { get; private set; }

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _serving;
            foreach (string file in Kept().Where(file => !_before.Contains(file))) File.Delete(file);
        }

        private string[] Kept() => Directory.Exists(_kept) ? Directory.GetFiles(_kept) : [];

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using TcpClient client = await _listener.AcceptTcpClientAsync();
                    await using NetworkStream stream = client.GetStream();
                    using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
                    while (await reader.ReadLineAsync() is { Length: > 0 })
                    {
                    }

                    Asked++;
                    byte[] body = List ?? [];
                    await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(List is null ? "404 Not Found" : "200 OK")}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"));
                    await stream.WriteAsync(body);
                }
            }
            catch (Exception end) when (end is SocketException or InvalidOperationException or IOException)
            {
                // The test is over; a listener that is disposed of between two calls says that it does not listen.
            }
        }
    }
}
