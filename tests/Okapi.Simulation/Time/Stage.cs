namespace Okapi.Simulation.Time;

/// <summary>
/// Lets a whole system run on the thread pool's one worker: when nothing is left to do, the clock moves to the next timer. What runs when depends on nothing but what was queued before, so a run
/// can be repeated.
/// </summary>
/// <remarks>
/// The pool takes what a work item has queued for itself first, then the common queue, oldest first. The stage is a work item that goes to the end of the common queue each time; when it
/// runs and nothing is pending, the system waits for time alone.
/// </remarks>
internal sealed class Stage : IThreadPoolWorkItem
{
    private readonly VirtualTime _time;
    private readonly Task _play;
    private readonly TaskCompletionSource _over = new();
    private readonly Action? _onQuiet;
    private readonly long _maxSteps;
    private long _steps;

    private Stage(VirtualTime time, Func<Task> play, Action? onQuiet, long maxSteps)
    {
        _time = time;
        _onQuiet = onQuiet;
        _maxSteps = maxSteps;
        _play = Task.Run(play);
    }

    /// <summary>Runs a play to its end.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="play">What happens.</param>
    /// <param name="onQuiet">Is called each time the system waits for time alone, before time moves.</param>
    /// <param name="maxSteps">How many timers may fire.</param>
    /// <exception cref="StuckException">The play waits for something that will not happen.</exception>
    public static void Run(VirtualTime time, Func<Task> play, Action? onQuiet = null, long maxSteps = 2_000_000)
    {
        if (ThreadPool.ThreadCount > 1) throw new InvalidOperationException("The pool has more than one worker: nothing could be repeated.");
        // From the worker itself, so that all queueing is its own.
        var begun = new Begin(time, play, onQuiet, maxSteps);
        ThreadPool.UnsafeQueueUserWorkItem(begun, preferLocal: false);
        begun.Stage.Task.GetAwaiter().GetResult()._over.Task.GetAwaiter().GetResult();
    }

    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            if (ThreadPool.PendingWorkItemCount == 0)
            {
                if (_play.IsCompleted)
                {
                    if (_play.IsFaulted) _over.SetException(_play.Exception.InnerExceptions);
                    else _over.SetResult();
                    return;
                }

                _onQuiet?.Invoke();
                if (++_steps > _maxSteps) throw new StuckException($"The run has no end: {_steps} timers have fired, and it is {_time.Now} now.");
                if (!_time.FireNext()) throw new StuckException("The run waits for something that will never happen: no timer is set.");
            }
        }
        catch (Exception error)
        {
            _over.SetException(error);
            return;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private sealed class Begin(VirtualTime time, Func<Task> play, Action? onQuiet, long maxSteps) : IThreadPoolWorkItem
    {
        public TaskCompletionSource<Stage> Stage { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        void IThreadPoolWorkItem.Execute()
        {
            var stage = new Stage(time, play, onQuiet, maxSteps);
            ThreadPool.UnsafeQueueUserWorkItem(stage, preferLocal: false);
            Stage.SetResult(stage);
        }
    }
}

/// <summary>Nothing more will happen, or too much.</summary>
internal sealed class StuckException(string message) : Exception(message);
