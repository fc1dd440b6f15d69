using Okapi.Server;

namespace Okapi.TestServers;

/// <summary>A way to a server that can be cut and mended, for the clients that take it.</summary>
public abstract class Proxy : IAsyncDisposable
{
    public abstract string ConnectString { get; }

    public Task<ZooKeeperClient> ConnectAsync(ZooKeeperOptions? options = null, string chroot = "") =>
        ZooKeeperClient.ConnectAsync(To(options, chroot), TestContext.Current.CancellationToken);

    /// <summary>Options by which a client goes this way.</summary>
    public abstract ZooKeeperOptions To(ZooKeeperOptions? options = null, string chroot = "");

    /// <summary>Cuts all connections; clients may connect anew at once.</summary>
    public abstract Task CutAsync();

    /// <summary>Cuts all connections, and each new one at once, until <see cref="Heal"/>.</summary>
    public abstract Task BreakAsync();

    /// <summary>Ends what <see cref="BreakAsync"/> and <see cref="HoldReplies"/> began.</summary>
    public abstract void Heal();

    /// <summary>Holds back what the server says from now on. A cut loses it; <see cref="Heal"/> lets it through.</summary>
    public abstract void HoldReplies();

    public abstract ValueTask DisposeAsync();
}

/// <summary>Stands between clients and a port on this machine.</summary>
public sealed class SocketProxy(int targetPort) : Proxy
{
    private readonly FaultProxy _proxy = FaultProxy.Start($"127.0.0.1:{targetPort}");

    public override string ConnectString => _proxy.ConnectionString;

    public int Port => _proxy.EndPoint.Port;

    /// <summary>How many connections have been made, refused ones included.</summary>
    public long Accepted => _proxy.Accepted;

    public override ZooKeeperOptions To(ZooKeeperOptions? options = null, string chroot = "")
    {
        options ??= new();
        options.ConnectString = ConnectString + chroot;
        return options;
    }

    public override Task CutAsync()
    {
        _proxy.Faults.Cut();
        return Task.CompletedTask;
    }

    public override Task BreakAsync()
    {
        _proxy.Faults.Refuse();
        return CutAsync();
    }

    public override void Heal() => _proxy.Heal();

    public override void HoldReplies() => _proxy.Faults.Stall(FaultDirection.Replies);

    public override ValueTask DisposeAsync() => _proxy.DisposeAsync();
}

/// <summary>A member of an embedded server, and the faults that it has.</summary>
public sealed class MemoryProxy(InMemoryServer server, ServerMember member) : Proxy
{
    private readonly List<Fault> _faults = [];

    public override string ConnectString => member.ConnectionString;

    public override ZooKeeperOptions To(ZooKeeperOptions? options = null, string chroot = "") => server.To(ConnectString + chroot, options);

    public override Task CutAsync() => member.Faults.CutAsync();

    public override Task BreakAsync()
    {
        _faults.Add(member.Faults.Refuse());
        return CutAsync();
    }

    public override void HoldReplies() => _faults.Add(member.Faults.Stall(FaultDirection.Replies));

    public override void Heal()
    {
        foreach (Fault fault in _faults) fault.Dispose();
        _faults.Clear();
    }

    public override ValueTask DisposeAsync()
    {
        Heal();
        return new(CutAsync());
    }
}
