using System.Text;
using Okapi.TestServers;
using Okapi.Server;

[assembly: AssemblyFixture(typeof(Embedded))]
[assembly: AssemblyFixture(typeof(Embedded39))]

namespace Okapi.TestServers;

/// <summary>An embedded server with one member or several, set up as Apache's servers are.</summary>
public abstract class EmbeddedServers(ServerVersion version, int members = 1) : Servers
{
    private readonly Dictionary<int, Fault> _killed = [];
    private readonly List<Fault> _readOnly = [];
    private EmbeddedServer? _server;
    private bool _isWiped;

    public EmbeddedServer Server => _server ?? throw new InvalidOperationException("The server has not been started.");

    public override IReadOnlyList<string> Addresses => [.. Server.Members.Select(member => member.ConnectionString)];

    protected virtual bool UseSockets => true;

    public override async ValueTask InitializeAsync()
    {
        EmbeddedServerOptions options = EmbeddedTarget.ToServerOptions(new());
        (options.Version, options.Members, options.UseSockets) = (version, members, UseSockets);
        _server = await EmbeddedServer.StartAsync(options);
    }

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Server.DisposeAsync();
        await Server.Completion; // a server that has failed says why
    }

    public override Proxy Proxy() => new SocketProxy(Server.Members[0].EndPoint!.Port);

    public override async Task<string> WordAsync(string word)
    {
        await using Stream stream = await Server.ConnectAsync();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(word));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync().Soon();
    }

    /// <summary>There are no roles; whatever holds of the leader holds of any.</summary>
    public override Task<int> FindLeaderAsync() => Task.FromResult(1);

    /// <summary>To clients of one member alone it is as good as a kill.</summary>
    public override Task KillAsync(int node)
    {
        _killed[node] = Server.Members[node - 1].Faults.Refuse();
        return Server.Members[node - 1].Faults.CutAsync();
    }

    public override async Task StartNodeAsync(int node)
    {
        // Members share one process, so a single one cannot end.
        if (Server.Members.Count == 1) await Server.RestartAsync(keepData: !_isWiped);
        _isWiped = false;
        if (_killed.Remove(node, out Fault? killed)) killed.Dispose();
    }

    public override void Wipe(int node) => _isWiped = true;

    public override Task<IAsyncDisposable> FreezeAsync(int node) => Task.FromResult<IAsyncDisposable>(new Thawing(Server.Members[node - 1].Faults.Stall()));

    public override async Task LoseQuorumAsync(int left)
    {
        foreach (ServerMember member in Server.Members.Where(member => member.Number != left)) await KillAsync(member.Number);
        _readOnly.Add(await Server.Members[left - 1].Faults.TurnReadOnlyAsync());
    }

    public override async Task RegainQuorumAsync()
    {
        foreach (int node in _killed.Keys.ToArray()) await StartNodeAsync(node);
        foreach (Fault readOnly in _readOnly) readOnly.Dispose();
        _readOnly.Clear();
    }

    private sealed class Thawing(Fault stall) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            stall.Dispose();
            return default;
        }
    }
}

/// <summary>One server for all tests that need nothing special and do it no harm, with the quirks of the Apache ZooKeeper of these tests, 3.8.0.</summary>
public sealed class Embedded() : EmbeddedServers(ServerVersion.V38);

/// <summary>One that behaves as 3.9, for tests of what clients see of the difference.</summary>
public sealed class Embedded39() : EmbeddedServers(ServerVersion.V39);

/// <summary>One for the tests of a class, which kill, freeze or wipe it.</summary>
public sealed class FragileEmbedded() : EmbeddedServers(ServerVersion.V38);

/// <summary>Three members.</summary>
public sealed class EmbeddedEnsemble() : EmbeddedServers(ServerVersion.V38, members: 3);

/// <summary>
/// A server without sockets for the tests of a class. Proxies lead to a member of its own, so that its faults can be theirs; one proxy at a time.
/// </summary>
public sealed class InMemoryServer() : EmbeddedServers(ServerVersion.V39, members: 2)
{
    public override IReadOnlyList<string> Addresses => [Server.Members[0].ConnectionString];

    protected override bool UseSockets => false;

    public override ZooKeeperOptions To(string connectString, ZooKeeperOptions? options = null)
    {
        options = base.To(connectString, options);
        options.ConnectCallback = (to, ct) => Server.ConnectAsync(to.Port, ct);
        return options;
    }

    public override Proxy Proxy() => new MemoryProxy(this, Server.Members[1]);
}
