using Microsoft.Extensions.Logging;
using Okapi.Server.Connections;
using Okapi.Server.Faults;
using Okapi.Server.Requests;
using Okapi.Server.Sessions;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;
using Okapi.Server.Watches;

namespace Okapi.Server;

/// <summary>
/// One address that clients see: its connections and their watches. It reads the leader's tree, or, while it lags, a copy of its own that stands still. Everything here runs on the
/// server's loop but <see cref="Faults"/>, which connections ask as they read and write.
/// </summary>
internal sealed class Member
{
    private readonly HashSet<ServerConnection> _connections = [];
    private readonly Dictionary<long, ServerConnection> _bySession = [];
    private readonly List<ServerConnection> _written = [];
    private Lag? _lag;
    private int _lagFaults;
    private int _readOnlyFaults;

    public Member(int number, Leader leader, EmbeddedServerOptions options, MemberFaults faults, ILogger logger)
    {
        Number = number;
        Leader = leader;
        Options = options;
        Faults = faults;
        Logger = logger;
        Statistics = new MemberStatistics();
        Watches = new MemberWatches(options.Version);
        Handler = new RequestHandler(this);
        LocalSessions = new SessionTable((int)Math.Max(1, options.TickTime.TotalMilliseconds));
    }

    /// <summary>Where it listens, without TLS and with; null where it does not.</summary>
    public (System.Net.IPEndPoint? Plain, System.Net.IPEndPoint? Secure) EndPoints { get; set; }

    /// <summary>From 1.</summary>
    public int Number { get; }

    public Leader Leader { get; }

    public EmbeddedServerOptions Options { get; }

    public MemberFaults Faults { get; }

    public ILogger Logger { get; }

    public MemberWatches Watches { get; }

    public RequestHandler Handler { get; }

    public MemberStatistics Statistics { get; }

    /// <summary>What clients of this member see.</summary>
    public Tree View => _lag?.Tree ?? Leader.Tree;

    public bool IsLagging => _lag is not null;

    /// <summary>Whether it has lost its quorum, as it were, and only reads. The sessions it then opens are its own.</summary>
    public bool IsReadOnly => _readOnlyFaults > 0;

    /// <summary>The sessions that this member alone knows.</summary>
    public SessionTable LocalSessions { get; private set; }

    public IReadOnlyCollection<ServerConnection> Connections => _connections;

    public void OnConnected(ServerConnection connection) => _connections.Add(connection);

    public void OnGone(ServerConnection connection)
    {
        _connections.Remove(connection);
        Watches.RemoveAll(connection);
        if (connection.Session is { } session && _bySession.GetValueOrDefault(session.Id) == connection) _bySession.Remove(session.Id);
    }

    /// <summary>Attaches a session to a connection; one that it was attached to here before is closed (B12).</summary>
    public void Attach(ServerSession session, ServerConnection connection)
    {
        CloseConnectionOf(session.Id);
        connection.Session = session;
        _bySession[session.Id] = connection;
    }

    /// <summary>Closes the connection that a session is attached to here.</summary>
    public void CloseConnectionOf(long sessionId)
    {
        if (_bySession.Remove(sessionId, out ServerConnection? old)) old.Close();
    }

    public void OnSessionEnded(long sessionId) => CloseConnectionOf(sessionId);

    /// <summary>Notes that a connection has something to send when the round ends.</summary>
    public void OnWritten(ServerConnection connection) => _written.Add(connection);

    /// <summary>Lets go what was written in the round.</summary>
    public void Flush()
    {
        foreach (ServerConnection connection in _written) connection.Flush();
        _written.Clear();
    }

    /// <summary>Learns of a transaction: watches fire now, or when this member has caught up.</summary>
    public void OnCommitted(in TransactionHeader header, Transaction transaction, List<TreeChange> changes)
    {
        if (_lag is not null) _lag.Missed.Add(new(header, transaction));
        else Fire(changes, header.Zxid);
    }

    /// <summary>Does something when this member has seen all that is committed: at once, or when it has caught up, until when its client waits.</summary>
    public void WhenCaughtUp(ServerConnection connection, Action action)
    {
        if (_lag is null)
        {
            action();
            return;
        }

        connection.Suspend();
        _lag.Missed.Add(new(default, null, () =>
        {
            connection.Attempt(action);
            connection.Resume();
        }));
    }

    /// <summary>Stands still from now on, until <see cref="EndLag"/> has been called as often as this.</summary>
    public void BeginLag()
    {
        _lagFaults++;
        _lag ??= new(Leader.Tree.Clone());
    }

    /// <summary>Catches up: what was missed happens, in order.</summary>
    public void EndLag()
    {
        if (--_lagFaults > 0 || _lag is not { } lag) return;
        foreach (Missed missed in lag.Missed)
        {
            if (missed.Transaction is { } transaction)
            {
                var changes = new List<TreeChange>();
                lag.Tree.Apply(missed.Header, transaction, changes);
                Fire(changes, missed.Header.Zxid);
            }

            missed.Then?.Invoke();
        }

        _lag = null;
    }

    /// <summary>Loses its quorum, as it were: all connections are cut, and whoever comes back may only read, and see what there was.</summary>
    public void BeginReadOnly()
    {
        if (_readOnlyFaults++ > 0) return;
        ForgetLocal();
        BeginLag();
        CutAll();
    }

    public void EndReadOnly()
    {
        if (--_readOnlyFaults > 0) return;
        ForgetLocal();
        CutAll();
        EndLag();
    }

    public void CutAll(CutKind kind = CutKind.Close, long? sessionId = null)
    {
        foreach (ServerConnection connection in _connections.Where(each => sessionId is null || each.SessionId == sessionId).ToArray()) MemberFaults.Cut(connection, kind);
    }

    /// <summary>The table that a session is in.</summary>
    public SessionTable TableOf(ServerSession session) => session.IsLocal ? LocalSessions : Leader.Sessions;

    /// <summary>Makes a local session known to all.</summary>
    public void Upgrade(ServerSession session)
    {
        LocalSessions.Remove(session);
        session.IsLocal = false;
        Leader.Adopt(session);
    }

    /// <summary>Ends local sessions whose time has come.</summary>
    public void ExpireLocal()
    {
        foreach (ServerSession session in LocalSessions.TakeExpired(Leader.NowMs)) EndLocal(session);
    }

    /// <summary>Ends a local session.</summary>
    public void EndLocal(ServerSession session)
    {
        LocalSessions.Remove(session);
        CloseConnectionOf(session.Id);
    }

    /// <summary>Cuts off who has not opened a session in time (B20), and who does not read what it is owed at the end.</summary>
    public void CutIdle()
    {
        DateTimeOffset limit = Options.TimeProvider.GetUtcNow() - Options.HandshakeTimeout;
        foreach (ServerConnection connection in _connections.Where(each => each.Session is null && each.Established <= limit).ToArray()) connection.Close();
        foreach (ServerConnection connection in _connections.Where(each => each.EndingSince <= limit).ToArray()) connection.CloseAtOnce();
    }

    // A server that loses its quorum, or finds it again, starts anew and has no sessions of its own.
    private void ForgetLocal() => LocalSessions = new SessionTable((int)Math.Max(1, Options.TickTime.TotalMilliseconds));

    private void Fire(List<TreeChange> changes, long zxid)
    {
        // Until 3.8 an event does not say which transaction it is of (B110).
        long told = Options.Version >= ServerVersion.V39 ? zxid : -1;
        foreach (TreeChange change in changes) Watches.Fire(change, told);
    }

    private sealed class Lag(Tree tree)
    {
        public Tree Tree { get; } = tree;

        public List<Missed> Missed { get; } = [];
    }

    private readonly record struct Missed(TransactionHeader Header, Transaction? Transaction, Action? Then = null);
}
