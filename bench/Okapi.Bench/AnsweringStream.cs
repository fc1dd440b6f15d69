using System.Buffers.Binary;
using System.Threading.Tasks.Sources;
using Okapi.Protocol;

namespace Okapi.Bench;

/// <summary>
/// A server in the place of a socket: no system call, no other process, the same answers every time. It holds requests back until so many are unanswered and
/// then answers the oldest, so that how many wait and how many come at once does not depend on who is scheduled when.
/// </summary>
internal sealed class AnsweringStream : Stream, IValueTaskSource<int>
{
    private static readonly byte[] ExistsReply = Frame(
        (ref JuteWriter writer) =>
        {
            new ReplyHeader(0, 1, ErrorCode.Ok).Write(ref writer);
            new Stat(1, 1, 0, 0, 0, 0, 0, 0, 128, 0, 1).Write(ref writer);
        });

    private static readonly byte[] EmptyReply = Frame(static (ref JuteWriter writer) => new ReplyHeader(0, 1, ErrorCode.Ok).Write(ref writer));
    private static readonly byte[] Handshake = Frame(static (ref JuteWriter writer) => new ConnectResponse(0, 600_000, 1, new byte[16], ReadOnly: false).Write(ref writer));

    private readonly Lock _lock = new();
    private readonly Queue<(int Xid, OpCode Type)> _unanswered = new();
    private ManualResetValueTaskSourceCore<int> _read = new() { RunContinuationsAsynchronously = true }; // as with a socket, reading has a thread of its own
    private byte[] _out = new byte[1 << 16];
    private int _outStart;
    private int _outEnd;
    private Memory<byte> _readInto;
    private bool _isReading;
    private bool _hasShaken;
    private bool _isOver;
    private int _depth = 1;
    private int _batch = int.MaxValue;

    private delegate void BodyWriter(ref JuteWriter writer);

    /// <summary>How many writes came, which with sockets would be system calls.</summary>
    public int Writes { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>From now on it answers the oldest so many whenever so many are unanswered.</summary>
    public void Hold(int depth, int batch)
    {
        lock (_lock)
        {
            _depth = depth;
            _batch = batch;
            Writes = 0;
        }
    }

    /// <summary>From now on it answers everything at once, what it has held back included.</summary>
    public void Release()
    {
        lock (_lock)
        {
            _depth = 1;
            _batch = int.MaxValue;
            Answer_NeedsLock();
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Take(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Take(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    public override void Write(byte[] buffer, int offset, int count) => Take(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            if (_isOver || _outEnd > _outStart) return ValueTask.FromResult(Give_NeedsLock(buffer));
            _read.Reset();
            _readInto = buffer;
            _isReading = true;
            return new(this, _read.Version);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
        // Nothing waits.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    int IValueTaskSource<int>.GetResult(short token) => _read.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _read.OnCompleted(continuation, state, token, flags);

    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _isOver = true;
            CompleteRead_NeedsLock();
        }

        base.Dispose(disposing);
    }

    private static byte[] Frame(BodyWriter write)
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        int start = writer.BeginFrame();
        write(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        return buffer.WrittenSpan.ToArray();
    }

    private void Take(ReadOnlySpan<byte> sent)
    {
        lock (_lock)
        {
            Writes++;
            while (sent.Length > 0)
            {
                int length = BinaryPrimitives.ReadInt32BigEndian(sent);
                if (sent.Length < 4 + length) throw new InvalidDataException("A write ends within a frame.");
                OnFrame_NeedsLock(sent.Slice(4, length));
                sent = sent[(4 + length)..];
            }

            Answer_NeedsLock();
        }
    }

    private void OnFrame_NeedsLock(ReadOnlySpan<byte> frame)
    {
        if (!_hasShaken)
        {
            _hasShaken = true;
            Room_NeedsLock(Handshake);
            return;
        }

        int xid = BinaryPrimitives.ReadInt32BigEndian(frame);
        var type = (OpCode)BinaryPrimitives.ReadInt32BigEndian(frame[4..]);
        if (xid < 0) Reply_NeedsLock(xid, type); // a ping; whatever is the session's own is not held back
        else _unanswered.Enqueue((xid, type));
    }

    private void Answer_NeedsLock()
    {
        while (_unanswered.Count >= _depth)
        {
            for (int i = Math.Min(_batch, _unanswered.Count); i > 0; i--)
            {
                (int xid, OpCode type) = _unanswered.Dequeue();
                Reply_NeedsLock(xid, type);
            }
        }

        if (_outEnd > _outStart) CompleteRead_NeedsLock();
    }

    private void Reply_NeedsLock(int xid, OpCode type)
    {
        Span<byte> reply = Room_NeedsLock(type == OpCode.Exists ? ExistsReply : EmptyReply);
        BinaryPrimitives.WriteInt32BigEndian(reply[4..], xid);
    }

    private Span<byte> Room_NeedsLock(byte[] frame)
    {
        if (_out.Length - _outEnd < frame.Length) Array.Resize(ref _out, _out.Length * 2);
        Span<byte> room = _out.AsSpan(_outEnd, frame.Length);
        frame.CopyTo(room);
        _outEnd += frame.Length;
        return room;
    }

    private int Give_NeedsLock(Memory<byte> buffer)
    {
        int count = Math.Min(buffer.Length, _outEnd - _outStart);
        _out.AsSpan(_outStart, count).CopyTo(buffer.Span);
        _outStart += count;
        if (_outStart == _outEnd) _outStart = _outEnd = 0;
        return count;
    }

    private void CompleteRead_NeedsLock()
    {
        if (!_isReading) return;
        _isReading = false;
        _read.SetResult(Give_NeedsLock(_readInto));
    }
}
