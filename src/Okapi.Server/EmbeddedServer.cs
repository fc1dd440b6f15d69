using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Okapi.Server;

/// <summary>
/// ZooKeeper in this process, for development, tests and programs that need no other: the protocol and the semantics of Apache ZooKeeper, started in milliseconds, with faults on
/// request. Any client can use it. It is not made for production, where an ensemble of Apache ZooKeeper belongs.
/// </summary>
/// <remarks>It takes calls from any thread.</remarks>
public sealed class EmbeddedServer : IAsyncDisposable
{
    private readonly EmbeddedServerOptions _options;
    private readonly ILogger _logger;
    private readonly FaultBook _faults = new();
    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Incarnation _current;
    private bool _isDisposed;

    private EmbeddedServer(EmbeddedServerOptions options)
    {
        _options = options;
        _logger = options.LoggerFactory?.CreateLogger("Okapi.Server") ?? NullLogger.Instance;
        _current = Incarnation.Start(options, _faults, FirstEndPoints(options), memory: null, _logger);
        Faults = new ServerFaults(_faults, member: null, act => OnMembersAsync(number: null, act));
        Members =
        [
            .. Enumerable.Range(1, options.Members).Select(number => new ServerMember(
                number,
                options.UseSockets ? _current.EndPoints[number - 1].Plain : null,
                options.UseSockets ? _current.EndPoints[number - 1].Secure : null,
                new ServerFaults(_faults, number, act => OnMembersAsync(number, act)))),
        ];
        _ = FollowAsync(_current);
        Log.Serving(_logger, ConnectionString);
    }

    /// <summary>What clients connect to: the addresses of all members, with commas between them.</summary>
    public string ConnectionString => string.Join(',', Members.Select(member => member.ConnectionString));

    /// <summary>What clients connect to with TLS; null without.</summary>
    public string? SecureConnectionString => Members[0].SecureEndPoint is null ? null : string.Join(',', Members.Select(member => member.SecureEndPoint));

    /// <summary>The members; one unless the options ask for more.</summary>
    public IReadOnlyList<ServerMember> Members { get; }

    /// <summary>What can go wrong with all members, on request.</summary>
    public ServerFaults Faults { get; }

    /// <summary>Ends when the server is disposed. It faults when the server can go on no longer, for example when the data folder cannot be written.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Starts a server. When the call returns, clients can connect.</summary>
    /// <param name="options">How; null: with the defaults.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">An option is not valid.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The address cannot be had.</exception>
    /// <exception cref="IOException">The data folder cannot be used, or another process uses it.</exception>
    /// <exception cref="InvalidDataException">The data folder is damaged; the message names the file and the place.</exception>
    public static async Task<EmbeddedServer> StartAsync(EmbeddedServerOptions? options = null, CancellationToken cancellationToken = default)
    {
        EmbeddedServerOptions own = (options ?? new()).CloneValidated();
        cancellationToken.ThrowIfCancellationRequested();
        return await Task.Run(() => new EmbeddedServer(own), cancellationToken).ConfigureAwait(false); // recovery may take a while
    }

    /// <summary>Opens a connection that needs no socket, as a stream that speaks the protocol.</summary>
    /// <param name="port">Which member: its port as <see cref="ConnectionString"/> has it, or its number.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentOutOfRangeException">No member has that port or number.</exception>
    /// <exception cref="IOException">The server refuses connections, on request or because it is over.</exception>
    public ValueTask<Stream> ConnectAsync(int port = 1, CancellationToken cancellationToken = default)
    {
        ServerMember member = Members.FirstOrDefault(each => each.EndPoint?.Port == port || each.Number == port)
            ?? throw new ArgumentOutOfRangeException(nameof(port), port, $"No member has this port or number; there is {ConnectionString}.");
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<Stream>(cancellationToken);
        if (_isDisposed) throw new IOException("The server is over.");
        Incarnation current = _current;
        return new(current.Connect(current.Leader.Members[member.Number - 1]));
    }

    /// <summary>Ends a session as if its time had run out: its ephemerals go and its connection closes.</summary>
    /// <param name="sessionId">The session.</param>
    /// <returns>Whether there was such a session.</returns>
    public Task<bool> ExpireSessionAsync(long sessionId)
    {
        Incarnation current = Current();
        return current.Loop.InvokeAsync(() =>
        {
            if (current.Leader.Sessions.Find(sessionId) is { } session)
            {
                current.Leader.Expire(session);
                return true;
            }

            foreach (Member member in current.Leader.Members)
            {
                if (member.LocalSessions.Find(sessionId) is not { } local) continue;
                member.EndLocal(local);
                return true;
            }

            return false;
        });
    }

    /// <summary>The sessions that have not ended, local ones among them.</summary>
    public Task<IReadOnlyList<long>> GetSessionsAsync()
    {
        Incarnation current = Current();
        return current.Loop.InvokeAsync<IReadOnlyList<long>>(() =>
            [.. current.Leader.Sessions.Sessions.Keys, .. current.Leader.Members.SelectMany(member => member.LocalSessions.Sessions.Keys)]);
    }

    /// <summary>Ends as if killed, and starts again on the same addresses.</summary>
    /// <param name="keepData">
    /// Whether it starts with the znodes and sessions that it had (read from the data folder, if there is one) or with none, as a server whose disk was lost.
    /// </param>
    /// <exception cref="ObjectDisposedException">The server has been disposed.</exception>
    public async Task RestartAsync(bool keepData = true)
    {
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            Incarnation before = Current();
            Memory memory = await before.StopAsync().ConfigureAwait(false);
            if (!keepData && _options.DataFolder is { } folder) Storage.DataFolder.Wipe(folder);
            _current = Incarnation.Start(_options, _faults, before.EndPoints, keepData ? memory : null, _logger);
            _ = FollowAsync(_current);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Ends the server: connections are closed and addresses free when the call returns. With a data folder nothing is lost; without one, all is.</summary>
    public async ValueTask DisposeAsync()
    {
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_isDisposed) return;
            _isDisposed = true;
            await _current.StopAsync().ConfigureAwait(false);
            _completion.TrySetResult();
        }
        finally
        {
            _changing.Release();
        }
    }

    private async Task FollowAsync(Incarnation incarnation)
    {
        try
        {
            await incarnation.Failure.ConfigureAwait(false);
        }
#pragma warning disable CA1031 // whatever it is, it is told
        catch (Exception error)
#pragma warning restore CA1031
        {
            _completion.TrySetException(error);
        }
    }

    private static List<(IPEndPoint Plain, IPEndPoint? Secure)> FirstEndPoints(EmbeddedServerOptions options) =>
    [
        .. Enumerable.Range(0, options.Members).Select(index => (new IPEndPoint(options.Listen.Address, options.Listen.Port == 0 ? 0 : options.Listen.Port + index), default(IPEndPoint))),
    ];

    private Incarnation Current()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _current;
    }

    private Task OnMembersAsync(int? number, Action<Member> act)
    {
        if (_isDisposed) return Task.CompletedTask; // a fault that ends after the server
        Incarnation current = _current;
        return current.Loop.InvokeAsync(() =>
        {
            foreach (Member member in current.Leader.Members.Where(member => number is null || member.Number == number)) act(member);
        });
    }
}
