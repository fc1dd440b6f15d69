using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Okapi.Protocol;

namespace Okapi.TestSupport;

/// <summary>One frame from a server, after its length.</summary>
/// <param name="Header">The header that every frame after the handshake has.</param>
/// <param name="Body">What follows the header.</param>
public sealed record WireReply(ReplyHeader Header, byte[] Body)
{
    public int Xid => Header.Xid;

    public ErrorCode Error => Header.Error;

    public long Zxid => Header.Zxid;

    public bool IsEvent => Header.Xid == Xids.Notification;

    /// <summary>The event that a notification tells of.</summary>
    public WatcherEvent Event => Read(WatcherEvent.Read);

    public T Read<T>(BodyReader<T> read)
    {
        var reader = new JuteReader(Body);
        return read(ref reader);
    }
}

/// <summary>Writes the body of a request.</summary>
public delegate void BodyWriter(ref JuteWriter writer);

/// <summary>
/// Speaks to a server in bytes and records, with nothing of the client in between: what is sent is what the test says, and frames are read in the order in which they come.
/// </summary>
public sealed class WireClient : IAsyncDisposable
{
    private readonly JuteBuffer _buffer = new();
    private readonly Queue<WireReply> _events = new();
    private int _xid;

    public WireClient(Stream stream) => Stream = stream;

    public Stream Stream { get; }

    /// <summary>How the server answered the handshake.</summary>
    public ConnectResponse Session { get; private set; }

    public long SessionId => Session.SessionId;

    /// <summary>How long to wait for a frame, or for the end of the connection, before the test fails.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Opens a connection on which nothing has been said.</summary>
    public static async Task<WireClient> ConnectAsync(IPEndPoint server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server);
        return new WireClient(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>Opens a connection and a session on it, or resumes one.</summary>
    public static async Task<WireClient> OpenAsync(IPEndPoint server, int timeoutMs = 10_000, ConnectResponse? resume = null, long lastZxid = 0, bool readOnly = false)
    {
        WireClient client = await ConnectAsync(server);
        await client.HandshakeAsync(timeoutMs, resume, lastZxid, readOnly);
        return client;
    }

    /// <summary>Says hello and reads the answer.</summary>
    public async Task<ConnectResponse> HandshakeAsync(int timeoutMs = 10_000, ConnectResponse? resume = null, long lastZxid = 0, bool readOnly = false)
    {
        var hello = new ConnectRequest(0, lastZxid, timeoutMs, resume?.SessionId ?? 0, resume?.Password ?? new byte[16], readOnly);
        await SendFrameAsync(hello.Write);
        byte[] frame = await ReadFrameAsync() ?? throw new IOException("The server closed the connection in place of an answer to the handshake.");
        var reader = new JuteReader(frame);
        return Session = ConnectResponse.Read(ref reader);
    }

    /// <summary>Sends a request and gives its xid.</summary>
    public async Task<int> SendAsync(OpCode type, BodyWriter? body = null, int? xid = null)
    {
        int used = xid ?? ++_xid;
        await SendFrameAsync((ref JuteWriter writer) =>
        {
            new RequestHeader(used, type).Write(ref writer);
            body?.Invoke(ref writer);
        });
        return used;
    }

    /// <summary>Sends a request and waits for its reply; events that come before it are kept for <see cref="TakeEvents"/>.</summary>
    public async Task<WireReply> CallAsync(OpCode type, BodyWriter? body = null, int? xid = null)
    {
        int used = await SendAsync(type, body, xid);
        WireReply reply = await ReadReplyAsync();
        if (reply.Xid != used) throw new InvalidDataException($"Reply {reply.Xid} came where {used} was due.");
        return reply;
    }

    /// <summary>Reads frames until one is a reply; events that come before it are kept for <see cref="TakeEvents"/>.</summary>
    public async Task<WireReply> ReadReplyAsync()
    {
        while (true)
        {
            WireReply reply = await ReadAsync() ?? throw new EndOfStreamException("The server closed the connection where a reply was due.");
            if (!reply.IsEvent) return reply;
            _events.Enqueue(reply);
        }
    }

    /// <summary>Reads the next frame, reply or event; null at the end of the connection.</summary>
    public async Task<WireReply?> ReadAsync()
    {
        byte[]? frame = await ReadFrameAsync();
        if (frame is null) return null;
        var reader = new JuteReader(frame);
        return new(ReplyHeader.Read(ref reader), frame[ReplyHeader.Size..]);
    }

    /// <summary>The next event: one that came before a reply, or the next frame, which must be one.</summary>
    public async Task<WatcherEvent> ReadEventAsync()
    {
        if (_events.TryDequeue(out WireReply? kept)) return kept.Event;
        WireReply next = await ReadAsync() ?? throw new EndOfStreamException("The server closed the connection where an event was due.");
        return next.IsEvent ? next.Event : throw new InvalidDataException($"Reply {next.Xid} came where an event was due.");
    }

    /// <summary>The events that have come before replies so far. A ping's reply is a good mark: all that was fired before it is then here.</summary>
    public IReadOnlyList<WireReply> TakeEvents()
    {
        WireReply[] taken = [.. _events];
        _events.Clear();
        return taken;
    }

    /// <summary>Pings, and gives the events that came before the answer.</summary>
    public async Task<IReadOnlyList<WireReply>> EventsAsync()
    {
        await CallAsync(OpCode.Ping, xid: Xids.Ping);
        return TakeEvents();
    }

    /// <summary>Tells the server that nothing more will be sent; what it says until it ends the connection too can still be read.</summary>
    public void EndSending() => ((NetworkStream)Stream).Socket.Shutdown(SocketShutdown.Send);

    /// <summary>Sends bytes as they are.</summary>
    public async Task SendBytesAsync(ReadOnlyMemory<byte> bytes)
    {
        await Stream.WriteAsync(bytes);
        await Stream.FlushAsync();
    }

    /// <summary>Sends a frame: a length, and what is written.</summary>
    public Task SendFrameAsync(BodyWriter body)
    {
        _buffer.Clear();
        var writer = new JuteWriter(_buffer);
        int start = writer.BeginFrame();
        body(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        return SendBytesAsync(_buffer.Written.ToArray());
    }

    /// <summary>Reads a frame without its length; null at the end of the connection.</summary>
    public async Task<byte[]?> ReadFrameAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            byte[] length = new byte[4];
            int read = await Stream.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false, patience.Token);
            if (read == 0) return null;
            if (read < 4) throw new EndOfStreamException("The connection ended within a frame.");
            byte[] frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
            await Stream.ReadExactlyAsync(frame, patience.Token);
            return frame;
        }
        catch (IOException e) when (e is not EndOfStreamException)
        {
            return null; // a reset
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The server said nothing for {Patience.TotalSeconds} s.");
        }
    }

    /// <summary>Expects the connection to end with nothing more said.</summary>
    public async Task ExpectCloseAsync()
    {
        if (await ReadAsync() is { } reply) throw new InvalidDataException($"Reply {reply.Header} came where the connection was to end.");
    }

    public async ValueTask DisposeAsync()
    {
        _buffer.Dispose();
        await Stream.DisposeAsync();
    }
}
