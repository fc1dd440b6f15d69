using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>Passes each event to every reader that is there when it happens.</summary>
/// <typeparam name="T">The events.</typeparam>
internal sealed class Broadcast<T>
{
    private readonly Lock _lock = new();
    private readonly List<EventBuffer<T>> _readers = [];
    private Func<Exception?>? _ended;
    private int _count;

    public bool HasReaders => Volatile.Read(ref _count) > 0;

    public void Post(T item, ICompletionSink sink)
    {
        lock (_lock)
        {
            foreach (EventBuffer<T> reader in _readers) reader.Post(item, sink);
        }
    }

    /// <summary>Adds a reader, which sees what is posted from now on.</summary>
    public void Add(EventBuffer<T> reader)
    {
        lock (_lock)
        {
            if (_ended is not null)
            {
                reader.End(_ended(), PoolCompletions.Instance);
                return;
            }

            _readers.Add(reader);
            _count = _readers.Count;
        }
    }

    public void Remove(EventBuffer<T> reader)
    {
        lock (_lock)
        {
            _readers.Remove(reader);
            _count = _readers.Count;
        }
    }

    /// <summary>Ends all streams, and those begun later at once.</summary>
    /// <param name="error">Makes what the readers get; an ordinary end if it makes null.</param>
    public void End(Func<Exception?> error)
    {
        lock (_lock)
        {
            _ended ??= error;
            foreach (EventBuffer<T> reader in _readers) reader.End(error(), PoolCompletions.Instance);
            _readers.Clear();
            _count = 0;
        }
    }
}
