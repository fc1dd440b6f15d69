using System.Globalization;

namespace Okapi.Chaos;

/// <summary>Three Apache ZooKeeper servers.</summary>
internal sealed class Ensemble : IAsyncDisposable
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private Ensemble(IReadOnlyList<Server> servers) => Servers = servers;

    public IReadOnlyList<Server> Servers { get; }

    public string ConnectString => string.Join(',', Servers.Select(server => server.Endpoint));

    /// <summary>Starts three servers with empty data and waits until they serve.</summary>
    public static async Task<Ensemble> StartAsync(INetwork network, string folder, int tickMs)
    {
        var servers = new List<Server>();
        for (int id = 1; id <= 3; id++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"s{id}");
            servers.Add(new Server(id, await network.AddAsync(name), network.Ports(), Path.Combine(folder, name), network));
        }

        var ensemble = new Ensemble(servers);
        foreach (Server server in servers)
        {
            server.Configure(servers, tickMs);
            server.Start();
        }

        if (!await ensemble.TryWaitWholeAsync(TimeSpan.FromSeconds(60)))
        {
            await ensemble.DisposeAsync();
            throw new InvalidOperationException($"The servers did not start; their logs are in {folder}.");
        }

        return ensemble;
    }

    /// <summary>The leader and the followers of this moment, or null while that is not a leader with two followers.</summary>
    public async Task<Roles?> TryGetRolesAsync()
    {
        string?[] modes = await Task.WhenAll(Servers.Select(server => server.TryGetModeAsync(AskLimit)));
        int leader = Array.IndexOf(modes, "leader");
        return leader >= 0 && modes.Count(mode => mode == "follower") == 2
            ? new Roles(Servers[leader], [.. Servers.Where((_, at) => at != leader)])
            : null;
    }

    /// <summary>
    /// Waits until all three serve and the leader counts both others as in step with it. Only then may the next fault come: a
    /// server that has not caught up holds less than what was acknowledged, and what is lost with the others is then lost rightly.
    /// </summary>
    public async Task<bool> TryWaitWholeAsync(TimeSpan patience)
    {
        long until = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (Environment.TickCount64 < until)
        {
            if (await TryGetRolesAsync() is Roles roles &&
                FourLetterWords.Value(await roles.Leader.TryAskAsync("mntr", AskLimit), "zk_synced_followers") is "2" or "2.0" &&
                await InStepAsync(roles))
            {
                return true;
            }

            await Task.Delay(Pause);
        }

        return false;
    }

    public async Task<Roles> GetRolesAsync()
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            if (await TryGetRolesAsync() is Roles roles)
            {
                return roles;
            }

            await Task.Delay(Pause);
        }

        throw new InvalidOperationException("No leader with two followers within 10 s.");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Server server in Servers)
        {
            await server.KillAsync();
            server.Dispose();
        }
    }

    // Each follower has reached, now, what the leader had a moment ago. A leader counts its own accession, followers only what
    // is written after that: then to be in step is all there is.
    private static async Task<bool> InStepAsync(Roles roles)
    {
        long? of = await ZxidAsync(roles.Leader);
        long?[] reached = await Task.WhenAll(roles.Followers.Select(ZxidAsync));
        return (of & 0xffffffff) == 0 || reached.All(zxid => zxid >= of);
    }

    private static async Task<long?> ZxidAsync(Server server) =>
        FourLetterWords.Value(await server.TryAskAsync("srvr", AskLimit), "Zxid") is string text &&
        long.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long zxid) ? zxid : null;
}

/// <summary>Who leads and who follows.</summary>
internal sealed record Roles(Server Leader, IReadOnlyList<Server> Followers);
