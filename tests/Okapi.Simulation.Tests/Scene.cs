using Okapi.Simulation.Tests.Checks;
using Okapi.Simulation.Tests.Model;
using Okapi.Simulation.Tests.Wire;

namespace Okapi.Simulation.Tests;

/// <summary>What there is when a run begins: a few servers, the network and a client, each as the lot would have it.</summary>
internal sealed class Scene
{
    public Scene(int seed, bool isTraced)
    {
        Simulator = new(seed, isTraced);
        Chroot = Simulator.Chance(0.3) ? "/app" : string.Empty;
        string[] seedPaths = ["/a", "/b", "/q", "/auth"];
        string[] roots = Chroot.Length == 0 ? [] : [Chroot];
        Ensemble = new(Simulator, Simulator.Random.Next(1, 4), Simulator.Chance(0.5), [.. roots, .. seedPaths.Select(ServerPath)])
        {
            AuthPath = ServerPath("/auth"),
            LagMs = Simulator.Pick([0.2, 5, 50, 1000]),
        };
        Network = new(Simulator, Ensemble)
        {
            LatencyMs = Simulator.Pick([0.1, 1, 5, 40]),
            Choppiness = Simulator.Pick([0, 0, 0.1, 0.4]),
            HasBackPressure = Simulator.Chance(0.5),
        };
        TimeSpan requested = TimeSpan.FromSeconds(Simulator.Pick([2, 4, 6, 10, 30]));
        Ensemble.Granted = Simulator.Chance(0.7) ? requested : Simulator.Chance(0.5) ? requested / 2 : requested * 2;
        Ensemble.OnHandshake = Network.CheckHandshake;
        HasSmallBuffers = Simulator.Chance(0.2);
        Log = new(Simulator);
        Options = new()
        {
            SessionTimeout = requested,
            RequestTimeout = requested * Simulator.Pick([0.15, 0.4, 1.0, 3.0]),
            CloseTimeout = TimeSpan.FromSeconds(Simulator.Pick([0.5, 5])),
            BackoffMaximum = TimeSpan.FromSeconds(Simulator.Pick([0.2, 1, 5])),
            Recovery = Simulator.Chance(0.4) ? SessionRecovery.NewSession : SessionRecovery.None,
            TimeProvider = Simulator.Time,
            EventBufferSize = HasSmallBuffers ? 2 : 4096,
            MaxOutstandingRequests = Simulator.Chance(0.25) ? Simulator.Random.Next(1, 4) : 1000,
            MaxUnsentBytes = Simulator.Chance(0.2) ? 1024 : 1 << 20,
            LoggerFactory = Log,
        };
        Options.Auth.Add(AuthInfo.Digest("okapi", "secret"));
        Client = ZooKeeperClient.Create(ServersFrom(1) + Chroot, Options, Network, new Random(seed ^ 0x5eed), Schedule, runsInline: true);
    }

    public Simulator Simulator { get; }

    public Ensemble Ensemble { get; }

    public Network Network { get; }

    public ZooKeeperClient Client { get; }

    public ZooKeeperOptions Options { get; }

    public GivingUpLog Log { get; }

    public string Chroot { get; }

    /// <summary>Streams of watches have room for two events.</summary>
    public bool HasSmallBuffers { get; }

    /// <summary>The session that the client holds, as the servers know it.</summary>
    public ModelSession? Session => Ensemble.Find(Client.SessionId);

    /// <summary>A path of the client's, as the servers know it.</summary>
    public string ServerPath(string path) => path == "/" && Chroot.Length > 0 ? Chroot : Chroot + path;

    /// <summary>The list of one server and its successors.</summary>
    public string ServersFrom(int first) => string.Join(',', Enumerable.Range(first, Ensemble.Servers.Count - first + 1).Select(i => $"s:{i}"));

    private void Schedule(IThreadPoolWorkItem item) => Simulator.After(Simulator.Chance(0.5) ? TimeSpan.Zero : Simulator.Between(0, 1), item.Execute);
}
