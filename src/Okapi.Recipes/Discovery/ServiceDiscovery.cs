using System.Runtime.CompilerServices;
using System.Text.Json;
using Okapi.Recipes.Discovery;
using Okapi.Recipes.Membership;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>Options of service discovery.</summary>
public sealed record DiscoveryOptions : RecipeOptions
{
    /// <summary>
    /// The name of the Java class that Curator's readers take payloads for; null: not told. Jackson needs it (as <c>@class</c>) for payloads that are JSON objects, unless its reader expects a Map;
    /// strings and numbers do without.
    /// </summary>
    public string? PayloadClass { get; set; }

    /// <summary>Called for a znode that holds no instance that can be read, with its path and why; such a znode is left out. Null: nobody is told.</summary>
    public Action<string, JsonException>? Unreadable { get; set; }
}

/// <summary>Services and their instances, in the layout and the JSON of Curator's service discovery: <c>/base/service/id</c>.</summary>
/// <typeparam name="T">The payload's type.</typeparam>
public sealed class ServiceDiscovery<T>
{
    private readonly ZooKeeperClient _zk;
    private readonly InstanceJson<T> _json;
    private readonly DiscoveryOptions _options;

    internal ServiceDiscovery(ZooKeeperClient zk, string path, InstanceJson<T> json, DiscoveryOptions options) => (_zk, Path, _json, _options) = (zk, path, json, options);

    /// <summary>The znode below which the services are.</summary>
    public string Path { get; }

    /// <summary>
    /// Registers an instance by an ephemeral znode that is kept: it is there again after a loss of the session, and gone when the registration is disposed.
    /// </summary>
    /// <param name="instance">The instance; its type is <see cref="ServiceType.Dynamic"/>.</param>
    /// <returns>The registration. It begins at once; <see cref="ServiceRegistration{T}.WaitRegisteredAsync"/> waits for it.</returns>
    /// <exception cref="ArgumentException">The instance is of another type, or its name or id cannot be a znode's.</exception>
    public ServiceRegistration<T> Register(ServiceInstance<T> instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        if (instance.ServiceType != ServiceType.Dynamic)
            throw new ArgumentException($"Only dynamic instances are kept; {instance.ServiceType} ones are znodes that somebody sets up (its JSON is what {nameof(ToJson)} gives).", nameof(instance));
        ServiceInstance<T> registered = instance with { Registered = instance.Registered ?? _zk.TimeProvider.GetUtcNow() };
        return new(new(_zk, PathOf(instance.Name, instance.Id), ToJson(registered), _options), registered, ToJson);
    }

    /// <summary>The JSON that an instance is registered with.</summary>
    /// <param name="instance">The instance.</param>
    /// <returns>UTF-8.</returns>
    public byte[] ToJson(ServiceInstance<T> instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        return _json.Write(instance);
    }

    /// <summary>The services that have, or had, instances.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Their names, in order.</returns>
    public async Task<IReadOnlyList<string>> GetServicesAsync(CancellationToken cancellationToken = default) =>
        [.. (await Endurance.AcrossSessions.AskAsync(_zk, ct => _zk.TryGetChildrenAsync(Path, ct).AsTask(), cancellationToken).ConfigureAwait(false) ?? []).Order(StringComparer.Ordinal)];

    /// <summary>The instances of a service.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The instances, in the order of their znodes' names; none if there is no such service.</returns>
    public async Task<IReadOnlyList<ServiceInstance<T>>> GetInstancesAsync(string service, CancellationToken cancellationToken = default)
    {
        string path = PathOf(service);
        IReadOnlyList<Child> children = await Children.ReadAsync(_zk, path, cancellationToken).ConfigureAwait(false);
        return [.. children.Select(child => TryRead(path, child)).OfType<ServiceInstance<T>>()];
    }

    /// <summary>An instance of a service.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="id">The instance's id.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The instance; null if it is not there.</returns>
    /// <exception cref="JsonException">It cannot be read.</exception>
    public async Task<ServiceInstance<T>?> TryGetInstanceAsync(string service, string id, CancellationToken cancellationToken = default)
    {
        string path = PathOf(service, id);
        NodeData? node = await Endurance.AcrossSessions.AskAsync(_zk, ct => _zk.TryGetAsync(path, ct).AsTask(), cancellationToken).ConfigureAwait(false);
        return node is { } found ? _json.Read(found.Data) : null;
    }

    /// <summary>
    /// The instances of a service that are there, as joined, and then each change. Applied one after another the changes give the instances; what is missed while the connection is away comes after
    /// it, as the difference.
    /// </summary>
    /// <param name="service">The service's name; it need not exist.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    /// <returns>The changes; every reader has a stream of its own.</returns>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async IAsyncEnumerable<ServiceChange<T>> ChangesAsync(string service, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (IReadOnlyList<ServiceChange<T>> changes in FollowAsync(service, cancellationToken).ConfigureAwait(false))
            foreach (ServiceChange<T> change in changes) yield return change;
    }

    /// <summary>Provides instances of a service, one for each use, out of a list that is kept up to date.</summary>
    /// <param name="service">The service's name; it need not exist.</param>
    /// <param name="options">Options; null: the defaults.</param>
    /// <returns>The provider. It begins to read at once.</returns>
    public InstanceProvider<T> Provide(string service, ProviderOptions? options = null)
    {
        _ = PathOf(service);
        return new(ct => FollowAsync(service, ct), _zk.TimeProvider, options ?? new());
    }

    /// <summary>The first list holds what is there, and may be empty; the others are changes.</summary>
    private async IAsyncEnumerable<IReadOnlyList<ServiceChange<T>>> FollowAsync(string service, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string path = PathOf(service);
        var known = new Dictionary<string, ServiceInstance<T>>(StringComparer.Ordinal);
        await foreach (IReadOnlyList<ChildChange> changes in Children.FollowAsync(_zk, path, cancellationToken).ConfigureAwait(false))
            yield return [.. changes.Select(change => Apply(known, path, change)).OfType<ServiceChange<T>>()];
    }

    /// <summary>What becomes unreadable has left, and has joined when it can be read again.</summary>
    private ServiceChange<T>? Apply(Dictionary<string, ServiceInstance<T>> known, string path, ChildChange change)
    {
        known.Remove(change.Child.Name, out ServiceInstance<T>? before);
        ServiceInstance<T>? now = change.Kind == MembershipChangeKind.Left ? null : TryRead(path, change.Child);
        if (now is not null) known[change.Child.Name] = now;
        return (before, now) switch
        {
            (null, null) => null,
            (null, { } joined) => new(MembershipChangeKind.Joined, joined, null),
            ({ } left, null) => new(MembershipChangeKind.Left, left, left),
            ({ } old, { } changed) => new(MembershipChangeKind.Changed, changed, old),
        };
    }

    private ServiceInstance<T>? TryRead(string path, Child child)
    {
        try
        {
            return _json.Read(child.Node.Data);
        }
        catch (JsonException unreadable)
        {
            _options.Unreadable?.Invoke(ZnodePath.Combine(path, child.Name), unreadable);
            return null;
        }
    }

    private string PathOf(string service, string? id = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(service);
        if (service.Contains('/', StringComparison.Ordinal)) throw new ArgumentException($"\"{service}\" cannot be a znode's name.", nameof(service));
        if (id is { Length: 0 } || id?.Contains('/', StringComparison.Ordinal) == true) throw new ArgumentException($"\"{id}\" cannot be a znode's name.", nameof(id));
        string path = ZnodePath.Combine(Path, service);
        if (id is not null) path = ZnodePath.Combine(path, id);
        ZnodePath.Validate(path);
        return path;
    }
}
