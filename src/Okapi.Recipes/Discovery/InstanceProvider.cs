using Okapi.Recipes.Discovery;
using Okapi.Recipes.Membership;
using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>How a provider chooses among the instances.</summary>
public enum ProviderStrategy
{
    /// <summary>One after another, in the order of their ids.</summary>
    RoundRobin = 0,

    /// <summary>Any.</summary>
    Random = 1,

    /// <summary>Any, and then the same for as long as it is there and not down.</summary>
    Sticky = 2,
}

/// <summary>Options of a provider. The defaults are Curator's.</summary>
public sealed record ProviderOptions
{
    /// <summary>How it chooses.</summary>
    public ProviderStrategy Strategy { get; set; }

    /// <summary>How many errors make an instance down; 1 or more.</summary>
    public int DownThreshold { get; set; } = 2;

    /// <summary>For how long errors count, and an instance stays down: from its first error on, by the client's clock.</summary>
    public TimeSpan DownTime { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>Gives an instance of a service for each use, out of a list that is kept up to date; those that are not enabled, or down, are left out.</summary>
/// <remarks>While the connection is away, and after the client is over, the list stays as it was last known.</remarks>
/// <typeparam name="T">The payload's type.</typeparam>
public sealed class InstanceProvider<T> : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly ProviderStrategy _strategy;
    private readonly DownMarks _down;
    private readonly CancellationTokenSource _stop = new();
    private readonly Signal _changed = new();
    private readonly Task _following;
    private readonly Lock _lock = new();
    private volatile IReadOnlyList<ServiceInstance<T>>? _instances;
    private string? _sticky;
    private uint _next;

    internal InstanceProvider(Func<CancellationToken, IAsyncEnumerable<IReadOnlyList<ServiceChange<T>>>> follow, TimeProvider time, ProviderOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.DownThreshold, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.DownTime, TimeSpan.Zero);
        (_time, _strategy) = (time, options.Strategy);
        _down = new(time, options.DownThreshold, options.DownTime);
        _following = Task.Run(() => FollowAsync(follow));
        Background.Leave(_following); // told to whoever waits for an instance
    }

    /// <summary>The instances that can be had now, in the order of their ids.</summary>
    public IReadOnlyList<ServiceInstance<T>> Instances => [.. (_instances ?? []).Where(instance => instance.IsEnabled && !_down.IsDown(LifeOf(instance)))];

    /// <summary>Chooses an instance.</summary>
    /// <returns>The instance; null if there is none now, or the list has not been read yet.</returns>
    public ServiceInstance<T>? TryGet()
    {
        lock (_lock)
        {
            IReadOnlyList<ServiceInstance<T>> instances = Instances;
            if (instances.Count == 0) return null;
            if (_strategy == ProviderStrategy.RoundRobin) return instances[(int)(_next++ % (uint)instances.Count)];
            ServiceInstance<T>? same = _strategy == ProviderStrategy.Sticky ? instances.FirstOrDefault(instance => instance.Id == _sticky) : null;
            ServiceInstance<T> chosen = same ?? instances[System.Security.Cryptography.RandomNumberGenerator.GetInt32(instances.Count)];
            _sticky = chosen.Id;
            return chosen;
        }
    }

    /// <summary>Chooses an instance; waits for one if there is none.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The instance.</returns>
    /// <exception cref="SessionEndedException">There is none, and the client is over.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public async Task<ServiceInstance<T>> GetAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            Task changed = _changed.Next;
            if (TryGet() is { } instance) return instance;
            cancellationToken.ThrowIfCancellationRequested();
            if (_following.IsCompleted)
            {
                ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this); // since it was asked above
                await _following.ConfigureAwait(false);
            }

            await WaitAsync(changed, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Chooses an instance; waits for one if there is none, for a time.</summary>
    /// <param name="timeout">How long, by the client's clock.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The instance; null if the time was up.</returns>
    /// <inheritdoc cref="GetAsync" path="/exception"/>
    public Task<ServiceInstance<T>?> TryGetAsync(TimeSpan timeout, CancellationToken cancellationToken = default) =>
        Waits.WithinAsync(_time, timeout, GetAsync, cancellationToken);

    /// <summary>Tells that the use of an instance has failed. One that fails too often is down for a while (<see cref="ProviderOptions.DownThreshold"/>, <see cref="ProviderOptions.DownTime"/>).</summary>
    /// <param name="instance">The instance.</param>
    public void NoteError(ServiceInstance<T> instance)
    {
        ArgumentNullException.ThrowIfNull(instance);
        _down.Add(LifeOf(instance));
    }

    /// <summary>Ends the reading.</summary>
    /// <returns>Completes when its watch is gone.</returns>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>One that was registered anew is another: what failed before may be why.</summary>
    private static (string, DateTimeOffset?) LifeOf(ServiceInstance<T> instance) => (instance.Id, instance.Registered);

    private async Task WaitAsync(Task changed, CancellationToken cancellationToken)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task upAgain = Task.Delay(_down.NextUp ?? Timeout.InfiniteTimeSpan, _time, wait.Token);
        await Task.WhenAny(changed, _following, upAgain).WaitAsync(cancellationToken).ConfigureAwait(false);
        await wait.CancelAsync().ConfigureAwait(false);
    }

    private async Task FollowAsync(Func<CancellationToken, IAsyncEnumerable<IReadOnlyList<ServiceChange<T>>>> follow)
    {
        var known = new SortedDictionary<string, ServiceInstance<T>>(StringComparer.Ordinal);
        await foreach (IReadOnlyList<ServiceChange<T>> changes in follow(_stop.Token).ConfigureAwait(false))
        {
            foreach (ServiceChange<T> change in changes)
            {
                if (change.Kind == MembershipChangeKind.Left) known.Remove(change.Instance.Id);
                else known[change.Instance.Id] = change.Instance;
            }

            _instances = [.. known.Values];
            _changed.Set();
        }
    }
}
