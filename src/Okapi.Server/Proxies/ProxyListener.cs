using System.Net;
using System.Net.Sockets;

namespace Okapi.Server.Proxies;

/// <summary>Takes a proxy's connections, as long as nothing keeps it from it.</summary>
internal sealed class ProxyListener : IAsyncDisposable
{
    /// <summary>How many connections may wait to be taken.</summary>
    private const int Backlog = 1024;

    private readonly Lock _lock = new();
    private readonly ProxyTarget _target;
    private readonly FaultBook _book;
    private readonly FaultProxyOptions _options;
    private readonly Traffic _traffic;
    private readonly Dictionary<ProxyConnection, Task> _connections = [];
    private Socket _socket;
    private Task _accepting = Task.CompletedTask;
    private bool _isUp;
    private bool _isDisposed;
    private long _accepted;

    /// <exception cref="SocketException">The address cannot be had.</exception>
    public ProxyListener(ProxyTarget target, FaultBook book, FaultProxyOptions options, Traffic traffic)
    {
        _target = target;
        _book = book;
        _options = options;
        _traffic = traffic;
        _socket = Take(options.Listen);
        EndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        try
        {
            Update();
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>How many have come, those that were turned away among them.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    public IReadOnlyList<ProxyConnection> Connections
    {
        get
        {
            lock (_lock) return [.. _connections.Keys];
        }
    }

    /// <summary>Begins or ends to listen, as the faults will have it.</summary>
    public void Update()
    {
        IReadOnlyList<ProxyConnection> lost = [];
        lock (_lock)
        {
            bool isUp = !_book.InForce.Any(fault => fault.Impairment is Down);
            if (_isDisposed || isUp == _isUp) return;
            if (isUp)
            {
                _socket.Listen(Backlog);
                _accepting = Task.WhenAll(_accepting, AcceptAsync(_socket));
            }
            else
            {
                _socket.Dispose();
                _socket = Take(EndPoint); // and does not listen: whoever comes is refused, and nobody else gets the port
                lost = [.. _connections.Keys];
            }

            _isUp = isUp;
        }

        foreach (ProxyConnection connection in lost) connection.Cut(CutKind.Reset, FaultDirection.Both);
    }

    public async ValueTask DisposeAsync()
    {
        Task[] running;
        ProxyConnection[] connections;
        lock (_lock)
        {
            _isDisposed = true;
            _isUp = false;
            _socket.Dispose();
            running = [.. _connections.Values, _accepting];
            connections = [.. _connections.Keys];
        }

        foreach (ProxyConnection connection in connections) connection.Cut(CutKind.Reset, FaultDirection.Both);
        await Task.WhenAll(running).ConfigureAwait(false);
    }

    private static Socket Take(IPEndPoint at)
    {
        var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(at);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync(Socket listening)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not in the lock
        while (true)
        {
            Socket client;
            try
            {
                client = await listening.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is ObjectDisposedException || (error is SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.InvalidArgument }))
            {
                return;
            }
            catch (SocketException)
            {
                continue; // that client was gone before it was here
            }

            if (!TryBegin(client)) client.Close(timeout: 0);
        }
    }

    private bool TryBegin(Socket client)
    {
        long number = Interlocked.Increment(ref _accepted);
        if (_book.InForce.Any(fault => fault.Impairment is Refused && fault.Strike())) return false;
        lock (_lock)
        {
            if (!_isUp || _connections.Count >= _options.MaxConnections) return false;
            ProxyConnection connection;
            try
            {
                connection = new(number, client, _target, _book, _options, _traffic);
            }
            catch (SocketException)
            {
                return false; // it was gone before it was here
            }

            // Not in the lock: what it awaits may be done at once.
            _connections.Add(connection, Task.Run(() => RunAsync(connection)));
            return true;
        }
    }

    private async Task RunAsync(ProxyConnection connection)
    {
        await connection.RunAsync().ConfigureAwait(false);
        lock (_lock) _connections.Remove(connection);
    }
}
