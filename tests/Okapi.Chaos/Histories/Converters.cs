using System.Text.Json;
using System.Text.Json.Serialization;

namespace Okapi.Chaos.Histories;

/// <summary>A Stat as its eleven numbers, in the order they have on the wire.</summary>
internal sealed class StatConverter : JsonConverter<Stat?>
{
    public override Stat? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Null) return null;
        Span<long> numbers = stackalloc long[11];
        for (int i = 0; i < numbers.Length; i++)
        {
            reader.Read();
            numbers[i] = reader.GetInt64();
        }

        reader.Read(); // the end of the array
        return new Stat(
            numbers[0], numbers[1], numbers[2], numbers[3], (int)numbers[4], (int)numbers[5], (int)numbers[6], numbers[7], (int)numbers[8], (int)numbers[9], numbers[10]);
    }

    public override void Write(Utf8JsonWriter writer, Stat? value, JsonSerializerOptions options)
    {
        if (value is not { } stat)
        {
            writer.WriteNullValue();
            return;
        }

        writer.WriteStartArray();
        writer.WriteNumberValue(stat.Czxid);
        writer.WriteNumberValue(stat.Mzxid);
        writer.WriteNumberValue(stat.CreatedMilliseconds);
        writer.WriteNumberValue(stat.ModifiedMilliseconds);
        writer.WriteNumberValue(stat.Version);
        writer.WriteNumberValue(stat.ChildVersion);
        writer.WriteNumberValue(stat.AclVersion);
        writer.WriteNumberValue(stat.EphemeralOwner);
        writer.WriteNumberValue(stat.DataLength);
        writer.WriteNumberValue(stat.ChildCount);
        writer.WriteNumberValue(stat.Pzxid);
        writer.WriteEndArray();
    }
}

/// <summary>A text that many lines have in common, kept once for all of them while a history is loaded.</summary>
internal sealed class PooledTextConverter : JsonConverter<string>
{
    [ThreadStatic]
    private static Dictionary<string, string>? pool;

    /// <summary>Forgets what was kept, once a history has been loaded.</summary>
    public static void Clear() => pool = null;

    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        pool ??= new(StringComparer.Ordinal);
        if (reader.HasValueSequence || reader.ValueIsEscaped || reader.ValueSpan.Length > 256) return reader.GetString();
        Span<char> text = stackalloc char[256];
        ReadOnlySpan<char> value = text[..reader.CopyString(text)];
        Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> lookup = pool.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(value, out string? known)) return known;
        string made = value.ToString();
        pool.Add(made, made);
        return made;
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}

[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = false)]
[JsonSerializable(typeof(HistoryEntry))]
internal sealed partial class HistoryJson : JsonSerializerContext;
