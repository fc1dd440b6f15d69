using Okapi.Connections;
using Okapi.Protocol;

namespace Okapi.Sessions;

/// <summary>What a session is asked to be.</summary>
internal sealed record SessionSettings(
    TimeSpan SessionTimeout,
    TimeSpan? ConnectTimeout,
    TimeSpan CloseTimeout,
    TimeSpan BackoffMinimum,
    TimeSpan BackoffMaximum,
    bool AllowReadOnly,
    bool UseSasl,
    SessionCredentials? Resume);

/// <summary>
/// Every decision of a session: when to connect and where, what a server's answer means, when to ping, when a connection is dead and when the session is.
/// Pure: it has no socket, no clock and no lock; time comes in with each input and effects go out. <see cref="Session"/> drives it, and so do tests in simulated time.
/// </summary>
internal sealed class SessionMachine(SessionSettings settings, ServerList servers, Random random)
{
    /// <summary>A read-write server is looked for this soon, then at doubling intervals (Java's rule).</summary>
    private static readonly TimeSpan FirstProbe = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestProbe = TimeSpan.FromSeconds(60);

    private byte[] _password = settings.Resume?.CopyPassword() ?? new byte[16];
    private Phase _phase;
    private int _attempt;
    private int _failedRounds;
    private ServerEndpoint? _server;

    /// <summary>When the present phase has to be over; null: it may last.</summary>
    private TimeSpan? _deadline;

    /// <summary>When a server was last heard from in this session; null before the first answer.</summary>
    private TimeSpan? _lastContact;
    private TimeSpan _establishedAt;
    private TimeSpan _nextProbe;
    private TimeSpan _probeInterval;
    private TimeSpan _heard;
    private TimeSpan _sent;

    /// <summary>When the last ping was asked for; it counts as sent once something has been sent since.</summary>
    private TimeSpan _pingedAt;
    private int _shortLives;
    private bool _isReadOnly;
    private bool _isReconnect;

    /// <summary>Whether a server that takes writes knows the session.</summary>
    private bool _hasSeenReadWrite = settings.Resume is not null;

    private enum Phase
    {
        Idle,
        Pausing,
        Opening,
        Handshaking,
        Authenticating,
        Established,
        Closing,
        Over,
    }

    public long SessionId { get; private set; } = settings.Resume?.SessionId ?? 0;

    public ReadOnlySpan<byte> Password => _password;

    public SessionState State { get; private set; } = SessionState.Connecting;

    public Timeouts Timeouts { get; private set; } = new(settings.SessionTimeout);

    public ServerEndpoint? Server => _phase == Phase.Established ? _server : null;

    private TimeSpan NextPing => (_sent > _pingedAt ? _sent : _pingedAt) + Timeouts.Ping;

    /// <summary>When the machine wants a <see cref="SessionInput.Tick"/> at the latest; null: it waits for nothing.</summary>
    public TimeSpan? NextTick { get; private set; }

    /// <summary>Decides.</summary>
    /// <param name="input">What happened.</param>
    /// <param name="now">When, on a clock that only goes forward.</param>
    /// <param name="effects">Takes what is to be done, in order.</param>
    public void Handle(SessionInput input, TimeSpan now, Queue<SessionEffect> effects)
    {
        if (_phase == Phase.Over) return;
        switch (input)
        {
            case SessionInput.Start when _phase == Phase.Idle:
                OpenNext(now, effects);
                break;
            case SessionInput.Opened(int attempt, long lastZxid) when attempt == _attempt && _phase == Phase.Opening:
                _phase = Phase.Handshaking;
                long offered = _hasSeenReadWrite ? SessionId : 0; // a session of a read-only server means nothing to any other (H11)
                effects.Enqueue(new SessionEffect.Handshake(new(0, lastZxid, (int)settings.SessionTimeout.TotalMilliseconds, offered, offered == 0 ? new byte[16] : _password, settings.AllowReadOnly)));
                break;
            case SessionInput.Answered(int attempt, var response) when attempt == _attempt && _phase == Phase.Handshaking:
                OnAnswered(response, now, effects);
                break;
            case SessionInput.SaslSucceeded(int attempt) when attempt == _attempt && _phase == Phase.Authenticating:
                Establish(now, effects);
                break;
            case SessionInput.AuthRefused(int attempt, var reason) when attempt == _attempt:
                End(SessionState.AuthFailed, new AuthFailedException(SessionId, reason.Message, reason), effects);
                break;
            case SessionInput.CloseAnswered(int attempt) when attempt == _attempt && _phase == Phase.Closing:
                EndClosed(effects);
                break;
            case SessionInput.Lost(int attempt, var reason, var lastHeard) when attempt == _attempt && _phase != Phase.Pausing:
                NoteContact(lastHeard);
                if (_phase == Phase.Closing) EndClosed(effects);
                else GiveUp(reason, now, effects);
                break;
            case SessionInput.Tick(var lastHeard, var lastSent):
                OnTick(lastHeard, lastSent, now, effects);
                break;
            case SessionInput.ServersChanged(var list):
                OnServersChanged(list, now, effects);
                break;
            case SessionInput.Probed(var server, bool isReadWrite) when isReadWrite && State == SessionState.ConnectedReadOnly && _phase == Phase.Established:
                servers.Prefer(server);
                Move($"{server} takes writes", now, effects);
                break;
            case SessionInput.Close(bool keepsSession):
                if (keepsSession) EndClosed(effects);
                else OnClose(now, effects);
                break;
            default:
                break; // of an attempt that is over
        }

        NextTick = _phase == Phase.Over ? null : Earliest();
    }

    private void OnAnswered(in ConnectResponse response, TimeSpan now, Queue<SessionEffect> effects)
    {
        bool offeredSession = _hasSeenReadWrite && SessionId != 0;
        if (response.SessionId == 0 || response.TimeoutMs <= 0)
        {
            if (offeredSession) End(SessionState.Expired, new SessionExpiredException(SessionId, $"Session 0x{SessionId:x} has expired: {_server} does not know it any more, or refused its password."), effects);
            else GiveUp(new ProtocolException("the server refused to open a session"), now, effects);
            return;
        }

        if (offeredSession && response.SessionId != SessionId)
        {
            // Some servers hand out a new session without a word (H7). Ours is gone, and the new one is nobody's.
            End(SessionState.Expired, new SessionExpiredException(SessionId, $"Session 0x{SessionId:x} has expired: {_server} answered with session 0x{response.SessionId:x}."), effects);
            return;
        }

        if (response.ReadOnly && !settings.AllowReadOnly)
        {
            GiveUp(new ProtocolException("the server is in read-only mode, which was not asked for"), now, effects);
            return;
        }

        SessionId = response.SessionId;
        _password = response.Password;
        _hasSeenReadWrite |= !response.ReadOnly;
        Timeouts = new(TimeSpan.FromMilliseconds(response.TimeoutMs));
        _isReadOnly = response.ReadOnly;
        _isReconnect = _lastContact is not null;
        _lastContact = now;
        if (settings.UseSasl)
        {
            _phase = Phase.Authenticating;
            effects.Enqueue(new SessionEffect.BeginSasl());
        }
        else
        {
            Establish(now, effects);
        }
    }

    private void Establish(TimeSpan now, Queue<SessionEffect> effects)
    {
        _phase = Phase.Established;
        _deadline = null;
        _pingedAt = TimeSpan.Zero;
        _establishedAt = _heard = _sent = now;
        _probeInterval = FirstProbe;
        _nextProbe = now + FirstProbe;
        effects.Enqueue(new SessionEffect.Establish(_isReconnect));
        Publish(_isReadOnly ? SessionState.ConnectedReadOnly : SessionState.Connected, effects);
    }

    private void OnTick(TimeSpan? lastHeard, TimeSpan? lastSent, TimeSpan now, Queue<SessionEffect> effects)
    {
        if (_phase == Phase.Established) NoteContact(lastHeard);
        if (_lastContact is { } contact && _phase is not (Phase.Established or Phase.Closing) && now - contact >= Timeouts.Expiry)
        {
            End(SessionState.Expired, new SessionExpiredException(SessionId, $"Session 0x{SessionId:x} has expired: no server could be reached for {Timeouts.Expiry.TotalSeconds:0.###} s."), effects);
            return;
        }

        switch (_phase)
        {
            case Phase.Pausing when now >= _deadline:
                OpenNext(now, effects);
                break;
            case Phase.Opening or Phase.Handshaking or Phase.Authenticating when now >= _deadline:
                string step = _phase switch { Phase.Opening => "open a connection (TLS included)", Phase.Handshaking => "answer the session's handshake", _ => "finish the SASL exchange" };
                GiveUp(new TimeoutException($"the server did not {step} in time"), now, effects);
                break;
            case Phase.Closing when now >= _deadline:
                EndClosed(effects);
                break;
            case Phase.Established when lastHeard is { } heard && lastSent is { } sent:
                _heard = heard;
                _sent = sent;
                OnTickConnected(now, effects);
                break;
            default:
                break;
        }
    }

    private void OnTickConnected(TimeSpan now, Queue<SessionEffect> effects)
    {
        if (now - _heard >= Timeouts.Read)
        {
            GiveUp(new TimeoutException($"no byte came from the server for {(now - _heard).TotalSeconds:0.###} s"), now, effects);
            return;
        }

        if (now >= NextPing)
        {
            // One that could not be sent yet is enough. One that was sent is not waited for: its answer may stand behind megabytes of replies (H27).
            bool isStuck = _sent < _pingedAt;
            _pingedAt = now;
            if (!isStuck) effects.Enqueue(new SessionEffect.Ping());
        }

        if (State == SessionState.ConnectedReadOnly && now >= _nextProbe)
        {
            _probeInterval = TimeSpan.FromTicks(Math.Min(_probeInterval.Ticks * 2, LongestProbe.Ticks));
            _nextProbe = now + _probeInterval;
            ServerEndpoint candidate = servers.Next();
            if (candidate == _server && servers.Count > 1) candidate = servers.Next();
            effects.Enqueue(new SessionEffect.Probe(candidate, Timeouts.Attempt(servers.Count)));
        }
    }

    private void OnClose(TimeSpan now, Queue<SessionEffect> effects)
    {
        switch (_phase)
        {
            case Phase.Closing:
                break;
            case Phase.Established:
                _phase = Phase.Closing;
                _deadline = now + settings.CloseTimeout;
                effects.Enqueue(new SessionEffect.SendClose());
                break;
            default:
                EndClosed(effects); // no server listens; ephemeral znodes go when the session expires
                break;
        }
    }

    private void OpenNext(TimeSpan now, Queue<SessionEffect> effects)
    {
        TimeSpan timeout = settings.ConnectTimeout ?? Timeouts.Attempt(servers.Count);
        _server = servers.Next();
        _attempt++;
        _phase = Phase.Opening;
        _deadline = now + timeout;
        effects.Enqueue(new SessionEffect.Open(_attempt, _server, timeout));
    }

    /// <summary>The connection or attempt in hand failed: another server follows, at once or after a pause.</summary>
    private void GiveUp(Exception reason, TimeSpan now, Queue<SessionEffect> effects)
    {
        bool wasEstablished = _phase == Phase.Established;
        // A connection that lives less than the longest pause counts as one more failure, so that two processes on one session, or
        // a server that accepts and then fails, cannot make a storm of reconnects (H14).
        TimeSpan lived = now - _establishedAt;
        if (wasEstablished && lived >= settings.BackoffMaximum) _failedRounds = _shortLives = 0;
        else if (wasEstablished && ++_shortLives > 1) effects.Enqueue(new SessionEffect.WarnShortLived(lived));
        effects.Enqueue(new SessionEffect.Drop(reason));
        if (wasEstablished) Publish(SessionState.Disconnected, effects);
        bool startsRound = wasEstablished || servers.IsRoundOver;
        Pause(startsRound ? NextPause(wasEstablished, now) : TimeSpan.Zero, now, effects);
    }

    private void OnServersChanged(IReadOnlyList<ServerEndpoint> list, TimeSpan now, Queue<SessionEffect> effects)
    {
        if (_phase == Phase.Established)
        {
            if (servers.Update(list, _server)) Move("the list of servers has changed", now, effects);
            return;
        }

        servers.Update(list, current: null);
        if (_phase is not (Phase.Opening or Phase.Handshaking or Phase.Authenticating) || list.Contains(_server!)) return;
        // An attempt on a removed server could still succeed, and the client would stay there.
        effects.Enqueue(new SessionEffect.Drop(new IOException($"{_server} is no longer listed")));
        OpenNext(now, effects);
    }

    /// <summary>Leaves a good connection for a better one.</summary>
    private void Move(string why, TimeSpan now, Queue<SessionEffect> effects)
    {
        effects.Enqueue(new SessionEffect.Drop(new IOException($"the client moves to another server: {why}")));
        Publish(SessionState.Disconnected, effects);
        Pause(TimeSpan.Zero, now, effects);
    }

    private void Pause(TimeSpan pause, TimeSpan now, Queue<SessionEffect> effects)
    {
        if (pause <= TimeSpan.Zero)
        {
            OpenNext(now, effects);
            return;
        }

        _attempt++; // what the dropped attempt still has to say does not matter
        _phase = Phase.Pausing;
        _deadline = now + pause;
    }

    /// <summary>
    /// After a lost connection a short random pause, so that the clients of a dead server do not all arrive at once; after rounds of failures
    /// a pause that doubles, with half of it random.
    /// </summary>
    private TimeSpan NextPause(bool wasEstablished, TimeSpan now)
    {
        int doublings = Math.Min(_failedRounds, 30);
        _failedRounds++;
        double full = Math.Min(settings.BackoffMaximum.Ticks, settings.BackoffMinimum.Ticks * Math.Pow(2, doublings));
        // A session must not run out during a pause.
        if (_lastContact is { } contact) full = Math.Min(full, Math.Max((contact + Timeouts.Expiry - now).Ticks / 2.0, Timeouts.Session.Ticks / 20.0));
        double share = wasEstablished && doublings == 0 ? random.NextDouble() : 0.5 + (random.NextDouble() / 2);
        return TimeSpan.FromTicks((long)(full * share));
    }

    private void NoteContact(TimeSpan? lastHeard)
    {
        // Bytes of an attempt that never became the session's connection say nothing about the session.
        if (_phase is (Phase.Established or Phase.Closing) && lastHeard is { } heard && (_lastContact is null || heard > _lastContact)) _lastContact = heard;
    }

    private void Publish(SessionState state, Queue<SessionEffect> effects)
    {
        if (State == state) return;
        State = state;
        effects.Enqueue(new SessionEffect.Publish(state));
    }

    private void EndClosed(Queue<SessionEffect> effects) => End(SessionState.Closed, new SessionClosedException(SessionId, "The client was closed."), effects);

    private void End(SessionState state, SessionEndedException reason, Queue<SessionEffect> effects)
    {
        _phase = Phase.Over;
        State = state;
        effects.Enqueue(new SessionEffect.Drop(reason));
        effects.Enqueue(new SessionEffect.End(state, reason));
    }

    private TimeSpan? Earliest()
    {
        TimeSpan? next = _deadline;
        void Consider(TimeSpan? time)
        {
            if (time is not null && (next is null || time < next)) next = time;
        }

        if (_phase == Phase.Established)
        {
            Consider(_heard + Timeouts.Read);
            Consider(NextPing);
            if (State == SessionState.ConnectedReadOnly) Consider(_nextProbe);
        }
        else if (_lastContact is { } contact && _phase != Phase.Closing)
        {
            Consider(contact + Timeouts.Expiry);
        }

        return next;
    }
}
