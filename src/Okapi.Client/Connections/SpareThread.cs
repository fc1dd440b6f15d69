namespace Okapi.Connections;

/// <summary>
/// A thread for work that waits in the kernel. When its work is done it is kept for a while for the next: starting a thread takes longer than connecting to a server near by.
/// </summary>
internal sealed class SpareThread
{
    private const int MaxSpare = 8;

    private static readonly TimeSpan Keep = TimeSpan.FromSeconds(10);
    private static readonly Stack<SpareThread> s_spare = new();

    private readonly object _gate = new();
    private Action? _work;
    private bool _isOver;

    private SpareThread(Action work) => _work = work;

    /// <summary>Runs work on a thread of its own.</summary>
    /// <param name="name">The thread's name meanwhile.</param>
    /// <param name="work">The work; it handles its own exceptions.</param>
    public static void Run(string name, Action work)
    {
        void Named()
        {
            Thread.CurrentThread.Name = name;
            work();
        }

        while (true)
        {
            SpareThread? spare;
            lock (s_spare)
            {
                if (!s_spare.TryPop(out spare)) break;
            }

            if (spare.TryGive(Named)) return;
        }

        new Thread(new SpareThread(Named).Loop) { IsBackground = true }.UnsafeStart();
    }

    /// <summary>Waits for work that blocks, without a thread of the pool.</summary>
    /// <param name="name">The thread's name meanwhile.</param>
    /// <param name="work">The work.</param>
    /// <returns>Completes with the work.</returns>
    public static Task RunAsync(string name, Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Run(name, () =>
        {
            try
            {
                work();
                done.SetResult();
            }
            catch (Exception error) // whoever waits for the task sees it
            {
                done.SetException(error);
            }
        });
        return done.Task;
    }

    private bool TryGive(Action work)
    {
        lock (_gate)
        {
            if (_isOver) return false;
            _work = work;
            Monitor.Pulse(_gate);
            return true;
        }
    }

    private void Loop()
    {
        while (TakeWork() is { } work)
        {
            work();
            lock (s_spare)
            {
                if (s_spare.Count >= MaxSpare) return;
                s_spare.Push(this);
            }
        }
    }

    private Action? TakeWork()
    {
        lock (_gate)
        {
            if (_work is null) Monitor.Wait(_gate, Keep);
            Action? work = _work;
            _work = null;
            _isOver = work is null; // whoever finds it among the spare ones takes another
            return work;
        }
    }
}
