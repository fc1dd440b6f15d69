using Okapi.Simulation.Tests.Checks;
using Okapi.Simulation.Tests.Work;

namespace Okapi.Simulation.Tests;

/// <summary>
/// One seed: a client, a few servers, calls and faults drawn by lot, then a time without faults in which all has to come right. Checks the invariants at every step.
/// </summary>
internal sealed class SimulatedRun
{
    private readonly Scene _scene;
    private readonly Simulator _simulator;
    private readonly ClientLife _life;
    private readonly HeldWatches _watches;
    private readonly CallLedger _calls;
    private readonly WatchCalls _watchCalls;
    private readonly Workload _workload;
    private readonly OtherClients _others;
    private readonly Nemesis _nemesis;

    private SimulatedRun(int seed, bool isTraced)
    {
        _scene = new(seed, isTraced);
        _simulator = _scene.Simulator;
        _life = new(_scene);
        _watches = new(_scene);
        _calls = new(_scene, _life);
        _watchCalls = new(_scene, _calls, _watches);
        var reads = new ReadChecks(_scene, _life, _watches, _calls);
        _workload = new(_scene, _life, _calls, reads, _watchCalls, new Credentials(_scene));
        _others = new(_scene);
        _nemesis = new(_scene);
        _life.Expired += reads.OnExpired;
        _life.Expired += _watches.OnExpired;
    }

    private ZooKeeperClient Client => _scene.Client;

    private ZooKeeperOptions Options => _scene.Options;

    /// <summary>Runs a seed.</summary>
    /// <returns>A digest of its steps.</returns>
    /// <exception cref="SimulationException">An invariant does not hold; tells the seed.</exception>
    public static (ulong Digest, long Steps, IReadOnlyList<string>? Trace) Run(int seed, bool isTraced = false)
    {
        var run = new SimulatedRun(seed, isTraced);
        run.Run();
        return (run._simulator.Digest, run._simulator.Steps, run._simulator.Trace);
    }

    private void Run()
    {
        TimeSpan faultsEnd = Options.SessionTimeout * (1 + (4 * _simulator.Random.NextDouble()));
        _workload.Plan(faultsEnd);
        _others.Plan(faultsEnd);
        _nemesis.Plan(faultsEnd);
        Client.Core.Start();
        RunUntil(faultsEnd, () => false);
        _nemesis.Heal();
        ComeRight();
        if (!_life.IsOver) Settle();
        CloseAndCheck();
    }

    private void ComeRight()
    {
        TimeSpan patience = (_scene.Ensemble.Granted * 2) + (Options.SessionTimeout * 2) + (Options.BackoffMaximum * 2) + TimeSpan.FromSeconds(30);
        RunFor(patience, () => _calls.Pending.Count == 0 && (Client.State == SessionState.Connected || _life.IsOver));
        _simulator.Require(Client.State == SessionState.Connected || _life.IsOver, $"H5: the client is {Client.State} long after the last fault");
        _simulator.Require(_calls.Pending.Count == 0, $"I1: {_calls.Pending.Count} calls are pending long after the last fault, {(_calls.Pending is [Call oldest, ..] ? oldest.Text : "none")} first");
    }

    /// <summary>All that happened is known to the client once it has read behind it; then watches end, and then it has nothing to do.</summary>
    private void Settle()
    {
        _calls.Add("sync", SyncAsync(), _ => true);
        _calls.Add("exists /", Client.ExistsAsync("/"), _ => true, isRead: true);
        RunFor(Options.RequestTimeout + TimeSpan.FromSeconds(1), () => _calls.Pending.Count == 0);
        RunFor(TimeSpan.FromMilliseconds(200));
        if (Client.State != SessionState.Connected) return;
        _watches.CheckAtEnd();
        _watchCalls.ReleaseAll();
        RunFor((Options.RequestTimeout * 4) + TimeSpan.FromSeconds(1), () => _calls.Pending.Count == 0);
        RunFor(TimeSpan.FromMilliseconds(200));
        if (Client.State != SessionState.Connected) return;
        CheckNoWatches();
        Idle();
    }

    private async ValueTask<bool> SyncAsync()
    {
        await Client.SyncAsync("/").ConfigureAwait(false);
        return true;
    }

    private void CheckNoWatches()
    {
        _simulator.Require(Client.Core.Watches.Count == 0, $"H52: the client still holds {Client.Core.Watches.Count} watches");
        IEnumerable<string> left = _scene.Network.Current?.Peer.Watches.All ?? [];
        // A read of an absent znode that comes between two steps of a removal keeps half of a watch on 3.8; it dies with the connection.
        if (left.Any() && (_scene.Ensemble.IsModern || !_watchCalls.HadFruitless)) _simulator.Fail($"H52: the server still holds the watches {string.Join(", ", left)}");
    }

    private void Idle()
    {
        long before = _simulator.Steps;
        RunFor(TimeSpan.FromSeconds(30));
        _simulator.Require(_simulator.Steps - before < 30 * 40, $"I12: {_simulator.Steps - before} steps in 30 idle seconds");
        if (_scene.Network.Current is { } stream) _scene.Network.CheckPingGap(stream);
    }

    private void CloseAndCheck()
    {
        long sessionId = Client.SessionId;
        bool isGraceful = Client.State == SessionState.Connected && _life.Closing is null;
        _life.Close();
        RunFor(Options.CloseTimeout + TimeSpan.FromMilliseconds(100), () => _life.IsOver);
        _simulator.Require(_life.IsOver, $"I9: the client is {Client.State} after being closed");
        _simulator.Require(_life.Closing!.Wait(TimeSpan.FromSeconds(20)), "I9: DisposeAsync does not complete");
        _simulator.ThrowIfFailed();
        Poll();
        _simulator.Require(_calls.Pending.Count == 0, "I1: calls are pending after the client was closed");
        _simulator.Require(_scene.Network.OpenStreams == 0, $"I9: {_scene.Network.OpenStreams} connections are open after the client was closed");
        _simulator.Require(_simulator.Time.ActiveTimers == 0, $"I9: {_simulator.Time.ActiveTimers} timers are set after the client was closed");
        _simulator.Require(Client.Core.Session.Outbox.Count == 0, "I9: requests are held after the client was closed");
        _simulator.Require(Client.Core.Watches.Count == 0, $"I9: {Client.Core.Watches.Count} watches are held after the client was closed");
        _watches.CheckClosed();
        if (isGraceful && sessionId != 0) _simulator.Require(_scene.Ensemble.Find(sessionId)!.IsOver, "the session is open on the servers after a graceful close");
        _calls.CheckEffects();
        _simulator.ThrowIfFailed();
    }

    private void RunFor(TimeSpan time, Func<bool>? isDone = null) => RunUntil(_simulator.Now + time, isDone ?? (() => false));

    private void RunUntil(TimeSpan limit, Func<bool> isDone)
    {
        long steps = _simulator.Steps;
        while (!isDone() && _simulator.Step(limit))
        {
            Poll();
            _simulator.Require(_simulator.Steps - steps < 200_000, "I12: the simulation does not come to rest");
            _simulator.ThrowIfFailed();
        }

        if (isDone()) return;
        _simulator.PassUntil(limit);
        Poll();
        _simulator.ThrowIfFailed();
    }

    /// <summary>Looks at all that a step has made known.</summary>
    private void Poll()
    {
        _life.ReadStates();
        _watches.Read();
        _calls.Read();
        _life.CheckDeadlines();
    }
}
