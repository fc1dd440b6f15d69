namespace Okapi.Requests;

/// <summary>Something that somebody may be waiting for, and that has come.</summary>
internal interface ICompletion
{
    /// <summary>Whoever waits for it goes on within this call.</summary>
    void Complete();
}

/// <summary>An event whose task nobody may see incomplete once a later reply's is complete. Completing it again does nothing, and returns when it is complete.</summary>
internal interface IEventCompletion : ICompletion
{
    bool IsComplete { get; }
}

/// <summary>Lets those go on who wait, in order and not on the thread that adds.</summary>
internal interface ICompletionSink
{
    void Add(ICompletion completion);

    /// <summary>Adds something that is complete before whatever is added later is.</summary>
    void AddEvent(IEventCompletion completion);
}

/// <summary>Lets each go on by itself on the thread pool: for what comes seldom, and not from a connection.</summary>
/// <param name="runsInline">For simulations, whose one thread has no user code waiting on it.</param>
internal sealed class PoolCompletions(bool runsInline = false) : ICompletionSink
{
    public static PoolCompletions Instance { get; } = new();

    public void Add(ICompletion completion)
    {
        if (runsInline) completion.Complete();
        else ThreadPool.UnsafeQueueUserWorkItem(static each => each.Complete(), completion, preferLocal: false);
    }

    public void AddEvent(IEventCompletion completion) => Add(completion);
}
