using System.Text.Json;

namespace Okapi.Recipes;

/// <summary>How an instance is registered. The names in JSON are Curator's: <c>DYNAMIC</c>, <c>STATIC</c>, <c>PERMANENT</c>, <c>DYNAMIC_SEQUENTIAL</c>.</summary>
public enum ServiceType
{
    /// <summary>By an ephemeral znode: it goes with whoever has registered it.</summary>
    Dynamic = 0,

    /// <summary>By a znode that stays until it is deleted.</summary>
    Static = 1,

    /// <summary>By a znode that stays until it is deleted.</summary>
    Permanent = 2,

    /// <summary>By an ephemeral znode with a number behind its name.</summary>
    DynamicSequential = 3,
}

/// <summary>An instance of a service, as Curator's service discovery describes it.</summary>
/// <typeparam name="T">The payload's type.</typeparam>
public sealed record ServiceInstance<T>
{
    /// <summary>Describes an instance.</summary>
    /// <param name="name">The service's name; a name that a znode can have.</param>
    /// <param name="id">The instance's id, of its own in the service; null: a GUID.</param>
    public ServiceInstance(string name, string? id = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        (Name, Id) = (name, id ?? Guid.NewGuid().ToString("D"));
    }

    /// <summary>The service's name.</summary>
    public string Name { get; init; }

    /// <summary>The instance's id.</summary>
    public string Id { get; init; }

    /// <summary>Where it is: a host's name or address; null: not told.</summary>
    public string? Address { get; init; }

    /// <summary>Its port; null: none.</summary>
    public int? Port { get; init; }

    /// <summary>Its port for TLS; null: none.</summary>
    public int? SslPort { get; init; }

    /// <summary>Whatever else the service tells of its instances.</summary>
    public T? Payload { get; init; }

    /// <summary>When it was registered; null: when it is.</summary>
    public DateTimeOffset? Registered { get; init; }

    /// <summary>How it is registered.</summary>
    public ServiceType ServiceType { get; init; }

    /// <summary>How to write its URI; null: not told.</summary>
    public UriSpec? UriSpec { get; init; }

    /// <summary>
    /// Whether it takes work; providers leave out those that do not. It is written when it is false only: Curator leaves it out by default, and its versions before 2.7 do not read instances that
    /// have it (CURATOR-275).
    /// </summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>Properties that this library does not know, written back as they were read; null: none.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Unknown { get; init; }

    /// <summary>Its URI, by its <see cref="UriSpec"/>; empty if it has none.</summary>
    /// <param name="variables">Values for further variables, or other values for those that Curator defines.</param>
    /// <returns>The URI.</returns>
    public string BuildUri(IReadOnlyDictionary<string, string>? variables = null) => UriSpec?.Build(VariablesOf(), variables) ?? string.Empty;

    private Dictionary<string, string?> VariablesOf() => new(StringComparer.Ordinal)
    {
        ["scheme"] = SslPort is null ? "http" : "https",
        ["name"] = Name,
        ["id"] = Id,
        ["address"] = Address,
        ["port"] = Port?.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["ssl-port"] = SslPort?.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["registration-time-utc"] = (Registered?.ToUnixTimeMilliseconds() ?? 0).ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["service-type"] = ServiceType switch
        {
            ServiceType.Static => "static",
            ServiceType.Permanent => "permanent",
            ServiceType.DynamicSequential => "dynamic_sequential",
            _ => "dynamic",
        },
    };
}

/// <summary>What happened to an instance of a service.</summary>
/// <typeparam name="T">The payload's type.</typeparam>
/// <param name="Kind">What happened.</param>
/// <param name="Instance">The instance as it is now; for one that has left, as it was.</param>
/// <param name="Previous">The instance as it was, if it was there.</param>
public readonly record struct ServiceChange<T>(MembershipChangeKind Kind, ServiceInstance<T> Instance, ServiceInstance<T>? Previous);
