using System.Runtime.CompilerServices;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Sessions;
using Okapi.Watches;

namespace Okapi;

/// <summary>
/// A client of a ZooKeeper ensemble. It holds one session and one connection, is safe to share among threads, and is meant to live as long as the program:
/// make one and share it. Requests reach the server in the order of the calls, and a watch event is in its stream before the task of any later reply completes.
/// </summary>
/// <remarks>
/// <para>
/// Every call fails in one of four ways, never mixed: the server said no (<see cref="ZooKeeperException"/> and its leaves), the connection was lost
/// (<see cref="ConnectionLossException"/>, <see cref="RequestTimeoutException"/>), the session is over (<see cref="SessionEndedException"/>), or the caller made a mistake
/// (<see cref="ArgumentException"/>, thrown before anything is sent).
/// </para>
/// <para>
/// Cancelling a call before its request is written means it is never sent; after that its outcome is unknown and the reply is thrown away. Cancelling does not harm the connection; a server
/// that leaves a request unanswered for <see cref="ZooKeeperOptions.RequestTimeout"/>, cancelled or not, loses it. Leave buffers that are handed in alone until the call has completed.
/// </para>
/// </remarks>
public sealed class ZooKeeperClient : IAsyncDisposable
{
    private readonly ClientCore _core;
    private readonly bool _isView;
    private readonly WatchRequests _watches;

    private ZooKeeperClient(ClientCore core, string chroot, bool isView)
    {
        _core = core;
        _isView = isView;
        Chroot = chroot;
        _watches = new(core, chroot);
    }

    /// <summary>Empty, or the path that all paths of this client lie below.</summary>
    public string Chroot { get; }

    /// <summary>Where the session stands.</summary>
    public SessionState State => _core.State.State;

    /// <summary>Whether requests reach a server.</summary>
    public bool IsConnected => _core.State.IsConnected;

    /// <summary>The session's id; 0 before a server has given it one. Can be negative.</summary>
    public long SessionId => _core.Session.SessionId;

    /// <summary>The session's timeout: what was asked for until a server has answered, then what it grants.</summary>
    public TimeSpan SessionTimeout => _core.Session.Timeout;

    /// <summary>
    /// Trips when the session is over: told by a server, or by the client itself once no server could be reached for 4/3 of the session timeout. With
    /// <see cref="SessionRecovery.NewSession"/> each session has its own.
    /// </summary>
    public CancellationToken SessionLost => _core.Session.Lost;

    /// <summary>
    /// Trips when a server may end the session before it hears from this client again: nine tenths of the session timeout after the making of the newest request that was answered, or when the session
    /// is over. That is before <see cref="SessionLost"/>, and in time to stop what others may do next. If a server answers after all, the session lives on, and this property has a new token;
    /// who took the old one has to find out what is still theirs.
    /// </summary>
    /// <remarks>
    /// Take the token first and then ask a server for what is to be held: a token that has not tripped then covers the answer. It cannot tell that the server in use has itself lost touch with its
    /// leader, which a server of an ensemble notices after syncLimit ticks; against that, and against a process that was paused, only a fencing token helps.
    /// </remarks>
    public CancellationToken SessionAtRisk => _core.Session.Lease.AtRisk;

    /// <summary>The server in use, or null while there is none.</summary>
    public ServerEndpoint? Server => _core.Session.Server;

    /// <summary>The newest transaction that a reply has told of.</summary>
    public long LastZxid => _core.Session.LastZxid;

    /// <summary>The clock that the client lives by (<see cref="ZooKeeperOptions.TimeProvider"/>), for whatever is built on it.</summary>
    public TimeProvider TimeProvider => _core.Options.TimeProvider;

    internal ClientCore Core => _core;

    /// <summary>Makes a source of chance for whatever is built on the client. What it gives depends on <see cref="ZooKeeperOptions.RandomSeed"/> and on how many were made before.</summary>
    /// <returns>A source for one user at a time. It is not fit for secrets.</returns>
    public Random NewRandom() => _core.NewRandom();

    /// <summary>Connects to an ensemble.</summary>
    /// <param name="connectString">The servers and, optionally, the chroot: <c>host:port,host:port/chroot</c>.</param>
    /// <param name="options">Options; null: all defaults. Its <see cref="ZooKeeperOptions.ConnectString"/> is not used.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>A connected client.</returns>
    /// <exception cref="ArgumentException">The connect string or an option is not valid.</exception>
    /// <exception cref="ConnectFailedException">No server could be reached within <see cref="ZooKeeperOptions.FirstConnectTimeout"/>; tells each server and why.</exception>
    /// <exception cref="SessionExpiredException">The session to resume does not exist any more, or its password is wrong.</exception>
    /// <exception cref="AuthFailedException">A server refused the credentials, or could not prove its own.</exception>
    /// <exception cref="NoNodeException">The chroot does not exist (<see cref="ZooKeeperOptions.ChrootCheck"/>).</exception>
    public static Task<ZooKeeperClient> ConnectAsync(string connectString, ZooKeeperOptions? options = null, CancellationToken cancellationToken = default) =>
        ConnectAsync(Create(connectString, options), cancellationToken);

    /// <summary>Connects to the ensemble that <see cref="ZooKeeperOptions.ConnectString"/> names.</summary>
    /// <param name="options">The options.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>A connected client.</returns>
    public static Task<ZooKeeperClient> ConnectAsync(ZooKeeperOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return ConnectAsync(options.ConnectString, options, cancellationToken);
    }

    /// <summary>
    /// Makes a client that connects in the background and keeps trying for as long as it takes; requests wait for the connection, up to
    /// <see cref="ZooKeeperOptions.RequestTimeout"/>. <see cref="ZooKeeperOptions.ChrootCheck"/> does not apply.
    /// </summary>
    /// <param name="options">The options, with a connect string.</param>
    /// <returns>The client.</returns>
    public static ZooKeeperClient Start(ZooKeeperOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Start(options.ConnectString, options);
    }

    /// <inheritdoc cref="Start(ZooKeeperOptions)" path="/summary"/>
    /// <param name="connectString">The servers and, optionally, the chroot: <c>host:port,host:port/chroot</c>.</param>
    /// <param name="options">Options; null: all defaults. Its <see cref="ZooKeeperOptions.ConnectString"/> is not used.</param>
    /// <returns>The client.</returns>
    public static ZooKeeperClient Start(string connectString, ZooKeeperOptions? options = null)
    {
        ZooKeeperClient client = Create(connectString, options);
        client._core.Start();
        return client;
    }

    /// <summary>Waits until requests reach a server.</summary>
    /// <param name="timeout">How long to wait; null: until the client is over.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Completes when connected.</returns>
    /// <exception cref="ConnectFailedException">The time was up; tells each server and why.</exception>
    /// <exception cref="SessionEndedException">The session is over.</exception>
    public async Task WaitConnectedAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        TimeSpan limit = timeout ?? Timeout.InfiniteTimeSpan;
        try
        {
            await _core.WaitConnectedAsync().WaitAsync(limit, _core.Options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw ConnectFailedException.Create(limit, _core.Failures);
        }
        catch (SessionEndedException over)
        {
            throw over.Again();
        }
    }

    /// <summary>
    /// A client whose paths lie below a path of this one. It shares this one's session, connection and fate; disposing it does nothing.
    /// </summary>
    /// <param name="path">A path of this client. It does not have to exist yet.</param>
    /// <returns>The view.</returns>
    public ZooKeeperClient WithChroot(string path)
    {
        ZnodePath.Validate(path);
        return new(_core, path == "/" ? Chroot : Chroot + path, isView: true);
    }

    /// <summary>What it takes to resume this session in another process; null before a server has given it an id.</summary>
    /// <returns>The session's id and password.</returns>
    public SessionCredentials? GetSessionCredentials() => _core.Session.GetCredentials();

    /// <summary>Adds a credential to this connection and all later ones.</summary>
    /// <param name="credential">The credential.</param>
    /// <param name="cancellationToken">Ends the waiting, not the credential.</param>
    /// <returns>Completes when a server has taken it.</returns>
    /// <exception cref="AuthFailedException">A server refused it; the session is over.</exception>
    /// <exception cref="RequestTimeoutException">No server has answered within <see cref="ZooKeeperOptions.RequestTimeout"/>; the credential stays.</exception>
    public async Task AddAuthAsync(AuthInfo credential, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(credential);
        await WaitAuthAsync(_core.AddAuthAsync(credential), $"the {credential.Scheme} credential", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Replaces the list of servers. The client moves to another server if its own is no longer listed, or with the probability that keeps the load even
    /// when all clients take the same new list (ZOOKEEPER-1355).
    /// </summary>
    /// <param name="connectString">The servers; a chroot in it must be this client's own.</param>
    public void UpdateServers(string connectString)
    {
        ConnectString parsed = ConnectString.Parse(connectString);
        if (parsed.Chroot.Length > 0 && parsed.Chroot != Chroot)
            throw new ArgumentException($"The chroot \"{parsed.Chroot}\" is not this client's (\"{Chroot}\"); a new list of servers cannot change it.", nameof(connectString));
        _core.UpdateServers(parsed.Servers);
    }

    /// <summary>
    /// The session's states: the present one first, then each change. The stream ends after the last state of the client (expired without recovery, authentication failed, closed).
    /// </summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The states, in order.</returns>
    public async IAsyncEnumerable<SessionStateChange> StateChangesAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var buffer = new EventBuffer<SessionStateChange>(256, new(SessionState.Connecting, 0, Missed: true));
        _core.AddStateReader(buffer);
        try
        {
            await foreach (SessionStateChange change in buffer.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return change.Missed ? _core.State with { Missed = true } : change;
        }
        finally
        {
            _core.RemoveStateReader(buffer);
        }
    }

    /// <summary>
    /// All events of the client: every watch event a server sends, and the session's changes (as <see cref="WatchedEventType.None"/>). What other clients call the default watcher.
    /// A reader that is too slow gets a <see cref="WatchedEventType.Resync"/> in place of what it missed.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The events from the call on, in order; those outside the chroot are left out.</returns>
    public IAsyncEnumerable<WatchedEvent> EventsAsync(CancellationToken cancellationToken = default)
    {
        var buffer = new EventBuffer<WatchedEvent>(_core.Options.EventBufferSize, new(WatchedEventType.Resync, KeeperState.SyncConnected, Path: null));
        _core.Events.Add(buffer); // now, not when reading begins: what is called after this must not be missed
        return ReadEventsAsync(buffer, cancellationToken);
    }

    /// <summary>Creates a znode.</summary>
    /// <param name="path">Its path; may end with a slash if the mode is sequential.</param>
    /// <param name="data">Its data; null: none.</param>
    /// <param name="mode">What kind of znode.</param>
    /// <param name="acl">Who may do what; null: <see cref="ZooKeeperOptions.DefaultAcl"/>.</param>
    /// <param name="ttl">The time to live, from 1 ms to 2^40-1 ms; for the TTL modes only.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its path, with the number of a sequential one.</returns>
    /// <exception cref="NodeExistsException">It exists already.</exception>
    /// <exception cref="NoNodeException">Its parent does not exist.</exception>
    /// <exception cref="NoChildrenForEphemeralsException">Its parent is ephemeral.</exception>
    /// <exception cref="InvalidAclException">The server does not take the ACL.</exception>
    public ValueTask<string> CreateAsync(string path, ReadOnlyMemory<byte>? data = null, CreateMode mode = CreateMode.Persistent, IReadOnlyList<Acl>? acl = null, TimeSpan? ttl = null, CancellationToken cancellationToken = default) =>
        SendAsync<CreateOperation, string>(new(BuildCreate(path, data, mode, acl, ttl)), cancellationToken);

    /// <summary>Creates a znode and tells its Stat. Servers without create2 (before 3.5, ClickHouse Keeper) are asked with create and exists.</summary>
    /// <inheritdoc cref="CreateAsync" path="/param"/>
    /// <inheritdoc cref="CreateAsync" path="/exception"/>
    /// <returns>Its path and Stat.</returns>
    public ValueTask<CreatedNode> CreateWithStatAsync(string path, ReadOnlyMemory<byte>? data = null, CreateMode mode = CreateMode.Persistent, IReadOnlyList<Acl>? acl = null, TimeSpan? ttl = null, CancellationToken cancellationToken = default)
    {
        CreateRequest request = BuildCreate(path, data, mode, acl, ttl);
        return CreateWithStatAsync(request, cancellationToken);
    }

    /// <summary>Creates a znode, with the expected ways to fail as values.</summary>
    /// <inheritdoc cref="CreateAsync" path="/param"/>
    /// <returns>How it ended, and its path.</returns>
    public ValueTask<CreateResult> TryCreateAsync(string path, ReadOnlyMemory<byte>? data = null, CreateMode mode = CreateMode.Persistent, IReadOnlyList<Acl>? acl = null, TimeSpan? ttl = null, CancellationToken cancellationToken = default) =>
        SendAsync<TryCreateOperation, CreateResult>(new(BuildCreate(path, data, mode, acl, ttl)), cancellationToken);

    /// <summary>Deletes a znode.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="expectedVersion">The version it must have; null: any.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Completes when it is deleted.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    /// <exception cref="BadVersionException">It has another version.</exception>
    /// <exception cref="NotEmptyException">It has children.</exception>
    public ValueTask DeleteAsync(string path, int? expectedVersion = null, CancellationToken cancellationToken = default) =>
        SendVoidAsync<DeleteOperation>(new(new VersionRequest(ToWire(path), ArgumentChecks.ValidateVersion(expectedVersion))), cancellationToken);

    /// <summary>Deletes a znode, with the expected ways to fail as values.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="expectedVersion">The version it must have; null: any.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>How it ended.</returns>
    public ValueTask<DeleteOutcome> TryDeleteAsync(string path, int? expectedVersion = null, CancellationToken cancellationToken = default) =>
        SendAsync<TryDeleteOperation, DeleteOutcome>(new(new VersionRequest(ToWire(path), ArgumentChecks.ValidateVersion(expectedVersion))), cancellationToken);

    /// <summary>Asks for a znode's Stat.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its Stat, or null if it does not exist.</returns>
    public ValueTask<Stat?> ExistsAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<ExistsOperation, Stat?>(new(ToWire(path)), cancellationToken);

    /// <summary>Reads a znode's data.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its data and Stat.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public ValueTask<NodeData> GetAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<GetOperation, NodeData>(new(ToWire(path)), cancellationToken);

    /// <summary>Reads a znode's data, if it exists.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its data and Stat, or null if it does not exist.</returns>
    public ValueTask<NodeData?> TryGetAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<TryGetOperation, NodeData?>(new(ToWire(path)), cancellationToken);

    /// <summary>Writes a znode's data.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="data">The data; null: none.</param>
    /// <param name="expectedVersion">The version it must have; null: any.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its new Stat.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    /// <exception cref="BadVersionException">It has another version.</exception>
    public ValueTask<Stat> SetAsync(string path, ReadOnlyMemory<byte>? data, int? expectedVersion = null, CancellationToken cancellationToken = default) =>
        SendAsync<SetOperation, Stat>(new(BuildSet(path, data, expectedVersion)), cancellationToken);

    /// <summary>Writes a znode's data, with the expected ways to fail as values.</summary>
    /// <inheritdoc cref="SetAsync" path="/param"/>
    /// <returns>How it ended, and its new Stat.</returns>
    public ValueTask<SetResult> TrySetAsync(string path, ReadOnlyMemory<byte>? data, int? expectedVersion = null, CancellationToken cancellationToken = default) =>
        SendAsync<TrySetOperation, SetResult>(new(BuildSet(path, data, expectedVersion)), cancellationToken);

    /// <summary>Lists a znode's children.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Their names, in no order.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public ValueTask<IReadOnlyList<string>> GetChildrenAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<GetChildrenOperation, IReadOnlyList<string>>(new(ToWire(path)), cancellationToken);

    /// <summary>Lists a znode's children, if it exists.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Their names, in no order, or null if it does not exist.</returns>
    public ValueTask<IReadOnlyList<string>?> TryGetChildrenAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<TryGetChildrenOperation, IReadOnlyList<string>?>(new(ToWire(path)), cancellationToken);

    /// <summary>Lists a znode's children and tells its Stat.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Their names, in no order, and the znode's Stat.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public ValueTask<NodeChildren> GetChildrenWithStatAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<GetChildrenWithStatOperation, NodeChildren>(new(ToWire(path)), cancellationToken);

    /// <summary>Reads a znode's ACL. Without ADMIN on it, digests come masked.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its ACL and Stat.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public ValueTask<NodeAcl> GetAclAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<GetAclOperation, NodeAcl>(new(ToWire(path)), cancellationToken);

    /// <summary>Writes a znode's ACL.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="acl">Who may do what; at least one entry.</param>
    /// <param name="expectedAclVersion">The <see cref="Stat.AclVersion"/> it must have; null: any.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its new Stat.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    /// <exception cref="BadVersionException">It has another ACL version.</exception>
    /// <exception cref="InvalidAclException">The server does not take the ACL.</exception>
    public ValueTask<Stat> SetAclAsync(string path, IReadOnlyList<Acl> acl, int? expectedAclVersion = null, CancellationToken cancellationToken = default)
    {
        ArgumentChecks.ValidateAcl(acl, nameof(acl));
        return SendAsync<SetAclOperation, Stat>(new(new SetAclRequest(ToWire(path), acl, ArgumentChecks.ValidateVersion(expectedAclVersion))), cancellationToken);
    }

    /// <summary>
    /// Brings the server in use up to the leader, so that reads after it see every write that had completed when it was called. It is not a quorum write:
    /// a leader that has lost its followers may answer it (ZOOKEEPER-2136), and where the server in use is the leader itself, a write can have completed on a follower just before
    /// the leader applies it (seen with 3.8). Only a write proves what is newest.
    /// </summary>
    /// <param name="path">Any path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Completes when the server has caught up.</returns>
    public ValueTask SyncAsync(string path = "/", CancellationToken cancellationToken = default) =>
        SendVoidAsync<SyncOperation>(new(ToWire(path)), cancellationToken);

    /// <summary>Lists this session's ephemeral znodes (3.6).</summary>
    /// <param name="prefix">What their paths begin with: a prefix of characters, so <c>/a/b</c> also finds <c>/a/bc</c>, and <c>/a/b/</c> does not.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Their paths, in no order.</returns>
    public ValueTask<IReadOnlyList<string>> GetEphemeralsAsync(string prefix = "/", CancellationToken cancellationToken = default) =>
        SendAsync<GetEphemeralsOperation, IReadOnlyList<string>>(new(ToWire(prefix, sequential: true)), cancellationToken);

    /// <summary>Counts all znodes below one (3.6).</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>How many there are, itself not counted.</returns>
    public ValueTask<int> GetAllChildrenNumberAsync(string path, CancellationToken cancellationToken = default) =>
        SendAsync<CountChildrenOperation, int>(new(ToWire(path)), cancellationToken);

    /// <summary>Asks who the server takes this connection for (3.7).</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The identities, the address among them.</returns>
    public ValueTask<IReadOnlyList<ClientInfo>> WhoAmIAsync(CancellationToken cancellationToken = default) =>
        SendAsync<WhoAmIOperation, IReadOnlyList<ClientInfo>>(default, cancellationToken);

    /// <summary>Reads the ensemble's configuration: <c>/zookeeper/config</c>, whatever the chroot.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>A line per server, then the version.</returns>
    public ValueTask<NodeData> GetConfigAsync(CancellationToken cancellationToken = default) =>
        SendAsync<GetOperation, NodeData>(new(ConfigPath), cancellationToken);

    /// <summary>Reads the ensemble's configuration and leaves a one-shot watch.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The watch and the configuration.</returns>
    public Task<OneShotWatch<NodeData>> WatchConfigAsync(CancellationToken cancellationToken = default) => WithoutChroot().WatchDataAsync(ConfigPath, cancellationToken);

    /// <summary>Changes some of the ensemble's members. The servers must have <c>reconfigEnabled</c>, and the connection the right to write <c>/zookeeper/config</c>.</summary>
    /// <param name="joining">Servers to add or change, as in the server's configuration: <c>server.4=host:2888:3888;2181</c>.</param>
    /// <param name="leaving">Ids of servers to remove.</param>
    /// <param name="fromConfig">The version of the configuration to start from; null: any.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The new configuration.</returns>
    /// <exception cref="ZooKeeperException">Code ReconfigDisabled, NewConfigNoQuorum, ReconfigInProgress, BadVersion, NoAuth or BadArguments.</exception>
    public ValueTask<NodeData> ReconfigureAsync(IReadOnlyList<string>? joining = null, IReadOnlyList<int>? leaving = null, long? fromConfig = null, CancellationToken cancellationToken = default)
    {
        if (joining is null or { Count: 0 } && leaving is null or { Count: 0 }) throw new ArgumentException("Neither joining nor leaving servers are given; a reconfiguration changes at least one member.", nameof(joining));
        return SendAsync<ReconfigOperation, NodeData>(new(new ReconfigRequest(Join(joining), Join(leaving), null, fromConfig ?? -1)), cancellationToken);
    }

    /// <summary>Replaces all of the ensemble's members.</summary>
    /// <param name="members">The servers, as in the server's configuration.</param>
    /// <param name="fromConfig">The version of the configuration to start from; null: any.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The new configuration.</returns>
    public ValueTask<NodeData> ReplaceMembersAsync(IReadOnlyList<string> members, long? fromConfig = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(members);
        if (members.Count == 0) throw new ArgumentException("The list of members is empty; an ensemble has at least one.", nameof(members));
        return SendAsync<ReconfigOperation, NodeData>(new(new ReconfigRequest(null, null, Join(members), fromConfig ?? -1)), cancellationToken);
    }

    /// <summary>Begins a transaction: all of its operations happen, or none.</summary>
    /// <returns>A builder.</returns>
    public Transaction Transaction() => new(this);

    /// <summary>Begins a batch of reads that go in one request (3.6; older servers get them one by one).</summary>
    /// <returns>A builder.</returns>
    public ReadBatch ReadBatch() => new(this);

    /// <summary>Asks for a znode's Stat and leaves a one-shot watch, whether it exists or not.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The watch and the Stat, null if the znode does not exist. Fires when it is created, deleted or its data is set.</returns>
    public Task<OneShotWatch<Stat?>> WatchExistsAsync(string path, CancellationToken cancellationToken = default)
    {
        ZnodePath.Validate(path);
        return _watches.WatchExistsAsync(path, cancellationToken);
    }

    /// <summary>Reads a znode's data and leaves a one-shot watch.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The watch and the data. Fires when the data is set or the znode deleted.</returns>
    /// <exception cref="NoNodeException">It does not exist; no watch is left.</exception>
    public Task<OneShotWatch<NodeData>> WatchDataAsync(string path, CancellationToken cancellationToken = default)
    {
        ZnodePath.Validate(path);
        return _watches.WatchDataAsync(path, isRequired: true, cancellationToken)!;
    }

    /// <summary>Reads a znode's data and leaves a one-shot watch, if it exists.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The watch and the data, or null if the znode does not exist; then no watch is left.</returns>
    public Task<OneShotWatch<NodeData>?> TryWatchDataAsync(string path, CancellationToken cancellationToken = default)
    {
        ZnodePath.Validate(path);
        return _watches.WatchDataAsync(path, isRequired: false, cancellationToken);
    }

    /// <summary>Lists a znode's children and leaves a one-shot watch.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The watch and the children. Fires when a child is created or deleted, or the znode itself is deleted.</returns>
    /// <exception cref="NoNodeException">It does not exist; no watch is left.</exception>
    public Task<OneShotWatch<NodeChildren>> WatchChildrenAsync(string path, CancellationToken cancellationToken = default)
    {
        ZnodePath.Validate(path);
        return _watches.WatchChildrenAsync(path, isRequired: true, cancellationToken)!;
    }

    /// <summary>Lists a znode's children and leaves a one-shot watch, if it exists.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The watch and the children, or null if the znode does not exist; then no watch is left.</returns>
    public Task<OneShotWatch<NodeChildren>?> TryWatchChildrenAsync(string path, CancellationToken cancellationToken = default)
    {
        ZnodePath.Validate(path);
        return _watches.WatchChildrenAsync(path, isRequired: false, cancellationToken);
    }

    /// <summary>
    /// Adds a persistent watch (3.6). The znode does not have to exist. Watches on one path do not disturb each other, whatever their kinds and the server's version.
    /// </summary>
    /// <param name="path">The znode.</param>
    /// <param name="mode">How far it sees.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The stream of its events.</returns>
    /// <exception cref="UnimplementedException">The server has no persistent watches.</exception>
    public Task<Watch> WatchAsync(string path, WatchMode mode = WatchMode.Persistent, CancellationToken cancellationToken = default)
    {
        ZnodePath.Validate(path);
        if (!Enum.IsDefined(mode)) throw new ArgumentOutOfRangeException(nameof(mode), mode, $"{(int)mode} is not a watch mode.");
        return _watches.WatchAsync(path, mode, cancellationToken);
    }

    /// <summary>Asks the server whether it has a watch of this connection (3.5). Watches that share what is armed on the server show as one.</summary>
    /// <param name="path">The znode.</param>
    /// <param name="type">Which kinds; Persistent and PersistentRecursive need 3.9.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Whether there is one.</returns>
    public ValueTask<bool> CheckWatchesAsync(string path, WatcherType type = WatcherType.Any, CancellationToken cancellationToken = default)
    {
        ArgumentChecks.ValidateType(type);
        return SendAsync<CheckWatchesOperation, bool>(new(ToWire(path), type), cancellationToken);
    }

    /// <summary>Ends all watches of this client on a path, of some kinds or all, as if each were disposed.</summary>
    /// <param name="path">The znode.</param>
    /// <param name="type">Which kinds.</param>
    /// <param name="cancellationToken">Ends the waiting for the server; the watches end all the same.</param>
    /// <returns>How many watches ended.</returns>
    public async Task<int> RemoveWatchesAsync(string path, WatcherType type = WatcherType.Any, CancellationToken cancellationToken = default)
    {
        ZnodePath.Validate(path);
        ArgumentChecks.ValidateType(type);
        (int count, Task released) = _watches.Remove(path, type);
        await released.WaitAsync(cancellationToken).ConfigureAwait(false);
        return count;
    }

    /// <summary>
    /// Closes the client: what is pending finishes or fails, the session ends on the server, and its ephemeral znodes are gone when this completes. Without a connection the
    /// session ends here at once, and on the servers when it expires. Closing twice, or while connecting, is fine. A view closes nothing.
    /// </summary>
    /// <returns>Completes within <see cref="ZooKeeperOptions.CloseTimeout"/>.</returns>
    public ValueTask DisposeAsync() => _isView ? ValueTask.CompletedTask : new(_core.CloseAsync());

    /// <summary>
    /// Ends this client and leaves its session to another: ephemeral znodes stay until somebody resumes the session (<see cref="ZooKeeperOptions.Resume"/>) or it expires. What is
    /// pending fails.
    /// </summary>
    /// <returns>What it takes to resume the session; null if there is none: no server has given it an id, or it is over.</returns>
    /// <exception cref="InvalidOperationException">This is a view; the session is its client's.</exception>
    public async Task<SessionCredentials?> DetachAsync()
    {
        if (_isView) throw new InvalidOperationException($"A view made by {nameof(WithChroot)} cannot detach: the session is its client's.");
        if (_core.State.IsOver) return null;
        SessionCredentials? credentials = GetSessionCredentials();
        await _core.CloseAsync(keepsSession: true).ConfigureAwait(false);
        return credentials;
    }

    internal ValueTask<TResult> SendAsync<TOperation, TResult>(in TOperation operation, CancellationToken cancellationToken)
        where TOperation : struct, IOperation<TResult>
    {
        if (Telemetry.ObservesOperations || (_core.Options.WriteRetry is not null && !operation.IsSafeToResend)) return SendWithCareAsync<TOperation, TResult>(operation, cancellationToken);
        return _core.Session.Outbox.SendAsync<TOperation, TResult>(operation, cancellationToken);
    }

    internal ZooKeeperClient WithoutChroot() => new(_core, string.Empty, isView: true);

    internal WirePath ToWire(string path, bool sequential = false)
    {
        ZnodePath.Validate(path, sequential);
        return new(Chroot, path, KeepsSlash: sequential);
    }

    internal CreateRequest BuildCreate(string path, ReadOnlyMemory<byte>? data, CreateMode mode, IReadOnlyList<Acl>? acl, TimeSpan? ttl)
    {
        long ttlMs = ArgumentChecks.ValidateTtl(mode, ttl);
        if (acl is not null) ArgumentChecks.ValidateAcl(acl, nameof(acl));
        CheckSize(path, data);
        return new(ToWire(path, mode.IsSequential()), data, acl ?? _core.GetDefaultAcl(), mode, ttlMs);
    }

    internal SetDataRequest BuildSet(string path, ReadOnlyMemory<byte>? data, int? expectedVersion)
    {
        CheckSize(path, data);
        return new(ToWire(path), data, ArgumentChecks.ValidateVersion(expectedVersion));
    }

    private const string ConfigPath = "/zookeeper/config";

    private static string? Join<T>(IReadOnlyList<T>? values) => values is null or { Count: 0 } ? null : string.Join(',', values);

    private static ZooKeeperClient Create(string connectString, ZooKeeperOptions? options)
    {
        options ??= new();
        options.Validate();
        ZooKeeperOptions copy = options.Clone();
        ConnectString parsed = ConnectString.Parse(connectString);
        return new(new ClientCore(copy, parsed.Servers), parsed.Chroot, isView: false);
    }

    internal static ZooKeeperClient Create(string connectString, ZooKeeperOptions options, IConnector connector, Random random, Action<IThreadPoolWorkItem>? schedule = null, bool runsInline = false)
    {
        options.Validate();
        ZooKeeperOptions copy = options.Clone();
        ConnectString parsed = ConnectString.Parse(connectString);
        return new(new ClientCore(copy, parsed.Servers, connector, random, schedule, runsInline), parsed.Chroot, isView: false);
    }

    private static async Task<ZooKeeperClient> ConnectAsync(ZooKeeperClient client, CancellationToken cancellationToken)
    {
        try
        {
            client._core.Start();
            await client.WaitConnectedAsync(client._core.Options.FirstConnectTimeout, cancellationToken).ConfigureAwait(false);
            await client.WaitAuthAsync(client._core.WaitAuthAsync(), "the credentials", cancellationToken).ConfigureAwait(false);
            await client.CheckChrootAsync(cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task WaitAuthAsync(Task taken, string what, CancellationToken cancellationToken)
    {
        TimeSpan limit = _core.Options.RequestTimeout;
        try
        {
            await taken.WaitAsync(limit, _core.Options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException late)
        {
            throw new RequestTimeoutException(RequestOutcome.Unknown, path: null, $"No server has answered {what} within {nameof(ZooKeeperOptions.RequestTimeout)} ({limit.TotalSeconds:0.###} s); the next connection presents it again.", late);
        }
    }

    private async Task CheckChrootAsync(CancellationToken cancellationToken)
    {
        if (Chroot.Length == 0 || _core.Options.ChrootCheck == ChrootCheck.None) return;
        ZooKeeperClient whole = WithoutChroot();
        if (_core.Options.ChrootCheck == ChrootCheck.Create) await whole.EnsurePathAsync(Chroot, cancellationToken: cancellationToken).ConfigureAwait(false);
        else if (await whole.ExistsAsync(Chroot, cancellationToken).ConfigureAwait(false) is null)
            throw new NoNodeException(Chroot, $"The chroot \"{Chroot}\" of the connect string does not exist. Create it, or set {nameof(ZooKeeperOptions)}.{nameof(ZooKeeperOptions.ChrootCheck)} to {nameof(ChrootCheck.Create)} or {nameof(ChrootCheck.None)}.");
    }

    private void CheckSize(string path, ReadOnlyMemory<byte>? data)
    {
        if (data?.Length > _core.Options.MaxRequestSize)
            throw new ArgumentException($"The data for {path} has {data.Value.Length} bytes; {nameof(ZooKeeperOptions)}.{nameof(ZooKeeperOptions.MaxRequestSize)} allows requests of {_core.Options.MaxRequestSize}.", nameof(data));
    }

    private ValueTask SendVoidAsync<TOperation>(in TOperation operation, CancellationToken cancellationToken)
        where TOperation : struct, IOperation<bool>
    {
        if (Telemetry.ObservesOperations || (_core.Options.WriteRetry is not null && !operation.IsSafeToResend)) return Await(SendWithCareAsync<TOperation, bool>(operation, cancellationToken));
        return _core.Session.Outbox.SendVoidAsync(operation, cancellationToken);

        static async ValueTask Await(ValueTask<bool> sending) => await sending.ConfigureAwait(false);
    }

    /// <summary>The way around the short one, for calls that are observed or may be repeated.</summary>
    private ValueTask<TResult> SendWithCareAsync<TOperation, TResult>(TOperation operation, CancellationToken cancellationToken)
        where TOperation : struct, IOperation<TResult>
    {
        Func<ValueTask<TResult>> send = operation.IsSafeToResend || _core.Options.WriteRetry is not { } policy
            ? () => _core.Session.Outbox.SendAsync<TOperation, TResult>(operation, cancellationToken)
            : () => SendWithRetryAsync<TOperation, TResult>(operation, policy, cancellationToken);
        return Telemetry.ObservesOperations ? Telemetry.ObserveAsync(operation.OpCode, Chroot, Server, send) : send();
    }

    private async ValueTask<TResult> SendWithRetryAsync<TOperation, TResult>(TOperation operation, RetryPolicy policy, CancellationToken cancellationToken)
        where TOperation : struct, IOperation<TResult>
    {
        ZooKeeperException? unknown = null;
        for (int retry = 0; ; retry++)
        {
            try
            {
                return await _core.Session.Outbox.SendAsync<TOperation, TResult>(operation, cancellationToken).ConfigureAwait(false);
            }
            catch (RequestTimeoutException error) when (error.Outcome == RequestOutcome.NotSent && unknown is not null && !policy.Allows(retry, error))
            {
                throw unknown; // an earlier try may have been applied, and the caller must not hear that nothing was sent
            }
            catch (ZooKeeperException error) when (policy.Allows(retry, error))
            {
                if (error is not RequestTimeoutException { Outcome: RequestOutcome.NotSent }) unknown ??= error;
                await Task.Delay(policy.DelayBefore(retry), _core.Options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<CreatedNode> CreateWithStatAsync(CreateRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await SendAsync<CreateWithStatOperation, CreatedNode>(new(request), cancellationToken).ConfigureAwait(false);
        }
        catch (UnimplementedException) when (request.GetOpCode(withStat: true) == OpCode.Create2)
        {
            // Servers close the connection after this answer. A read is sent again on the next one by itself; a create would be lost with this one.
            await ExistsAsync(request.Path.Path, cancellationToken).ConfigureAwait(false);
            string path = await SendAsync<CreateOperation, string>(new(request), cancellationToken).ConfigureAwait(false);
            Stat? stat;
            try
            {
                stat = await ExistsAsync(path, cancellationToken).ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (lost is ConnectionLossException or RequestTimeoutException)
            {
                throw new ConnectionLossException(RequestOutcome.Unknown, path, $"{path} was created, and its Stat could not be read: {lost.Message}", lost);
            }

            return new(path, stat ?? throw ServerErrors.Create(ErrorCode.NoNode, OpCode.Exists, path)); // somebody deleted it already
        }
    }

    private async IAsyncEnumerable<WatchedEvent> ReadEventsAsync(EventBuffer<WatchedEvent> buffer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (WatchedEvent each in buffer.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (each.Path is null || Chroot.Length == 0) yield return each;
                else if (ZnodePath.IsSameOrBelow(each.Path, Chroot)) yield return each with { Path = ChrootPaths.ToClient(each.Path, Chroot) };
            }
        }
        finally
        {
            _core.Events.Remove(buffer);
        }
    }
}
