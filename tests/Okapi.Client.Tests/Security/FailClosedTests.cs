using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>What was asked for is had, or there is no connection: nothing gives way in silence.</summary>
public sealed class FailClosedTests
{
    private const int AttemptFailed = 2, DigestInTheClear = 12;
    private const byte TlsHandshake = 0x16;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H67_A_client_of_TLS_never_says_anything_but_TLS_however_often_it_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var log = new LogRecorder();
        var options = new ZooKeeperOptions
        {
            ConnectString = $"localhost:{((IPEndPoint)listener.LocalEndpoint).Port}",
            ConnectTimeout = TimeSpan.FromSeconds(20),
            BackoffMinimum = TimeSpan.FromMilliseconds(1),
            BackoffMaximum = TimeSpan.FromMilliseconds(1),
            AllowReadOnly = true, // then there are probes, too
            LoggerFactory = log,
            Tls = { Enabled = true },
            Auth = { AuthInfo.Digest("ann", "canary") },
        };
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        for (int attempt = 0; attempt < 8; attempt++)
        {
            using TcpClient client = await listener.AcceptTcpClientAsync(Cancel);
            byte[] first = new byte[1];
            await client.GetStream().ReadExactlyAsync(first, Cancel);
            Assert.Equal(TlsHandshake, first[0]);
            if (attempt % 2 == 0) await client.GetStream().WriteAsync(new byte[41], Cancel); // as if a session had been opened
        }

        await log.WaitAsync(AttemptFailed, 7, Cancel);
        Assert.False(zk.IsConnected);
        Assert.Equal(0, log.Count(DigestInTheClear));
    }

    [Fact]
    public async Task H40_A_refused_credential_ends_a_client_that_would_open_new_sessions_too()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Options();
        options.Recovery = SessionRecovery.NewSession;
        options.BackoffMinimum = options.BackoffMaximum = TimeSpan.FromMilliseconds(1);
        options.Auth.Add(new AuthInfo("nonesuch", "x"u8));
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        PeerConnection connection = await peer.AcceptSessionAsync();
        await connection.ExpectAsync(OpCode.Auth);
        await connection.ReplyAsync(Xids.Auth, error: ErrorCode.AuthFailed);
        await connection.ExpectClosedAsync();
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.ExistsAsync("/a", Cancel).AsTask());
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.WaitConnectedAsync(cancellationToken: Cancel)); // told after the state is, and a pending call before it
        Assert.Equal(SessionState.AuthFailed, zk.State);
        Assert.Equal(1, peer.Attempts);
    }

    [Fact]
    public async Task Clients_made_from_one_object_of_options_share_no_credential()
    {
        var first = new ScriptedPeer();
        ZooKeeperOptions options = first.Options();
        options.Auth.Add(AuthInfo.Digest("ann", "a"));
        await using ZooKeeperClient ann = ZooKeeperClient.Start(options);
        Task added = ann.AddAuthAsync(AuthInfo.Digest("bob", "b"), Cancel);
        PeerConnection connection = await first.AcceptSessionAsync();
        for (int i = 0; i < 2; i++)
        {
            await connection.ExpectAsync(OpCode.Auth);
            await connection.ReplyAsync(Xids.Auth);
        }

        await added;
        Assert.Single(options.Auth);
        options.Auth.Clear(); // what is done to the options later does not matter to the first

        var second = new ScriptedPeer();
        options.ConnectCallback = second.Options().ConnectCallback;
        await using ZooKeeperClient nobody = ZooKeeperClient.Start(options);
        ValueTask<Stat?> asked = nobody.ExistsAsync("/a", Cancel);
        PeerConnection other = await second.AcceptSessionAsync();
        await other.ReplyAsync(await other.ExpectAsync(OpCode.Exists), error: ErrorCode.NoNode); // and no credential before it
        Assert.Null(await asked);
        connection.Reset();
        connection = await first.AcceptSessionAsync();
        Assert.Equal(OpCode.Auth, (await connection.ReadAnyAsync()).OpCode);
        Assert.Equal(OpCode.Auth, (await connection.ReadAnyAsync()).OpCode);
        foreach ((ZooKeeperClient zk, PeerConnection end) in new[] { (ann, connection), (nobody, other) })
        {
            Task disposing = zk.DisposeAsync().AsTask();
            end.Close();
            await disposing;
        }
    }

    [Fact]
    public async Task A_digest_credential_within_TLS_is_not_warned_of()
    {
        using var authority = TestAuthority.Create();
        using X509Certificate2 certificate = authority.Issue("x", ["localhost"]);
        await using var server = new TlsServer(certificate);
        using var log = new LogRecorder();
        var options = new ZooKeeperOptions
        {
            ConnectString = $"localhost:{server.Port}",
            ConnectTimeout = TimeSpan.FromSeconds(20),
            LoggerFactory = log,
            Tls = { Enabled = true, DangerousAcceptAnyCertificate = true },
            Auth = { AuthInfo.Digest("ann", "a") },
        };
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        await server.ArrivalAsync();
        Assert.Equal(0, log.Count(DigestInTheClear));
    }
}
