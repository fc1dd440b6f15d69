using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

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

    /// <summary>A document, however it is laid out: members by name, no blanks.</summary>
    public static string OfJson(JsonElement document)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes)) Write(writer, document);
        return Of(bytes.WrittenSpan);
    }

    /// <summary>A document, however it is laid out.</summary>
    public static string OfJson(JsonNode? document)
    {
        using JsonDocument parsed = JsonDocument.Parse(document?.ToJsonString() ?? "null");
        return OfJson(parsed.RootElement);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (JsonProperty each in element.EnumerateObject().OrderBy(each => each.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(each.Name);
                    Write(writer, each.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement each in element.EnumerateArray()) Write(writer, each);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(element.GetString());
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }
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
