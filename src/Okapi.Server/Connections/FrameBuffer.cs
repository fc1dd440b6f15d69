using System.Buffers;
using System.Buffers.Binary;

namespace Okapi.Server.Connections;

/// <summary>What has been received and not yet looked at. Idle it is small, since there may be ten thousand of them; under load it grows to take many requests with one read.</summary>
internal sealed class FrameBuffer(int maxFrame) : IDisposable
{
    private const int Small = 512;
    private const int Large = 64 * 1024;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(Small);
    private int _start;
    private int _end;
    private bool _wasFull;

    /// <summary>How many bytes wait.</summary>
    public int Count => _end - _start;

    public ReadOnlySpan<byte> Waiting => _bytes.AsSpan(_start, Count);

    /// <summary>Whether a whole frame waits.</summary>
    public bool HasFrame => NextFrame() is { } length && length >= 0 && length <= maxFrame && Count >= 4 + length;

    /// <summary>Where the next bytes go; never empty.</summary>
    public Memory<byte> GetSpace()
    {
        int needed = Math.Max(Count + 1, NextFrame() is > 0 and var frame ? Math.Min(frame, maxFrame) + 4 : 0);
        if (_wasFull) needed = Math.Max(needed, Math.Min(_bytes.Length * 2, Large));
        if (Count == 0) (_start, _end) = (0, 0);
        if (needed > _bytes.Length) Move(ArrayPool<byte>.Shared.Rent(needed));
        else if (_start > 0 && needed > _bytes.Length - _start) Move(_bytes);
        return _bytes.AsMemory(_end);
    }

    public void Received(int count)
    {
        _end += count;
        _wasFull = _end == _bytes.Length;
    }

    /// <summary>Takes the next whole frame, without its length.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ProtocolException">The length is not one that a frame can have.</exception>
    public bool TryTakeFrame(out ReadOnlySpan<byte> frame)
    {
        frame = default;
        if (NextFrame() is not { } length) return false;
        if (length < 0 || length > maxFrame) throw new ProtocolException($"A frame claims {length} bytes; from 0 to {maxFrame} are allowed.");
        if (Count < 4 + length) return false;
        frame = _bytes.AsSpan(_start + 4, length);
        _start += 4 + length;
        return true;
    }

    /// <summary>Passes over bytes that are no frame.</summary>
    public void Skip(int count) => _start += count;

    /// <summary>Gives back what a burst has made it grow to.</summary>
    public void Trim()
    {
        if (Count > 0 || _bytes.Length <= Large) return;
        byte[] large = _bytes;
        (_bytes, _start, _end) = (ArrayPool<byte>.Shared.Rent(Small), 0, 0);
        ArrayPool<byte>.Shared.Return(large, clearArray: true);
    }

    public void Dispose()
    {
        byte[] bytes = _bytes;
        (_bytes, _start, _end) = ([], 0, 0);
        if (bytes.Length > 0) ArrayPool<byte>.Shared.Return(bytes, clearArray: true);
    }

    private int? NextFrame() => Count < 4 ? null : BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(_start));

    private void Move(byte[] to)
    {
        byte[] from = _bytes;
        int count = Count;
        from.AsSpan(_start, count).CopyTo(to);
        (_bytes, _start, _end) = (to, 0, count);
        if (from != to) ArrayPool<byte>.Shared.Return(from, clearArray: true);
    }
}
