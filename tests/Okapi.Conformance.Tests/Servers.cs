using System.Runtime.CompilerServices;
using Okapi.Conformance.Tests;
using Okapi.TestSupport;

[assembly: AssemblyFixture(typeof(Standalone))]

// Tests here wait for servers far more than they compute.
[assembly: CollectionBehavior(MaxParallelThreads = 6)]

namespace Okapi.Conformance.Tests;

/// <summary>Servers that live as long as the tests that share them.</summary>
public abstract class Servers(params string[] arguments) : IAsyncLifetime
{
    private static int s_roots;
    private ApacheZooKeeper? _server;

    public ApacheZooKeeper Server
    {
        get
        {
            NeedApache.OrSkip();
            return _server ?? throw new InvalidOperationException("The server has not been started.");
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (ApacheZooKeeper.IsAvailable) _server = await ApacheZooKeeper.StartAsync(arguments);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _server?.DisposeAsync() ?? default;
    }

    public Task<ZooKeeperClient> ConnectAsync(ZooKeeperOptions? options = null, string chroot = "") =>
        ZooKeeperClient.ConnectAsync(Server.ConnectString + chroot, options, TestContext.Current.CancellationToken);

    /// <summary>Connects to one server of an ensemble.</summary>
    public Task<ZooKeeperClient> ConnectToAsync(int node, ZooKeeperOptions? options = null) =>
        ZooKeeperClient.ConnectAsync(AddressOf(node), options, TestContext.Current.CancellationToken);

    public string AddressOf(int node) => $"127.0.0.1:{Server.Nodes.Single(each => each.Id == node).Port}";

    public TcpProxy Proxy() => TcpProxy.Start(Server.Nodes[0].Port);

    /// <summary>Creates a znode for one test alone to work below.</summary>
    public static async Task<string> RootAsync(ZooKeeperClient zk, [CallerMemberName] string test = "") =>
        await zk.CreateAsync($"/{test}-{Interlocked.Increment(ref s_roots)}");
}

/// <summary>One server for all tests that need nothing special and do it no harm; each test works below a path of its own.</summary>
public sealed class Standalone : Servers;

/// <summary>One server for tests that kill, freeze or wipe it, one after another.</summary>
[CollectionDefinition(nameof(Fragile))]
public sealed class Fragile : Servers, ICollectionFixture<Fragile>;

/// <summary>Three servers. A test that kills one starts it again.</summary>
[CollectionDefinition(nameof(Ensemble))]
public sealed class Ensemble() : Servers("--ensemble"), ICollectionFixture<Ensemble>;

/// <summary>Three servers that go into read-only mode when they lose their quorum.</summary>
[CollectionDefinition(nameof(ReadOnlyEnsemble))]
public sealed class ReadOnlyEnsemble() : Servers("--ensemble", "--readonly"), ICollectionFixture<ReadOnlyEnsemble>;

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
