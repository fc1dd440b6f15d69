using BenchmarkDotNet.Attributes;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.Sessions;

namespace Okapi.Micro;

/// <summary>The decisions of a session. None of them lies on the way of a request; a tick is what an idle client costs.</summary>
public class SessionMachineBenchmarks
{
    private static readonly SessionSettings Settings = new(
        TimeSpan.FromSeconds(30),
        ConnectTimeout: null,
        CloseTimeout: TimeSpan.FromSeconds(5),
        BackoffMinimum: TimeSpan.FromMilliseconds(100),
        BackoffMaximum: TimeSpan.FromSeconds(5),
        AllowReadOnly: false,
        UseSasl: false,
        Resume: null);

    private readonly Queue<SessionEffect> _effects = new();
    private SessionMachine _connected = null!;
    private TimeSpan _now;

    [GlobalSetup]
    public void Connect()
    {
        _connected = Create();
        Handshake(_connected, _now);
    }

    [Benchmark(Description = "a tick that finds nothing to do")]
    public TimeSpan? Tick()
    {
        _connected.Handle(new SessionInput.Tick(_now, _now), _now, _effects);
        return _connected.NextTick;
    }

    [Benchmark(Description = "a tick that asks for a ping")]
    public int TickAndPing()
    {
        TimeSpan heard = _now;
        _now += TimeSpan.FromSeconds(10);
        _connected.Handle(new SessionInput.Tick(heard, heard), _now, _effects);
        int effects = _effects.Count;
        _effects.Clear();
        return effects;
    }

    [Benchmark(Description = "a new machine, start to established")]
    public SessionState HandshakeOfANewMachine()
    {
        SessionMachine machine = Create();
        Handshake(machine, TimeSpan.Zero);
        return machine.State;
    }

    private static SessionMachine Create() => new(Settings, new ServerList([new ServerEndpoint("127.0.0.1", 2181)], shuffle: false, new Random(1)), new Random(1));

    private void Handshake(SessionMachine machine, TimeSpan now)
    {
        machine.Handle(new SessionInput.Start(), now, _effects);
        machine.Handle(new SessionInput.Opened(1, 0), now, _effects);
        machine.Handle(new SessionInput.Answered(1, new ConnectResponse(0, 30_000, 0x1234, new byte[16], ReadOnly: false)), now, _effects);
        if (machine.State != SessionState.Connected) throw new InvalidOperationException($"The machine is {machine.State}.");
        _effects.Clear();
    }
}
