using Okapi.Recipes.Nodes;

namespace Okapi.Recipes.Membership;

/// <summary>What goes on across lost connections and, where the client opens a new session, across sessions.</summary>
internal static class Endurance
{
    /// <summary>Takes a step again and again, until it is stopped or something cannot be mended.</summary>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static async Task RepeatAsync(ZooKeeperClient zk, Func<CancellationToken, Task> step, CancellationToken stop)
    {
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            try
            {
                await step(stop).ConfigureAwait(false);
            }
            catch (ZooKeeperException error) when (IsPassing(error))
            {
                await Persistence.WaitPassedAsync(zk, error, stop).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Reads, waiting for the next connection or session as often as one is lost.</summary>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static async Task<T> ReadAsync<T>(ZooKeeperClient zk, Func<Task<T>> read, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await read().ConfigureAwait(false);
            }
            catch (ZooKeeperException error) when (IsPassing(error))
            {
                await Persistence.WaitPassedAsync(zk, error, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits for a task, whatever comes of it, or for a token. Neither is told from the other: who waits looks for itself.</summary>
    public static async Task WaitAnyAsync(Task task, CancellationToken one, CancellationToken other)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(one, other);
        await task.WaitAsync(linked.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static bool IsPassing(ZooKeeperException error) => Persistence.IsPassing(error) || error is SessionExpiredException;
}
