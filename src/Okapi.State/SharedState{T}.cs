using System.Text.Json.Serialization.Metadata;
using Okapi.State.Json;
using Okapi.State.Sharing;
using Okapi.State.Updating;

namespace Okapi.State;

/// <summary>
/// A value that many processes share. Each has a copy of it, which follows what is written anywhere; updates are exclusive and start from the newest value.
/// </summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <remarks>
/// Lies in ZooKeeper as <c>/DIR/payload</c> (JSON), <c>/DIR/listeners</c> (an ephemeral znode for each that has it open) and <c>/DIR/write_lock</c>. Properties that <typeparamref name="T"/> does not know, for example of a newer version of the
/// application, stay when it is updated. When the session ends, the state is stale until the client has a new one (<see cref="SessionRecovery.NewSession"/>), and then comes back by itself.
/// </remarks>
public sealed class SharedState<T> : IAsyncDisposable
    where T : notnull
{
    private readonly ZooKeeperClient _zk;
    private readonly StatePaths _paths;
    private readonly SharedStateOptions _options;
    private readonly PayloadFormat<T> _format;
    private readonly Replica<T> _replica;
    private readonly Payload<T> _payload;
    private readonly ListenerEntry _listener;
    private readonly Updates<T> _updates;
    private readonly CancellationTokenSource _disposed = new();
    private Task _following = Task.CompletedTask;
    private int _isDisposed;

    internal SharedState(ZooKeeperClient zk, string path, JsonTypeInfo<T> type, SharedStateOptions options)
    {
        Id = Guid.NewGuid().ToString("D");
        _zk = zk;
        _options = options;
        _paths = new(zk.Chroot, path, Id);
        _format = new(_paths, type, options.MaxRequestSize);
        _replica = new(_paths, options, zk.TimeProvider);
        _payload = new(zk, _paths, _format, _replica);
        _listener = new(zk, _paths, options.Acl);
        _updates = new(zk, _paths, options, _format, _payload, _replica, _listener, Id);
    }

    /// <summary>The name of this instance among the listeners.</summary>
    public string Id { get; }

    /// <summary>The znode that the state lies below.</summary>
    public string Path => _paths.Directory;

    /// <summary>The newest value seen, with its version. Never fails, however old it is.</summary>
    public Versioned<T> Known => _replica.Known;

    /// <summary>The version of <see cref="Known"/>.</summary>
    public int Version => _replica.Known.Version;

    /// <summary>How long ago the known value was verified: the servers had no newer one when they were asked, that long ago.</summary>
    public TimeSpan Age => _replica.Age;

    /// <summary>Why the known value is not verified now: the payload is missing or not valid, the connection or the session is lost. Null while nothing is wrong.</summary>
    public Exception? Problem => _replica.Why;

    /// <summary>How many changes the slowest subscriber has not read yet.</summary>
    public int PendingChanges => _replica.Pending;

    /// <summary>The known value, at once.</summary>
    /// <returns>The value.</returns>
    /// <exception cref="StaleStateException">It was not verified for <see cref="SharedStateOptions.MaxStaleness"/>, or the session is lost.</exception>
    public T Read() => _replica.ReadFresh();

    /// <summary>The known value, at once, however old it is.</summary>
    /// <returns>The value.</returns>
    public T ReadUnverified() => _replica.Known.Value;

    /// <summary>
    /// The newest value: compared with the server after a <c>sync</c>, and read anew if it has changed. With <see cref="SharedStateOptions.QuorumReads"/> it is proven to be not older than any write that completed before the call.
    /// </summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The value.</returns>
    /// <exception cref="StateMissingException">The payload was deleted.</exception>
    /// <exception cref="InvalidStateException">The payload cannot be read.</exception>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public async Task<T> ReadLatestAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return (await _payload.ReadLatestAsync(_options.QuorumReads, cancellationToken).ConfigureAwait(false)).Value;
    }

    /// <summary>
    /// Updates the value. The update starts from the newest value and is written only in place of it. Where it is not written nothing changes and nobody hears of it.
    /// </summary>
    /// <param name="change">Makes the new value from the newest. It gets a copy of its own. It may run again if something else was written meanwhile.</param>
    /// <param name="cancellationToken">Ends the update; once it is being written, its outcome is waited for as long as the connection lives.</param>
    /// <returns>What was written, with its version; if the update changed nothing, what is there.</returns>
    /// <exception cref="TimeoutException">The turn did not come within <see cref="SharedStateOptions.UpdateTimeout"/>.</exception>
    /// <exception cref="StateMissingException">The payload was deleted.</exception>
    /// <exception cref="InvalidStateException">The payload cannot be read, and is not overwritten.</exception>
    /// <exception cref="StateTooLargeException">The new value is too large. Nothing was sent.</exception>
    /// <exception cref="UpdateOutcomeUnknownException">The connection was lost, and whether the update was written cannot be found out.</exception>
    /// <exception cref="TransactionFailedException">The servers refused it, for want of a right for example.</exception>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    /// <exception cref="InvalidOperationException">This is called from within an update; or the function made null.</exception>
    public Task<Versioned<T>> UpdateAsync(Func<T, T> change, CancellationToken cancellationToken = default) => UpdateAsync(ToAsync(change), cancellationToken);

    /// <inheritdoc cref="UpdateAsync(Func{T, T}, CancellationToken)"/>
    public async Task<Versioned<T>> UpdateAsync(Func<T, CancellationToken, ValueTask<T>> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return await _updates.RunAsync(change, _options.UpdateTimeout, cancellationToken).ConfigureAwait(false)
            ?? throw new TimeoutException($"It was not this update's turn on {Path} within {_options.UpdateTimeout.TotalSeconds:0.###} s.");
    }

    /// <summary>Updates the value, if the turn comes in time.</summary>
    /// <param name="change">Makes the new value from the newest.</param>
    /// <param name="timeout">How long to wait for the turn.</param>
    /// <param name="cancellationToken">Ends the update.</param>
    /// <returns>What was written, with its version; null: the turn did not come in time.</returns>
    public Task<Versioned<T>?> TryUpdateAsync(Func<T, T> change, TimeSpan timeout, CancellationToken cancellationToken = default) => TryUpdateAsync(ToAsync(change), timeout, cancellationToken);

    /// <inheritdoc cref="TryUpdateAsync(Func{T, T}, TimeSpan, CancellationToken)"/>
    public Task<Versioned<T>?> TryUpdateAsync(Func<T, CancellationToken, ValueTask<T>> change, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        return _updates.RunAsync(change, timeout, cancellationToken);
    }

    /// <summary>
    /// The changes from now on, own ones and others', in the order of versions (or, when the servers have lost data, back to what they still have). Whoever hears of a change and reads sees it, or something newer. A reader that is slower than <see cref="SharedStateOptions.ChangeBufferSize"/> allows gets the
    /// difference instead, as after any gap, so that the changes, applied one after another, always lead to the state.
    /// </summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The changes; each enumeration has its own, from its beginning on. Ends when the state is disposed, and with <see cref="SessionEndedException"/> when the client is over.</returns>
    public IAsyncEnumerable<StateChange> Changes(CancellationToken cancellationToken = default) => new ChangeStream<T>(_replica, since: null, cancellationToken);

    /// <summary>The changes from a version on: first the difference between that and what is now.</summary>
    /// <param name="since">The version, for example <see cref="Known"/> of an earlier time.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The changes.</returns>
    public IAsyncEnumerable<StateChange> Changes(Versioned<T> since, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(since);
        return new ChangeStream<T>(_replica, since, cancellationToken);
    }

    /// <summary>Has a handler told of the changes from now on, one after another.</summary>
    /// <param name="handler">The handler; its token trips when the subscription is disposed. It may read and update the state.</param>
    /// <returns>The subscription; dispose it to end the telling.</returns>
    public ChangeSubscription Subscribe(Func<StateChange, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return ChangeSubscription.Begin(token => new ChangeStream<T>(_replica, since: null, token), handler);
    }

    /// <summary>Who has the state open: the ids of all instances, this one's among them.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The ids, sorted.</returns>
    public Task<IReadOnlyList<string>> GetListenersAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return Patience.AskAsync(_zk, async () => ListenerList.Sort(await _zk.TryGetChildrenAsync(_paths.Listeners, cancellationToken).ConfigureAwait(false) ?? []), cancellationToken);
    }

    /// <summary>Who has the state open: the present ids first, then the new ones at each change. Changes in quick succession can show as one.</summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The ids, sorted. Ends when the state is disposed.</returns>
    public IAsyncEnumerable<IReadOnlyList<string>> ListenersAsync(CancellationToken cancellationToken = default) => ListenerList.ReadAllAsync(_zk, _paths.Listeners, _disposed.Token, cancellationToken);

    /// <summary>
    /// Closes this instance: its entry among the listeners and its watch are gone, an update that is being written is waited for, others fail with <see cref="ObjectDisposedException"/>, streams end. The state itself stays.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await _disposed.CancelAsync().ConfigureAwait(false);
        await _updates.DisposeAsync().ConfigureAwait(false);
        await _following.ConfigureAwait(false);
        _replica.End(null);
        await _listener.DeleteAsync().ConfigureAwait(false);
    }

    internal async Task OpenAsync(T initial, CancellationToken cancellationToken)
    {
        var document = _format.Write(initial);
        byte[] data = _format.Encode(document);
        await EnsureDirectoriesAsync(cancellationToken).ConfigureAwait(false);
        // Made twice after a lost reply it is refused, and then it is read as anybody's.
        await Patience.AskAsync(_zk, async () => await _zk.TryCreateAsync(_paths.Payload, data, acl: _options.Acl, cancellationToken: cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        _replica.Begin(new(initial, Version: -1, Zxid: 0) { Document = document });
        if (_options.OnChange is { } handler) Subscribe(handler);
        await _payload.ReadLatestAsync(throughQuorum: _options.QuorumReads, cancellationToken).ConfigureAwait(false);
        await BeginAsync(cancellationToken).ConfigureAwait(false);
    }

    internal async Task ExpectAsync(CancellationToken cancellationToken)
    {
        await Patience.AskAsync(_zk, () => WaitForPayloadAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
        await EnsureDirectoriesAsync(cancellationToken).ConfigureAwait(false);
        if (_options.OnChange is { } handler) Subscribe(handler);
        await BeginAsync(cancellationToken).ConfigureAwait(false);
    }

    private static Func<T, CancellationToken, ValueTask<T>> ToAsync(Func<T, T> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return (value, _) => new(change(value));
    }

    private async Task<bool> WaitForPayloadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            PayloadWatch watch = await _payload.WatchAsync(cancellationToken).ConfigureAwait(false);
            await using (watch.Handle.ConfigureAwait(false))
            {
                if (watch.Exists) return _replica.Why is not { } invalid ? true : throw invalid;
                await watch.Fired.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>As zkstate has them: ordinary znodes, which stay.</summary>
    private async Task EnsureDirectoriesAsync(CancellationToken cancellationToken)
    {
        foreach (string path in (string[])[_paths.Listeners, _paths.WriteLock])
        {
            await Patience.AskAsync(
                _zk,
                async () =>
                {
                    await _zk.EnsurePathAsync(path, _options.Acl, cancellationToken).ConfigureAwait(false);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        await Patience.AskAsync(
            _zk,
            async () =>
            {
                await _listener.EnsureAsync(cancellationToken).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        _following = new Follower<T>(_zk, _payload, _replica, _listener, _options.CheckInterval).RunAsync(_disposed.Token);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
}
