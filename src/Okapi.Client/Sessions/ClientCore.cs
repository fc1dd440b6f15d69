using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging;
using Okapi.Connections;
using Okapi.Diagnostics;
using Okapi.Requests;
using Okapi.Security;
using Okapi.Watches;

namespace Okapi.Sessions;

/// <summary>
/// What one client and all its chroot views share: the session of the moment, and whatever outlasts sessions (watches, credentials, streams).
/// Follows an expired session with a new one if it is told to.
/// </summary>
internal sealed class ClientCore : ISessionObserver
{
    private readonly Lock _lock = new();
    private readonly Random _seeds;
    private readonly SessionEnvironment _environment;
    private readonly SessionBelongings _belongings;
    private readonly Broadcast<SessionStateChange> _states = new();
    private readonly Dictionary<ServerEndpoint, ConnectAttempt> _failures = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Session _session;
    private SessionStateChange _last = new(SessionState.Connecting, 0);
    private bool _isClosing;

    /// <summary>The list that was given last; a session that ends just then does not take it.</summary>
    private IReadOnlyList<ServerEndpoint>? _newServers;
    private OpenWarning _openWarning;

    public ClientCore(ZooKeeperOptions options, IReadOnlyList<ServerEndpoint> servers, IConnector? connector = null, Random? random = null, Action<IThreadPoolWorkItem>? schedule = null, bool runsInline = false)
    {
        Options = options;
        // A seed of its own: back-off and server order must differ between clients, and need no secrecy.
        _seeds = new Random(options.RandomSeed ?? Guid.NewGuid().GetHashCode());
        random ??= NewRandom();
        ILogger logger = options.LoggerFactory?.CreateLogger("Okapi.Client") is { } given ? new GuardedLogger(given) : NullLogger.Instance;
        connector ??= options.ConnectCallback is { } callback
            ? new CallbackConnector(callback)
            : new TcpConnector(options.Tls.Enabled ? new Tls(options.Tls) : null, NewRandom(), options.TimeProvider); // not shared: connecting goes on beside the session
        _environment = new(connector, options.TimeProvider, random, logger, schedule ?? (static item => ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false)), runsInline);
        _belongings = new(new ServerList(servers, options.ShuffleServers, random), new WatchTable(new PoolCompletions(runsInline)), new AuthBook(options.Auth), new Broadcast<WatchedEvent>(), SaslFactory(options));
        WarnOfDigestInTheClear(options.Auth);
        if (options.Auth.Count > 0 || options.Sasl is not null || options.Tls.ClientCertificateFile is not null) DoubtDefaultAcl();
        _session = NewSession(options.Resume);
    }

    public ZooKeeperOptions Options { get; }

    public Session Session => Volatile.Read(ref _session);

    public WatchTable Watches => _belongings.Watches;

    public Broadcast<WatchedEvent> Events => _belongings.Events;

    /// <summary>Where the session of the moment stands.</summary>
    public SessionStateChange State
    {
        get
        {
            lock (_lock) return _last;
        }
    }

    public IReadOnlyList<ConnectAttempt> Failures
    {
        get
        {
            lock (_lock) return [.. _failures.Values];
        }
    }

    /// <summary>Something to draw from, for one who draws alone.</summary>
    public Random NewRandom()
    {
#pragma warning disable CA5394 // nothing that is drawn needs secrecy
        lock (_seeds) return new(_seeds.Next());
#pragma warning restore CA5394
    }

    public void Start() => Session.Start();

    /// <summary>Completes when requests reach a server, or fails when the client is over.</summary>
    public Task WaitConnectedAsync()
    {
        lock (_lock) return _connected.Task;
    }

    /// <summary>Adds a reader of states; it sees the present one first and misses none after it.</summary>
    public void AddStateReader(EventBuffer<SessionStateChange> reader)
    {
        lock (_lock)
        {
            reader.Post(_last, PoolCompletions.Instance);
            _states.Add(reader);
        }
    }

    public void RemoveStateReader(EventBuffer<SessionStateChange> reader) => _states.Remove(reader);

    public Task AddAuthAsync(AuthInfo credential)
    {
        WarnOfDigestInTheClear([credential]);
        DoubtDefaultAcl();
        return _belongings.Credentials.AddAsync(credential);
    }

    /// <summary>Completes when a server has taken all credentials given so far.</summary>
    public Task WaitAuthAsync() => _belongings.Credentials.WhenTakenAsync();

    public void UpdateServers(IReadOnlyList<ServerEndpoint> servers)
    {
        Session session;
        lock (_lock)
        {
            _newServers = servers;
            session = _session;
        }

        session.Post(new SessionInput.ServersChanged(servers));
    }

    public async Task CloseAsync(bool keepsSession = false)
    {
        Session session;
        lock (_lock)
        {
            _isClosing = true;
            session = _session;
        }

        session.Post(new SessionInput.Close(keepsSession));
        await _ended.Task.ConfigureAwait(false);
    }

    void ISessionObserver.OnState(Session session, SessionState state)
    {
        var change = new SessionStateChange(state, session.SessionId);
        Publish(change); // before whoever waits for a connection goes on
        lock (_lock)
        {
            if (change.IsConnected)
            {
                _failures.Clear();
                _connected.TrySetResult();
            }
            else if (_connected.Task.IsCompleted)
            {
                _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    void ISessionObserver.OnAttemptFailed(ServerEndpoint server, Exception reason)
    {
        lock (_lock) _failures[server] = new(server, reason.Message, reason);
    }

    void ISessionObserver.OnEnded(Session session, SessionState state, SessionEndedException reason)
    {
        bool continues;
        Session? next = null;
        lock (_lock)
        {
            continues = state == SessionState.Expired && Options.Recovery == SessionRecovery.NewSession;
            if (continues) next = NewSession(resume: null);
            if (_connected.Task.IsCompleted) _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        _belongings.Watches.EndSession(reason.Again, keepPersistent: continues);
        Publish(new(state, session.SessionId));
        session.Dispose();
        if (next is not null)
        {
            Publish(new(SessionState.Connecting, 0));
            bool isClosing;
            IReadOnlyList<ServerEndpoint>? newServers;
            lock (_lock)
            {
                // Only now can others end it, so that whatever it has to say comes after the end of the one before (H6).
                _session = next;
                isClosing = _isClosing;
                newServers = _newServers;
            }

            if (newServers is not null) next.Post(new SessionInput.ServersChanged(newServers));

            if (isClosing) next.Post(new SessionInput.Close()); // whoever closes has told the session before
            else next.Start();
        }
        else
        {
            End(reason);
        }
    }

    private static Func<ServerEndpoint, ISaslMechanism>? SaslFactory(ZooKeeperOptions options) => options.Sasl switch
    {
        null => null,
        { Mechanism: SaslMechanism.Gssapi } gssapi => server => new GssapiMechanism(gssapi.ServerHost ?? server.Host, gssapi.ServiceName, gssapi.ToCredential()),
        var digest => _ => new DigestMd5Mechanism(digest.UserName!, digest.Password!, digest.ServiceName),
    };

    private Session NewSession(SessionCredentials? resume)
    {
        var settings = new SessionSettings(
            Options.SessionTimeout,
            Options.ConnectTimeout,
            Options.CloseTimeout,
            Options.BackoffMinimum,
            Options.BackoffMaximum,
            Options.AllowReadOnly,
            Options.Sasl is not null,
            resume);
        return new(settings, Options, _environment, _belongings, this);
    }

    /// <summary>The ACL of a znode that is created without one.</summary>
    public IReadOnlyList<Acl> GetDefaultAcl()
    {
        if (_openWarning == OpenWarning.Due && Interlocked.CompareExchange(ref _openWarning, OpenWarning.Given, OpenWarning.Due) == OpenWarning.Due) Log.OpenByOmission(_environment.Logger);
        return Options.DefaultAcl;
    }

    // Who has credentials has something to protect.
    private void DoubtDefaultAcl()
    {
        if (Options.IsOpenByOmission) Interlocked.CompareExchange(ref _openWarning, OpenWarning.Due, OpenWarning.None);
    }

    private void WarnOfDigestInTheClear(IEnumerable<AuthInfo> credentials)
    {
        if (!Options.Tls.Enabled && credentials.Any(credential => credential.Scheme == "digest")) Log.DigestInTheClear(_environment.Logger);
    }

    private void Publish(SessionStateChange change)
    {
        lock (_lock)
        {
            _last = change;
            _states.Post(change, PoolCompletions.Instance);
        }

        if (_belongings.Events.HasReaders) _belongings.Events.Post(new(WatchedEventType.None, ToKeeperState(change.State), Path: null), PoolCompletions.Instance);
    }

    private static KeeperState ToKeeperState(SessionState state) => state switch
    {
        SessionState.Connected => KeeperState.SyncConnected,
        SessionState.ConnectedReadOnly => KeeperState.ConnectedReadOnly,
        SessionState.Expired => KeeperState.Expired,
        SessionState.AuthFailed => KeeperState.AuthFailed,
        SessionState.Closed => KeeperState.Closed,
        _ => KeeperState.Disconnected,
    };

    private void End(SessionEndedException reason)
    {
        lock (_lock)
        {
            _connected.TrySetException(reason.Again());
            _ = _connected.Task.Exception; // nobody has to look at it
        }

        _belongings.Credentials.End(reason.Again);
        // Closing is an ordinary end of the streams; anything else is a failure that the readers have to see.
        Func<Exception?> end = reason is SessionClosedException ? static () => null : reason.Again;
        _states.End(static () => null);
        _belongings.Events.End(end);
        _ended.TrySetResult();
    }

    private enum OpenWarning
    {
        None,
        Due,
        Given,
    }
}
