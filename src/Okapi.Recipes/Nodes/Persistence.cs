namespace Okapi.Recipes.Nodes;

/// <summary>Requests that are made again after a lost connection, for as long as it makes sense.</summary>
internal static class Persistence
{
    /// <summary>Whether a failure says that the connection is at fault, and not the request or the session.</summary>
    public static bool IsLoss(Exception error) => error is ConnectionLossException or RequestTimeoutException;

    /// <summary>Reads, waiting for the next connection as often as one is lost.</summary>
    /// <exception cref="SessionEndedException">The session is over.</exception>
    public static async Task<T> ReadAsync<T>(ZooKeeperClient zk, Func<Task<T>> read, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await read().ConfigureAwait(false);
            }
            catch (ZooKeeperException lost) when (IsLoss(lost))
            {
                await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Deletes a znode whose name nobody else ever gets. When this returns it is gone, or the connection is and the deletion goes on in the background until a server has taken it or the session
    /// is over (H58).
    /// </summary>
    public static async Task DeleteAsync(ZooKeeperClient zk, string path)
    {
        // Asked for at once, so that it comes before whatever is asked for next; but where there is no connection now, there may be none for long.
        Task<bool> deleting = TryDeleteAsync(zk, path);
        if (!zk.IsConnected || !await deleting.ConfigureAwait(false)) _ = DeleteInBackgroundAsync(zk, path, deleting);
    }

    private static async Task DeleteInBackgroundAsync(ZooKeeperClient zk, string path, Task<bool> deleting)
    {
        try
        {
            while (!await deleting.ConfigureAwait(false))
            {
                await zk.WaitConnectedAsync().ConfigureAwait(false);
                deleting = TryDeleteAsync(zk, path);
            }
        }
        catch (SessionEndedException)
        {
            // An ephemeral znode has gone with the session.
        }
    }

    /// <returns>False if the connection was lost.</returns>
    private static async Task<bool> TryDeleteAsync(ZooKeeperClient zk, string path)
    {
        try
        {
            await zk.TryDeleteAsync(path).ConfigureAwait(false);
            return true;
        }
        catch (SessionEndedException)
        {
            return true;
        }
        catch (ZooKeeperException lost) when (IsLoss(lost))
        {
            return false;
        }
    }
}
