using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Okapi.Server.Connections;
using Okapi.Server.Faults;
using Okapi.Server.Security;
using Okapi.Server.Sessions;
using Okapi.Server.Storage;
using Okapi.Server.Trees;

namespace Okapi.Server;

/// <summary>What is carried from one start of a server to the next when there is no data folder.</summary>
/// <param name="LastSessionId">No session gets this id or a lower one: whoever had it may still come back.</param>
internal sealed record Memory(Tree Tree, IReadOnlyDictionary<long, int> SessionTimeouts, byte[] Secret, long LastSessionId = 0)
{
    public static Memory Empty() => new(new Tree(), new Dictionary<long, int>(), RandomNumberGenerator.GetBytes(32));
}

/// <summary>A server from one start to its end. A restart makes another.</summary>
internal sealed class Incarnation
{
    private readonly EmbeddedServerOptions _options;
    private readonly ILogger _logger;
    private readonly IJournal _journal;
    private readonly byte[] _secret;
    private readonly List<Listener> _listeners = [];
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ITimer? _tick;
    private ITimer? _reaper;
    private bool _isStopping;

    /// <param name="endPoints">Where the members listen, two each: without TLS and with; empty without sockets.</param>
    internal Incarnation(EmbeddedServerOptions options, FaultBook faults, IReadOnlyList<(IPEndPoint Plain, IPEndPoint? Secure)> endPoints, Memory memory, IJournal journal, ILogger logger)
    {
        _options = options;
        _logger = logger;
        _journal = journal;
        _secret = memory.Secret;
        Loop = new ServerLoop(Settle, Fail);
        Leader = new Leader(options, memory.Tree, memory.SessionTimeouts, memory.LastSessionId, new SessionPasswords(memory.Secret), journal);
        var tls = options.Tls is null ? null : new ServerTls(options.Tls);
        try
        {
            for (int number = 1; number <= options.Members; number++)
            {
                var member = new Member(number, Leader, options, new MemberFaults(faults, number, options.TimeProvider), logger);
                Leader.Members.Add(member);
                if (!options.UseSockets) continue;
                EndPoints.Add(Listen(member, endPoints[number - 1], tls));
                member.EndPoints = EndPoints[^1];
            }
        }
        catch
        {
            Loop.Complete();
            foreach (Listener listener in _listeners) listener.Dispose();
            throw;
        }
    }

    public ServerLoop Loop { get; }

    public Leader Leader { get; }

    public List<(IPEndPoint Plain, IPEndPoint? Secure)> EndPoints { get; } = [];

    /// <summary>Faults when the server can go on no longer.</summary>
    public Task Failure => _failure.Task;

    public static Incarnation Start(EmbeddedServerOptions options, FaultBook faults, IReadOnlyList<(IPEndPoint Plain, IPEndPoint? Secure)> endPoints, Memory? memory, ILogger logger)
    {
        IJournal journal = new NoJournal();
        if (options.DataFolder is { } folder)
        {
            DataFolder opened = DataFolder.Open(folder, new DataFolderOptions { SnapshotEvery = options.SnapshotCount }, logger, out RecoveredState state);
            journal = opened;
            memory = new(state.Tree, state.SessionTimeouts, opened.SessionSecret, memory?.LastSessionId ?? 0);
            Log.Recovered(logger, state.Tree.LastZxid, state.Tree.Count, state.SessionTimeouts.Count, folder);
        }

        try
        {
            var started = new Incarnation(options, faults, endPoints, memory ?? Memory.Empty(), journal, logger);
            started.Begin();
            return started;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>Makes a connection that needs no socket.</summary>
    public Stream Connect(Member member)
    {
        if (_isStopping || member.Faults.Refuses()) throw new IOException("The server refuses connections.");
        (MemoryStreamEnd client, MemoryStreamEnd server) = MemoryStreamEnd.Create();
        var connection = new ServerConnection(server, remote: null, member, Loop, _options.MaxRequestSize, _options.TimeProvider.GetUtcNow());
        _ = connection.ServeAsync();
        return client;
    }

    /// <summary>Ends: connections are closed, and nothing is written any more.</summary>
    /// <returns>What a start that keeps the data begins with.</returns>
    public async Task<Memory> StopAsync()
    {
        _isStopping = true;
        foreach (Listener listener in _listeners) listener.Dispose();
        if (_tick is not null) await _tick.DisposeAsync().ConfigureAwait(false);
        if (_reaper is not null) await _reaper.DisposeAsync().ConfigureAwait(false);
        try
        {
            await Loop.InvokeAsync(() =>
            {
                foreach (Member member in Leader.Members) member.CutAll();
            }).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // It has failed before; its connections were cut then.
        }

        Loop.Complete();
        await Loop.Completion.ConfigureAwait(false);
        foreach (Member member in Leader.Members) member.CutAll(); // who came at the last moment
        _journal.Dispose();
        return new(Leader.Tree, Leader.Sessions.GetTimeouts(), _secret, Leader.LastSessionId);
    }

    private (IPEndPoint Plain, IPEndPoint? Secure) Listen(Member member, (IPEndPoint Plain, IPEndPoint? Secure) at, ServerTls? tls)
    {
        var byAddress = new ConcurrentDictionary<IPAddress, int>();
        var plain = new Listener(at.Plain, member, Loop, byAddress, tls: null);
        _listeners.Add(plain);
        if (tls is null) return (plain.EndPoint, null);
        var secure = new Listener(at.Secure ?? new(at.Plain.Address, 0), member, Loop, byAddress, tls);
        _listeners.Add(secure);
        return (plain.EndPoint, secure.EndPoint);
    }

    private void Begin()
    {
        TimeProvider time = _options.TimeProvider;
        // Set only when it is known here: a tick sets the next one.
        _tick = time.CreateTimer(_ => Loop.Post(new Work(Tick)), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _tick.Change(UntilNextTick(), Timeout.InfiniteTimeSpan);
        _reaper = time.CreateTimer(_ => Loop.Post(new Work(Leader.Reap)), null, _options.ContainerCheckInterval, _options.ContainerCheckInterval);
        foreach (Listener listener in _listeners) listener.Start();
    }

    private void Tick()
    {
        foreach (ServerSession session in Leader.ExpireDue()) Log.SessionExpires(_logger, session.Id);
        foreach (Member member in Leader.Members)
        {
            member.ExpireLocal();
            member.CutIdle();
        }

        if (!_isStopping) _tick?.Change(UntilNextTick(), Timeout.InfiniteTimeSpan);
    }

    /// <summary>Sessions expire on multiples of a tick; looking just then keeps them from living longer.</summary>
    private TimeSpan UntilNextTick()
    {
        int tick = Math.Min(1000, Math.Max(1, (int)_options.TickTime.TotalMilliseconds));
        return TimeSpan.FromMilliseconds(tick - (Leader.NowMs % tick) + 1);
    }

    private void Settle()
    {
        Leader.Settle();
        foreach (Member member in Leader.Members) member.Flush();
    }

    /// <summary>Nothing that was not acknowledged may be acknowledged now, so nobody is answered any more.</summary>
    private void Fail(Exception error)
    {
        Log.Failed(_logger, error);
        _isStopping = true;
        foreach (Listener listener in _listeners) listener.Dispose();
        foreach (Member member in Leader.Members) member.CutAll(CutKind.Reset);
        _failure.TrySetException(error);
    }

    private sealed class Work(Action run) : IWork
    {
        public void Run() => run();
    }
}
