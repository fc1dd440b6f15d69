using System.Buffers;

namespace Okapi.Protocol;

/// <summary>A growing run of bytes that records are appended to. Its memory comes from the shared pool.</summary>
public sealed class JuteBuffer : IDisposable
{
    private byte[] _bytes;

    /// <summary>An empty buffer.</summary>
    /// <param name="capacity">How many bytes fit before it has to grow.</param>
    public JuteBuffer(int capacity = 256) => _bytes = ArrayPool<byte>.Shared.Rent(capacity);

    /// <summary>How many bytes have been written.</summary>
    public int Length { get; private set; }

    /// <summary>What has been written.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>What has been written, as a span.</summary>
    public ReadOnlySpan<byte> WrittenSpan => _bytes.AsSpan(0, Length);

    internal Span<byte> Available => _bytes;

    /// <summary>Forgets what was written and keeps the memory for the next use.</summary>
    public void Clear() => Length = 0;

    /// <summary>Cuts what was written back to a length, which undoes the writes after it.</summary>
    /// <param name="length">At most <see cref="Length"/>.</param>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
    }

    /// <summary>Appends bytes as they are.</summary>
    /// <param name="bytes">What to append.</param>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Span<byte> room = _bytes.Length - Length < bytes.Length ? Grow(Length, bytes.Length) : _bytes;
        bytes.CopyTo(room[Length..]);
        Length += bytes.Length;
    }

    /// <summary>Gives the memory back, cleared: requests can carry credentials.</summary>
    public void Dispose()
    {
        byte[] bytes = _bytes;
        _bytes = [];
        Length = 0;
        if (bytes.Length > 0) ArrayPool<byte>.Shared.Return(bytes, clearArray: true);
    }

    internal void SetLength(int length) => Length = length;

    internal Span<byte> Grow(int used, int needed)
    {
        int capacity = (int)Math.Clamp(Math.Max(2L * _bytes.Length, (long)used + needed), 256L, Array.MaxLength);
        byte[] larger = ArrayPool<byte>.Shared.Rent(capacity);
        _bytes.AsSpan(0, used).CopyTo(larger);
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes, clearArray: true);
        return _bytes = larger;
    }
}
