using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Okapi.Recipes.Discovery;

/// <summary>An instance as Curator 5.4 writes it (JsonInstanceSerializer): these properties, in this order, nulls written.</summary>
internal sealed class InstanceRecord
{
    [JsonPropertyName("name")]
    public string? Name { get; set; }

    [JsonPropertyName("id")]
    public string? Id { get; set; }

    [JsonPropertyName("address")]
    public string? Address { get; set; }

    [JsonPropertyName("port")]
    public int? Port { get; set; }

    [JsonPropertyName("sslPort")]
    public int? SslPort { get; set; }

    [JsonPropertyName("payload")]
    public JsonElement? Payload { get; set; }

    [JsonPropertyName("registrationTimeUTC")]
    public long RegistrationTimeUtc { get; set; }

    [JsonPropertyName("serviceType")]
    public string? ServiceType { get; set; } = "DYNAMIC";

    [JsonPropertyName("uriSpec")]
    public UriRecord? UriSpec { get; set; }

    /// <summary>Left out when it is true, which is what is read where it is left out (CURATOR-275).</summary>
    [JsonPropertyName("enabled")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Enabled { get; set; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

internal sealed class UriRecord
{
    [JsonPropertyName("parts")]
    public List<UriPartRecord>? Parts { get; set; }
}

internal sealed class UriPartRecord
{
    [JsonPropertyName("value")]
    public string? Value { get; set; }

    [JsonPropertyName("variable")]
    public bool IsVariable { get; set; }
}

[JsonSerializable(typeof(InstanceRecord))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class InstanceContext : JsonSerializerContext;

/// <summary>Instances to JSON and back.</summary>
/// <param name="payloadType">The payload's contract.</param>
/// <param name="javaClass">What Java's readers take the payload for; null: not told.</param>
internal sealed class InstanceJson<T>(JsonTypeInfo<T> payloadType, string? javaClass)
{
    /// <summary>The property in which Jackson keeps an object's class.</summary>
    private const string ClassProperty = "@class";

    private static readonly string[] s_types = ["DYNAMIC", "STATIC", "PERMANENT", "DYNAMIC_SEQUENTIAL"];

    public byte[] Write(ServiceInstance<T> instance)
    {
        var record = new InstanceRecord
        {
            Name = instance.Name,
            Id = instance.Id,
            Address = instance.Address,
            Port = instance.Port,
            SslPort = instance.SslPort,
            Payload = WritePayload(instance.Payload),
            RegistrationTimeUtc = instance.Registered?.ToUnixTimeMilliseconds() ?? 0,
            ServiceType = s_types[(int)instance.ServiceType],
            UriSpec = instance.UriSpec is { } spec ? new() { Parts = [.. spec.Parts.Select(part => new UriPartRecord { Value = part.Value, IsVariable = part.IsVariable })] } : null,
            Enabled = instance.IsEnabled ? null : false,
            Unknown = instance.Unknown is { } unknown ? new(unknown, StringComparer.Ordinal) : null,
        };
        return JsonSerializer.SerializeToUtf8Bytes(record, InstanceContext.Default.InstanceRecord);
    }

    /// <exception cref="JsonException">It is not an instance.</exception>
    public ServiceInstance<T> Read(ReadOnlySpan<byte> json)
    {
        InstanceRecord record = JsonSerializer.Deserialize(json, InstanceContext.Default.InstanceRecord) ?? throw new JsonException("The instance is null.");
        if (string.IsNullOrEmpty(record.Name) || record.Id is null) throw new JsonException("The instance has no name or no id.");
        int type = Array.IndexOf(s_types, record.ServiceType ?? s_types[0]);
        if (type < 0) throw new JsonException($"There is no service type \"{record.ServiceType}\".");
        return new(record.Name, record.Id)
        {
            Address = record.Address,
            Port = record.Port,
            SslPort = record.SslPort,
            Payload = record.Payload is { ValueKind: not JsonValueKind.Null } payload ? payload.Deserialize(payloadType) : default,
            Registered = ToTime(record.RegistrationTimeUtc),
            ServiceType = (ServiceType)type,
            UriSpec = record.UriSpec is { } spec ? new([.. (spec.Parts ?? []).Select(part => new UriPart(part.Value ?? string.Empty, part.IsVariable))]) : null,
            IsEnabled = record.Enabled ?? true,
            Unknown = record.Unknown,
        };
    }

    private static DateTimeOffset ToTime(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(
        milliseconds, DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    private JsonElement? WritePayload(T? payload)
    {
        if (payload is null or JsonElement { ValueKind: JsonValueKind.Undefined }) return null;
        JsonElement element = JsonSerializer.SerializeToElement(payload, payloadType);
        if (javaClass is null || element.ValueKind != JsonValueKind.Object || element.TryGetProperty(ClassProperty, out _)) return element;
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString(ClassProperty, javaClass);
            foreach (JsonProperty property in element.EnumerateObject()) property.WriteTo(writer);
            writer.WriteEndObject();
        }

        using JsonDocument document = JsonDocument.Parse(buffer.ToArray());
        return document.RootElement.Clone();
    }
}
