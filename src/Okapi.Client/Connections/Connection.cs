using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Connections;

/// <summary>What a connection tells its session. Called on the connection's own loops.</summary>
internal interface IConnectionOwner
{
    /// <summary>A whole frame came; the first of a connection is the answer to the session's handshake.</summary>
    /// <exception cref="ProtocolException">The frame breaks the protocol; the connection ends.</exception>
    void OnFrame(Connection connection, ReadOnlySpan<byte> frame);

    /// <summary>A frame came that is larger than allowed; only its header was read and the rest is skipped.</summary>
    /// <exception cref="ProtocolException">It answers nothing; the connection ends.</exception>
    void OnOversized(Connection connection, ReplyHeader header, int length);

    /// <summary>The connection is over. Called once at most, and not after <see cref="Connection.Abort"/>.</summary>
    void OnLost(Connection connection, Exception reason);
}

/// <summary>
/// One byte stream to one server, from its first byte to its last: cuts frames out of what is received, and sends what the outbox holds, all that
/// waits in one write. When it ends it is dropped, never used again.
/// </summary>
#pragma warning disable CA1001 // its buffer is left to the collector: a send that is still running may read it
internal sealed class Connection : IFlushTarget, IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private const int BufferSize = 64 * 1024;

    private readonly Stream _stream;
    private readonly Outbox _outbox;
    private readonly IConnectionOwner _owner;
    private readonly TimeProvider _time;
    private readonly int _maxFrame;
    private readonly Action<IThreadPoolWorkItem> _schedule;
    private JuteBuffer _batch = new(16 * 1024);
    private bool _hasBatch;
    private int _isOver;
    private long _lastHeard;
    private long _lastSent;

    public Connection(Stream stream, ServerEndpoint server, int attempt, Outbox outbox, IConnectionOwner owner, TimeProvider time, int maxFrame, Action<IThreadPoolWorkItem> schedule)
    {
        _stream = stream;
        _outbox = outbox;
        _owner = owner;
        _time = time;
        _maxFrame = maxFrame;
        _schedule = schedule;
        Server = server;
        Attempt = attempt;
        _lastHeard = _lastSent = time.GetTimestamp();
    }

    public ServerEndpoint Server { get; }

    /// <summary>Which of its session's attempts it came of; what a dropped one still has to say is told apart by it.</summary>
    public int Attempt { get; }

    /// <summary>When bytes last came, on the clock of <see cref="TimeProvider"/>.</summary>
    public long LastHeard => Volatile.Read(ref _lastHeard);

    /// <summary>When bytes were last handed to the stream.</summary>
    public long LastSent => Volatile.Read(ref _lastSent);

    public bool IsOver => Volatile.Read(ref _isOver) != 0;

    /// <summary>Begins to receive.</summary>
    public void Start() => _ = ReceiveAsync();

    /// <summary>Ends the connection; its owner is not told, because it is the owner who does this.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0) CloseStream();
    }

    public void Flush(bool atOnce)
    {
        if (atOnce) _ = SendAsync(isCaller: true, hasBatch: false);
        else _schedule(this);
    }

    void IThreadPoolWorkItem.Execute()
    {
        bool hasBatch = _hasBatch;
        _hasBatch = false;
        _ = SendAsync(isCaller: false, hasBatch);
    }

    /// <summary>Sends until nothing waits. A caller's thread sends one batch and leaves what others add meanwhile to the pool.</summary>
    private async Task SendAsync(bool isCaller, bool hasBatch)
    {
        try
        {
            for (bool isFirst = true; hasBatch || _outbox.TakeBatch(this, ref _batch); isFirst = false)
            {
                if (isCaller && !isFirst)
                {
                    _hasBatch = true;
                    _schedule(this);
                    return;
                }

                hasBatch = false;
                int length = _batch.Length;
                await _stream.WriteAsync(_batch.Written).ConfigureAwait(false);
                Volatile.Write(ref _lastSent, _time.GetTimestamp());
                Telemetry.Sent(length);
            }
        }
        catch (Exception error) // the top of a task: whatever it is ends the connection, visibly
        {
            End(error);
        }
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        int start = 0, end = 0;
        bool isFirst = true;
        try
        {
            while (!IsOver)
            {
                int needed = HandleFrames(buffer, ref start, end, ref isFirst);
                if (needed < 0)
                {
                    // An oversized frame: what of it is here goes, and the rest as it comes.
                    int skip = -needed;
                    while (skip > 0)
                    {
                        int skipped = Math.Min(skip, end - start);
                        start += skipped;
                        skip -= skipped;
                        if (skip == 0) break;
                        start = 0;
                        end = Heard(await _stream.ReadAsync(buffer.AsMemory()).ConfigureAwait(false), isFirst);
                    }

                    continue;
                }

                (buffer, start, end) = MakeRoom(buffer, start, end, needed);
                end += Heard(await _stream.ReadAsync(buffer.AsMemory(end)).ConfigureAwait(false), isFirst);
            }
        }
        catch (Exception error) // the top of a task: whatever it is ends the connection, visibly
        {
            End(error);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    /// <summary>Hands whole frames on.</summary>
    /// <returns>How many bytes the next frame needs in all; less than zero: how many to skip.</returns>
    private int HandleFrames(byte[] buffer, ref int start, int end, ref bool isFirst)
    {
        while (end - start >= 4 && !IsOver)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(start));
            if (isFirst) CheckFirst(length);
            if (length is < 0 or > int.MaxValue - 1024) throw new ProtocolException($"The server sent a frame of {length} bytes.");
            if (length > _maxFrame)
            {
                if (end - start < 4 + ReplyHeader.Size) return 4 + ReplyHeader.Size;
                var reader = new JuteReader(buffer.AsSpan(start + 4, ReplyHeader.Size));
                _owner.OnOversized(this, ReplyHeader.Read(ref reader), length);
                return -(4 + length);
            }

            if (end - start - 4 < length) return 4 + length;
            isFirst = false;
            ReadOnlySpan<byte> frame = buffer.AsSpan(start + 4, length);
            start += 4 + length;
            _owner.OnFrame(this, frame);
        }

        return 4;
    }

    /// <summary>The answer to a handshake has 36 or 37 bytes; anything large is another protocol.</summary>
    private static void CheckFirst(int length)
    {
        if (length is >= 0 and <= 1024) return;
        int first = length >>> 24;
        throw new ProtocolException(first is 0x15 or 0x16
            ? "The server answered the session's handshake with a TLS record: this port speaks TLS, and the client does not."
            : $"The server answered the session's handshake with a frame of {length} bytes: it does not speak ZooKeeper's protocol.");
    }

    private static (byte[] Buffer, int Start, int End) MakeRoom(byte[] buffer, int start, int end, int needed)
    {
        int held = end - start;
        byte[] target = buffer;
        if (needed > buffer.Length) target = ArrayPool<byte>.Shared.Rent(needed);
        else if (buffer.Length > 4 * BufferSize && needed <= BufferSize && held <= BufferSize) target = ArrayPool<byte>.Shared.Rent(BufferSize); // a large reply has gone
        else if (start + needed <= buffer.Length && buffer.Length - end >= buffer.Length / 4) return (buffer, start, end);
        Buffer.BlockCopy(buffer, start, target, 0, held);
        if (target != buffer) ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        return (target, 0, held);
    }

    /// <summary>Notes that bytes came. Not a method that reads: an asynchronous one would allocate for every wait.</summary>
    private int Heard(int count, bool isFirst)
    {
        if (count == 0)
        {
            throw new EndOfStreamException(isFirst
                ? "the server closed the connection before it answered the session's handshake: does it serve yet, and does this port expect TLS?"
                : "the server closed the connection");
        }

        Volatile.Write(ref _lastHeard, _time.GetTimestamp());
        Telemetry.Received(count);
        return count;
    }

    private void End(Exception reason)
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0) return;
        CloseStream();
        _owner.OnLost(this, Explain(reason));
    }

    /// <summary>With TLS 1.3 a server refuses the client's certificate only after the handshake, and what it says is in the inner exception.</summary>
    private static Exception Explain(Exception reason) => reason is IOException { InnerException: { } inner and not SocketException }
        ? new IOException($"the server ended the TLS connection: {inner.Message}{(inner.InnerException is null ? string.Empty : " " + inner.InnerException.Message)}", reason)
        : reason;

    private void CloseStream()
    {
        try
        {
            _stream.Dispose();
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            // A stream of the user's, or TLS that wanted to say goodbye; it is over all the same.
        }
    }
}
