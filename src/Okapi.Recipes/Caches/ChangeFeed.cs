using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Okapi.Recipes.Caches;

/// <summary>The present state of a cache, and its changes for those who read them.</summary>
internal sealed class ChangeFeed
{
    private readonly Lock _lock = new();
    private readonly List<Reader> _readers = [];
    private readonly CacheSnapshot _empty;
    private CacheSnapshot _current;
    private bool _isEnded;
    private Exception? _error;

    public ChangeFeed(CacheSnapshot empty) => _empty = _current = empty;

    public CacheSnapshot Current => Volatile.Read(ref _current);

    /// <summary>Makes a state the present one.</summary>
    /// <param name="snapshot">The state.</param>
    /// <param name="changes">What leads to it from the last one.</param>
    public void Publish(CacheSnapshot snapshot, ReadOnlySpan<CacheChange> changes)
    {
        lock (_lock)
        {
            if (_isEnded) return;
            foreach (Reader reader in _readers) reader.Post(_current, changes);
            Volatile.Write(ref _current, snapshot);
        }
    }

    /// <summary>Ends all streams once they are read, and those begun later.</summary>
    public void End(Exception? error)
    {
        lock (_lock)
        {
            if (_isEnded) return;
            _isEnded = true;
            _error = error;
            foreach (Reader reader in _readers) reader.End(error);
        }
    }

    /// <summary>The state as <see cref="CacheChangeKind.Created"/> changes, <see cref="CacheChangeKind.Loaded"/>, and what changes then.</summary>
    public async IAsyncEnumerable<CacheChange> ReadAsync(int capacity, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = new Reader(capacity, _empty);
        lock (_lock)
        {
            _readers.Add(reader);
            if (_isEnded) reader.End(_error);
        }

        try
        {
            bool isLoaded = false;
            do
            {
                while (true)
                {
                    if (reader.TryRead(out CacheChange change))
                    {
                        yield return change;
                        continue;
                    }

                    if (TakeMissed(reader) is not { } missed) break;
                    foreach (CacheChange each in missed)
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        yield return each;
                    }

                    if (!isLoaded) yield return new(CacheChangeKind.Loaded, _empty.Path, null, null);
                    isLoaded = true;
                }
            }
            while (await reader.WaitAsync(cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            lock (_lock) _readers.Remove(reader);
        }
    }

    /// <summary>What a reader that is behind has missed up to now; from now on it gets changes again.</summary>
    private IEnumerable<CacheChange>? TakeMissed(Reader reader)
    {
        lock (_lock) return reader.TryCatchUp() is { } known ? Difference.Between(known.Root, _current.Root) : null;
    }

    /// <summary>
    /// Changes on their way to one reader. When there are too many it is behind: it gets none any more, and when it has read what it has, the difference between what it knows then and the present state. So the most that is
    /// kept for it is one old state.
    /// </summary>
    private sealed class Reader(int capacity, CacheSnapshot empty)
    {
        private readonly Channel<CacheChange> _changes = Channel.CreateUnbounded<CacheChange>(); // the bound is Post's
        private CacheSnapshot? _behindSince = empty;

        public void Post(CacheSnapshot before, ReadOnlySpan<CacheChange> changes)
        {
            if (_behindSince is not null) return;
            if (_changes.Reader.Count + changes.Length > capacity)
            {
                _behindSince = before;
                _changes.Writer.TryWrite(default); // wakes it; see TryRead
                return;
            }

            foreach (ref readonly CacheChange change in changes) _changes.Writer.TryWrite(change);
        }

        public void End(Exception? error) => _changes.Writer.TryComplete(error);

        public bool TryRead(out CacheChange change)
        {
            while (_changes.Reader.TryRead(out change))
                if (change.Path is not null) return true;
            return false;
        }

        public CacheSnapshot? TryCatchUp()
        {
            if (_changes.Reader.TryPeek(out CacheChange next) && next.Path is not null) return null;
            (CacheSnapshot? since, _behindSince) = (_behindSince, null);
            return since;
        }

        public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _changes.Reader.WaitToReadAsync(cancellationToken);
    }
}
