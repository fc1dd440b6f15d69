using System.Buffers;
using System.Buffers.Binary;
using Okapi.Protocol;

namespace Okapi.Connections;

/// <summary>Cuts frames out of what a connection receives and hands them to its owner, in place: nothing is copied but the beginning of a frame whose end is still to come.</summary>
internal sealed class FrameReader(Connection connection, IConnectionOwner owner, int maxFrame)
{
    private const int BufferSize = 64 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private int _start;
    private int _end;

    /// <summary>How many bytes the next frame needs in all, as far as is known.</summary>
    private int _needed = 4;

    /// <summary>How many bytes of an oversized frame are still to come.</summary>
    private int _skip;

    /// <summary>Whether a whole frame has come.</summary>
    public bool HasFrame { get; private set; }

    /// <summary>Where to receive into; never empty.</summary>
    public Memory<byte> GetRoom()
    {
        MakeRoom();
        return _buffer.AsMemory(_end);
    }

    /// <summary>Hands on what frames are complete now.</summary>
    /// <param name="count">How many bytes were received into the room.</param>
    /// <exception cref="ProtocolException">The bytes break the protocol; the connection ends.</exception>
    public void Received(int count)
    {
        _end += count;
        while (!connection.IsOver)
        {
            if (_skip > 0)
            {
                int skipped = Math.Min(_skip, _end - _start);
                _start += skipped;
                _skip -= skipped;
            }

            if (_skip > 0 || !TryHandleFrame()) return;
        }
    }

    /// <summary>Gives the buffer back; nothing is received any more.</summary>
    public void Return()
    {
        ArrayPool<byte>.Shared.Return(_buffer, clearArray: true);
        _buffer = [];
    }

    private bool TryHandleFrame()
    {
        int held = _end - _start;
        _needed = 4;
        if (held < 4) return false;
        int length = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start));
        if (!HasFrame) CheckFirst(length);
        if (length is < 0 or > int.MaxValue - 1024) throw new ProtocolException($"The server sent a frame of {length} bytes.");
        if (length > maxFrame) return TryHandleOversized(held, length);
        _needed = 4 + length;
        if (held < _needed) return false;
        HasFrame = true;
        ReadOnlySpan<byte> frame = _buffer.AsSpan(_start + 4, length);
        _start += _needed;
        _needed = 4;
        owner.OnFrame(connection, frame);
        return true;
    }

    private bool TryHandleOversized(int held, int length)
    {
        _needed = 4 + ReplyHeader.Size;
        if (held < _needed) return false;
        var reader = new JuteReader(_buffer.AsSpan(_start + 4, ReplyHeader.Size));
        owner.OnOversized(connection, ReplyHeader.Read(ref reader), length);
        _needed = 4;
        _skip = 4 + length;
        return true;
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

    private void MakeRoom()
    {
        int held = _end - _start; // less than is needed: whole frames were handed on
        byte[] target = _buffer;
        if (_needed > _buffer.Length) target = ArrayPool<byte>.Shared.Rent(_needed);
        else if (_buffer.Length > 4 * BufferSize && _needed <= BufferSize) target = ArrayPool<byte>.Shared.Rent(BufferSize); // a large reply has gone
        else if (_start + _needed <= _buffer.Length && _buffer.Length - _end >= _buffer.Length / 4) return;
        Buffer.BlockCopy(_buffer, _start, target, 0, held);
        if (target != _buffer) ArrayPool<byte>.Shared.Return(_buffer, clearArray: true);
        (_buffer, _start, _end) = (target, 0, held);
    }
}
