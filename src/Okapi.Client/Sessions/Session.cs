using Microsoft.Extensions.Logging;
using Okapi.Connections;
using Okapi.Diagnostics;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Security;
using Okapi.Watches;

namespace Okapi.Sessions;

/// <summary>What a session needs from outside, so that tests can have other clocks, networks and luck.</summary>
internal sealed record SessionEnvironment(IConnector Connector, TimeProvider Time, Random Random, ILogger Logger, Action<IThreadPoolWorkItem> Schedule, bool RunsInline);

/// <summary>What outlives a session: it belongs to the client.</summary>
internal sealed record SessionBelongings(ServerList Servers, WatchTable Watches, AuthBook Credentials, Broadcast<WatchedEvent> Events, Func<ServerEndpoint, ISaslMechanism>? Sasl);

/// <summary>What a session tells the client. Called by one thread at a time, in order.</summary>
internal interface ISessionObserver
{
    void OnState(Session session, SessionState state);

    void OnAttemptFailed(ServerEndpoint server, Exception reason);

    void OnEnded(Session session, SessionState state, SessionEndedException reason);
}

/// <summary>
/// One session from its beginning to its end: carries out what its <see cref="SessionMachine"/> decides. Inputs queue up and are handled by whoever finds nobody
/// handling them, so decisions are made one at a time and no thread is kept for them. Requests and replies do not pass through here.
/// </summary>
internal sealed class Session : IConnectionOwner, IDisposable
{
    /// <summary>How late the timer may be before somebody else does its work.</summary>
    private static readonly TimeSpan TimerSlack = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Queue<SessionInput> _inputs = new();
    private readonly Queue<SessionEffect> _effects = new();
    private readonly CancellationTokenSource _lost = new();
    private readonly SessionEnvironment _environment;
    private readonly SessionBelongings _belongings;
    private readonly ISessionObserver _observer;
    private readonly SessionMachine _machine;
    private readonly TimeSpan _requestTimeout;
    private readonly int _maxReply;
    private readonly long _origin;
    private readonly ITimer _timer;
    private bool _isHandling;
    private volatile Connection? _connection;
    private CancellationTokenSource? _attempt;
    private SaslExchange? _sasl;
    private volatile bool _isEstablished;
    private long _lastZxid;
    private TimeSpan _timerDue = TimeSpan.MaxValue;
    private Exception? _lastLoss;
    private ServerEndpoint? _opening;
    private long _handshakeAt;

    /// <summary>When the oldest ping was made that has no answer; 0: there is none.</summary>
    private long _pingAt;

    /// <summary>When requests are looked through next for those that have waited too long.</summary>
    private TimeSpan _nextExpiry;

    public Session(SessionSettings settings, ZooKeeperOptions options, SessionEnvironment environment, SessionBelongings belongings, ISessionObserver observer)
    {
        _environment = environment;
        _belongings = belongings;
        _observer = observer;
        _requestTimeout = options.RequestTimeout;
        _nextExpiry = _requestTimeout == InfiniteTimeout ? TimeSpan.MaxValue : _requestTimeout;
        _maxReply = options.MaxReplySize;
        _origin = environment.Time.GetTimestamp();
        _machine = new(settings, belongings.Servers, environment.Random);
        Outbox = new(new(options.MaxOutstandingRequests, options.MaxUnsentBytes, options.MaxRequestSize), environment.Time, runsInline: environment.RunsInline);
        Watches = new(belongings.Watches, Outbox, environment.Logger);
        Lost = _lost.Token;
        Lease = new SessionLease(environment.Time);
        _timer = environment.Time.CreateTimer(static self => ((Session)self!).OnTimer(), this, InfiniteTimeout, InfiniteTimeout);
    }

    public Outbox Outbox { get; }

    public WatchArming Watches { get; }

    /// <summary>Trips when the session is over.</summary>
    public CancellationToken Lost { get; }

    public SessionLease Lease { get; }

    public SessionState State => _machine.State;

    public long SessionId => _machine.SessionId;

    public TimeSpan Timeout => _machine.Timeouts.Session;

    public ServerEndpoint? Server => _machine.Server;

    public long LastZxid => Volatile.Read(ref _lastZxid);

    /// <summary>The clock of the session: how long it has existed.</summary>
    private TimeSpan Now => _environment.Time.GetElapsedTime(_origin);

    private static TimeSpan InfiniteTimeout => System.Threading.Timeout.InfiniteTimeSpan;

    public SessionCredentials? GetCredentials()
    {
        lock (_lock) return _machine.SessionId == 0 ? null : new(_machine.SessionId, _machine.Password);
    }

    public void Start() => Post(new SessionInput.Start());

    /// <summary>Gives the machine something to decide about, now or as soon as it is done with what it has.</summary>
    public void Post(SessionInput input)
    {
        lock (_lock)
        {
            _inputs.Enqueue(input);
            if (_isHandling) return;
            _isHandling = true;
        }

        HandleInputs();
    }

    public void Dispose()
    {
        _timer.Dispose();
        _attempt?.Dispose();
        _sasl?.Dispose();
        Lease.Dispose();
        Outbox.Dispose();
    }

    void IConnectionOwner.OnFrame(Connection connection, ReadOnlySpan<byte> frame)
    {
        if (connection != _connection) return; // given up while this frame was being read
        var reader = new JuteReader(frame);
        if (!_isEstablished)
        {
            OnFrameBefore(connection, ref reader);
            return;
        }

        ReplyHeader header = ReplyHeader.Read(ref reader);
        if (header.Error == ErrorCode.SessionClosedRequireSaslAuth)
        {
            // The answer to whatever came first, be it a ping; the server closes the connection after it.
            Post(new SessionInput.AuthRefused(connection.Attempt, new SaslException($"The server demands SASL authentication ({header.Error.GetName()}); set {nameof(ZooKeeperOptions)}.{nameof(ZooKeeperOptions.Sasl)}.")));
            return;
        }

        switch (header.Xid)
        {
            case Xids.Notification:
                OnNotification(WatcherEvent.Read(ref reader), header.Zxid, connection.Completions);
                break;
            case Xids.Ping:
                if (Interlocked.Exchange(ref _pingAt, 0) is not 0 and var askedAt) Lease.Renew(askedAt);
                break;
            case Xids.Auth:
                OnAuthReply(connection, header.Error);
                break;
            case Xids.SetWatches:
                Watches.OnReply(header.Error);
                break;
            default:
                OnReply(connection, header, ref reader);
                break;
        }
    }

    void IConnectionOwner.OnOversized(Connection connection, ReplyHeader header, int length)
    {
        if (!_isEstablished || !Outbox.TakeReply(connection, header.Xid, out PendingOperation? operation)) throw new ProtocolException($"The server sent a frame of {length} bytes that answers nothing.");
        Advance(header.Zxid);
        operation?.Fail(new ReplyTooLargeException(operation.Path, length, _maxReply));
    }

    /// <summary>Timers run on the thread pool; where that is starved the reader sees to pings and time-outs (H26).</summary>
    TimeSpan IConnectionOwner.OnWaiting()
    {
        TimeSpan due = _timerDue, now = Now;
        if (due > now + LongestWait) return LongestWait;
        if (due + TimerSlack > now) return due + TimerSlack - now;
        OnTimer();
        return TimerSlack;
    }

    void IConnectionOwner.OnLost(Connection connection, Exception reason) => Post(new SessionInput.Lost(connection.Attempt, reason, Since(connection.LastHeard)));

    private TimeSpan Since(long timestamp) => _environment.Time.GetElapsedTime(_origin, timestamp);

    /// <summary>Frames before requests begin: the answer to the handshake, then SASL tokens.</summary>
    private void OnFrameBefore(Connection connection, ref JuteReader reader)
    {
        if (_sasl is not { } exchange)
        {
            if (reader.Remaining == ReplyHeader.Size) throw new ProtocolException("the server is in read-only mode and opens no session"); // 3.6 and later answer with a reply header (H10)
            Post(new SessionInput.Answered(connection.Attempt, ConnectResponse.Read(ref reader)));
            return;
        }

        try
        {
            if (exchange.OnReply(ReplyHeader.Read(ref reader), ref reader)) Post(new SessionInput.SaslSucceeded(connection.Attempt));
        }
        catch (SaslException refused)
        {
            Post(new SessionInput.AuthRefused(connection.Attempt, refused));
        }
    }

    private void OnReply(Connection connection, ReplyHeader header, ref JuteReader reader)
    {
        if (!Outbox.TakeReply(connection, header.Xid, out PendingOperation? operation)) return;
        Advance(header.Zxid);
        if (operation is null) return;
        Lease.Renew(operation.StartedAt);
        try
        {
            operation.Read(header.Error, ref reader);
        }
        finally
        {
            connection.Completions.Add(operation);
        }
    }

    /// <summary>Only replies move it: events of one transaction come one by one, and a reconnect between them would lose the rest (H44).</summary>
    private void Advance(long zxid)
    {
        if (zxid > _lastZxid) Volatile.Write(ref _lastZxid, zxid);
    }

    private void OnNotification(in WatcherEvent notification, long zxid, ICompletionSink sink)
    {
        Telemetry.EventReceived();
        foreach (string path in _belongings.Watches.Dispatch(notification, zxid, sink) ?? []) _ = Watches.ReleaseUnusedAsync(path);
        if (_belongings.Events.HasReaders) _belongings.Events.Post(new(notification.Type, notification.State, notification.Path, zxid), sink);
    }

    private void OnAuthReply(Connection connection, ErrorCode error)
    {
        string scheme = _belongings.Credentials.OnReply(error);
        if (error != ErrorCode.Ok)
            Post(new SessionInput.AuthRefused(connection.Attempt, new IOException($"The server refused a credential of scheme {scheme}: {error.GetDescription()} ({error.GetName()}).")));
    }

    private void OnTimer()
    {
        TimeSpan now = Now;
        TimeSpan late = now - _timerDue;
        if (late > Timeout / 3 && _timerDue != TimeSpan.MaxValue)
        {
            Telemetry.Starved();
            Log.Starved(_environment.Logger, late.TotalMilliseconds);
        }

        Post(new SessionInput.Tick(null, null));
    }

    /// <summary>Looked up when it is decided about, since the connection may have changed since the timer ran.</summary>
    private SessionInput.Tick Tick_NeedsLock() => _connection is { } connection ? new(Since(connection.LastHeard), Since(connection.LastSent)) : new(null, null);

    private void HandleInputs()
    {
        while (true)
        {
            SessionInput? input;
            lock (_lock)
            {
                if (!_inputs.TryDequeue(out input))
                {
                    _isHandling = false;
                    return;
                }

                if (input is SessionInput.Tick) input = Tick_NeedsLock();
                _machine.Handle(input, Now, _effects);
            }

            while (_effects.TryDequeue(out SessionEffect? effect)) Guard(Carry, effect);
            if (input is SessionInput.Tick) Guard(static (Session self) => self.ExpireRequests(), this);
            SetTimer();
        }
    }

    /// <summary>
    /// Nothing that is called on the way (a logger, a listener, a stream of the user's) may stop the session from handling what comes next. The top of a task.
    /// </summary>
    private void Guard<T>(Action<T> action, T argument)
    {
        try
        {
            action(argument);
        }
        catch (Exception fault)
        {
            if (_connection is { } connection) Post(new SessionInput.Lost(connection.Attempt, fault, Since(connection.LastHeard)));
        }
    }

    private void Carry(SessionEffect effect)
    {
        switch (effect)
        {
            case SessionEffect.Open(int attempt, var server, var timeout):
                _opening = server;
                _attempt = new CancellationTokenSource();
                Log.Connecting(_environment.Logger, server, attempt);
                _ = OpenAsync(attempt, server, timeout, _attempt.Token);
                break;
            case SessionEffect.Handshake(var request):
                _handshakeAt = _environment.Time.GetTimestamp();
                Outbox.SendControl(request.Write);
                break;
            case SessionEffect.BeginSasl:
                _ = BeginSaslAsync(_connection!);
                break;
            case SessionEffect.Establish(bool isReconnect):
                Establish(isReconnect);
                break;
            case SessionEffect.Ping:
                Interlocked.CompareExchange(ref _pingAt, _environment.Time.GetTimestamp(), 0);
                Outbox.SendControl(new RequestHeader(Xids.Ping, OpCode.Ping).Write);
                break;
            case SessionEffect.WarnShortLived(var lived):
                Log.ShortLived(_environment.Logger, lived.TotalMilliseconds);
                break;
            case SessionEffect.SendClose:
                _ = CloseOnServerAsync(_connection!.Attempt);
                break;
            case SessionEffect.Drop(var reason):
                Drop(reason);
                break;
            case SessionEffect.Probe(var server, var timeout):
                _ = ProbeAsync(server, timeout);
                break;
            case SessionEffect.Publish(var state):
                if (state is SessionState.Connected or SessionState.ConnectedReadOnly) Log.Connected(_environment.Logger, SessionId, state, Server!, Timeout.TotalMilliseconds);
                _observer.OnState(this, state);
                break;
            case SessionEffect.End(var state, var reason):
                End(state, reason);
                break;
            default:
                throw new InvalidOperationException($"Nobody carries out {effect}.");
        }
    }

    private async Task OpenAsync(int attempt, ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            Link link = await _environment.Connector.ConnectAsync(server, timeout, cancellationToken).ConfigureAwait(false);
            var connection = new Connection(link, server, attempt, Outbox, this, _environment.Time, _maxReply, _environment.Schedule);
            if (!TryAdopt(connection, cancellationToken))
            {
                connection.Abort();
                return;
            }

            Post(new SessionInput.Opened(attempt, LastZxid));
            connection.Start();
        }
        catch (Exception error) // the top of a task: whatever it is ends the attempt, visibly
        {
            if (!cancellationToken.IsCancellationRequested) Post(new SessionInput.Lost(attempt, error, null));
        }
    }

    private bool TryAdopt(Connection connection, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (cancellationToken.IsCancellationRequested) return false; // the attempt was given up meanwhile
            _connection = connection;
            Outbox.Attach(connection);
            return true;
        }
    }

    private async Task BeginSaslAsync(Connection connection)
    {
        try
        {
            SaslExchange exchange = await Task.Run(() => new SaslExchange(_belongings.Sasl!(connection.Server), Outbox)).ConfigureAwait(false);
            bool isWanted;
            lock (_lock)
            {
                isWanted = _connection == connection;
                if (isWanted) _sasl = exchange;
            }

            if (isWanted) exchange.Begin();
            else exchange.Dispose();
        }
        catch (Exception error) // the top of a task: without a token there is no authentication
        {
            Post(new SessionInput.AuthRefused(connection.Attempt, error));
        }
    }

    /// <summary>Credentials first, then watches, then whatever waits; the server takes them in this order (H38).</summary>
    private void Establish(bool isReconnect)
    {
        Interlocked.Exchange(ref _pingAt, 0);
        Lease.Begin(_machine.Timeouts.Lease, _handshakeAt, keepsAlive: _machine.State != SessionState.ConnectedReadOnly);
        _isEstablished = true;
        if (isReconnect) Telemetry.Reconnected();
        _belongings.Watches.PostResync(KeeperState.SyncConnected);
        _belongings.Credentials.Replay(Outbox, () =>
        {
            // Held, so that a watch which is given up meanwhile is either not armed or removed.
            lock (_belongings.Watches.Order)
            {
                Watches.ArmAll(LastZxid);
                Outbox.Open();
            }
        });
    }

    private async Task CloseOnServerAsync(int attempt)
    {
        try
        {
            await Outbox.SendAsync<CloseOperation, bool>(default, CancellationToken.None).ConfigureAwait(false);
        }
        catch (ZooKeeperException)
        {
            // The connection went with the session, or the server would not answer: it is as closed as it gets.
        }

        Post(new SessionInput.CloseAnswered(attempt));
    }

    private void Drop(Exception reason)
    {
        EndAttempt();
        Connection? connection;
        lock (_lock)
        {
            connection = _connection;
            _connection = null;
            _sasl?.Dispose();
            _sasl = null;
        }

        bool wasEstablished = _isEstablished;
        _isEstablished = false;
        connection?.Abort(waits: reason is SessionEndedException); // a client that is disposed has no stream any more
        if (connection is not null) _belongings.Credentials.OnDropped();
        if (reason is SessionEndedException) return; // ending the outbox says the rest better
        _lastLoss = reason;
        int unknown = connection is null ? 0 : Outbox.Detach(connection, operation => Lose(operation, connection.Server, reason));
        if (connection is not null) Watches.OnDropped(reason); // not before: until the outbox is closed more may be sent
        if (connection is not null && wasEstablished) Log.ConnectionLost(_environment.Logger, SessionId, connection.Server, reason.Message);
        else ReportFailedAttempt(connection, reason);
        if (unknown > 0) Log.OutcomeUnknown(_environment.Logger, unknown);
    }

    private void EndAttempt()
    {
        CancellationTokenSource? attempt = _attempt;
        _attempt = null;
        try
        {
            attempt?.Cancel();
        }
        catch (AggregateException)
        {
            // Something that the user's ConnectCallback has registered failed; the attempt is over all the same.
        }

        attempt?.Dispose();
    }

    private static ConnectionLossException Lose(PendingOperation operation, ServerEndpoint server, Exception reason) => new(
        RequestOutcome.Unknown,
        operation.Path,
        $"The connection to {server} was lost before the reply to {operation.OpCode} came, so it may or may not have been applied: {reason.Message}",
        reason);

    private void ReportFailedAttempt(Connection? connection, Exception reason)
    {
        if ((connection?.Server ?? _opening) is not { } server) return;
        _observer.OnAttemptFailed(server, reason);
        Log.AttemptFailed(_environment.Logger, server, reason.Message);
    }

    private void ExpireRequests()
    {
        if (_requestTimeout == InfiniteTimeout) return;
        TimeSpan now = Now;
        bool anySent = Outbox.ExpireDue(_environment.Time.GetTimestamp(), _requestTimeout, TimedOut, out TimeSpan? next);
        // A request made right after this is due no earlier than a whole time-out from now, so looking once per time-out misses none.
        _nextExpiry = now + (next ?? _requestTimeout);
        if (!anySent || _connection is not { } connection) return;
        var reason = new TimeoutException($"a request was not answered within {_requestTimeout.TotalSeconds:0.###} s");
        Post(new SessionInput.Lost(connection.Attempt, reason, Since(connection.LastHeard)));
    }

    private RequestTimeoutException TimedOut(PendingOperation operation, RequestOutcome outcome) => new(
        outcome,
        operation.Path,
        outcome == RequestOutcome.Unknown
            ? $"{operation.OpCode} was not answered within {nameof(ZooKeeperOptions.RequestTimeout)} ({_requestTimeout.TotalSeconds:0.###} s); it may or may not have been applied."
            : $"{operation.OpCode} could not be sent within {nameof(ZooKeeperOptions.RequestTimeout)} ({_requestTimeout.TotalSeconds:0.###} s); the session is {State}.{(_lastLoss is null ? string.Empty : " The last failure: " + _lastLoss.Message)}",
        _lastLoss);

    private void SetTimer()
    {
        TimeSpan? next = _machine.NextTick;
        if (next is null)
        {
            _timer.Change(InfiniteTimeout, InfiniteTimeout);
            return;
        }

        TimeSpan now = Now;
        TimeSpan wait = (next.Value < _nextExpiry ? next.Value : _nextExpiry) - now;
        if (wait < TimeSpan.Zero) wait = TimeSpan.Zero;
        _timerDue = now + wait;
        _timer.Change(RoundUp(wait), InfiniteTimeout);
    }

    // Timers count whole milliseconds and cut off the rest; firing early would only mean to set the timer again.
    private static TimeSpan RoundUp(TimeSpan wait) => TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(wait.TotalMilliseconds), int.MaxValue));

    private async Task ProbeAsync(ServerEndpoint server, TimeSpan timeout)
    {
        string answer;
        try
        {
            answer = await ReadWriteProbe.AskAsync(_environment.Connector, server, timeout, _environment.Time, Lost).ConfigureAwait(false);
        }
        catch (Exception error) // the top of a task: a server that cannot be asked takes no writes
        {
            answer = error.Message;
        }

        Log.ReadWriteProbe(_environment.Logger, server, answer);
        Post(new SessionInput.Probed(server, answer == "rw"));
    }

    private void End(SessionState state, SessionEndedException reason)
    {
        _timer.Change(InfiniteTimeout, InfiniteTimeout);
        Lease.End();

        // Counted and logged first, and the token tripped: whoever is told can then look at each of them.
        if (state == SessionState.Expired) Telemetry.Expired();
        if (state == SessionState.Closed) Log.SessionClosed(_environment.Logger, SessionId);
        else Log.SessionFailed(_environment.Logger, SessionId, reason.Message);
        _ = _lost.CancelAsync(); // user callbacks run elsewhere
        Outbox.End(reason.Again);
        _observer.OnEnded(this, state, reason);
    }
}
