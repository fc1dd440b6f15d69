using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Threading.Channels;
using Okapi.Protocol;

namespace Okapi.TestSupport;

/// <summary>A request as a scripted server received it.</summary>
/// <param name="Header">Its header.</param>
/// <param name="Body">What follows the header.</param>
public sealed record PeerRequest(RequestHeader Header, byte[] Body)
{
    public OpCode OpCode => Header.Type;

    public int Xid => Header.Xid;

    /// <summary>The path that begins most bodies.</summary>
    public string Path
    {
        get
        {
            var reader = new JuteReader(Body);
            return reader.ReadString() ?? string.Empty;
        }
    }
}

/// <summary>Reads a record from a body.</summary>
public delegate T BodyReader<out T>(ref JuteReader reader);

/// <summary>
/// A server that does just what a test tells it to, over connections in memory. For faults that no real server makes on request; what a real server does is tested on one.
/// </summary>
public sealed class ScriptedPeer
{
    private readonly Channel<PeerConnection> _arrivals = Channel.CreateUnbounded<PeerConnection>();
    private readonly ConcurrentQueue<DuplexStream> _clientStreams = new();
    private int _attempts;

    /// <summary>How often a client tried to connect.</summary>
    public int Attempts => Volatile.Read(ref _attempts);

    /// <summary>What happens to an attempt before there is a connection: throw to refuse it, wait to stall it. Null: it succeeds.</summary>
    public Func<ServerEndpoint, CancellationToken, ValueTask>? OnConnecting { get; set; }

    /// <summary>How many connections the client has not closed.</summary>
    public int OpenConnections => _clientStreams.Count(stream => !stream.IsDisposed);

    /// <summary>How many unread bytes a connection takes in each direction.</summary>
    public int Capacity { get; set; } = 64 * 1024;

    /// <summary>How long the script waits, in real time, for the client to do what it expects.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(20);

    /// <summary>Give this to <see cref="ZooKeeperOptions.ConnectCallback"/>.</summary>
    public async ValueTask<Stream> ConnectAsync(ServerEndpoint server, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _attempts);
        if (OnConnecting is { } hook) await hook(server, cancellationToken);
        (DuplexStream client, DuplexStream peer) = DuplexStream.Create(capacity: Capacity);
        _clientStreams.Enqueue(client);
        _arrivals.Writer.TryWrite(new PeerConnection(peer, server));
        return client;
    }

    /// <summary>Options for a client of this peer.</summary>
    public ZooKeeperOptions Options(TimeProvider? time = null) => new()
    {
        ConnectString = "peer:2181",
        ConnectCallback = ConnectAsync,
        TimeProvider = time ?? TimeProvider.System,
        SessionTimeout = TimeSpan.FromSeconds(6),
    };

    /// <summary>Waits for the next connection.</summary>
    public async Task<PeerConnection> AcceptAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        return await _arrivals.Reader.ReadAsync(patience.Token);
    }

    /// <summary>Waits for the next connection and opens or resumes a session on it.</summary>
    public async Task<PeerConnection> AcceptSessionAsync(long sessionId = 0x1234, int? timeoutMs = null, bool readOnly = false)
    {
        PeerConnection connection = await AcceptAsync();
        await connection.OpenSessionAsync(sessionId, timeoutMs, readOnly);
        return connection;
    }

    /// <summary>Whether a connection is waiting to be accepted.</summary>
    public bool HasArrival => _arrivals.Reader.TryPeek(out _);
}

/// <summary>One connection of a scripted server.</summary>
public sealed class PeerConnection(DuplexStream stream, ServerEndpoint server)
{
    /// <summary>The transaction that replies carry unless told otherwise; each write of the script counts it up.</summary>
    public long Zxid { get; set; } = 100;

    public ServerEndpoint Server { get; } = server;

    public DuplexStream Stream { get; } = stream;

    /// <summary>What the client said when it connected.</summary>
    public ConnectRequest Handshake { get; private set; }

    /// <summary>Expects the handshake.</summary>
    public async Task<ConnectRequest> ExpectHandshakeAsync()
    {
        byte[] frame = await ReadFrameAsync();
        return Handshake = Read(frame, ConnectRequest.Read);
    }

    /// <summary>Expects the handshake and answers it.</summary>
    public async Task OpenSessionAsync(long sessionId = 0x1234, int? timeoutMs = null, bool readOnly = false)
    {
        await ExpectHandshakeAsync();
        await SendFrameAsync(new ConnectResponse(0, timeoutMs ?? Handshake.TimeoutMs, sessionId, new byte[16], readOnly).Write);
    }

    /// <summary>Tells the client that its session is gone, and closes.</summary>
    public async Task ExpireAsync()
    {
        await ExpectHandshakeAsync();
        await SendFrameAsync(new ConnectResponse(0, 0, 0, new byte[16], ReadOnly: false).Write);
        Close();
    }

    /// <summary>Reads the next frame; pings are left in.</summary>
    public async Task<byte[]> ReadFrameAsync()
    {
        using var patience = new CancellationTokenSource(ScriptedPeer.Patience);
        var length = new byte[4];
        await Stream.ReadExactlyAsync(length, patience.Token);
        var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        await Stream.ReadExactlyAsync(frame, patience.Token);
        return frame;
    }

    /// <summary>Reads the next request; pings are left in.</summary>
    public async Task<PeerRequest> ReadAnyAsync()
    {
        byte[] frame = await ReadFrameAsync();
        return new(Read(frame, RequestHeader.Read), frame[8..]);
    }

    /// <summary>Reads the next request, and answers pings on the way.</summary>
    public async Task<PeerRequest> ReadAsync()
    {
        while (true)
        {
            PeerRequest request = await ReadAnyAsync();
            if (request.OpCode != OpCode.Ping) return request;
            await ReplyAsync(request);
        }
    }

    /// <summary>Expects a request of a kind; pings are answered on the way.</summary>
    public async Task<PeerRequest> ExpectAsync(OpCode opCode)
    {
        PeerRequest request = await ReadAsync();
        return request.OpCode == opCode ? request : throw new InvalidOperationException($"Expected {opCode}, got {request.OpCode} (xid {request.Xid}).");
    }

    /// <summary>Answers a request.</summary>
    public Task ReplyAsync(PeerRequest request, FrameBody? body = null, ErrorCode error = ErrorCode.Ok, long? zxid = null) =>
        ReplyAsync(request.Xid, body, error, zxid);

    /// <summary>Sends a reply with any number.</summary>
    public Task ReplyAsync(int xid, FrameBody? body = null, ErrorCode error = ErrorCode.Ok, long? zxid = null) => SendFrameAsync((ref JuteWriter writer) =>
    {
        new ReplyHeader(xid, zxid ?? Zxid, error).Write(ref writer);
        body?.Invoke(ref writer);
    });

    /// <summary>Sends a watch notification.</summary>
    public Task NotifyAsync(WatchedEventType type, string path, long zxid = -1) => SendFrameAsync((ref JuteWriter writer) =>
    {
        new ReplyHeader(Xids.Notification, zxid, ErrorCode.Ok).Write(ref writer);
        new WatcherEvent(type, KeeperState.SyncConnected, path).Write(ref writer);
    });

    /// <summary>Sends a frame.</summary>
    public Task SendFrameAsync(FrameBody body) => SendRawAsync(Frame(body));

    /// <summary>Sends bytes as they are.</summary>
    public async Task SendRawAsync(ReadOnlyMemory<byte> bytes)
    {
        using var patience = new CancellationTokenSource(ScriptedPeer.Patience);
        await Stream.WriteAsync(bytes, patience.Token);
    }

    /// <summary>Closes the connection.</summary>
    public void Close() => Stream.Dispose();

    /// <summary>Breaks the connection.</summary>
    public void Reset() => Stream.Reset();

    /// <summary>Waits until the client has closed the connection; frames it still sends are thrown away.</summary>
    public async Task ExpectClosedAsync()
    {
        using var patience = new CancellationTokenSource(ScriptedPeer.Patience);
        var sink = new byte[4096];
        try
        {
            while (await Stream.ReadAsync(sink, patience.Token) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A reset is an end as well.
        }
    }

    /// <summary>Answers requests until the connection ends.</summary>
    /// <param name="answer">Answers one request; pings are answered before it is asked.</param>
    public async Task ServeAsync(Func<PeerRequest, Task> answer)
    {
        try
        {
            while (true) await answer(await ReadAsync());
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The connection is over, and with it the script.
        }
    }

    /// <summary>The bytes of a frame.</summary>
    public static byte[] Frame(FrameBody body)
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        int start = writer.BeginFrame();
        body(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a record from bytes.</summary>
    public static T Read<T>(byte[] bytes, BodyReader<T> read)
    {
        var reader = new JuteReader(bytes);
        return read(ref reader);
    }
}

/// <summary>Writes the body of a frame.</summary>
public delegate void FrameBody(ref JuteWriter writer);
