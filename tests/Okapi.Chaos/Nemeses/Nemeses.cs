namespace Okapi.Chaos;

/// <summary>All kinds of faults. Each leaves a quorum of what was acknowledged: no write that was may be lost by any of them.</summary>
internal static class Nemeses
{
    public static IReadOnlyList<Nemesis> All { get; } =
    [
        new("kill-leader", 4, false, (field, random) => KillAsync(field, random, OneLeader)),
        new("kill-follower", 2, false, (field, random) => KillAsync(field, random, OneFollower(random))),
        new("pause-leader", 2, false, (field, random) => PauseAsync(field, random, OneLeader)),
        new("pause-follower", 1, false, (field, random) => PauseAsync(field, random, OneFollower(random))),
        new("pause-client", 2, false, PauseClientAsync),
        new("rolling-restart", 1, false, RollingRestartAsync),
        new("ensemble-down-short", 1, false, (field, random) => DownAsync(field, Fraction(random, 0.2, 0.6))),
        new("ensemble-down-long", 1, false, (field, random) => DownAsync(field, Fraction(random, 1.5, 2.5))),
        new("wipe-follower", 1, false, WipeAsync),
        new("isolate-leader", 2, true, (field, random) => IsolateAsync(field, random, OneLeader)),
        new("isolate-follower", 1, true, (field, random) => IsolateAsync(field, random, OneFollower(random))),
        new("leader-without-peers", 2, true, (field, random) => CutFromPeersAsync(field, random, OneLeader, sends: false, hears: false)),
        new("leader-deaf", 1, true, (field, random) => CutFromPeersAsync(field, random, OneLeader, sends: true, hears: false)),
        new("leader-mute", 1, true, (field, random) => CutFromPeersAsync(field, random, OneLeader, sends: false, hears: true)),
        new("follower-deaf", 1, true, (field, random) => CutFromPeersAsync(field, random, OneFollower(random), sends: true, hears: false)),
        new("follower-mute", 1, true, (field, random) => CutFromPeersAsync(field, random, OneFollower(random), sends: false, hears: true)),
        new("cut-two-servers", 1, true, CutTwoServersAsync),
        new("cut-clients-from-server", 1, true, CutClientsFromServerAsync),
        new("isolate-client", 2, true, IsolateClientAsync),
    ];

    private static Func<Roles, Server> OneLeader => roles => roles.Leader;

    private static Func<Roles, Server> OneFollower(Random random)
    {
        int which = random.Next(2);
        return roles => roles.Followers[which];
    }

    private static double Fraction(Random random, double low, double high) => low + (random.NextDouble() * (high - low));

    private static async Task<Strike> KillAsync(Field field, Random random, Func<Roles, Server> choose)
    {
        double hold = Fraction(random, 0.05, 1.0);
        Server server = choose(await field.Ensemble.GetRolesAsync());
        return new Strike(server.Name, field.SessionTimeout * hold, server.KillAsync, () => StartAsync(server)) { Server = server.Id };
    }

    private static async Task<Strike> PauseAsync(Field field, Random random, Func<Roles, Server> choose)
    {
        double hold = Fraction(random, 0.5, 3.0);
        Server server = choose(await field.Ensemble.GetRolesAsync());
        return new Strike(server.Name, field.SessionTimeout * hold, Done(server.Pause), Done(server.Resume)) { Server = server.Id };
    }

    private static Task<Strike> PauseClientAsync(Field field, Random random)
    {
        ClientProcess client = field.Clients[random.Next(field.Clients.Count)];
        TimeSpan hold = field.SessionTimeout * Fraction(random, 0.5, 3.0);
        return Task.FromResult(new Strike(client.Name, hold, Done(client.Pause), Done(client.Resume)) { PausedClients = client.Numbers, Clients = client.Numbers });
    }

    private static Task<Strike> RollingRestartAsync(Field field, Random random)
    {
        Server[] order = [.. field.Ensemble.Servers];
        random.Shuffle(order);
        return Task.FromResult(new Strike(string.Join(", ", order.Select(server => server.Name)), TimeSpan.Zero, Hit, () => Task.CompletedTask));

        async Task Hit()
        {
            foreach (Server server in order)
            {
                await server.StopAsync();
                server.Start();
                // Stopping the next one before this one is back would be another fault: a quorum lost.
                await field.Ensemble.TryWaitWholeAsync(TimeSpan.FromSeconds(30));
            }
        }
    }

    private static Task<Strike> DownAsync(Field field, double hold)
    {
        Server[] all = [.. field.Ensemble.Servers];
        return Task.FromResult(new Strike("all servers", field.SessionTimeout * hold, () => Task.WhenAll(all.Select(server => server.KillAsync())), () => StartAsync(all)));
    }

    // One at a time, and the next fault waits until it is in step again: the other two hold all that was acknowledged.
    private static async Task<Strike> WipeAsync(Field field, Random random)
    {
        Func<Roles, Server> choose = OneFollower(random);
        double hold = Fraction(random, 0.1, 0.5);
        Server server = choose(await field.Ensemble.GetRolesAsync());
        return new Strike(server.Name, field.SessionTimeout * hold, Hit, () => StartAsync(server)) { Server = server.Id };

        async Task Hit()
        {
            await server.KillAsync();
            server.Wipe();
        }
    }

    private static async Task<Strike> IsolateAsync(Field field, Random random, Func<Roles, Server> choose)
    {
        double hold = Fraction(random, 0.5, 2.5);
        Server server = choose(await field.Ensemble.GetRolesAsync());
        return Cut(field, server.Name, hold, Both([server.Place], field.Places.Where(place => place != server.Place))) with { Server = server.Id };
    }

    private static async Task<Strike> CutFromPeersAsync(Field field, Random random, Func<Roles, Server> choose, bool sends, bool hears)
    {
        double hold = Fraction(random, 0.75, 2.5);
        Server server = choose(await field.Ensemble.GetRolesAsync());
        (Place From, Place To)[] cuts = [.. Both([server.Place], field.Peers(server)).Where(cut => cut.From == server.Place ? !sends : !hears)];
        return Cut(field, server.Name, hold, cuts) with { Server = server.Id };
    }

    private static Task<Strike> CutTwoServersAsync(Field field, Random random)
    {
        Server[] pair = [.. field.Ensemble.Servers];
        random.Shuffle(pair);
        return Task.FromResult(Cut(field, $"{pair[0].Name} and {pair[1].Name}", Fraction(random, 0.75, 2.5), Both([pair[0].Place], [pair[1].Place])));
    }

    private static Task<Strike> CutClientsFromServerAsync(Field field, Random random)
    {
        Server server = field.Ensemble.Servers[random.Next(field.Ensemble.Servers.Count)];
        IEnumerable<Place> clients = [field.Network.Home, .. field.Clients.Select(client => client.Place)];
        return Task.FromResult(Cut(field, $"{server.Name} and all clients", Fraction(random, 0.5, 2.5), Both([server.Place], clients)) with { Server = server.Id });
    }

    private static Task<Strike> IsolateClientAsync(Field field, Random random)
    {
        ClientProcess client = field.Clients[random.Next(field.Clients.Count)];
        IEnumerable<(Place, Place)> cuts = Both([client.Place], field.Ensemble.Servers.Select(server => server.Place));
        return Task.FromResult(Cut(field, client.Name, Fraction(random, 0.5, 3.0), cuts) with { Clients = client.Numbers });
    }

    private static IEnumerable<(Place From, Place To)> Both(IEnumerable<Place> these, IEnumerable<Place> those) =>
        these.SelectMany(here => those.SelectMany(there => new[] { (here, there), (there, here) }));

    private static Strike Cut(Field field, string target, double hold, IEnumerable<(Place From, Place To)> cuts)
    {
        (Place From, Place To)[] all = [.. cuts];
        return new Strike(
            target,
            field.SessionTimeout * hold,
            () => Task.WhenAll(all.Select(cut => field.Network.CutAsync(cut.From, cut.To))),
            () => Task.WhenAll(all.Select(cut => field.Network.MendAsync(cut.From, cut.To))));
    }

    private static Task StartAsync(params Server[] servers)
    {
        foreach (Server server in servers)
        {
            server.Start();
        }

        return Task.CompletedTask;
    }

    private static Func<Task> Done(Action action) => () =>
    {
        action();
        return Task.CompletedTask;
    };
}
