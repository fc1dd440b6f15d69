namespace Okapi.Chaos;

/// <summary>What there is to be hurt.</summary>
/// <param name="Ensemble">The servers.</param>
/// <param name="Network">What connects them with each other and with clients.</param>
/// <param name="Clients">The client processes beside this one.</param>
/// <param name="SessionTimeout">T: the timeout of the clients' sessions.</param>
internal sealed record Field(Ensemble Ensemble, INetwork Network, IReadOnlyList<ClientProcess> Clients, TimeSpan SessionTimeout)
{
    /// <summary>Everything that has an address.</summary>
    public IEnumerable<Place> Places => [Network.Home, .. Ensemble.Servers.Select(server => server.Place), .. Clients.Select(client => client.Place)];

    /// <summary>The places of all servers but one.</summary>
    public IEnumerable<Place> Peers(Server server) => Ensemble.Servers.Where(other => other != server).Select(other => other.Place);
}

/// <summary>A fault that has its target.</summary>
/// <param name="Target">Whom it hits.</param>
/// <param name="Hold">How long it lasts before it is healed.</param>
/// <param name="HitAsync">Begins it.</param>
/// <param name="HealAsync">Ends it.</param>
internal sealed record Strike(string Target, TimeSpan Hold, Func<Task> HitAsync, Func<Task> HealAsync)
{
    /// <summary>The server it hits, or 0.</summary>
    public int Server { get; init; }

    /// <summary>The clients whose process it stops.</summary>
    public IReadOnlyList<int> PausedClients { get; init; } = [];

    /// <summary>The clients it hits alone, and no server: the others should not notice.</summary>
    public IReadOnlyList<int> Clients { get; init; } = [];
}

/// <summary>One kind of fault.</summary>
/// <param name="Kind">Its name in reports.</param>
/// <param name="Weight">How often it comes in one round of all kinds.</param>
/// <param name="CutsNetwork">Whether it needs a network that can be cut.</param>
/// <param name="AimAsync">Chooses the target. What it draws from the random numbers may not depend on who is the leader, so that a seed gives one schedule.</param>
internal sealed record Nemesis(string Kind, int Weight, bool CutsNetwork, Func<Field, Random, Task<Strike>> AimAsync);
