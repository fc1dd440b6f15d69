using System.Buffers;
using System.Text;

namespace Okapi.Chaos.Histories;

/// <summary>
/// What stands for a znode's data in a history: short plain text is itself, anything else its length and hash. Two runs of bytes have
/// the same tag if and, but for chance, only if they are the same. Null is told from empty only where the log does it: there both are nothing.
/// </summary>
public static class DataTag
{
    private const int Longest = 40;

    private static readonly SearchValues<byte> Plain =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:-_/"u8);

    public static string? Of(string? text) => text is null ? null : Of(Encoding.UTF8.GetBytes(text));

    public static string Of(ReadOnlySpan<byte> data) =>
        data.Length <= Longest && !data.ContainsAnyExcept(Plain)
            ? Encoding.ASCII.GetString(data)
            : $"#{data.Length}#{Fnv.Hash(data):x16}";
}

/// <summary>A set of names as one number: the sum of their hashes, which does not depend on the order and can be kept up name by name.</summary>
public static class ChildrenDigest
{
    public static ulong Of(ReadOnlySpan<char> name)
    {
        Span<byte> bytes = name.Length <= 128 ? stackalloc byte[512] : new byte[Encoding.UTF8.GetMaxByteCount(name.Length)];
        return Fnv.Hash(bytes[..Encoding.UTF8.GetBytes(name, bytes)]);
    }

    public static ulong Of(IEnumerable<string> names) => names.Aggregate(0UL, (sum, name) => unchecked(sum + Of(name)));
}

/// <summary>FNV-1a with 64 bits, stirred once more in the end: sums of it are compared.</summary>
internal static class Fnv
{
    public static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 14695981039346656037;
        foreach (byte each in bytes) hash = unchecked((hash ^ each) * 1099511628211);
        hash ^= hash >> 32;
        hash = unchecked(hash * 0xd6e8feb86659fd93);
        return hash ^ (hash >> 32);
    }
}
