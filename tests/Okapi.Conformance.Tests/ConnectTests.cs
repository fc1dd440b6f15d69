using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Okapi.Conformance.Tests;

/// <summary>What a client tells of sockets to which it finds no session.</summary>
public abstract class ConnectTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : ConnectTests(servers);

    public sealed class OnEmbedded(Embedded servers) : ConnectTests(servers);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private int Port => Okapi.ConnectString.Parse(servers.AddressOf(1)).Servers[0].Port;

    [Fact]
    public async Task The_connect_exception_lists_every_server_and_why()
    {
        await using var broken = new SocketProxy(Port);
        await broken.BreakAsync();
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        int silentPort = ((IPEndPoint)silent.LocalEndpoint).Port;
        // Bound, so that nobody else can have the port, and not listened to.
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int closedPort = ((IPEndPoint)closed.LocalEndPoint!).Port;
        string servers = $"127.0.0.1:{closedPort},{broken.ConnectString},127.0.0.1:{silentPort}";
        ConnectFailedException failed = await Assert.ThrowsAsync<ConnectFailedException>(() => ZooKeeperClient.ConnectAsync(
            servers, new() { FirstConnectTimeout = TimeSpan.FromSeconds(5), ConnectTimeout = TimeSpan.FromSeconds(1) }, Cancel));
        Assert.Equal([closedPort, broken.Port, silentPort], servers.Split(',').Select(server => failed.Attempts.Single(attempt => attempt.Server.ToString() == server).Server.Port));
        foreach (ConnectAttempt attempt in failed.Attempts) Assert.Contains($"{attempt.Server}: {attempt.Reason}", failed.Message);
        Assert.Contains("refused", Reason(closedPort), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("handshake", Reason(silentPort));
        Assert.Contains("5 s", failed.Message);

        string Reason(int port) => failed.Attempts.Single(attempt => attempt.Server.Port == port).Reason;
    }

    [Fact]
    public async Task H2_A_client_that_never_was_connected_keeps_trying()
    {
        await using var proxy = new SocketProxy(Port);
        await proxy.BreakAsync();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(new()
        {
            ConnectString = proxy.ConnectString,
            SessionTimeout = TimeSpan.FromMilliseconds(100), // ten of these pass before the server is there
            BackoffMaximum = TimeSpan.FromMilliseconds(200),
        });
        var watch = Stopwatch.StartNew();
        await Waiting.UntilAsync(() => Task.FromResult(watch.Elapsed > TimeSpan.FromSeconds(1) && proxy.Accepted > 3), "the client tries again and again");
        Assert.Equal(SessionState.Connecting, zk.State);
        await Assert.ThrowsAsync<ConnectFailedException>(() => zk.WaitConnectedAsync(TimeSpan.FromMilliseconds(1), Cancel));
        proxy.Heal();
        await zk.WaitConnectedAsync(Waiting.Bound, Cancel);
        await zk.SyncAsync();
    }

    [Fact]
    public async Task A_cancelled_connect_ends_at_once_and_leaves_nothing()
    {
        await using var proxy = new SocketProxy(Port);
        await proxy.BreakAsync();
        using var cancel = new CancellationTokenSource();
        Task<ZooKeeperClient> connecting = ZooKeeperClient.ConnectAsync(proxy.ConnectString, new() { FirstConnectTimeout = Timeout.InfiniteTimeSpan }, cancel.Token);
        await Waiting.UntilAsync(() => Task.FromResult(proxy.Accepted > 0), "an attempt is made");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.Soon());
    }
}
