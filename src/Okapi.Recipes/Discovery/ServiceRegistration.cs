namespace Okapi.Recipes;

/// <summary>A registered instance of a service. Disposing it takes the instance away.</summary>
/// <typeparam name="T">The payload's type.</typeparam>
public sealed class ServiceRegistration<T> : IAsyncDisposable
{
    private readonly Func<ServiceInstance<T>, byte[]> _toJson;
    private volatile ServiceInstance<T> _instance;

    internal ServiceRegistration(EphemeralNode node, ServiceInstance<T> instance, Func<ServiceInstance<T>, byte[]> toJson) => (Node, _instance, _toJson) = (node, instance, toJson);

    /// <summary>The znode that registers it.</summary>
    public EphemeralNode Node { get; }

    /// <summary>The instance as it is registered.</summary>
    public ServiceInstance<T> Instance => _instance;

    /// <summary>Waits until it is registered.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The znode's present life.</returns>
    /// <inheritdoc cref="EphemeralNode.WaitHeldAsync" path="/exception"/>
    public Task<HeldNode> WaitRegisteredAsync(CancellationToken cancellationToken = default) => Node.WaitHeldAsync(cancellationToken);

    /// <summary>Changes what is registered.</summary>
    /// <param name="instance">The instance, with the name and the id that it has.</param>
    /// <param name="cancellationToken">Ends the waiting; the change stays.</param>
    /// <returns>Completes when it is written.</returns>
    /// <exception cref="ArgumentException">It is another instance.</exception>
    public Task UpdateAsync(ServiceInstance<T> instance, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instance);
        if (instance.Name != Instance.Name || instance.Id != Instance.Id || instance.ServiceType != Instance.ServiceType)
            throw new ArgumentException("An instance keeps its name, its id and its type.", nameof(instance));
        _instance = instance with { Registered = instance.Registered ?? _instance.Registered };
        return Node.UpdateAsync(_toJson(_instance), cancellationToken);
    }

    /// <summary>Takes the instance away.</summary>
    /// <returns>As <see cref="EphemeralNode.DisposeAsync"/>.</returns>
    public ValueTask DisposeAsync() => Node.DisposeAsync();
}
