using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Okapi.Server.Proxies;

/// <summary>The server that a proxy leads to.</summary>
internal sealed record ProxyTarget(string Host, int Port)
{
    /// <exception cref="ArgumentException">It is not the address of one server.</exception>
    public static ProxyTarget Parse(string server)
    {
        ArgumentNullException.ThrowIfNull(server);
        int colon = server.LastIndexOf(':');
        string host = colon > 0 ? server[..colon] : string.Empty;
        bool isBracketed = host is ['[', .., ']'];
        if (isBracketed) host = host[1..^1];
        bool isHost = isBracketed ? IPAddress.TryParse(host, out _) : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4;
        if (!isHost || !ushort.TryParse(server[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
            throw new ArgumentException($"{nameof(server)} \"{server}\" is not host:port of one server, with a port from 1 to 65535 (an address of IPv6 in brackets).");
        return new(host, port);
    }

    public Socket CreateSocket() =>
        IPAddress.TryParse(Host, out IPAddress? address) ? new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) : new(SocketType.Stream, ProtocolType.Tcp);

    /// <summary>The name is looked up each time: a server may move.</summary>
    public ValueTask ConnectAsync(Socket socket, CancellationToken ct) =>
        IPAddress.TryParse(Host, out IPAddress? address) ? socket.ConnectAsync(address, Port, ct) : socket.ConnectAsync(Host, Port, ct);

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
