namespace Okapi.Connections;

/// <summary>The servers of the ensemble, in the order in which they are tried, and ZooKeeper's rule for spreading clients when the list changes.</summary>
internal sealed class ServerList
{
    private readonly Random _random;
    private readonly bool _shuffle;
    private List<ServerEndpoint> _servers;
    private int _next;

    /// <summary>Servers still to be tried first after a change of the list; see <see cref="Update"/>.</summary>
    private readonly Queue<ServerEndpoint> _preferred = new();

    public ServerList(IEnumerable<ServerEndpoint> servers, bool shuffle, Random random)
    {
        _random = random;
        _shuffle = shuffle;
        _servers = Order(servers);
    }

    public int Count => _servers.Count;

    /// <summary>Whether <see cref="Next"/> begins a new round.</summary>
    public bool IsRoundOver => _preferred.Count == 0 && _next == 0;

    public ServerEndpoint Next()
    {
        if (_preferred.TryDequeue(out ServerEndpoint? preferred)) return preferred;
        ServerEndpoint server = _servers[_next];
        _next = (_next + 1) % _servers.Count;
        return server;
    }

    /// <summary>Makes a server the next to be tried.</summary>
    public void Prefer(ServerEndpoint server)
    {
        _preferred.Clear();
        _preferred.Enqueue(server);
    }

    /// <summary>
    /// Takes a new list. Clients move with the probabilities that keep the load even when every client sees the same change (ZOOKEEPER-1355): when the
    /// ensemble grows from n to m, each moves to a new server with probability 1 - n/m; clients of a removed server always move, and to
    /// servers that would otherwise be underloaded.
    /// </summary>
    /// <param name="servers">The new list; at least one.</param>
    /// <param name="current">The server in use, or null.</param>
    /// <returns>Whether to leave the server in use.</returns>
    public bool Update(IEnumerable<ServerEndpoint> servers, ServerEndpoint? current)
    {
        List<ServerEndpoint> updated = Order(servers);
        List<ServerEndpoint> stayed = [.. updated.Where(_servers.Contains)];
        List<ServerEndpoint> added = [.. updated.Where(server => !_servers.Contains(server))];
        int before = _servers.Count;
        _servers = updated;
        _next = 0;
        _preferred.Clear();
        bool isListed = current is not null && updated.Contains(current);
        if (current is null) return false;
        if (updated.Count > before)
        {
            if (isListed && _random.NextDouble() >= 1 - ((double)before / updated.Count)) return false;
            PreferAll(added);
            return true;
        }

        if (isListed) return false;
        // Every server ends up with 1/m of the clients. The ones that stayed have 1/n each already, so of those who must move, this share goes to them.
        double removed = before - stayed.Count;
        double toStayed = removed <= 0 ? 1 : stayed.Count * (double)(before - updated.Count) / (updated.Count * removed);
        PreferAll(_random.NextDouble() < toStayed ? stayed : added);
        return true;
    }

    private void PreferAll(List<ServerEndpoint> servers)
    {
        foreach (ServerEndpoint server in servers) _preferred.Enqueue(server);
    }

    private List<ServerEndpoint> Order(IEnumerable<ServerEndpoint> servers)
    {
        ServerEndpoint[] ordered = [.. servers];
        if (_shuffle) _random.Shuffle(ordered);
        return [.. ordered];
    }
}
