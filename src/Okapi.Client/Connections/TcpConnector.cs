using System.Net;
using System.Net.Sockets;
using Okapi.Security;

namespace Okapi.Connections;

/// <summary>Resolves a host's name anew for each attempt (H17), tries its addresses in random order, and speaks TLS if it is turned on.</summary>
internal sealed class TcpConnector(Tls? tls, Random random, TimeProvider time, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null) : IConnector
{
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve = resolve ?? Dns.GetHostAddressesAsync;

    public async ValueTask<Link> ConnectAsync(ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken)
    {
        IPAddress[] addresses = IPAddress.TryParse(server.Host, out IPAddress? literal) ? [literal] : await ResolveAsync(server.Host, cancellationToken).ConfigureAwait(false);
        Stream stream = await ConnectAnyAsync(server, addresses, timeout / addresses.Length, cancellationToken).ConfigureAwait(false);
        var socket = stream as SocketStream;
        if (tls is null) return new(stream, socket);
        try
        {
            return new(await tls.AuthenticateAsync(stream, server, cancellationToken).ConfigureAwait(false), socket);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        IPAddress[] addresses = await _resolve(host, cancellationToken).ConfigureAwait(false);
        if (addresses.Length == 0) throw new SocketException((int)SocketError.HostNotFound, $"The name {host} has no address.");
        lock (random) random.Shuffle(addresses); // a probe may run beside an attempt
        return addresses;
    }

    private async Task<Stream> ConnectAnyAsync(ServerEndpoint server, IPAddress[] addresses, TimeSpan timeoutEach, CancellationToken cancellationToken)
    {
        var failures = new List<Exception>();
        foreach (IPAddress address in addresses)
        {
            Socket? socket = null;
            using var limit = new CancellationTokenSource(timeoutEach, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            try
            {
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }; // fails where the machine has no IPv6
                var endPoint = new IPEndPoint(address, server.Port);
                if (SocketStream.IsWorthwhile) return await SocketStream.ConnectAsync(socket, endPoint, either.Token).ConfigureAwait(false);
                await socket.ConnectAsync(endPoint, either.Token).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException)
            {
                socket?.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                failures.Add(error is SocketException refused
                    ? new IOException($"{Name(address, server)}{refused.Message}", refused)
                    : new TimeoutException($"{Name(address, server)}no answer within {timeoutEach.TotalSeconds:0.###} s"));
            }
        }

        throw new IOException(string.Join("; ", failures.Select(failure => failure.Message)), failures[^1]);
    }

    // Whoever reports the failure names the server; its address adds something only where the name was resolved.
    private static string Name(IPAddress address, ServerEndpoint server) => address.ToString() == server.Host ? string.Empty : $"{address}: ";
}
