using System.Net;
using System.Net.Sockets;

namespace Okapi.TestSupport;

/// <summary>
/// Stands between a client and a server on this machine, and fails on demand: it cuts connections, refuses new ones and
/// holds back what the server says.
/// </summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _targetPort;
    private readonly HashSet<Socket> _open = [];
    private readonly Task _accepting;
    private bool _isRefusing;
    private int _accepted;
    private TaskCompletionSource _replies = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private TcpProxy(int targetPort)
    {
        _targetPort = targetPort;
        _replies.SetResult();
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The port on 127.0.0.1 that stands for the server's.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The proxy's address, for a client's connect string.</summary>
    public string ConnectString => $"127.0.0.1:{Port}";

    /// <summary>How many connections have reached the proxy, refused ones included.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Starts a proxy.</summary>
    /// <param name="targetPort">The server's port on 127.0.0.1.</param>
    public static TcpProxy Start(int targetPort) => new(targetPort);

    /// <summary>Cuts all connections; the client may connect anew at once.</summary>
    public void Cut()
    {
        lock (_lock)
        {
            foreach (Socket socket in _open) Reset(socket);
            _open.Clear();
        }
    }

    /// <summary>Cuts all connections, and each new one at once, until <see cref="Heal"/>.</summary>
    public void Break()
    {
        lock (_lock) _isRefusing = true;
        Cut();
    }

    /// <summary>Ends what <see cref="Break"/> and <see cref="HoldReplies"/> began.</summary>
    public void Heal()
    {
        lock (_lock)
        {
            _isRefusing = false;
            _replies.TrySetResult();
        }
    }

    /// <summary>Holds back what the server says from now on. A cut loses it; <see cref="Heal"/> lets it through.</summary>
    public void HoldReplies()
    {
        lock (_lock)
        {
            if (_replies.Task.IsCompleted) _replies = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Break();
        lock (_lock) _replies.TrySetResult();
        await _accepting;
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0); // a reset, as of a machine that is gone, not an orderly end
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The other side was quicker.
        }

        socket.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync();
                Interlocked.Increment(ref _accepted);
                _ = RunAsync(client);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The proxy was disposed.
        }
    }

    private async Task RunAsync(Socket client)
    {
        var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            client.NoDelay = server.NoDelay = true;
            if (!Adopt(client)) return;
            await server.ConnectAsync(IPAddress.Loopback, _targetPort);
            if (!Adopt(server)) return;
            await Task.WhenAny(CopyAsync(client, server, isReply: false), CopyAsync(server, client, isReply: true));
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // A cut, or no server: the client sees its connection go.
        }
        finally
        {
            lock (_lock)
            {
                _open.Remove(client);
                _open.Remove(server);
            }

            Reset(client);
            Reset(server);
        }
    }

    private bool Adopt(Socket socket)
    {
        lock (_lock) return !_isRefusing && _open.Add(socket);
    }

    private async Task CopyAsync(Socket from, Socket to, bool isReply)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and int count)
            {
                if (isReply) await Gate();
                for (int sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The end of this direction ends the pair.
        }
    }

    private Task Gate()
    {
        lock (_lock) return _replies.Task;
    }
}
