using Okapi.TestServers;
using Okapi.TestSupport;

[assembly: AssemblyFixture(typeof(Standalone))]

namespace Okapi.TestServers;

/// <summary>Apache's servers.</summary>
public abstract class ApacheServers(params string[] arguments) : Servers
{
    private readonly List<int> _lost = [];
    private ApacheZooKeeper? _server;

    public ApacheZooKeeper Server
    {
        get
        {
            NeedApache.OrSkip();
            return _server ?? throw new InvalidOperationException("The server has not been started.");
        }
    }

    public override IReadOnlyList<string> Addresses => [.. Server.Nodes.Select(node => $"127.0.0.1:{node.Port}")];

    public override async ValueTask InitializeAsync()
    {
        if (ApacheZooKeeper.IsAvailable) _server = await ApacheZooKeeper.StartAsync(arguments);
    }

    public override ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _server?.DisposeAsync() ?? default;
    }

    public override Proxy Proxy() => new SocketProxy(Server.Nodes[0].Port);

    public override Task<string> WordAsync(string word) => Server.WordAsync(1, word);

    public override Task<int> FindLeaderAsync() => Server.FindAsync("leader");

    public override Task KillAsync(int node) => Server.KillAsync(node);

    public override Task StartNodeAsync(int node) => Server.StartNodeAsync(node);

    public override void Wipe(int node) => Directory.Delete(Path.Combine(Server.Directory, $"{node}", "data", "version-2"), recursive: true);

    public override async Task<IAsyncDisposable> FreezeAsync(int node)
    {
        await Server.PauseAsync(node);
        return new Thawing(Server, node);
    }

    public override async Task LoseQuorumAsync(int left)
    {
        foreach (ServerNode node in Server.Nodes.Where(node => node.Id != left))
        {
            await Server.KillAsync(node.Id);
            _lost.Add(node.Id);
        }

        Assert.Equal(left, await Server.FindAsync("read-only"));
    }

    public override async Task RegainQuorumAsync()
    {
        foreach (int node in _lost) await Server.StartNodeAsync(node, waitServing: false);
        _lost.Clear();
    }

    private sealed class Thawing(ApacheZooKeeper server, int node) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => new(server.ResumeAsync(node));
    }
}

/// <summary>One server for all tests that need nothing special and do it no harm; each test works below a path of its own.</summary>
public sealed class Standalone : ApacheServers;

/// <summary>One server for tests that kill, freeze or wipe it, one after another.</summary>
[CollectionDefinition(nameof(Fragile))]
public sealed class Fragile : ApacheServers, ICollectionFixture<Fragile>;

/// <summary>Three servers. A test that kills one starts it again.</summary>
[CollectionDefinition(nameof(Ensemble))]
public sealed class Ensemble() : ApacheServers("--ensemble"), ICollectionFixture<Ensemble>;

/// <summary>Three servers that go into read-only mode when they lose their quorum.</summary>
[CollectionDefinition(nameof(ReadOnlyEnsemble))]
public sealed class ReadOnlyEnsemble() : ApacheServers("--ensemble", "--readonly"), ICollectionFixture<ReadOnlyEnsemble>;
