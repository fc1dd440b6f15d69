namespace Okapi.Recipes.Nodes;

/// <summary>Reads and waits that go on after a lost connection and, with <see cref="SessionRecovery.NewSession"/>, in the next session.</summary>
internal static class AcrossSessions
{
    /// <summary>Whether what failed can go on once the client is connected again.</summary>
    public static bool CanGoOn(Exception error) => Persistence.IsLoss(error) || error is SessionExpiredException;

    /// <summary>Whether a write that failed may have been applied.</summary>
    public static bool IsInDoubt(Exception error) => error switch
    {
        ConnectionLossException loss => loss.Outcome != RequestOutcome.NotSent,
        RequestTimeoutException late => late.Outcome != RequestOutcome.NotSent,
        SessionEndedException => true,
        _ => false,
    };

    /// <summary>Whether a failure says nothing of an earlier try, which may have been applied: a refusal of the later one, such as by a server in read-only mode, is not the answer then.</summary>
    public static bool LeavesDoubt(ZooKeeperException? doubt, Exception error) => doubt is not null && error != doubt && !CanGoOn(error);

    /// <summary>Does something that may be done again, as often as it takes.</summary>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static async Task<T> RunAsync<T>(ZooKeeperClient zk, Func<CancellationToken, Task<T>> run, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await run(cancellationToken).ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (CanGoOn(lost))
            {
                await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }
    }

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
}
