using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Okapi.Server.Security;

namespace Okapi.Server.Connections;

/// <summary>Listens on one address and makes connections of what comes.</summary>
internal sealed class Listener : IDisposable
{
    /// <summary>How many connections may wait to be taken.</summary>
    public const int Backlog = 1024;

    private readonly Socket _socket;
    private readonly Member _member;
    private readonly ServerLoop _loop;
    private readonly EmbeddedServerOptions _options;
    private readonly ServerTls? _tls;
    private readonly ConcurrentDictionary<IPAddress, int> _byAddress;
    private readonly CancellationTokenSource _ended = new();

    /// <param name="at">The address; port 0 takes any that is free.</param>
    /// <param name="byAddress">How many connections each client has to this member, by whatever listener.</param>
    /// <param name="tls">How connections are secured; null: not.</param>
    /// <exception cref="SocketException">The address cannot be had.</exception>
    public Listener(IPEndPoint at, Member member, ServerLoop loop, ConcurrentDictionary<IPAddress, int> byAddress, ServerTls? tls)
    {
        _member = member;
        _loop = loop;
        _options = member.Options;
        _tls = tls;
        _byAddress = byAddress;
        _socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Not ReuseAddress: on Unix .NET then sets SO_REUSEPORT as well, and two servers share an address. A port that was just left is free for Bind as it is.
            _socket.Bind(at);
            _socket.Listen(Backlog);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }

        EndPoint = (IPEndPoint)_socket.LocalEndPoint!;
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>Begins to take connections.</summary>
    public void Start() => _ = AcceptAsync();

    public void Dispose()
    {
        _socket.Dispose();
        // Not disposed: handshakes of TLS look at it, and end.
        _ended.Cancel();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _socket.AcceptAsync().ConfigureAwait(false);
            }
            catch (Exception error) when (error is ObjectDisposedException || (error is SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.InvalidArgument }))
            {
                return;
            }
            catch (SocketException)
            {
                continue; // that client was gone before it was here
            }

            _ = ServeAsync(socket);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        IPEndPoint? remote = null;
        bool isCounted = false;
        try
        {
            remote = (IPEndPoint)socket.RemoteEndPoint!;
            int count = _byAddress.AddOrUpdate(remote.Address, 1, static (_, before) => before + 1);
            isCounted = true;
            bool isRefused = _member.Faults.Refuses();
            if (isRefused || (_options.MaxClientConnections > 0 && count > _options.MaxClientConnections))
            {
                if (!isRefused) Log.TurnedAway(_member.Logger, remote.ToString(), $"it has {_options.MaxClientConnections} connections already");
                socket.Close(timeout: 0);
                return;
            }

            socket.NoDelay = true;
            var plain = new NetworkStream(socket, ownsSocket: true);
            Stream stream = plain;
            string? subject = null;
            if (_tls is not null) (stream, subject) = await _tls.AuthenticateAsync(plain, _options.HandshakeTimeout, _options.TimeProvider, _ended.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var connection = new ServerConnection(stream, remote, _member, _loop, _options.MaxRequestSize, _options.TimeProvider.GetUtcNow());
                if (subject is not null) connection.Identities.Add(new Identity("x509", subject));
                await connection.ServeAsync().ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or System.Security.Authentication.AuthenticationException or OperationCanceledException)
        {
            Log.TlsFailed(_member.Logger, remote?.ToString() ?? "nobody", error.Message);
        }
        finally
        {
            socket.Dispose();
            if (isCounted)
            {
                _byAddress.AddOrUpdate(remote!.Address, 0, static (_, before) => before - 1);
                _byAddress.TryRemove(new(remote.Address, 0)); // or every address that ever came would stay
            }
        }
    }
}
