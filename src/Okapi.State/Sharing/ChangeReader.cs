using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;

namespace Okapi.State.Sharing;

/// <summary>A document, and which version it is.</summary>
internal readonly record struct StateDocument(JsonElement Json, int Version, long Zxid, long ModifiedMilliseconds)
{
    /// <summary>Whether this and that were written by the same transaction.</summary>
    public bool IsSameAs(in StateDocument other) => (Zxid, ModifiedMilliseconds) == (other.Zxid, other.ModifiedMilliseconds);

    /// <summary>What makes another document this one.</summary>
    public List<StateChange> ChangesSince(JsonElement other)
    {
        (int version, long zxid) = (Version, Zxid);
        return [.. JsonDifference.Between(other, Json).Select(change => change with { Version = version, Zxid = zxid })];
    }
}

/// <summary>
/// Changes on their way to one subscriber, in order and bounded. What does not fit is not kept; once the subscriber has read what is there, he gets the difference between what he was told and what is, so he is late but never wrong.
/// </summary>
internal sealed class ChangeReader
{
    private readonly Lock _lock = new();
    private readonly Queue<StateChange> _waiting = new();
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly int _capacity;
    private StateDocument _told;
    private StateDocument _now;

    /// <summary>A reader who is told of what follows a version.</summary>
    /// <param name="capacity">How many changes wait at most.</param>
    /// <param name="known">What he knows.</param>
    /// <param name="now">What is, or what he knows if that is newer: then he hears nothing until there is something newer still.</param>
    public ChangeReader(int capacity, StateDocument known, StateDocument now)
    {
        _capacity = capacity;
        _told = known;
        _now = now;
        if (HasGap_NeedsLock) _signal.Writer.TryWrite(true);
    }

    /// <summary>How many changes wait.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _waiting.Count;
        }
    }

    private bool HasGap_NeedsLock => !_told.IsSameAs(_now);

    /// <summary>Adds the changes that make the last version this one.</summary>
    /// <param name="last">The version before.</param>
    /// <param name="now">The new version.</param>
    /// <param name="changes">The changes.</param>
    /// <param name="goesBack">Whether it counts though it is older.</param>
    public void Post(StateDocument last, StateDocument now, List<StateChange> changes, bool goesBack)
    {
        lock (_lock)
        {
            if (now.Zxid <= _now.Zxid && !goesBack) return;
            _now = now;
            if (_told.IsSameAs(last) && _waiting.Count + changes.Count <= _capacity)
            {
                foreach (StateChange change in changes) _waiting.Enqueue(change);
                _told = now;
            }
        }

        _signal.Writer.TryWrite(true);
    }

    /// <summary>Ends the stream once what there is to tell is read.</summary>
    /// <param name="error">What the subscriber then gets; null for an ordinary end.</param>
    public void End(Exception? error) => _signal.Writer.TryComplete(error);

    public async IAsyncEnumerable<StateChange> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (StateChange change in TakeAll())
            {
                yield return change;
                cancellationToken.ThrowIfCancellationRequested();
            }

            if (HasMore()) continue;
            if (!await _signal.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)) yield break;
            _signal.Reader.TryRead(out _);
        }
    }

    private bool HasMore()
    {
        lock (_lock) return _waiting.Count > 0 || HasGap_NeedsLock;
    }

    /// <summary>Takes what waits, one by one, so that what is not read yet counts; then what did not fit.</summary>
    private IEnumerable<StateChange> TakeAll()
    {
        while (true)
        {
            StateChange? next;
            (StateDocument Told, StateDocument Now)? gap;
            lock (_lock) (next, gap) = Take_NeedsLock();
            if (next is not null) yield return next;
            else if (gap is not { } missed) yield break;
            else
                foreach (StateChange change in missed.Now.ChangesSince(missed.Told.Json)) yield return change;
        }
    }

    private (StateChange? Next, (StateDocument Told, StateDocument Now)? Gap) Take_NeedsLock()
    {
        if (_waiting.TryDequeue(out StateChange? next)) return (next, null);
        if (!HasGap_NeedsLock) return (null, null);
        (StateDocument Told, StateDocument Now) gap = (_told, _now);
        _told = _now;
        return (null, gap);
    }
}
