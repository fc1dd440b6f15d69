using System.Buffers.Binary;

namespace Okapi.Simulation.Network;

/// <summary>Cuts frames out of bytes as they come.</summary>
internal sealed class Frames
{
    private byte[] _bytes = new byte[512];
    private int _count;
    private bool _isBroken;

    /// <summary>Takes bytes and tells of each frame that is whole.</summary>
    public void Add(ReadOnlySpan<byte> bytes, Action<byte[]> onFrame)
    {
        if (_isBroken) return;
        if (_count + bytes.Length > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _count + bytes.Length));
        bytes.CopyTo(_bytes.AsSpan(_count));
        _count += bytes.Length;
        int at = 0;
        while (_count - at >= 4)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(at));
            if (length is < 0 or > 1 << 24)
            {
                _isBroken = true; // corrupted on purpose
                return;
            }

            if (_count - at - 4 < length) break;
            onFrame(_bytes.AsSpan(at + 4, length).ToArray());
            at += 4 + length;
        }

        _bytes.AsSpan(at, _count - at).CopyTo(_bytes);
        _count -= at;
    }
}
