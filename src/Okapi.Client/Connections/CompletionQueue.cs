using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Okapi.Requests;

namespace Okapi.Connections;

/// <summary>
/// Lets callers go on whose replies have come, in the order of the replies and never on the thread that reads them: code of theirs that blocks holds up nobody else (H28).
/// Here they go on on the thread pool, in one work item for many replies.
/// </summary>
internal class CompletionQueue(Action<IThreadPoolWorkItem> schedule) : IThreadPoolWorkItem
{
    private readonly ConcurrentQueue<PendingOperation> _ready = new();
    private int _isScheduled;

    protected bool IsEmpty => _ready.IsEmpty;

    /// <summary>Adds a request that has its result. Called by the reader.</summary>
    public void Add(PendingOperation operation) => _ready.Enqueue(operation);

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
        while (TryTake(out PendingOperation? operation))
        {
            if (!_ready.IsEmpty) Schedule(); // if this one's code blocks, another thread goes on with the others
            operation.Complete();
        }
    }

    protected bool TryTake([NotNullWhen(true)] out PendingOperation? operation) => _ready.TryDequeue(out operation);

    protected void Schedule()
    {
        if (Volatile.Read(ref _isScheduled) == 0 && Interlocked.Exchange(ref _isScheduled, 1) == 0) schedule(this);
    }
}

/// <summary>A queue for simulations, whose one thread has no user code waiting on it: callers go on at once and in place, so that a run can be repeated.</summary>
internal sealed class InlineCompletions() : CompletionQueue(static _ => { })
{
    public override void Publish()
    {
        while (TryTake(out PendingOperation? operation)) operation.Complete();
    }
}
