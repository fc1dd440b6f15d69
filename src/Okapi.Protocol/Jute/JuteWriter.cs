using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Okapi.Protocol;

/// <summary>
/// Appends jute's primitive types to a <see cref="JuteBuffer"/>: big-endian integers, length-prefixed strings, buffers and vectors.
/// What was written counts once <see cref="Commit"/> is called.
/// </summary>
public ref struct JuteWriter
{
    private readonly JuteBuffer _buffer;
    private Span<byte> _span;
    private int _position;

    /// <summary>A writer that appends after what the buffer already holds.</summary>
    /// <param name="buffer">Where to.</param>
    public JuteWriter(JuteBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        _buffer = buffer;
        _span = buffer.Available;
        _position = buffer.Length;
    }

    /// <summary>Where the next byte goes, counted from the start of the buffer.</summary>
    public readonly int Position => _position;

    /// <summary>Makes what was written part of the buffer.</summary>
    public readonly void Commit() => _buffer.SetLength(_position);

    /// <summary>Leaves room for a frame's length; <see cref="EndFrame"/> fills it in.</summary>
    /// <returns>What to give to <see cref="EndFrame"/>.</returns>
    public int BeginFrame()
    {
        Ensure(4);
        int start = _position;
        _position += 4;
        return start;
    }

    /// <summary>Fills in the length of the frame that began at <paramref name="start"/>.</summary>
    /// <param name="start">What <see cref="BeginFrame"/> returned.</param>
    /// <returns>The length of the frame's body in bytes.</returns>
    public readonly int EndFrame(int start)
    {
        int length = _position - start - 4;
        BinaryPrimitives.WriteInt32BigEndian(_span[start..], length);
        return length;
    }

    /// <summary>Appends a 32-bit integer.</summary>
    /// <param name="value">The value.</param>
    public void WriteInt(int value)
    {
        Ensure(4);
        BinaryPrimitives.WriteInt32BigEndian(_span[_position..], value);
        _position += 4;
    }

    /// <summary>Appends a 64-bit integer.</summary>
    /// <param name="value">The value.</param>
    public void WriteLong(long value)
    {
        Ensure(8);
        BinaryPrimitives.WriteInt64BigEndian(_span[_position..], value);
        _position += 8;
    }

    /// <summary>Appends a truth value, one byte.</summary>
    /// <param name="value">The value.</param>
    public void WriteBoolean(bool value)
    {
        Ensure(1);
        _span[_position++] = value ? (byte)1 : (byte)0;
    }

    /// <summary>Appends a string as UTF-8; null is a length of -1.</summary>
    /// <param name="value">The string.</param>
    public void WriteString(string? value)
    {
        if (value is null)
        {
            WriteInt(-1);
            return;
        }

        int start = BeginFrame();
        AppendUtf8(value);
        EndFrame(start);
    }

    /// <summary>Appends a path as the server knows it, as one string.</summary>
    /// <param name="path">The path with its chroot.</param>
    public void WritePath(in WirePath path)
    {
        int start = BeginFrame();
        AppendUtf8(path.Chroot);
        if (path.Chroot.Length == 0 || path.Path.Length != 1 || path.KeepsSlash) AppendUtf8(path.Path); // "/app" + "/" is "/app"
        EndFrame(start);
    }

    /// <summary>Appends a buffer; null is a length of -1.</summary>
    /// <param name="value">The bytes.</param>
    public void WriteBuffer(ReadOnlyMemory<byte>? value)
    {
        if (value is { } bytes) WriteBuffer(bytes.Span);
        else WriteInt(-1);
    }

    /// <summary>Appends a buffer.</summary>
    /// <param name="value">The bytes.</param>
    public void WriteBuffer(ReadOnlySpan<byte> value)
    {
        WriteInt(value.Length);
        Ensure(value.Length);
        value.CopyTo(_span[_position..]);
        _position += value.Length;
    }

    /// <summary>Appends a vector of strings; null is a count of -1.</summary>
    /// <param name="values">The strings.</param>
    public void WriteStrings(IReadOnlyList<string>? values)
    {
        WriteInt(values?.Count ?? -1);
        for (int i = 0; i < (values?.Count ?? 0); i++) WriteString(values![i]);
    }

    /// <summary>Appends a vector of records; null is a count of -1.</summary>
    /// <typeparam name="T">The record's type.</typeparam>
    /// <param name="values">The records.</param>
    public void WriteRecords<T>(IReadOnlyList<T>? values)
        where T : IJuteRecord<T>
    {
        WriteInt(values?.Count ?? -1);
        for (int i = 0; i < (values?.Count ?? 0); i++) values![i].Write(ref this);
    }

    private void AppendUtf8(string value)
    {
        Ensure(Encoding.UTF8.GetMaxByteCount(value.Length));
        _position += Encoding.UTF8.GetBytes(value, _span[_position..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Ensure(int count)
    {
        if (_span.Length - _position < count) _span = _buffer.Grow(_position, count);
    }
}
