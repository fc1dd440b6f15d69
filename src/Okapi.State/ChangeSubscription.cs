namespace Okapi.State;

/// <summary>A handler that is told of changes, one after another, on the thread pool.</summary>
public sealed class ChangeSubscription : IAsyncDisposable
{
    private readonly AsyncLocal<ChangeSubscription?> _telling = new();
    private readonly CancellationTokenSource _disposed = new();

    private ChangeSubscription() => Completion = Task.CompletedTask;

    /// <summary>Ends with the telling: in order when the state or this is disposed, with the handler's exception when it throws, with <see cref="SessionEndedException"/> when the client is over.</summary>
    public Task Completion { get; private set; }

    /// <summary>Ends the telling, and waits for the handler unless it is the one that calls.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync().ConfigureAwait(false);
        if (_telling.Value != this) await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    internal static ChangeSubscription Begin(Func<CancellationToken, IAsyncEnumerable<StateChange>> changes, Func<StateChange, CancellationToken, ValueTask> handler)
    {
        var subscription = new ChangeSubscription();
        CancellationToken disposed = subscription._disposed.Token;
        // Begun here, so that nothing is missed; read on the pool, since the handler is the application's.
        IAsyncEnumerator<StateChange> reading = changes(disposed).GetAsyncEnumerator(disposed);
        subscription.Completion = Task.Run(() => subscription.TellAsync(reading, handler), CancellationToken.None);
        return subscription;
    }

    private async Task TellAsync(IAsyncEnumerator<StateChange> reading, Func<StateChange, CancellationToken, ValueTask> handler)
    {
        _telling.Value = this;
        await using (reading.ConfigureAwait(false))
        {
            try
            {
                while (await reading.MoveNextAsync().ConfigureAwait(false)) await handler(reading.Current, _disposed.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_disposed.IsCancellationRequested)
            {
                // Disposed.
            }
        }
    }
}
