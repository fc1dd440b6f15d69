namespace Okapi.State.Sharing;

/// <summary>Requests that may be made again, made again for as long as the client lives.</summary>
internal static class Patience
{
    /// <summary>Whether a failure says that the connection is at fault, and not the request or the session.</summary>
    public static bool IsLoss(Exception error) => error is ConnectionLossException or RequestTimeoutException;

    /// <summary>Asks, and asks again on the next connection or session as often as one is lost.</summary>
    /// <exception cref="SessionEndedException">The client is over.</exception>
    public static async Task<TResult> AskAsync<TResult>(ZooKeeperClient zk, Func<Task<TResult>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (IsLoss(lost) || lost is SessionExpiredException)
            {
                await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
