namespace Okapi.Recipes.Nodes;

/// <summary>Waits that end with something else than what is waited for.</summary>
internal static class Waits
{
    /// <summary>Waits for something until a time is up.</summary>
    /// <returns>What was waited for; null if the time was up first.</returns>
    public static async Task<T?> WithinAsync<T>(TimeProvider time, TimeSpan timeout, Func<CancellationToken, Task<T>> wait, CancellationToken cancellationToken)
        where T : class
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await wait(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Waits for a task, whatever comes of it, or for a token. Neither is told from the other: who waits looks for itself.</summary>
    public static async Task AnyAsync(Task task, CancellationToken one, CancellationToken other)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(one, other);
        await task.WaitAsync(linked.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
