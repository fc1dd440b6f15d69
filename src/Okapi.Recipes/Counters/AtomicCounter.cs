using Okapi.Recipes.Counters;

namespace Okapi.Recipes;

/// <summary>
/// A number that many processes change, each change exactly once: Curator's <c>DistributedAtomicLong</c>, or kazoo's <c>Counter</c> with <see cref="NodeNaming.Kazoo"/>. It holds nothing, so there is
/// nothing to dispose. A counter without a znode is zero; the first change creates it.
/// </summary>
/// <remarks>
/// Changes are made by compare-and-set: read, then write if nobody else wrote. Where that fails it is tried again after a pause of random length, within <see cref="AtomicCounterOptions.MaxAttempts"/> and
/// <see cref="AtomicCounterOptions.MaxTime"/>. When the reply to a write is lost, the same conditional write is sent again, which can be applied once only; if it is refused and the data does not
/// tell whose write came first, the call fails with <see cref="ConnectionLossException"/> and an outcome of <see cref="RequestOutcome.Unknown"/>. It is never just added again.
/// This does not hold for a client whose <see cref="ZooKeeperOptions.WriteRetry"/> sends writes of unknown outcome again by itself.
/// </remarks>
public sealed class AtomicCounter
{
    private readonly ZooKeeperClient _zk;
    private readonly AtomicCounterOptions _options;
    private readonly CounterFormat _format;
    private readonly VersionedNode _node;
    private readonly Random _random;

    internal AtomicCounter(ZooKeeperClient zk, string path, AtomicCounterOptions options, Random? random = null)
    {
        options.Validate();
        (_zk, Path, _options, _format) = (zk, path, options with { }, options.EffectiveFormat);
        _node = new(zk, path, options.Acl);
        _random = random ?? zk.NewRandom();
    }

    /// <summary>The znode.</summary>
    public string Path { get; }

    /// <summary>Reads the value. The server in use may lag behind; call <see cref="ZooKeeperClient.SyncAsync"/> first where that matters.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The value; zero if there is no znode.</returns>
    /// <exception cref="InvalidDataException">The znode does not hold a number of this format.</exception>
    public async Task<long> GetAsync(CancellationToken cancellationToken = default) => Decode(await _node.ReadAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>Adds one.</summary>
    /// <inheritdoc cref="AddAsync"/>
    public Task<long> IncrementAsync(CancellationToken cancellationToken = default) => AddAsync(1, cancellationToken);

    /// <summary>Takes one away.</summary>
    /// <inheritdoc cref="AddAsync"/>
    public Task<long> DecrementAsync(CancellationToken cancellationToken = default) => AddAsync(-1, cancellationToken);

    /// <summary>Adds a number.</summary>
    /// <param name="delta">The number; may be negative.</param>
    /// <param name="cancellationToken">Cancels the call; it may then have been added.</param>
    /// <returns>The value after it.</returns>
    /// <exception cref="OverflowException">The sum does not fit; nothing was added.</exception>
    /// <exception cref="TimeoutException">Others were faster every time, within the limits of the options; nothing was added.</exception>
    /// <exception cref="ConnectionLossException">The reply was lost; with <see cref="RequestOutcome.Unknown"/> nobody can tell whether it was added.</exception>
    public async Task<long> AddAsync(long delta, CancellationToken cancellationToken = default) =>
        await TryAddAsync(delta, _options.MaxTime, cancellationToken).ConfigureAwait(false)
        ?? throw new TimeoutException($"{Path} was changed by others each time, in {_options.MaxAttempts} attempts or {_options.MaxTime.TotalSeconds:0.###} s. Nothing was added.");

    /// <summary>Adds a number, unless others are faster each time until the time is up or <see cref="AtomicCounterOptions.MaxAttempts"/> are made.</summary>
    /// <param name="delta">The number; may be negative.</param>
    /// <param name="timeout">How long to try; at least one attempt is made.</param>
    /// <param name="cancellationToken">Cancels the call; it may then have been added.</param>
    /// <returns>The value after it; null if nothing was added.</returns>
    /// <inheritdoc cref="AddAsync" path="/exception[not(contains(@cref, 'Timeout'))]"/>
    public async Task<long?> TryAddAsync(long delta, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
        if (delta == 0) return await GetAsync(cancellationToken).ConfigureAwait(false);
        long startedAt = _zk.TimeProvider.GetTimestamp();
        for (int attempt = 1; ; attempt++)
        {
            NodeData? seen = await _node.ReadAsync(cancellationToken).ConfigureAwait(false);
            long sum = checked(Decode(seen) + delta);
            if (await _node.TryWriteAsync(seen, _format.Write(sum), cancellationToken).ConfigureAwait(false) is not null) return sum;
            TimeSpan left = timeout - _zk.TimeProvider.GetElapsedTime(startedAt);
            if (attempt >= _options.MaxAttempts || left <= TimeSpan.Zero) return null;
            TimeSpan pause = PauseAfter(attempt);
            await Task.Delay(pause < left ? pause : left, _zk.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes a value if the counter has another, expected one.</summary>
    /// <param name="expected">The value it must have; zero also where there is no znode.</param>
    /// <param name="value">The new value.</param>
    /// <param name="cancellationToken">Cancels the call; it may then have been written.</param>
    /// <returns>False if it has another value.</returns>
    /// <inheritdoc cref="AddAsync" path="/exception[not(contains(@cref, 'Timeout'))]"/>
    public async Task<bool> CompareAndSetAsync(long expected, long value, CancellationToken cancellationToken = default)
    {
        byte[] data = _format.Write(value);
        while (true)
        {
            NodeData? seen = await _node.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (Decode(seen) != expected) return false;
            if (await _node.TryWriteAsync(seen, data, cancellationToken).ConfigureAwait(false) is not null) return true;
        }
    }

    /// <summary>Writes a value, whatever the counter has.</summary>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Cancels the call; it may then have been written.</param>
    /// <returns>Completes when it is written.</returns>
    /// <inheritdoc cref="AddAsync" path="/exception[not(contains(@cref, 'Timeout'))]"/>
    public Task SetAsync(long value, CancellationToken cancellationToken = default) => _node.WriteAsync(_format.Write(value), cancellationToken);

    /// <summary>Gives the counter its first value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Cancels the call; it may then have been written.</param>
    /// <returns>False if the counter has a znode already.</returns>
    /// <inheritdoc cref="AddAsync" path="/exception[not(contains(@cref, 'Timeout'))]"/>
    public async Task<bool> TryInitializeAsync(long value, CancellationToken cancellationToken = default) =>
        await _node.TryWriteAsync(seen: null, _format.Write(value), cancellationToken).ConfigureAwait(false) is not null;

    private long Decode(NodeData? node) => node is { } read ? _format.Read(Path, read.Data) : 0;

    private TimeSpan PauseAfter(int attempt)
    {
        double longest = Math.Min(_options.MaxBackoff.Ticks, _options.Backoff.Ticks * Math.Pow(2, Math.Min(attempt - 1, 30)));
        lock (_random) return TimeSpan.FromTicks((long)(_random.NextDouble() * longest));
    }
}
