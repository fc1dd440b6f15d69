using System.Net;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Fuzz.Tests.Differential;

/// <summary>Apache's server and the embedded one with its quirks, set up alike. Nothing is reaped, for that would be a matter of time.</summary>
internal sealed class TwoServers : IAsyncDisposable
{
    private readonly ApacheZooKeeper _apache;
    private readonly EmbeddedServer _embedded;

    private TwoServers(ApacheZooKeeper apache, EmbeddedServer embedded)
    {
        _apache = apache;
        _embedded = embedded;
    }

    public IPEndPoint Apache => new(IPAddress.Loopback, _apache.Nodes[0].Port);

    public IPEndPoint Embedded => _embedded.Members[0].EndPoint!;

    public static async Task<TwoServers> StartAsync()
    {
        if (!ApacheZooKeeper.IsAvailable)
        {
            if (Environment.GetEnvironmentVariable("OKAPI_REQUIRE_APACHE") == "1") Assert.Fail("Apache ZooKeeper is required here: " + ApacheZooKeeper.WhyUnavailable);
            Assert.Skip(ApacheZooKeeper.WhyUnavailable);
        }

        ApacheZooKeeper apache = await ApacheZooKeeper.StartAsync("--container-check", "3600000", "--cfg", "maxClientCnxns=0", "--cfg", "4lw.commands.whitelist=ruok");
        return new(apache, await EmbeddedServer.StartAsync(new()
        {
            Version = ServerVersion.V38,
            TickTime = TimeSpan.FromMilliseconds(500),
            MaxSessionTimeout = TimeSpan.FromMinutes(10),
            ContainerCheckInterval = TimeSpan.FromHours(1),
            MaxClientConnections = 0,
        }));
    }

    /// <summary>Starts both again on what they have; Apache's must come up whatever it was sent.</summary>
    public async Task RestartAsync()
    {
        await _apache.KillAsync(1);
        await _apache.StartNodeAsync(1);
        await _embedded.RestartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _embedded.DisposeAsync();
        await _apache.DisposeAsync();
    }
}
