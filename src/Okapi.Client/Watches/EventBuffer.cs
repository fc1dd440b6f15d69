using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>
/// Events on their way to one reader, in order and bounded. When the reader is too slow the newest are dropped and a mark takes their
/// place, so the reader learns that something is missing at the point where it is missing.
/// </summary>
/// <remarks>Holds no room for events until there are some: there is one of these for each persistent watch.</remarks>
/// <typeparam name="T">The events.</typeparam>
/// <param name="capacity">How many events wait at most.</param>
/// <param name="mark">What the reader gets in place of dropped events.</param>
internal sealed class EventBuffer<T>(int capacity, T mark)
{
    private readonly Queue<T> _items = new(); // its monitor guards the fields, too: a Lock of its own would be a sixth of an idle watch
    private Arrival? _arrival;
    private Exception? _error;
    private bool _isMarked;
    private bool _isEnded;

    /// <summary>Adds an event, or leaves a mark if there is no room.</summary>
    /// <param name="item">The event.</param>
    /// <param name="sink">Wakes the reader, if it waits.</param>
    public void Post(T item, ICompletionSink sink)
    {
        lock (_items)
        {
            // Behind a mark that was not read yet nothing needs to be kept: whoever reads the mark looks at the newest state.
            if (_isMarked || _isEnded) return;
            if (_items.Count < capacity) _items.Enqueue(item);
            else _isMarked = true;
            WakeReader_NeedsLock(sink);
        }
    }

    /// <summary>Ends the stream once what it holds is read.</summary>
    /// <param name="error">What the reader then gets; null for an ordinary end.</param>
    /// <param name="sink">Wakes the reader, if it waits.</param>
    public void End(Exception? error, ICompletionSink sink)
    {
        lock (_items)
        {
            if (_isEnded) return;
            _isEnded = true;
            _error = error;
            WakeReader_NeedsLock(sink);
        }
    }

    public async IAsyncEnumerable<T> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            while (TryRead(out T? item)) yield return item;
            if (IsOver()) yield break;
            await WhenAnyArrives().WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the next event or mark if there is one now.</summary>
    public bool TryRead([MaybeNullWhen(false)] out T item)
    {
        lock (_items)
        {
            if (_items.TryDequeue(out item)) return true;
            if (!_isMarked) return false;
            _isMarked = false;
            item = mark;
            return true;
        }
    }

    /// <summary>Whether everything is read that will ever come. Throws what the stream ended with.</summary>
    private bool IsOver()
    {
        lock (_items)
        {
            if (!_isEnded || HasMore_NeedsLock) return false;
            if (_error is not null) ExceptionDispatchInfo.Throw(_error);
            return true;
        }
    }

    private Task WhenAnyArrives()
    {
        lock (_items)
        {
            if (_isEnded || HasMore_NeedsLock) return Task.CompletedTask;
            _arrival ??= new();
            return _arrival.Task;
        }
    }

    private bool HasMore_NeedsLock => _items.Count > 0 || _isMarked;

    /// <summary>A reader that waits is woken once, however many events there are when it looks. It runs elsewhere.</summary>
    private void WakeReader_NeedsLock(ICompletionSink sink)
    {
        if (_arrival is null) return;
        sink.Add(_arrival);
        _arrival = null;
    }

    private sealed class Arrival : TaskCompletionSource, ICompletion
    {
        public void Complete() => TrySetResult();
    }
}
