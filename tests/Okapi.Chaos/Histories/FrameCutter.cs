using System.Buffers;
using System.Buffers.Binary;

namespace Okapi.Chaos.Histories;

internal delegate void FrameSeen(ReadOnlySpan<byte> frame);

/// <summary>Finds the frames in one direction of a connection, however its bytes are cut. A frame that came whole is not copied.</summary>
internal sealed class FrameCutter(FrameSeen onFrame) : IDisposable
{
    // Above the largest reply a client takes (16 MiB): nothing larger is a frame.
    private const int MaxFrame = 64 << 20;

    private byte[] _held = [];
    private int _count;

    public void Pass(ReadOnlySpan<byte> bytes)
    {
        while (_count > 0 && !bytes.IsEmpty)
        {
            int needed = _count < 4 ? 4 : 4 + LengthOf(_held);
            int taken = Math.Min(needed - _count, bytes.Length);
            Hold(bytes[..taken]);
            bytes = bytes[taken..];
            if (_count < 4 || _count < 4 + LengthOf(_held)) continue;
            onFrame(_held.AsSpan(4, _count - 4));
            _count = 0;
        }

        while (bytes.Length >= 4 && bytes.Length - 4 >= LengthOf(bytes))
        {
            int length = LengthOf(bytes);
            onFrame(bytes.Slice(4, length));
            bytes = bytes[(4 + length)..];
        }

        Hold(bytes);
    }

    public void Dispose()
    {
        if (_held.Length > 0) ArrayPool<byte>.Shared.Return(_held);
        _held = [];
        _count = 0;
    }

    private static int LengthOf(ReadOnlySpan<byte> bytes)
    {
        int length = BinaryPrimitives.ReadInt32BigEndian(bytes);
        return length is >= 0 and <= MaxFrame ? length : throw new ProtocolException($"A frame claims {length} bytes.");
    }

    private void Hold(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        if (_held.Length < _count + bytes.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(256, Math.Max(2 * _count, _count + bytes.Length)));
            _held.AsSpan(0, _count).CopyTo(larger);
            if (_held.Length > 0) ArrayPool<byte>.Shared.Return(_held);
            _held = larger;
        }

        bytes.CopyTo(_held.AsSpan(_count));
        _count += bytes.Length;
    }
}
