using System.Net;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Servers of one ensemble. <see cref="Target.EndPoint"/> is that of the first.</summary>
public abstract class EnsembleTarget : Target
{
    public abstract IReadOnlyList<IPEndPoint> Members { get; }

    public override IPEndPoint EndPoint => Members[0];

    /// <summary>Finds a member that follows another, counted from 0; where there are no roles it is any.</summary>
    public abstract Task<int> FindFollowerAsync();

    /// <summary>Takes its quorum from a member, counted from 0, and waits until it serves reads alone. Connections to it and to others may end.</summary>
    public abstract Task MakeReadOnlyAsync(int member);

    /// <summary>Gives the quorum back, and waits until all members serve.</summary>
    public abstract Task HealAsync();

    public override Task KillAndRestartAsync() => throw new NotSupportedException("No row asks for it.");
}

/// <summary>An ensemble of Apache's servers.</summary>
public sealed class ApacheEnsembleTarget : EnsembleTarget
{
    private readonly ApacheZooKeeper _servers;
    private readonly List<int> _killed = [];

    private ApacheEnsembleTarget(ApacheZooKeeper servers) => _servers = servers;

    public override bool IsVersion38 => true;

    public override IReadOnlyList<IPEndPoint> Members => [.. _servers.Nodes.Select(node => new IPEndPoint(IPAddress.Loopback, node.Port))];

    public static async Task<ApacheEnsembleTarget> StartAsync(params string[] arguments) => new(await ApacheZooKeeper.StartAsync(arguments));

    public override async Task<int> FindFollowerAsync()
    {
        int follower = await _servers.FindAsync("follower");
        return _servers.Nodes.TakeWhile(node => node.Id != follower).Count();
    }

    public override async Task MakeReadOnlyAsync(int member)
    {
        foreach (ServerNode node in _servers.Nodes.Where((_, i) => i != member))
        {
            await _servers.KillAsync(node.Id);
            _killed.Add(node.Id);
        }

        await _servers.FindAsync("read-only");
    }

    public override async Task HealAsync()
    {
        foreach (int id in _killed) await _servers.StartNodeAsync(id, waitServing: false);
        _killed.Clear();
        foreach (ServerNode node in _servers.Nodes) await Waiting.UntilAsync(async () => await _servers.ModeAsync(node.Id) is "leader" or "follower", "every member serves");
    }

    public override ValueTask DisposeAsync() => _servers.DisposeAsync();
}

public abstract class ApacheEnsembleFixtureBase(params string[] arguments) : TargetFixture
{
    protected sealed override async Task<Target?> StartAsync() => ApacheZooKeeper.IsAvailable ? await ApacheEnsembleTarget.StartAsync(arguments) : null;
}

/// <summary>Three servers that go on read-only when they lose their quorum; sessions are local until they own something.</summary>
public sealed class ApacheEnsembleFixture() : ApacheEnsembleFixtureBase("--ensemble", "--readonly");

/// <summary>One server of its own quorum, whose sessions stay local.</summary>
public sealed class ApacheWithLocalSessions() : ApacheEnsembleFixtureBase("--nodes", "1", "--readonly", "--cfg", "localSessionsUpgradingEnabled=false");

/// <summary>An embedded server with three members.</summary>
public sealed class EmbeddedEnsembleTarget : EnsembleTarget
{
    private readonly EmbeddedServer _server;
    private Fault? _readOnly;

    private EmbeddedEnsembleTarget(EmbeddedServer server, ServerVersion version)
    {
        _server = server;
        IsVersion38 = version == ServerVersion.V38;
    }

    public override bool IsVersion38 { get; }

    public override IReadOnlyList<IPEndPoint> Members => [.. _server.Members.Select(member => member.EndPoint!)];

    public static async Task<EmbeddedEnsembleTarget> StartAsync(TargetOptions options, ServerVersion version, int members, bool upgrades)
    {
        EmbeddedServerOptions own = EmbeddedTarget.ToServerOptions(options);
        own.Members = members;
        own.LocalSessions = upgrades ? LocalSessions.UntilEphemeral : LocalSessions.Always;
        own.Version = version;
        return new(await EmbeddedServer.StartAsync(own), version);
    }

    public override Task<int> FindFollowerAsync() => Task.FromResult(0);

    public override async Task MakeReadOnlyAsync(int member) => _readOnly = await _server.Members[member].Faults.TurnReadOnlyAsync();

    public override Task HealAsync()
    {
        _readOnly?.Dispose();
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync() => _server.DisposeAsync();
}

public abstract class EmbeddedEnsembleFixtureBase(ServerVersion version, int members = 3, bool upgrades = true) : TargetFixture
{
    protected sealed override async Task<Target?> StartAsync() => await EmbeddedEnsembleTarget.StartAsync(Options, version, members, upgrades);
}

public sealed class EmbeddedEnsembleFixture() : EmbeddedEnsembleFixtureBase(ServerVersion.V38);

public sealed class EmbeddedEnsemble39Fixture() : EmbeddedEnsembleFixtureBase(ServerVersion.V39);

public sealed class EmbeddedWithLocalSessions() : EmbeddedEnsembleFixtureBase(ServerVersion.V38, members: 1, upgrades: false);
