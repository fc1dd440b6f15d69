using System.Collections.Concurrent;
using Okapi.Requests;

namespace Okapi.Connections;

/// <summary>
/// Lets callers go on whose replies have come, and readers whose events have, in the order in which they came and never on the thread that reads them: code of theirs that
/// blocks holds up nobody else (H28). Here they go on on the thread pool, in one work item for many of them.
/// </summary>
internal class CompletionQueue(Action<IThreadPoolWorkItem> schedule) : ICompletionSink, IThreadPoolWorkItem
{
    private readonly ConcurrentQueue<Ready> _ready = new();
    private int _isScheduled;

    /// <summary>The reader's own: the last event that may not be complete yet.</summary>
    private IEventCompletion? _lastEvent;

    protected bool IsEmpty => _ready.IsEmpty;

    /// <summary>Adds a request that has its result, or a stream that has an event. Called by the reader.</summary>
    public void Add(ICompletion completion)
    {
        if (_lastEvent is { IsComplete: true }) _lastEvent = null;
        _ready.Enqueue(new(completion, _lastEvent));
    }

    /// <inheritdoc/>
    public void AddEvent(IEventCompletion completion)
    {
        Add(completion);
        _lastEvent = completion;
    }

    /// <summary>Sees to it that somebody takes what was added. Called by the reader.</summary>
    public virtual void Publish()
    {
        if (!_ready.IsEmpty) Schedule();
    }

    /// <summary>Asked by whoever has submitted something that may wait a little for more: whether the queue sees to its sending.</summary>
    public virtual bool TakesFlush() => false;

    /// <summary>Nothing more is added. Called by the reader.</summary>
    public virtual void End()
    {
    }

    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Exchange(ref _isScheduled, 0); // before the queue is looked at
        while (TryTake(out Ready ready))
        {
            if (!_ready.IsEmpty) Schedule(); // if this one's code blocks, another thread goes on with the others
            ready.Complete();
        }
    }

    protected bool TryTake(out Ready ready) => _ready.TryDequeue(out ready);

    protected void Schedule()
    {
        if (Volatile.Read(ref _isScheduled) == 0 && Interlocked.Exchange(ref _isScheduled, 1) == 0) schedule(this);
    }

    /// <summary>What has come, and the event before it: when several threads take from the queue, the one that has the event may be a moment late.</summary>
    protected readonly record struct Ready(ICompletion What, IEventCompletion? After)
    {
        public void Complete()
        {
            After?.Complete();
            What.Complete();
        }
    }
}

/// <summary>A queue for simulations, whose one thread has no user code waiting on it: callers go on at once and in place, so that a run can be repeated.</summary>
internal sealed class InlineCompletions() : CompletionQueue(static _ => { })
{
    public override void Publish()
    {
        while (TryTake(out Ready ready)) ready.Complete();
    }
}
