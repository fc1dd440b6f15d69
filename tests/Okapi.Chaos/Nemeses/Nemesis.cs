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

/// <summary>A fault under way.</summary>
/// <param name="Target">Whom it hit.</param>
/// <param name="Hold">How long it lasts before it is healed.</param>
/// <param name="HealAsync">Ends it.</param>
internal sealed record Strike(string Target, TimeSpan Hold, Func<Task> HealAsync);

/// <summary>One kind of fault.</summary>
/// <param name="Kind">Its name in reports.</param>
/// <param name="Weight">How often it comes in one round of all kinds.</param>
/// <param name="CutsNetwork">Whether it needs a network that can be cut.</param>
/// <param name="StrikeAsync">Begins it. What it draws from the random numbers may not depend on who is the leader, so that a seed gives one schedule.</param>
internal sealed record Nemesis(string Kind, int Weight, bool CutsNetwork, Func<Field, Random, Task<Strike>> StrikeAsync);
