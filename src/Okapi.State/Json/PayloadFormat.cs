using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Okapi.State.Json;

/// <summary>How a value lies in its znode.</summary>
/// <typeparam name="T">The value's type.</typeparam>
internal sealed class PayloadFormat<T>(StatePaths paths, JsonTypeInfo<T> type, int maxRequestSize)
    where T : notnull
{
    private readonly JsonMerge _merge = new(type.Options.PropertyNameCaseInsensitive ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);

    /// <summary>How many bytes a payload may have: what a request holds, less the rest of the transaction that writes it.</summary>
    public int MaxPayloadSize { get; } = maxRequestSize - 512 - (4 * paths.LongestLength);

    /// <summary>Reads a payload.</summary>
    /// <exception cref="InvalidStateException">It is not valid JSON, or not a <typeparamref name="T"/>.</exception>
    public Versioned<T> Read(in NodeData payload)
    {
        JsonElement document;
        try
        {
            document = JsonElement.Parse(payload.Data, new JsonDocumentOptions
            {
                AllowDuplicateProperties = false,
                AllowTrailingCommas = type.Options.AllowTrailingCommas,
                CommentHandling = type.Options.ReadCommentHandling,
                MaxDepth = type.Options.MaxDepth,
            });
        }
        catch (Exception invalid) when (invalid is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidStateException(paths.Directory, paths.Payload, payload.Stat.Version, $"is not valid JSON: {invalid.Message}", invalid);
        }

        return Read(document, payload.Stat.Version, payload.Stat.Mzxid, payload.Stat.Czxid) with { ModifiedMilliseconds = payload.Stat.ModifiedMilliseconds };
    }

    /// <summary>Reads a document anew, so that whoever gets the value can do with it as he likes.</summary>
    public Versioned<T> Read(JsonElement document, int version, long zxid, long czxid)
    {
        T? value;
        try
        {
            value = document.Deserialize(type);
        }
        catch (Exception invalid) // whatever the application's own constructors and converters throw: it is not one of theirs
        {
            throw new InvalidStateException(paths.Directory, paths.Payload, version, $"is not a {typeof(T).Name}: {invalid.Message}", invalid);
        }

        if (value is null) throw new InvalidStateException(paths.Directory, paths.Payload, version, $"is null, which is not a {typeof(T).Name}.", null);
        return new(value, version, zxid) { Document = document, Czxid = czxid };
    }

    public JsonElement Write(T value) => JsonSerializer.SerializeToElement(value, type);

    /// <summary>Writes what an update made into the document that it started from.</summary>
    /// <param name="stored">The document.</param>
    /// <param name="before">What <typeparamref name="T"/> makes of it.</param>
    /// <param name="after">What the update has made of that.</param>
    public JsonElement Merge(JsonElement stored, JsonElement before, JsonElement after)
    {
        JsonElement merged = Parse(Encode(writer => _merge.Write(stored, before, after, writer)));
        // Contracts can be such that no property of theirs is found again in the document (converters, sets). What the update made counts then, and not what others have added.
        return IsReadAs(merged, after) ? merged : after;
    }

    /// <exception cref="StateTooLargeException">It would not fit a znode.</exception>
    public byte[] Encode(JsonElement document)
    {
        byte[] data = Encode(document.WriteTo);
        return data.Length <= MaxPayloadSize ? data : throw new StateTooLargeException(paths.Directory, data.Length, MaxPayloadSize);
    }

    private bool IsReadAs(JsonElement document, JsonElement view)
    {
        try
        {
            return document.Deserialize(type) is { } value && JsonElement.DeepEquals(Write(value), view);
        }
        catch (Exception) // of the application's own code, which does not take what was merged
        {
            return false;
        }
    }

    private JsonElement Parse(byte[] data) => JsonElement.Parse(data, new JsonDocumentOptions { MaxDepth = type.Options.MaxDepth });

    private byte[] Encode(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = type.Options.Encoder, MaxDepth = type.Options.MaxDepth })) write(writer);
        return buffer.WrittenSpan.ToArray();
    }
}
