using System.Runtime.CompilerServices;
using Okapi.TestSupport;

// Tests here wait for servers far more than they compute.
[assembly: CollectionBehavior(MaxParallelThreads = 6)]

namespace Okapi.TestServers;

/// <summary>
/// Servers that live as long as the tests that share them: Apache's, or embedded ones. A class of tests is abstract; a class derived from it names the servers that are put to the test.
/// </summary>
public abstract class Servers : IAsyncLifetime
{
    private static int s_roots;

    /// <summary>The addresses of all nodes, which are numbered from 1.</summary>
    public abstract IReadOnlyList<string> Addresses { get; }

    public string ConnectString => string.Join(',', Addresses);

    public abstract ValueTask InitializeAsync();

    public abstract ValueTask DisposeAsync();

    public string AddressOf(int node) => Addresses[node - 1];

    public Task<ZooKeeperClient> ConnectAsync(ZooKeeperOptions? options = null, string chroot = "") =>
        ZooKeeperClient.ConnectAsync(To(ConnectString + chroot, options), TestContext.Current.CancellationToken);

    /// <summary>Connects to one of several nodes.</summary>
    public Task<ZooKeeperClient> ConnectToAsync(int node, ZooKeeperOptions? options = null) =>
        ZooKeeperClient.ConnectAsync(To(AddressOf(node), options), TestContext.Current.CancellationToken);

    /// <summary>Options by which a client finds these servers.</summary>
    public virtual ZooKeeperOptions To(string connectString, ZooKeeperOptions? options = null)
    {
        options ??= new();
        options.ConnectString = connectString;
        return options;
    }

    /// <summary>A way to the first node for some clients alone, which can be cut.</summary>
    public abstract Proxy Proxy();

    /// <summary>Sends a four-letter word to the first node and gives what comes back.</summary>
    public abstract Task<string> WordAsync(string word);

    /// <summary>A node that holds the ensemble together, if any does.</summary>
    public abstract Task<int> FindLeaderAsync();

    /// <summary>Ends a node without warning.</summary>
    public abstract Task KillAsync(int node);

    /// <summary>Starts a node again that was killed, on its old port and data.</summary>
    public abstract Task StartNodeAsync(int node);

    /// <summary>Takes from a node that was killed what it has on its disk.</summary>
    public abstract void Wipe(int node);

    /// <summary>Freezes a node until the result is disposed: its connections stay open, but it neither reads nor answers.</summary>
    public abstract Task<IAsyncDisposable> FreezeAsync(int node);

    /// <summary>Kills all nodes but one, which then serves reads alone.</summary>
    public abstract Task LoseQuorumAsync(int left);

    /// <summary>Starts the others again; does not wait until they serve.</summary>
    public abstract Task RegainQuorumAsync();

    /// <summary>Creates a znode for one test alone to work below.</summary>
    public static async Task<string> RootAsync(ZooKeeperClient zk, [CallerMemberName] string test = "") =>
        await zk.CreateAsync($"/{test}-{Interlocked.Increment(ref s_roots)}");
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
