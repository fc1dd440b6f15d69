using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Okapi.Protocol;

/// <summary>
/// Takes jute's primitive types from the front of some bytes. Lengths and counts are checked against what is left before
/// anything is allocated, so a peer cannot make the reader allocate what it only claims to send.
/// </summary>
public ref struct JuteReader
{
    private ReadOnlySpan<byte> _rest;

    /// <summary>A reader over the bytes of one frame.</summary>
    /// <param name="bytes">The bytes.</param>
    public JuteReader(ReadOnlySpan<byte> bytes) => _rest = bytes;

    /// <summary>How many bytes are left.</summary>
    public readonly int Remaining => _rest.Length;

    /// <summary>Takes a 32-bit integer.</summary>
    /// <returns>The value.</returns>
    public int ReadInt() => BinaryPrimitives.ReadInt32BigEndian(Take(4, "an int"));

    /// <summary>Takes a 64-bit integer.</summary>
    /// <returns>The value.</returns>
    public long ReadLong() => BinaryPrimitives.ReadInt64BigEndian(Take(8, "a long"));

    /// <summary>Takes a truth value; like Java, any byte but zero is true.</summary>
    /// <returns>The value.</returns>
    public bool ReadBoolean() => Take(1, "a boolean")[0] != 0;

    /// <summary>Takes a string. Broken UTF-8 becomes replacement characters, as in Java's client.</summary>
    /// <returns>The string, or null.</returns>
    public string? ReadString()
    {
        int length = ReadLength("string");
        return length < 0 ? null : Encoding.UTF8.GetString(Take(length, "a string"));
    }

    /// <summary>Takes a string that may not be null.</summary>
    /// <param name="what">What it is, for the error.</param>
    /// <returns>The string.</returns>
    public string ReadRequiredString(string what) =>
        ReadString() ?? throw new ProtocolException($"The {what} is null, which the protocol does not allow.");

    /// <summary>Takes a buffer without copying it.</summary>
    /// <param name="isNull">Whether the buffer was null, which jute tells from empty.</param>
    /// <returns>The bytes; empty for null.</returns>
    public ReadOnlySpan<byte> ReadBuffer(out bool isNull)
    {
        int length = ReadLength("buffer");
        isNull = length < 0;
        return isNull ? default : Take(length, "a buffer");
    }

    /// <summary>Takes a buffer as an array of its own.</summary>
    /// <returns>The bytes, or null.</returns>
    public byte[]? ReadByteArray()
    {
        ReadOnlySpan<byte> bytes = ReadBuffer(out bool isNull);
        return isNull ? null : bytes.ToArray();
    }

    /// <summary>Takes a buffer as memory of its own. Not the same as <see cref="ReadByteArray"/>: a null array converts to empty memory.</summary>
    /// <returns>The bytes, or null.</returns>
    public ReadOnlyMemory<byte>? ReadMemory() => ReadByteArray() is { } bytes ? bytes : default(ReadOnlyMemory<byte>?);

    /// <summary>Takes a vector of strings.</summary>
    /// <returns>The strings; empty for null.</returns>
    public string[] ReadStrings()
    {
        int count = ReadCount(minimumSize: 4);
        if (count <= 0) return [];
        var values = new string[count];
        for (int i = 0; i < count; i++) values[i] = ReadString() ?? string.Empty;
        return values;
    }

    /// <summary>Takes a vector of records.</summary>
    /// <typeparam name="T">The record's type.</typeparam>
    /// <param name="minimumSize">The fewest bytes such a record has on the wire.</param>
    /// <returns>The records; empty for null.</returns>
    public T[] ReadRecords<T>(int minimumSize)
        where T : IJuteRecord<T>
    {
        int count = ReadCount(minimumSize);
        if (count <= 0) return [];
        var values = new T[count];
        for (int i = 0; i < count; i++) values[i] = T.Read(ref this);
        return values;
    }

    private int ReadLength(string what)
    {
        int length = ReadInt();
        if (length < -1 || length > _rest.Length)
            throw new ProtocolException($"A {what} claims {length} bytes where {_rest.Length} are left in the frame.");
        return length;
    }

    private int ReadCount(int minimumSize)
    {
        int count = ReadInt();
        if (count < -1 || count > _rest.Length / minimumSize)
            throw new ProtocolException($"A vector claims {count} elements where {_rest.Length} bytes are left in the frame.");
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ReadOnlySpan<byte> Take(int count, string what)
    {
        if (_rest.Length < count) ThrowTruncated(count, what);
        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private readonly void ThrowTruncated(int count, string what) =>
        throw new ProtocolException($"The frame ends early: {what} needs {count} bytes and {_rest.Length} are left.");
}
