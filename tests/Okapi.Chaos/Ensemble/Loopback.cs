using System.Net;
using System.Net.Sockets;

namespace Okapi.Chaos;

/// <summary>All on 127.0.0.1, where nothing can be cut: what is left where namespaces cannot be had.</summary>
internal sealed class Loopback(string whyNoNamespaces) : INetwork
{
    private readonly HashSet<int> _given = [];

    public bool CanCut => false;

    public string Description => $"all on loopback, WITHOUT partitions ({whyNoNamespaces})";

    public Place Home { get; } = new("home", IPAddress.Loopback);

    public Task<Place> AddAsync(string name) => Task.FromResult(new Place(name, IPAddress.Loopback));

    public (int Client, int Quorum, int Election) Ports() => (FreePort(), FreePort(), FreePort());

    public IReadOnlyList<string> Prefix(Place place) => [];

    public Task CutAsync(Place from, Place to) => throw new NotSupportedException(Description);

    public Task MendAsync(Place from, Place to) => Task.CompletedTask;

    // Below the range of outgoing connections, one of which could otherwise take the port while its server is down.
    private int FreePort()
    {
        for (int port = 10_000 + (Environment.ProcessId % 1000 * 20); ; port++)
        {
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port) { ExclusiveAddressUse = true };
                listener.Start();
                if (_given.Add(port))
                {
                    return port;
                }
            }
            catch (SocketException)
            {
                // Taken: the next one.
            }
        }
    }
}
