using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Okapi.Watches;

/// <summary>
/// Events on their way to one reader, in order and bounded. When the reader is too slow the newest are dropped and a mark takes their
/// place, so the reader learns that something is missing at the point where it is missing.
/// </summary>
/// <typeparam name="T">The events.</typeparam>
internal sealed class EventBuffer<T>
{
    private readonly Lock _lock = new();
    private readonly Channel<T> _channel;
    private readonly T _mark;
    private bool _isMarked;
    private bool _isEnded;

    /// <summary>An empty buffer.</summary>
    /// <param name="capacity">How many events wait at most.</param>
    /// <param name="mark">What the reader gets in place of dropped events.</param>
    public EventBuffer(int capacity, T mark)
    {
        _mark = mark;
        _channel = Channel.CreateBounded<T>(new BoundedChannelOptions(capacity) { SingleReader = true });
    }

    /// <summary>Adds an event, or leaves a mark if there is no room.</summary>
    public void Post(T item)
    {
        lock (_lock)
        {
            // Behind a mark that was not read yet nothing needs to be kept: whoever reads the mark looks at the newest state.
            if (!_isMarked && !_isEnded && !_channel.Writer.TryWrite(item)) _isMarked = true;
        }
    }

    /// <summary>Ends the stream once what it holds is read.</summary>
    /// <param name="error">What the reader then gets; null for an ordinary end.</param>
    public void End(Exception? error)
    {
        lock (_lock)
        {
            _isEnded = true;
            _channel.Writer.TryComplete(error);
        }
    }

    public async IAsyncEnumerable<T> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            while (TryRead(out T? item)) yield return item;
            if (!await _channel.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)) yield break;
        }
    }

    /// <summary>Takes the next event or mark if there is one now.</summary>
    public bool TryRead([MaybeNullWhen(false)] out T item)
    {
        if (_channel.Reader.TryRead(out item)) return true;
        if (!TakeMark()) return false;
        item = _mark;
        return true;
    }

    private bool TakeMark()
    {
        lock (_lock)
        {
            // What is written before the mark is read first.
            if (!_isMarked || _channel.Reader.TryPeek(out _)) return false;
            _isMarked = false;
            return true;
        }
    }
}
