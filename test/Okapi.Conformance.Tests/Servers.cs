using Okapi.TestSupport;

[assembly: AssemblyFixture(typeof(Okapi.Conformance.Tests.Standalone))]

namespace Okapi.Conformance.Tests;

/// <summary>One Apache ZooKeeper for all tests that need nothing special; each test works below a path of its own.</summary>
public sealed class Standalone : IAsyncLifetime
{
    private ApacheZooKeeper? _server;

    public ApacheZooKeeper Server => _server ?? throw new InvalidOperationException("The server has not been started.");

    public async ValueTask InitializeAsync()
    {
        if (ApacheZooKeeper.IsAvailable) _server = await ApacheZooKeeper.StartAsync();
    }

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? default;

    public async Task<ZooKeeperClient> ConnectAsync(ZooKeeperOptions? options = null, string chroot = "")
    {
        NeedApache.OrSkip();
        return await ZooKeeperClient.ConnectAsync(Server.ConnectString + chroot, options, TestContext.Current.CancellationToken);
    }
}

/// <summary>What a test does that cannot run without Apache ZooKeeper: in CI it fails, elsewhere it says why it is left out.</summary>
public static class NeedApache
{
    public static void OrSkip()
    {
        if (ApacheZooKeeper.IsAvailable) return;
        if (Environment.GetEnvironmentVariable("OKAPI_REQUIRE_APACHE") == "1") Assert.Fail("Apache ZooKeeper is required here: " + ApacheZooKeeper.WhyUnavailable);
        Assert.Skip(ApacheZooKeeper.WhyUnavailable);
    }
}
