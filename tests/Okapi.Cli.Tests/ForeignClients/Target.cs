using Okapi.TestSupport;

namespace Okapi.Cli.Tests;

/// <summary>A server that a foreign client is tried with. What is expected of Okapi is expected of Apache ZooKeeper too: so it is known that the expectation is right.</summary>
public enum ServerKind
{
    Okapi,
    Apache,
}

internal sealed class Target : IAsyncDisposable
{
    private readonly IAsyncDisposable _server;

    private Target(string address, IAsyncDisposable server)
    {
        Address = address;
        _server = server;
    }

    public string Address { get; }

    public static async Task<Target> StartAsync(ServerKind kind, params string[] arguments)
    {
        if (kind == ServerKind.Okapi)
        {
            OkapiProcess okapi = await OkapiProcess.ServeAsync(arguments);
            return new(okapi.Address, okapi);
        }

        ForeignClient.RequireApache();
        ApacheZooKeeper apache = await ApacheZooKeeper.StartAsync(arguments);
        return new(apache.ConnectString, apache);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
