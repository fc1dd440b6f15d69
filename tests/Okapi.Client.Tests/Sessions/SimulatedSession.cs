using Okapi.Connections;
using Okapi.Protocol;
using Okapi.Sessions;

namespace Okapi.Client.Tests.Sessions;

/// <summary>What a simulated server does with a client.</summary>
internal enum Reaction
{
    /// <summary>Opens and resumes sessions and answers pings.</summary>
    Serve,

    /// <summary>As <see cref="Serve"/>, in read-only mode.</summary>
    ServeReadOnly,

    /// <summary>Refuses connections.</summary>
    Refuse,

    /// <summary>Neither accepts nor answers.</summary>
    Silence,

    /// <summary>Accepts, and closes in answer to the handshake.</summary>
    CloseUnanswered,

    /// <summary>Says that the session is gone.</summary>
    SayExpired,

    /// <summary>Answers with a session of its own choice.</summary>
    OtherSession,

    /// <summary>Opens sessions and closes the connection right after.</summary>
    ServeAndCut,
}

/// <summary>A session machine in a simulated network and simulated time: one thread, no clock, the same run for the same seed.</summary>
internal sealed class SimulatedSession
{
    public static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(1);

    private readonly PriorityQueue<Action, (TimeSpan Due, int Order)> _agenda = new();
    private readonly Queue<SessionEffect> _effects = new();
    private int _order;
    private int _attempt;
    private ServerEndpoint? _server;
    private TimeSpan? _heard;
    private TimeSpan? _sent;

    public SimulatedSession(SessionSettings settings, int servers = 1, int seed = 1, Func<ServerEndpoint, Reaction>? react = null)
    {
        Endpoints = [.. Enumerable.Range(1, servers).Select(Endpoint)];
        Servers = new ServerList(Endpoints, shuffle: false, new Random(seed));
        Machine = new SessionMachine(settings, Servers, new Random(seed));
        GrantedMs = (int)settings.SessionTimeout.TotalMilliseconds;
        React = react ?? (_ => Reaction.Serve);
    }

    public static SessionSettings Defaults { get; } = new(
        TimeSpan.FromSeconds(6),
        ConnectTimeout: null,
        CloseTimeout: TimeSpan.FromSeconds(5),
        BackoffMinimum: TimeSpan.FromMilliseconds(100),
        BackoffMaximum: TimeSpan.FromSeconds(5),
        AllowReadOnly: false,
        UseSasl: false,
        Resume: null);

    public SessionMachine Machine { get; }

    public ServerList Servers { get; }

    public IReadOnlyList<ServerEndpoint> Endpoints { get; }

    public Func<ServerEndpoint, Reaction> React { get; set; }

    public int GrantedMs { get; set; }

    public long NewSessionId { get; set; } = 0x77;

    public TimeSpan Now { get; private set; }

    /// <summary>When a byte last came on a connection of the session.</summary>
    public TimeSpan LastHeard { get; private set; }

    public int Steps { get; private set; }

    public bool IsConnected { get; private set; }

    /// <summary>Whether what the client sends stays in its own buffers.</summary>
    public bool IsSendingStuck { get; set; }

    /// <summary>Whether bytes other than the answers to pings come all the time.</summary>
    public bool IsFlooded { get; set; }

    public List<(TimeSpan At, SessionState State, long SessionId)> Trace { get; } = [];

    public List<(TimeSpan At, ServerEndpoint Server)> Opened { get; } = [];

    public List<ConnectRequest> Handshakes { get; } = [];

    public List<TimeSpan> Pings { get; } = [];

    public List<SessionEffect> Log { get; } = [];

    public SessionEndedException? EndedWith { get; private set; }

    public TimeSpan? EndedAt { get; private set; }

    public static ServerEndpoint Endpoint(int number) => new($"s{number}", 2181);

    public SimulatedSession Start()
    {
        Handle(new SessionInput.Start());
        return this;
    }

    /// <summary>Breaks the connection in use.</summary>
    public void Cut() => Handle(new SessionInput.Lost(_attempt, new IOException("cut"), _heard));

    public void Handle(SessionInput input)
    {
        Steps++;
        Machine.Handle(input, Now, _effects);
        while (_effects.TryDequeue(out SessionEffect? effect))
        {
            Log.Add(effect);
            Carry(effect);
        }
    }

    /// <summary>When something happens next; null: never.</summary>
    public TimeSpan? NextEvent
    {
        get
        {
            TimeSpan? due = _agenda.TryPeek(out _, out (TimeSpan Due, int) key) ? key.Due : null;
            return due is null || Machine.NextTick < due ? Machine.NextTick : due;
        }
    }

    public SimulatedSession RunFor(TimeSpan time) => RunUntil(Now + time);

    public SimulatedSession RunUntil(TimeSpan end)
    {
        int lazy = 0;
        while (true)
        {
            TimeSpan? next = NextEvent;
            if (next is null || next > end)
            {
                Now = end;
                return this;
            }

            lazy = next <= Now ? lazy + 1 : 0;
            if (lazy > 1000) throw new InvalidOperationException($"The machine spins at {Now} ({Machine.State}).");
            if (next > Now) Now = next.Value;
            if (_agenda.TryPeek(out _, out (TimeSpan Due, int) key) && key.Due == next) _agenda.Dequeue()();
            else Tick();
        }
    }

    private void Tick()
    {
        if (IsFlooded && IsConnected) Hear();
        Handle(new SessionInput.Tick(_heard, _sent));
    }

    private void After(TimeSpan delay, Action action) => _agenda.Enqueue(action, (Now + delay, _order++));

    private void Hear()
    {
        _heard = Now;
        if (IsConnected) LastHeard = Now;
    }

    private void Carry(SessionEffect effect)
    {
        switch (effect)
        {
            case SessionEffect.Open(int attempt, var server, _):
                Opened.Add((Now, server));
                (_attempt, _server, _heard, _sent) = (attempt, server, Now, Now);
                Reaction reaction = React(server);
                if (reaction == Reaction.Refuse) After(Latency, () => Handle(new SessionInput.Lost(attempt, new IOException("refused"), null)));
                else if (reaction != Reaction.Silence) After(Latency, () => Handle(new SessionInput.Opened(attempt, 42)));
                break;
            case SessionEffect.Handshake(var request):
                Handshakes.Add(request);
                Answer(_attempt, _server!, request);
                break;
            case SessionEffect.Establish:
                IsConnected = true;
                LastHeard = Now;
                break;
            case SessionEffect.Drop:
                IsConnected = false;
                (_heard, _sent) = (null, null);
                break;
            case SessionEffect.Ping:
                Pings.Add(Now);
                if (!IsSendingStuck) Pong(_attempt, _server!);
                break;
            case SessionEffect.Publish(var state):
                Trace.Add((Now, state, Machine.SessionId));
                break;
            case SessionEffect.End(var state, var reason):
                Trace.Add((Now, state, Machine.SessionId));
                (EndedWith, EndedAt) = (reason, Now);
                break;
            default:
                break;
        }
    }

    private void Pong(int attempt, ServerEndpoint server)
    {
        _sent = Now;
        if (!IsServing(React(server))) return;
        After(Latency, () =>
        {
            if (attempt == _attempt && IsConnected && !IsFlooded) Hear();
        });
    }

    private void Answer(int attempt, ServerEndpoint server, ConnectRequest request)
    {
        Reaction reaction = React(server);
        ConnectResponse Granted(long id) => new(0, GrantedMs, id, new byte[16], reaction == Reaction.ServeReadOnly);
        ConnectResponse? response = reaction switch
        {
            Reaction.SayExpired => new(0, 0, 0, new byte[16], ReadOnly: false),
            Reaction.OtherSession => Granted(request.SessionId + 1),
            Reaction.Serve or Reaction.ServeReadOnly or Reaction.ServeAndCut => Granted(request.SessionId != 0 ? request.SessionId : NewSessionId),
            _ => null,
        };
        if (response is { } answer)
        {
            After(Latency, () =>
            {
                if (attempt == _attempt) Hear();
                Handle(new SessionInput.Answered(attempt, answer));
            });
            if (reaction == Reaction.ServeAndCut) After(2 * Latency, () => Handle(new SessionInput.Lost(attempt, new EndOfStreamException("closed"), _heard)));
        }
        else if (reaction is Reaction.CloseUnanswered or Reaction.Refuse)
        {
            After(Latency, () => Handle(new SessionInput.Lost(attempt, new EndOfStreamException("closed"), _heard)));
        }
    }

    private static bool IsServing(Reaction reaction) => reaction is Reaction.Serve or Reaction.ServeReadOnly;
}
