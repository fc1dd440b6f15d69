using System.Runtime.CompilerServices;
using Okapi.Server;
using Okapi.Soak.Leaks;

namespace Okapi.Soak.Tests;

/// <summary>What is alive and not held is found, and nothing else.</summary>
[Collection<AloneCollection>]
public class CensusTests
{
    private static readonly List<object> s_planted = [];

    [Fact]
    public async Task Of_a_client_that_is_disposed_nothing_is_left()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { UseSockets = false });
        var census = new Census();
        await UseAsync(server, census, keep: false);
        Assert.InRange(census.Seen, 30, 10_000);
        Assert.Empty(await census.FindLeaksAsync(server));
    }

    [Fact]
    public async Task A_client_that_somebody_keeps_is_a_leak_unless_it_is_held()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { UseSockets = false });
        var census = new Census();
        await UseAsync(server, census, keep: true);
        Assert.Empty(await census.FindLeaksAsync([server, .. s_planted]));
        Assert.Contains("Okapi.Sessions.ClientCore", census.Look([server]).Select(leak => leak.Type));
        s_planted.Clear();
    }

    [Fact]
    public async Task What_the_server_keeps_of_a_connection_that_is_gone_is_a_leak()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { UseSockets = false });
        var census = new Census();
        await ConnectedAsync(server, census, () =>
        {
            census.Take(server);
            s_planted.Add(ObjectGraph.From([server]).Single(each => each.GetType().Name == "ServerConnection"));
        });
        Assert.Contains("Okapi.Server.Connections.ServerConnection", census.Look([server]).Select(leak => leak.Type));
        s_planted.Clear();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Task UseAsync(EmbeddedServer server, Census census, bool keep) => ConnectedAsync(server, census, zk =>
    {
        census.Take(zk);
        if (keep) s_planted.Add(zk);
    });

    private static Task ConnectedAsync(EmbeddedServer server, Census census, Action act) => ConnectedAsync(server, census, _ => act());

    private static async Task ConnectedAsync(EmbeddedServer server, Census census, Action<ZooKeeperClient> act)
    {
        ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(new ZooKeeperOptions { ConnectString = server.ConnectionString, ConnectCallback = (to, token) => server.ConnectAsync(to.Port, token) });
        await zk.WatchAsync("/");
        act(zk);
        await zk.DisposeAsync();
    }
}
