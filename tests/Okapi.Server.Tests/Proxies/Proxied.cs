using System.Net;
using System.Net.Sockets;

namespace Okapi.Server.Tests.Proxies;

/// <summary>A proxy, the server behind it, and a connection through it: both of its ends are the test's.</summary>
internal sealed class Proxied : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly List<Socket> _sockets = [];

    private Proxied(TcpListener listener, FaultProxyOptions? options)
    {
        _listener = listener;
        Proxy = FaultProxy.Start(listener.LocalEndpoint.ToString()!, options);
    }

    public static TheoryData<FaultDirection> Ways => [FaultDirection.Requests, FaultDirection.Replies];

    public FaultProxy Proxy { get; }

    public Socket Client { get; private set; } = null!;

    public Socket Server { get; private set; } = null!;

    public static async Task<Proxied> OpenAsync(FaultProxyOptions? options = null, Action<FaultProxy>? before = null)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var proxied = new Proxied(listener, options);
        before?.Invoke(proxied.Proxy);
        (proxied.Client, proxied.Server) = await proxied.ConnectAsync();
        return proxied;
    }

    public static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Where no server is.</summary>
    public static string ClosedAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener.LocalEndpoint.ToString()!;
    }

    /// <summary>Waits for what nothing tells of.</summary>
    public static async Task UntilAsync(Func<bool> isSo)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!isSo()) await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, limit.Token);
    }

    /// <summary>Opens one more connection.</summary>
    public async Task<(Socket Client, Socket Server)> ConnectAsync()
    {
        Socket client = await ConnectClientAsync();
        Socket server = await _listener.AcceptSocketAsync().InTime();
        _sockets.Add(server);
        return (client, server);
    }

    public async Task<Socket> ConnectClientAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _sockets.Add(client);
        await client.ConnectAsync(Proxy.EndPoint).InTime();
        return client;
    }

    /// <summary>Opens a connection that is reset, which may be seen before it is known to be open.</summary>
    public async Task ConnectInVainAsync()
    {
        try
        {
            Socket client = await ConnectClientAsync();
            Assert.Equal(Ending.Reset, (await client.ReceiveToEndAsync()).Ending);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            // It was seen early.
        }
    }

    /// <summary>Who sends and who receives what goes one way.</summary>
    public (Socket From, Socket To) Way(FaultDirection direction) => direction == FaultDirection.Requests ? (Client, Server) : (Server, Client);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        foreach (Socket socket in _sockets) socket.Dispose();
        _listener.Dispose();
    }
}

/// <summary>How a stream of bytes ends.</summary>
internal enum Ending
{
    InOrder,
    Reset,
}

internal static class SocketReading
{
    public static Task SayAsync(this Socket socket, params byte[] bytes) => socket.SendAsync(bytes).InTime();

    /// <summary>Receives so many bytes.</summary>
    public static async Task<byte[]> ReceiveAsync(this Socket socket, int count)
    {
        byte[] bytes = new byte[count];
        for (int have = 0; have < count;)
        {
            int got = await socket.ReceiveAsync(bytes.AsMemory(have)).AsTask().InTime();
            Assert.True(got > 0, $"The end after {have} of {count} bytes.");
            have += got;
        }

        return bytes;
    }

    /// <summary>Receives to the end.</summary>
    public static async Task<(byte[] Bytes, Ending Ending)> ReceiveToEndAsync(this Socket socket)
    {
        var bytes = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await socket.ReceiveAsync(buffer).InTime() is > 0 and int count) bytes.Write(buffer, 0, count);
            return (bytes.ToArray(), Ending.InOrder);
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
        {
            return (bytes.ToArray(), Ending.Reset);
        }
    }
}
