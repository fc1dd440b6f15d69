namespace Okapi.State.Sharing;

/// <summary>Changes, from the moment on at which each enumeration begins.</summary>
internal sealed class ChangeStream<T>(Replica<T> replica, Versioned<T>? since, CancellationToken ends) : IAsyncEnumerable<StateChange>
    where T : notnull
{
    /// <summary>The reader is added here and not at the first move, so that nothing is missed in between.</summary>
    public IAsyncEnumerator<StateChange> GetAsyncEnumerator(CancellationToken cancellationToken = default) => new Enumerator(replica, replica.AddReader(since), ends, cancellationToken);

    private sealed class Enumerator : IAsyncEnumerator<StateChange>
    {
        private readonly Replica<T> _replica;
        private readonly ChangeReader _reader;
        private readonly CancellationTokenSource _stop;
        private readonly IAsyncEnumerator<StateChange> _changes;

        public Enumerator(Replica<T> replica, ChangeReader reader, CancellationToken ends, CancellationToken cancellationToken)
        {
            _replica = replica;
            _reader = reader;
            _stop = CancellationTokenSource.CreateLinkedTokenSource(ends, cancellationToken);
            _changes = reader.ReadAllAsync(_stop.Token).GetAsyncEnumerator(_stop.Token);
        }

        public StateChange Current => _changes.Current;

        public ValueTask<bool> MoveNextAsync() => _changes.MoveNextAsync();

        public async ValueTask DisposeAsync()
        {
            _replica.RemoveReader(_reader);
            await _changes.DisposeAsync().ConfigureAwait(false);
            _stop.Dispose();
        }
    }
}
