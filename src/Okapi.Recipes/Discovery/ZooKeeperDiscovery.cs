using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Okapi.Recipes.Discovery;

namespace Okapi.Recipes;

/// <summary>Service discovery.</summary>
public static class ZooKeeperDiscovery
{
    /// <summary>Services whose instances' payloads are of a type.</summary>
    /// <typeparam name="T">The payload's type.</typeparam>
    /// <param name="zk">The client.</param>
    /// <param name="path">The znode below which the services are. Missing parents of what is registered are created as containers.</param>
    /// <param name="payloadType">The payload's contract, of a source-generated context.</param>
    /// <param name="options">Options; null: the defaults. The naming does not matter.</param>
    /// <returns>The services.</returns>
    public static ServiceDiscovery<T> ServiceDiscovery<T>(this ZooKeeperClient zk, string path, JsonTypeInfo<T> payloadType, DiscoveryOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        ArgumentNullException.ThrowIfNull(payloadType);
        ZnodePath.Validate(path);
        options = options is null ? new() : options with { };
        return new(zk, path, new(payloadType, options.PayloadClass), options);
    }

    /// <summary>Services whose instances' payloads are taken as they are.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">The znode below which the services are.</param>
    /// <param name="options">Options; null: the defaults.</param>
    /// <returns>The services.</returns>
    public static ServiceDiscovery<JsonElement> ServiceDiscovery(this ZooKeeperClient zk, string path, DiscoveryOptions? options = null) =>
        zk.ServiceDiscovery(path, InstanceContext.Default.JsonElement, options);
}
