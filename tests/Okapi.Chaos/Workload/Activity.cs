namespace Okapi.Chaos;

/// <summary>One thing that a client does all the time, beside others.</summary>
internal abstract class Activity
{
    /// <summary>Does it until it is told to stop, and returns when nothing of it is under way.</summary>
    public abstract Task RunAsync(CancellationToken stop);

    /// <summary>Called when no client does anything any more: what it knows in the end is written down.</summary>
    public virtual Task FinishAsync(CancellationToken limit) => Task.CompletedTask;

    /// <summary>Repeats a step, whatever a server or the network does to it.</summary>
    protected static async Task RepeatAsync(Func<Task> step, Func<TimeSpan> pause, CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(pause(), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await step();
            }
            catch (Exception e) when (e is ZooKeeperException or State.StateException or TimeoutException)
            {
                // Written down where it was met; the next try is the next step.
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
