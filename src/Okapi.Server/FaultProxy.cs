using System.Net;
using Okapi.Server.Proxies;

namespace Okapi.Server;

/// <summary>
/// Stands between clients and a server, whatever they are and whatever they speak, passes bytes on, and fails on request: it is slow, it cuts, it loses, it garbles. For tests of what a network does to a program, also
/// with Apache ZooKeeper behind it.
/// </summary>
/// <remarks>It takes calls from any thread.</remarks>
public sealed class FaultProxy : IAsyncDisposable
{
    private readonly FaultBook _book = new();
    private readonly Traffic _traffic = new();
    private readonly ProxyListener _listener;
    private readonly ProxyTarget _target;

    private FaultProxy(ProxyTarget target, FaultProxyOptions options)
    {
        _target = target;
        _listener = new(target, _book, options, _traffic);
        Faults = new(_book, _listener, options, static _ => Scope.All);
        FaultsOfPresent = new(_book, _listener, options, static accepted => new(0, accepted));
        FaultsOfNew = new(_book, _listener, options, static accepted => new(accepted + 1, long.MaxValue));
    }

    /// <summary>What can go wrong with all connections, those that come later among them.</summary>
    public ProxyFaults Faults { get; }

    /// <summary>What can go wrong with the connections that are open when it is asked for, and with no other.</summary>
    public ProxyFaults FaultsOfPresent { get; }

    /// <summary>What can go wrong with connections that come after it was asked for.</summary>
    public ProxyFaults FaultsOfNew { get; }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => _listener.EndPoint;

    /// <summary>What clients connect to.</summary>
    public string ConnectionString => EndPoint.ToString();

    /// <summary>The server behind it, as host:port.</summary>
    public string Server => _target.ToString();

    /// <summary>How many connections have been made to it, those that were turned away among them.</summary>
    public long Accepted => _listener.Accepted;

    /// <summary>How many connections are open.</summary>
    public int Open => _listener.Connections.Count;

    /// <summary>How many bytes have gone to the server.</summary>
    public long RequestBytes => _traffic.Requests;

    /// <summary>How many bytes have gone to clients.</summary>
    public long ReplyBytes => _traffic.Replies;

    /// <summary>Starts a proxy. When the call returns, clients can connect. Whether there is a server is seen when they do.</summary>
    /// <param name="server">The server, as host:port. One of several: each needs a proxy of its own.</param>
    /// <param name="options">How; null: with the defaults.</param>
    /// <exception cref="ArgumentException">The server or an option is not valid.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The address to listen on cannot be had.</exception>
    public static FaultProxy Start(string server, FaultProxyOptions? options = null) => new(ProxyTarget.Parse(server), (options ?? new()).CloneValidated());

    /// <summary>Ends all faults that are in force; those that were cut stay so.</summary>
    public void Heal()
    {
        foreach (Fault fault in _book.InForce) fault.Dispose();
    }

    /// <summary>Ends the proxy: all connections are reset, and when the call returns nothing of it is left.</summary>
    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync().ConfigureAwait(false);
        Heal();
    }
}
