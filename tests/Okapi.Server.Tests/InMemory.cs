using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>A server without sockets, and clients of it.</summary>
internal static class InMemory
{
    public static Task<EmbeddedServer> StartAsync(Action<EmbeddedServerOptions>? configure = null)
    {
        var options = new EmbeddedServerOptions { UseSockets = false, TickTime = TimeSpan.FromMilliseconds(500) };
        configure?.Invoke(options);
        return EmbeddedServer.StartAsync(options);
    }

    public static ZooKeeperOptions OptionsFor(EmbeddedServer server) => new()
    {
        ConnectString = server.ConnectionString,
        ConnectCallback = (to, ct) => server.ConnectAsync(to.Port, ct),
        SessionTimeout = TimeSpan.FromSeconds(10),
    };

    public static Task<ZooKeeperClient> ConnectAsync(EmbeddedServer server, Action<ZooKeeperOptions>? configure = null)
    {
        ZooKeeperOptions options = OptionsFor(server);
        configure?.Invoke(options);
        return ZooKeeperClient.ConnectAsync(options, TestContext.Current.CancellationToken);
    }

    /// <summary>A wait that has a bound: what is awaited must come.</summary>
    public static Task InTime(this Task task) => task.WaitAsync(TimeSpan.FromSeconds(20));

    public static Task<T> InTime<T>(this Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>A wire client on a connection in memory.</summary>
    public static async Task<WireClient> OpenAsync(EmbeddedServer server, int member = 1, Protocol.ConnectResponse? resume = null, int timeoutMs = 10_000)
    {
        var client = new WireClient(await server.ConnectAsync(member));
        await client.HandshakeAsync(timeoutMs, resume);
        return client;
    }
}
