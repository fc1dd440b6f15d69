using System.Text;
using Microsoft.Extensions.Logging;
using Okapi.Sessions;
using Okapi.Watches;

namespace Okapi.Simulation.Tests;

/// <summary>
/// One seed: a client, a few servers, calls and faults drawn by lot, then a time without faults in which all has to come right. Checks the invariants at every step.
/// </summary>
internal sealed class SimulatedRun
{
    private static readonly string[] Paths = ["/a", "/a/x", "/a/y", "/b", "/b/z", "/b/z/w", "/c", "/auth", "/auth/k"];
    private static readonly Acl[] Open = [.. Acl.Open];

    private readonly Simulator _simulator;
    private readonly Random _random;
    private readonly Ensemble _ensemble;
    private readonly Network _network;
    private readonly ZooKeeperClient _client;
    private readonly ZooKeeperOptions _options;
    private readonly string _chroot;
    private readonly bool _isBufferSmall;
    private readonly EventBuffer<SessionStateChange> _states = new(4096, default);
    private readonly List<Call> _pending = [];
    private readonly List<WatchRecord> _watches = [];
    private readonly List<string> _credentials = [];
    private readonly Dictionary<string, (int Applied, int Possible)> _deletes = [];
    private readonly List<Call> _finished = [];
    private readonly Dictionary<string, long> _newestSeen = [];
    private SessionState _state = SessionState.Connecting;
    private long _expiredUpTo;
    private int _lastReplied;
    private Session? _lastRepliedOn;
    private int _nextTag = 1;
    private int _losses;
    private int _connects;
    private TimeSpan _requested;
    private bool _isFirstState = true;
    private bool _hadWrongReplies;
    private bool _hadFruitlessWatch;
    private bool _hadLostStream;
    private Task? _closing;
    private TimeSpan _closingSince;
    private bool _faultsAreOver;

    private SimulatedRun(int seed, bool isTraced)
    {
        _simulator = new(seed, isTraced);
        _random = _simulator.Random;
        _chroot = _simulator.Chance(0.3) ? "/app" : string.Empty;
        string[] seedPaths = ["/a", "/b", "/q", "/auth"];
        string[] roots = _chroot.Length == 0 ? [] : [_chroot];
        _ensemble = new(_simulator, _random.Next(1, 4), _simulator.Chance(0.5), [.. roots, .. seedPaths.Select(path => _chroot + path)])
        {
            AuthPath = _chroot + "/auth",
            LagMs = _simulator.Pick([0.2, 5, 50, 1000]),
        };
        _network = new(_simulator, _ensemble)
        {
            LatencyMs = _simulator.Pick([0.1, 1, 5, 40]),
            Choppiness = _simulator.Pick([0, 0, 0.1, 0.4]),
            HasBackPressure = _simulator.Chance(0.5),
        };
        _requested = TimeSpan.FromSeconds(_simulator.Pick([2, 4, 6, 10, 30]));
        _ensemble.Granted = _simulator.Chance(0.7) ? _requested : _simulator.Chance(0.5) ? _requested / 2 : _requested * 2;
        _ensemble.OnHandshake = OnHandshake;
        _ensemble.OnFirstRequest = OnFirstRequest;
        _isBufferSmall = _simulator.Chance(0.2);
        _options = new()
        {
            SessionTimeout = _requested,
            RequestTimeout = _requested * _simulator.Pick([0.15, 0.4, 1.0, 3.0]),
            CloseTimeout = TimeSpan.FromSeconds(_simulator.Pick([0.5, 5])),
            BackoffMaximum = TimeSpan.FromSeconds(_simulator.Pick([0.2, 1, 5])),
            Recovery = _simulator.Chance(0.4) ? SessionRecovery.NewSession : SessionRecovery.None,
            TimeProvider = _simulator.Time,
            EventBufferSize = _isBufferSmall ? 2 : 4096,
            MaxOutstandingRequests = _simulator.Chance(0.25) ? _random.Next(1, 4) : 1000,
            MaxUnsentBytes = _simulator.Chance(0.2) ? 1024 : 1 << 20,
            LoggerFactory = new FaultLog(this),
        };
        _options.Auth.Add(AuthInfo.Digest("okapi", "secret"));
        _credentials.Add("okapi:secret");
        string servers = string.Join(',', Enumerable.Range(1, _ensemble.Servers.Count).Select(i => $"s:{i}"));
        _client = ZooKeeperClient.Create(servers + _chroot, _options, _network, new Random(seed ^ 0x5eed), Schedule, runsInline: true);
        _client.Core.AddStateReader(_states);
    }

    private Session Session => _client.Core.Session;

    private TimeSpan Now => _simulator.Now;

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
        TimeSpan faultsEnd = _requested * (1 + (4 * _random.NextDouble()));
        PlanCalls(faultsEnd);
        PlanOthers(faultsEnd);
        PlanFaults(faultsEnd);
        _client.Core.Start();
        RunUntil(faultsEnd, () => false);
        Heal();
        TimeSpan patience = (_ensemble.Granted * 2) + (_requested * 2) + (_options.BackoffMaximum * 2) + TimeSpan.FromSeconds(30);
        RunUntil(Now + patience, () => _pending.Count == 0 && (_client.State == SessionState.Connected || IsOver));
        _simulator.Require(_client.State == SessionState.Connected || IsOver, $"H5: the client is {_client.State} long after the last fault");
        _simulator.Require(_pending.Count == 0, $"I1: {_pending.Count} calls are pending long after the last fault, {_pending.FirstOrDefault()?.Text} first");
        if (!IsOver) Settle();
        CloseAndCheck();
    }

    private bool IsOver => _state >= SessionState.Expired && (_options.Recovery == SessionRecovery.None || _state != SessionState.Expired);

    private void Settle()
    {
        // All that happened is known to the client once it has read behind it.
        Make("sync", _client.SyncAsync("/"));
        Make("exists /", _client.ExistsAsync("/"), _ => true, isRead: true);
        RunUntil(Now + _options.RequestTimeout + TimeSpan.FromSeconds(1), () => _pending.Count == 0);
        RunUntil(Now + TimeSpan.FromMilliseconds(200), () => false);
        if (_client.State != SessionState.Connected) return;
        foreach (WatchRecord watch in _watches) CheckWatch(watch, atEnd: true);
        foreach (WatchRecord watch in _watches.ToArray()) Release(watch);
        RunUntil(Now + (_options.RequestTimeout * 4) + TimeSpan.FromSeconds(1), () => _pending.Count == 0);
        RunUntil(Now + TimeSpan.FromMilliseconds(200), () => false);
        if (_client.State != SessionState.Connected) return;
        _simulator.Require(_client.Core.Watches.Count == 0, $"H52: the client still holds {_client.Core.Watches.Count} watches");
        IEnumerable<string> left = _network.Current?.Peer.Watches ?? [];
        // A read of an absent znode that comes between two steps of a removal keeps half of a watch on 3.8; it dies with the connection.
        if (left.Any() && (_ensemble.IsModern || !_hadFruitlessWatch)) _simulator.Fail($"H52: the server still holds the watches {string.Join(", ", left)}");
        long before = _simulator.Steps;
        RunUntil(Now + TimeSpan.FromSeconds(30), () => false);
        _simulator.Require(_simulator.Steps - before < 30 * 40, $"I12: {_simulator.Steps - before} steps in 30 idle seconds");
        if (_network.Current is { } stream) _network.CheckPingGap(stream);
    }

    private void CloseAndCheck()
    {
        long sessionId = _client.SessionId;
        bool isGraceful = _client.State == SessionState.Connected && _closing is null;
        Close();
        RunUntil(Now + _options.CloseTimeout + TimeSpan.FromMilliseconds(100), () => IsOver);
        _simulator.Require(IsOver, $"I9: the client is {_client.State} after being closed");
        Require(_closing!.Wait(TimeSpan.FromSeconds(20)), "I9: DisposeAsync does not complete");
        Poll();
        _simulator.Require(_pending.Count == 0, "I1: calls are pending after the client was closed");
        _simulator.Require(_network.OpenStreams == 0, $"I9: {_network.OpenStreams} connections are open after the client was closed");
        _simulator.Require(_simulator.Time.ActiveTimers == 0, $"I9: {_simulator.Time.ActiveTimers} timers are set after the client was closed");
        _simulator.Require(Session.Outbox.Count == 0, "I9: requests are held after the client was closed");
        _simulator.Require(_client.Core.Watches.Count == 0, $"I9: {_client.Core.Watches.Count} watches are held after the client was closed");
        foreach (WatchRecord watch in _watches)
            _simulator.Require(watch.Fired is null || watch.Fired.IsCompleted, $"I6: the watch of {watch.Path} neither fired nor ended");
        if (isGraceful && sessionId != 0) _simulator.Require(_ensemble.Find(sessionId)!.IsOver, "the session is open on the servers after a graceful close");
        CheckEffects();
        _simulator.ThrowIfFailed();
    }

    private void Require(bool holds, string message)
    {
        _simulator.Require(holds, message);
        _simulator.ThrowIfFailed();
    }

    private void RunUntil(TimeSpan limit, Func<bool> isDone)
    {
        long steps = _simulator.Steps;
        while (!isDone() && _simulator.Step(limit))
        {
            Poll();
            _simulator.ThrowIfFailed();
            Require(_simulator.Steps - steps < 200_000, "I12: the simulation does not come to rest");
        }

        if (isDone()) return;
        _simulator.PassUntil(limit);
        Poll();
        _simulator.ThrowIfFailed();
    }

    private void Schedule(IThreadPoolWorkItem item) => _simulator.After(_simulator.Chance(0.5) ? TimeSpan.Zero : _simulator.Between(0, 1), item.Execute);

    // ---- what happens

    private void PlanCalls(TimeSpan end)
    {
        int count = _random.Next(5, 40);
        for (int i = 0; i < count; i++)
        {
            TimeSpan at = _simulator.Between(0, end.TotalMilliseconds);
            int burst = _simulator.Chance(0.2) ? _random.Next(2, 8) : 1;
            _simulator.At(at, () =>
            {
                for (int k = 0; k < burst; k++) CallSomething();
            });
        }

        if (_simulator.Chance(0.1)) _simulator.At(_simulator.Between(0, end.TotalMilliseconds), Close);
        if (_simulator.Chance(0.2)) _simulator.At(_simulator.Between(0, end.TotalMilliseconds), AddCredential);
        if (_simulator.Chance(0.1)) _simulator.At(_simulator.Between(0, end.TotalMilliseconds), UpdateServers);
    }

    /// <summary>Other clients' writes, made at the ensemble directly.</summary>
    private void PlanOthers(TimeSpan end)
    {
        int count = _random.Next(0, 40);
        for (int i = 0; i < count; i++) _simulator.At(_simulator.Between(0, end.TotalMilliseconds), WriteAsAnother);
    }

    private void PlanFaults(TimeSpan end)
    {
        int count = _random.Next(0, 9);
        for (int i = 0; i < count; i++) _simulator.At(_simulator.Between(0, end.TotalMilliseconds), () => Strike(end));
    }

    private void WriteAsAnother()
    {
        int operations = _simulator.Chance(0.25) ? _random.Next(2, 5) : 1;
        var changes = new List<Protocol.MultiOperation>();
        for (int i = 0; i < operations; i++)
        {
            string path = _chroot + _simulator.Pick(Paths);
            bool exists = _ensemble.World.Tree[path] is not null;
            byte[] data = [(byte)_random.Next(256)];
            changes.Add(!exists ? new(Protocol.OpCode.Create, path, data, Open) : _simulator.Chance(0.6) ? new(Protocol.OpCode.SetData, path, data) : new(Protocol.OpCode.Delete, path));
        }

        _simulator.Note($"another client writes {string.Join(", ", changes.Select(change => $"{change.Type} {change.Path.Path}"))} as 0x{_ensemble.World.Zxid + 1:x}");
        _ensemble.Write(changes, 0);
    }

    private void Strike(TimeSpan end)
    {
        ClientStream? stream = _network.Current;
        TimeSpan Until() => Min(end, Now + (_ensemble.Granted * (_simulator.Chance(0.7) ? _random.NextDouble() * 0.5 : _random.NextDouble() * 3)));
        int kind = _random.Next(14);
        _simulator.Note($"fault {kind}");
        switch (kind)
        {
            case 0 or 1:
                stream?.Reset();
                break;
            case 2:
                if (stream is not null) stream.ToClient.StalledUntil = Until();
                break;
            case 3:
                if (stream is not null) stream.ToServer.StalledUntil = Until();
                break;
            case 4:
                if (stream is not null) stream.ToServer.StalledUntil = stream.ToClient.StalledUntil = Until();
                break;
            case 5:
                stream?.ToClient.SendEnd();
                break;
            case 6:
                stream?.ToServer.SendEnd();
                break;
            case 7:
                _network.SilentUntil = Until();
                if (_simulator.Chance(0.7)) stream?.Reset();
                break;
            case 8 when _client.SessionId != 0 && _ensemble.Find(_client.SessionId) is { } session:
                _ensemble.EndSession(session, "it is made to expire");
                break;
            case 9:
                Restart(_simulator.Pick(_ensemble.Servers), Until());
                break;
            case 10:
                RestartAll(Until(), keepsData: _simulator.Chance(0.6));
                break;
            case 11 when stream is not null:
                stream.Peer.Swallow++;
                _hadWrongReplies = true;
                break;
            case 12 when stream is not null:
                stream.Peer.Misnumber++;
                _hadWrongReplies = true;
                break;
            case 13 when stream is not null:
                stream.Reset();
                DenyNext();
                break;
            default:
                break;
        }
    }

    private void DenyNext() => _denyNext = true;

    private bool _denyNext;

    private void Restart(ModelServer server, TimeSpan until)
    {
        server.Stop();
        _simulator.At(until, server.Start);
    }

    private void RestartAll(TimeSpan until, bool keepsData)
    {
        foreach (ModelServer server in _ensemble.Servers) server.Stop();
        if (!keepsData)
        {
            _simulator.Note($"the data of all servers is gone");
            RememberWorld(); // a reply that is under way tells of it
            _ensemble.Wipe();
        }

        _simulator.At(until, () =>
        {
            _ensemble.TouchSessions();
            foreach (ModelServer server in _ensemble.Servers) server.Start();
        });
    }

    private void Heal()
    {
        _simulator.Note($"faults are over");
        _faultsAreOver = true;
        _network.SilentUntil = TimeSpan.Zero;
        _denyNext = false;
        foreach (ModelServer server in _ensemble.Servers) server.Start();
        foreach (ClientStream stream in _network.Streams)
        {
            stream.ToClient.StalledUntil = stream.ToServer.StalledUntil = TimeSpan.Zero;
            stream.Peer.Swallow = stream.Peer.Misnumber = 0;
        }
    }

    private void OnHandshake(ModelConnection connection, Protocol.ConnectRequest request)
    {
        _simulator.Note($"handshake for session 0x{request.SessionId:x}, last zxid 0x{request.LastZxidSeen:x}");
        // A session whose client was closed, or has moved on, while the handshake was on its way.
        if (connection.Stream.IsDisposed) return;
        long seen = request.SessionId == 0 ? 0 : _network.MaxReply(request.SessionId);
        _simulator.Require(request.LastZxidSeen == seen, $"I4: the client says that it has seen 0x{request.LastZxidSeen:x} and has seen 0x{seen:x}");
        if (_denyNext && request.SessionId != 0)
        {
            _denyNext = false;
            connection.DenySession = true;
            _network.Denied.Add(request.SessionId);
        }
    }

    /// <summary>H39: what the client has to present comes before everything else.</summary>
    private void OnFirstRequest(ModelConnection connection)
    {
        if (connection.Stream.IsDisposed) return;
        foreach (string credential in _credentials)
            _simulator.Require(connection.Credentials.Contains(credential), $"H39: {credential} is not presented before the first request");
    }

    private void Close()
    {
        if (_closing is not null) return;
        _simulator.Note($"the client is closed");
        _closingSince = Now;
        _network.IsClosing = true;
        _closing = _client.DisposeAsync().AsTask();
    }

    private void AddCredential()
    {
        if (IsOver || _closing is not null) return;
        string name = $"later:{_nextTag}";
        Task taken = _client.Core.AddAuthAsync(new("digest", Encoding.UTF8.GetBytes(name)));
        _simulator.Note($"a credential is added");
        // Those that the server has taken have to be there on every later connection.
        void Look()
        {
            if (taken.IsCompletedSuccessfully) _credentials.Add(name);
            else if (!taken.IsCompleted) _simulator.After(TimeSpan.FromMilliseconds(20), Look);
        }

        Look();
    }

    private void UpdateServers()
    {
        if (IsOver || _closing is not null) return;
        int first = _random.Next(1, _ensemble.Servers.Count + 1);
        _simulator.Note($"the list of servers is now {first} and its successors");
        _client.UpdateServers(string.Join(',', Enumerable.Range(first, _ensemble.Servers.Count - first + 1).Select(i => $"s:{i}")));
    }

    private void CallSomething()
    {
        string path = _simulator.Pick(Paths);
        CancellationTokenSource? cancel = null;
        if (_simulator.Chance(0.1))
        {
            cancel = new();
            if (_simulator.Chance(0.15)) cancel.Cancel();
            else _simulator.After(_simulator.Between(0, _simulator.Chance(0.5) ? 20 : 2000), cancel.Cancel);
        }

        CancellationToken token = cancel?.Token ?? CancellationToken.None;
        byte[] data = BitConverter.GetBytes(_nextTag);
        int? version = _simulator.Chance(0.3) ? _random.Next(4) : null;
        CreateMode mode = _simulator.Chance(0.3) ? CreateMode.Ephemeral : CreateMode.Persistent;
        switch (_random.Next(20))
        {
            case 0 or 1:
                Make($"create {path} {mode}", _client.TryCreateAsync(path, data, mode, cancellationToken: token), result => result.IsCreated, cancel, isTagged: true);
                break;
            case 2:
                Make($"create {path} {mode} with stat", _client.CreateWithStatAsync(path, data, mode, cancellationToken: token), _ => true, cancel, isTagged: true);
                break;
            case 3:
                Make("create /q/n-", _client.CreateAsync("/q/n-", data, _simulator.Chance(0.5) ? CreateMode.EphemeralSequential : CreateMode.PersistentSequential, cancellationToken: token), _ => true, cancel, isTagged: true);
                break;
            case 4 or 5:
                Make($"set {path}", _client.TrySetAsync(path, data, version, token), result => result.IsWritten, cancel, isTagged: true);
                break;
            case 6:
                Make($"set {path} or throw", _client.SetAsync(path, data, version, token), _ => true, cancel, isTagged: true);
                break;
            case 7:
                Make($"delete {path}", _client.TryDeleteAsync(path, version, token), result => result == DeleteOutcome.Deleted, cancel, deletes: [_chroot + path]);
                break;
            case 8 or 9:
                Make($"get {path}", _client.TryGetAsync(path, token), result => OnRead(path, result), cancel, isRead: true);
                break;
            case 10:
                Make($"exists {path}", _client.ExistsAsync(path, token), result => OnStat(path, result), cancel, isRead: true);
                break;
            case 11:
                Make($"list {path}", _client.TryGetChildrenAsync(path, token), _ => true, cancel, isRead: true);
                break;
            case 12:
                Make($"list {path} with stat or throw", _client.GetChildrenWithStatAsync(path, token), _ => true, cancel, isRead: true);
                break;
            case 13:
                Commit(path, data, cancel);
                break;
            case 14:
                Watch(path, cancel, () => _client.WatchExistsAsync(path, token), watch => watch.Value is { } stat ? (WatchKind.Data, stat.Mzxid) : (WatchKind.Absent, -1));
                break;
            case 15:
                Watch(path, cancel, () => _client.TryWatchDataAsync(path, token), watch => (WatchKind.Data, watch!.Value.Stat.Mzxid));
                break;
            case 16:
                Watch(path, cancel, () => _client.TryWatchChildrenAsync(path, token), watch => (WatchKind.Children, watch!.Value.Stat.Pzxid));
                break;
            case 17 or 18:
                WatchStream(path, cancel);
                break;
            case 19 when _watches.Count > 0:
                Release(_simulator.Pick(_watches));
                break;
            default:
                break;
        }
    }

    private void Commit(string path, byte[] data, CancellationTokenSource? cancel)
    {
        string other = _simulator.Pick(Paths);
        Transaction transaction = _client.Transaction().Set(path, data);
        List<string> deletes = [];
        if (_simulator.Chance(0.5)) transaction.Create(other + "t", data);
        if (_simulator.Chance(0.3)) transaction.Check("/a");
        if (_simulator.Chance(0.3))
        {
            transaction.Delete(other + "t");
            deletes.Add(_chroot + other + "t");
        }

        if (transaction.Count < 2) transaction.Check("/b");
        Make($"transaction on {path} and {other}", new ValueTask<TransactionResult>(transaction.TryCommitAsync(cancel?.Token ?? default)), result => result.IsCommitted, cancel, isTagged: true, deletes: deletes);
    }

    private void Watch<T>(string path, CancellationTokenSource? cancel, Func<Task<T>> call, Func<T, (WatchKind Kind, long After)> describe)
        where T : class?, IAsyncDisposable?
    {
        long before = _client.LastZxid;
        Make($"watch {path} once", new ValueTask<T>(call()), watch =>
        {
            if (watch is null)
            {
                _hadFruitlessWatch = true;
                return true;
            }

            (WatchKind kind, long after) = describe(watch);
            Task<WatchedEvent> fired = watch switch
            {
                OneShotWatch<Stat?> exists => exists.Fired,
                OneShotWatch<NodeData> data => data.Fired,
                OneShotWatch<NodeChildren> children => children.Fired,
                _ => throw new InvalidOperationException(),
            };
            if (fired.IsFaulted) return true; // the session ended with the reply
            _watches.Add(new(_chroot + path, kind, _ensemble.Find(_client.SessionId)!) { After = after < 0 ? before : after, Fired = fired, Dispose = watch.DisposeAsync });
            return true;
        }, cancel, isRead: true);
    }

    private void WatchStream(string path, CancellationTokenSource? cancel)
    {
        WatchMode mode = _simulator.Chance(0.5) ? WatchMode.Persistent : WatchMode.PersistentRecursive;
        if (_simulator.Chance(0.2)) path = "/";
        bool isSlow = _isBufferSmall || _simulator.Chance(0.2);
        long before = _client.LastZxid;
        Make($"watch {path} {mode}", new ValueTask<Watch>(_client.WatchAsync(path, mode, cancel?.Token ?? default)), watch =>
        {
            string serverPath = _chroot.Length == 0 ? path : path == "/" ? _chroot : _chroot + path;
            _watches.Add(new(serverPath, mode == WatchMode.Persistent ? WatchKind.Persistent : WatchKind.Recursive, _ensemble.Find(_client.SessionId)!)
            {
                After = before,
                ArmedBy = _client.LastZxid,
                Stream = watch,
                Dispose = watch.DisposeAsync,
                IsSlow = isSlow,
            });
            return true;
        }, cancel, isRead: true);
    }

    private void Release(WatchRecord watch)
    {
        if (watch.IsDisposed) return;
        if (watch.Stream is not null) Drain(watch);
        CheckWatch(watch, atEnd: false);
        watch.IsDisposed = true;
        _watches.Remove(watch);
        Make($"end the watch of {watch.Path} {watch.Kind}", watch.Dispose!(), isOrdered: false);
    }

    private void Make(string text, ValueTask task, bool isOrdered = true) => Make(text, Await(task), _ => true, isOrdered: isOrdered);

    private static async ValueTask<bool> Await(ValueTask task)
    {
        await task.ConfigureAwait(false);
        return true;
    }

    private void Make<T>(string text, ValueTask<T> task, Func<T, bool> onResult, CancellationTokenSource? cancel = null, bool isTagged = false, bool isRead = false, bool isOrdered = true, IReadOnlyList<string>? deletes = null)
    {
        int tag = _nextTag++;
        _simulator.Note($"call {tag}: {text}");
        _pending.Add(new Call<T>(tag, text, task, onResult)
        {
            MadeAt = Now,
            Limit = _options.RequestTimeout * (isOrdered ? 1 : 3),
            Session = Session,
            Cancel = cancel,
            IsTagged = isTagged,
            IsRead = isRead,
            IsOrdered = isOrdered,
            Deletes = deletes ?? [],
            LossesBefore = _losses,
            ConnectsBefore = _connects,
            WasConnected = _client.IsConnected,
        });
    }

    // ---- what has to hold

    private void Poll()
    {
        while (_states.TryRead(out SessionStateChange change)) OnState(change);
        foreach (WatchRecord watch in _watches)
            if (watch.Stream is not null && (!watch.IsSlow || _random.Next(64) == 0)) Drain(watch);
        for (int i = 0; i < _pending.Count; i++)
        {
            Call call = _pending[i];
            if (call.TryFinish(_simulator))
            {
                _pending.RemoveAt(i--);
                OnFinished(call);
            }
            else if (call.Cancel is { IsCancellationRequested: true })
            {
                _simulator.Fail($"{call.Text} (call {call.Tag}) is cancelled and does not end");
            }
            else if (Now - call.MadeAt > call.Limit + TimeSpan.FromMilliseconds(100))
            {
                _simulator.Fail($"I10: {call.Text} (call {call.Tag}) is pending for {(Now - call.MadeAt).TotalMilliseconds} ms, with a request time-out of {_options.RequestTimeout.TotalMilliseconds} ms");
            }
        }

        if (_closing is not null && !IsOver)
            _simulator.Require(Now - _closingSince <= _options.CloseTimeout + TimeSpan.FromMilliseconds(100), "I9: closing takes longer than CloseTimeout");
        if (_state == SessionState.Disconnected && _closing is null)
            _simulator.Require(Now - _network.LastContact <= (_ensemble.Granted * 4 / 3) + TimeSpan.FromMilliseconds(10), "H1: the session has not expired although no server was heard for 4/3 T");
        if (_state == SessionState.Connected && _closing is null)
            _simulator.Require(Now - _network.LastContact <= (_ensemble.Granted * 2 / 3) + TimeSpan.FromMilliseconds(10), "the connection is not given up although nothing was heard for 2/3 T");
    }

    private void OnFinished(Call call)
    {
        _simulator.Note($"call {call.Tag} ends: {call.Ending}{(call.Error is null ? "" : " " + call.Error.GetType().Name + " " + call.Error.Message)}");
        _simulator.Mix((ulong)call.Tag * 16 + (ulong)call.Ending);
        _finished.Add(call);
        bool isReply = call.Ending is Ending.Applied or Ending.Refused;
        _simulator.Require(call.Error is not NoAuthException, $"H39: {call.Text} (call {call.Tag}) is refused for want of a credential");
        if (isReply && call.IsOrdered)
        {
            if (_lastRepliedOn == call.Session) _simulator.Require(call.Tag > _lastReplied, $"I3: the reply to call {call.Tag} is seen after that to call {_lastReplied}");
            (_lastReplied, _lastRepliedOn) = (call.Tag, call.Session);
        }

        _hadLostStream |= call.IsStream && call.Ending != Ending.Applied;
        int losses = _losses - call.LossesBefore;
        if (call.Error is ConnectionLossException)
        {
            _simulator.Require(losses > 0 || call.WasConnected, $"{call.Text} (call {call.Tag}) fails with a connection loss and none was lost");
            _simulator.Require(!call.IsRead || losses > 5, $"{call.Text} (call {call.Tag}) is a read and was not sent again");
            _simulator.Require(call.WasConnected || _connects > call.ConnectsBefore, $"{call.Text} (call {call.Tag}) fails with a connection loss and could not have been sent");
        }

        if (call.Ending == Ending.Applied && call.IsTagged)
            _simulator.Require(CountApplied(call.Tag) == 1, $"I2: {call.Text} (call {call.Tag}) succeeds and took effect {CountApplied(call.Tag)} times");
        foreach (string path in call.Deletes)
        {
            (int applied, int possible) = _deletes.GetValueOrDefault(path);
            _deletes[path] = (applied + (call.Ending == Ending.Applied ? 1 : 0), possible + (call.Ending is Ending.Applied or Ending.Unknown ? 1 : 0));
        }
    }

    private readonly List<World> _worlds = [];

    private void RememberWorld()
    {
        if (!_worlds.Contains(_ensemble.World)) _worlds.Add(_ensemble.World);
    }

    private int CountApplied(int tag)
    {
        RememberWorld();
        int count = 0;
        foreach (World world in _worlds) count += world.CountApplied(tag);
        return count;
    }

    /// <summary>I2: a refused write has no effect, one with an unknown outcome has it once or not at all.</summary>
    private void CheckEffects()
    {
        foreach (Call call in _finished)
        {
            if (!call.IsTagged || call.Ending == Ending.Applied) continue;
            int applied = CountApplied(call.Tag);
            _simulator.Require(applied <= (call.Ending == Ending.Unknown ? 1 : 0), $"I2: {call.Text} (call {call.Tag}) ended as {call.Ending} and took effect {applied} times");
        }

        if (_ensemble.Lives > 0) return;
        var deleted = new Dictionary<string, int>();
        foreach (Txn txn in _ensemble.World.Log)
            foreach (Change change in txn.Changes)
                if (txn.SessionId != 0 && change.Type == WatchedEventType.NodeDeleted) deleted[change.Path] = deleted.GetValueOrDefault(change.Path) + 1;
        foreach ((string path, (int applied, int possible)) in _deletes)
        {
            int count = deleted.GetValueOrDefault(path);
            _simulator.Require(count >= applied && count <= possible, $"I2: {path} was deleted {count} times, where {applied} to {possible} deletes succeeded");
        }
    }

    private void OnState(SessionStateChange change)
    {
        SessionState from = _state;
        _state = change.State;
        _simulator.Note($"state {change.State} of session 0x{change.SessionId:x}");
        bool isLegal = _isFirstState
            ? change.State == SessionState.Connecting
            : (from, change.State) switch
            {
                (SessionState.Connecting, SessionState.Connected or SessionState.Closed) => true,
                (SessionState.Connected, SessionState.Disconnected or SessionState.Closed) => true,
                (SessionState.Disconnected, SessionState.Connected or SessionState.Expired or SessionState.Closed) => true,
                (SessionState.Expired, SessionState.Connecting) => _options.Recovery == SessionRecovery.NewSession,
                _ => false,
            };
        _simulator.Require(isLegal, $"I5: {change.State} follows {from}");
        _isFirstState = false;
        switch (change.State)
        {
            case SessionState.Connected:
                _connects++;
                break;
            case SessionState.Disconnected:
                _losses++;
                break;
            case SessionState.Expired:
                OnExpired(change.SessionId);
                break;
            default:
                break;
        }
    }

    private void OnExpired(long sessionId)
    {
        bool isGone = _ensemble.Find(sessionId) is not { IsOver: false } || _network.Denied.Contains(sessionId);
        _simulator.Require(isGone || Now - _network.LastContact >= _ensemble.Granted * 4 / 3, $"I5: session 0x{sessionId:x} has expired here, not on the servers, and {(Now - _network.LastContact).TotalMilliseconds} ms after the last byte");
        _expiredUpTo = sessionId;
        _newestSeen.Clear();
        foreach (WatchRecord watch in _watches)
        {
            if (watch.Fired is { } fired) _simulator.Require(fired.IsCompleted, $"I6: the watch of {watch.Path} did not end with its session");
        }

        _watches.RemoveAll(watch => watch.Fired is not null);
    }

    private void Drain(WatchRecord watch)
    {
        while (watch.Stream!.Events.TryRead(out WatchedEvent item))
        {
            if (item.Type == WatchedEventType.None)
            {
                CheckWatch(watch, atEnd: false);
                watch.Items.Clear();
                watch.After = 0;
                watch.ArmedBy = long.MaxValue;
                watch.IsBetweenSessions = true;
                continue;
            }

            if (watch.IsBetweenSessions && _ensemble.Find(_client.SessionId) is { } session)
            {
                watch.Session = session;
                watch.IsBetweenSessions = false;
            }

            if (item.State == ModelConnection.LateMark) continue; // meant for a one-shot watch; a stream sees it once more
            if (_chroot.Length > 0)
                item = item with { Path = item.Path == "/" ? _chroot : _chroot + item.Path };
            // A gap of a lost connection ends when watches are armed on the next; all others end where they are marked.
            bool isReconnect = !watch.IsSlow && _network.Streams[^1].FirstReplyZxid is null;
            watch.Items.Add((item, isReconnect ? _network.Streams[^1] : null, _ensemble.World.Zxid));
        }
    }

    private void CheckWatch(WatchRecord watch, bool atEnd)
    {
        long upTo = _network.MaxReply(watch.Session.Id);
        if (watch.Stream is not null)
        {
            if (atEnd) Drain(watch);
            if (watch.IsBetweenSessions || (watch.IsSlow && !atEnd)) return;
            if (_isBufferSmall && watch.Session.Id != _client.SessionId) return; // the change of sessions was behind a mark
            if (WatchChecks.CheckStream(watch, upTo) is { } fault) _simulator.Fail($"I6: the {watch.Kind} stream of {watch.Path}: {fault}");
            return;
        }

        Task<WatchedEvent> fired = watch.Fired!;
        if (fired.IsCompletedSuccessfully)
        {
            WatchedEvent told = fired.Result;
            _simulator.Require(_chroot + told.Path == watch.Path, $"I6: the watch of {watch.Path} is told of {told.Path}");
            _simulator.Require(WatchChecks.IsJustified(watch, told), $"I6: the {watch.Kind} watch of {watch.Path} fires with {told.Type} and nothing happened");
        }
        else if (!fired.IsCompleted)
        {
            _simulator.Require(watch.Session.Id == _client.SessionId, $"I6: the watch of {watch.Path} did not end with its session");
            _simulator.Require(!WatchChecks.IsDue(watch, upTo), $"I6: the {watch.Kind} watch of {watch.Path}, set after 0x{watch.After:x}, has not fired by 0x{upTo:x}");
        }
    }

    private bool OnRead(string path, NodeData? node)
    {
        if (node is not { } read) return true;
        OnStat(path, read.Stat);
        World world = _ensemble.World;
        if (!world.Knows(read.Stat.Mzxid) || !IsAlive) return true;
        bool isIn = false;
        foreach (Change change in world.At(read.Stat.Mzxid).Changes)
            isIn |= change.Path == _chroot + path && (change.Data ?? []).AsSpan().SequenceEqual(read.Data);
        _simulator.Require(isIn, $"get {path} tells data that transaction 0x{read.Stat.Mzxid:x} did not write there");
        return true;
    }

    /// <summary>I4: what is read of one znode never becomes older; I7: what changed it was told before.</summary>
    private bool OnStat(string path, Stat? stat)
    {
        if (stat is not { } read) return true;
        long seen = _newestSeen.GetValueOrDefault(path);
        _simulator.Require(read.Mzxid >= seen || !IsAlive, $"I4: {path} is read as of 0x{read.Mzxid:x} after 0x{seen:x}");
        _newestSeen[path] = read.Mzxid;
        if (!IsAlive) return true;
        foreach (WatchRecord watch in _watches)
        {
            if (watch.IsBetweenSessions || watch.IsSlow) continue;
            string own = _chroot + path;
            if (watch.Stream is null)
            {
                // A one-shot watch that counted on a stream which then did not come about is armed late, and told late.
                if (!_hadLostStream && watch.Kind == WatchKind.Data && watch.Path == own && read.Mzxid > watch.After)
                    _simulator.Require(watch.Fired!.IsCompleted, $"I7: {path} is read as of 0x{read.Mzxid:x} before its watch fires");
                continue;
            }

            bool covers = watch.Kind == WatchKind.Recursive ? ZnodePath.IsSameOrBelow(own, watch.Path) : watch.Path == own;
            if (!covers || read.Mzxid <= watch.ArmedBy || read.Mzxid <= (_network.Streams[^1].FirstReplyZxid ?? long.MaxValue)) continue;
            bool told = watch.Items.Exists(item => item.Event.Path == own && (item.Event.Zxid == read.Mzxid || !_ensemble.IsModern));
            _simulator.Require(told, $"I7: {path} is read as of 0x{read.Mzxid:x} before the stream of {watch.Path} tells of it");
        }

        return true;
    }

    private bool IsAlive => _state == SessionState.Connected && _ensemble.Find(_client.SessionId) is { } session && session.World == _ensemble.World && _expiredUpTo != session.Id;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    /// <summary>Looks at why the client gives connections up: anything that is neither a fault of the plan nor the client's own rule is a bug in it.</summary>
    private sealed class FaultLog(SimulatedRun run) : ILoggerFactory, ILogger
    {
        private static readonly string[] Expected =
        [
            "no byte came", "was not answered within", "the server closed the connection", "Connection reset by peer", "Connection refused", "the client moves to another server", "the server did not", "has expired", "is closed", "is no longer listed",
        ];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id is not (2 or 4 or 5)) return;
            string text = formatter(state, exception);
            run._simulator.Note($"log: {text}");
            if (run._hadWrongReplies && text.Contains("A reply with xid", StringComparison.Ordinal)) return;
            run._simulator.Require(Array.Exists(Expected, text.Contains), $"the client gives up for no reason of the plan: {text}");
            run._simulator.Require(!run._faultsAreOver || !text.Contains("A reply with xid", StringComparison.Ordinal), text);
        }

        public void Dispose()
        {
        }
    }
}
