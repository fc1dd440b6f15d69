namespace Okapi.Recipes.Nodes;

/// <summary>Requests that are made again after a lost connection, or by a server that takes no writes, for as long as it makes sense.</summary>
internal static class Persistence
{
    /// <summary>How long a server is left alone that takes writes by its own account, and has answered that it is read-only.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether a failure says that the connection is at fault, and not the request or the session.</summary>
    public static bool IsLoss(Exception error) => error is ConnectionLossException or RequestTimeoutException;

    /// <summary>Whether another server, or this one later, may do what this one has not.</summary>
    public static bool IsPassing(Exception error) => IsLoss(error) || error is NotReadOnlyException;

    /// <summary>Waits until what failed with <see cref="IsPassing"/> can be tried again.</summary>
    /// <exception cref="SessionEndedException">The session is over.</exception>
    public static Task WaitPassedAsync(ZooKeeperClient zk, Exception error, CancellationToken cancellationToken)
    {
        if (error is not NotReadOnlyException) return zk.WaitConnectedAsync(cancellationToken: cancellationToken);
        return zk.State == SessionState.Connected ? Task.Delay(s_pause, zk.TimeProvider, cancellationToken) : WaitWritableAsync(zk, cancellationToken);
    }

    /// <summary>Waits for a server that takes writes; at once if there is one.</summary>
    /// <exception cref="SessionEndedException">The session is over.</exception>
    public static async Task WaitWritableAsync(ZooKeeperClient zk, CancellationToken cancellationToken)
    {
        if (zk.State == SessionState.Connected) return;
        await foreach (SessionStateChange change in zk.StateChangesAsync(cancellationToken).ConfigureAwait(false))
            if (change.State == SessionState.Connected) return;
        await zk.WaitConnectedAsync(cancellationToken: cancellationToken).ConfigureAwait(false); // says why there is none
    }

    /// <summary>Reads, waiting for the next connection as often as one is lost. Asking a server to catch up with its leader counts as a write to it.</summary>
    /// <exception cref="SessionEndedException">The session is over.</exception>
    public static async Task<T> ReadAsync<T>(ZooKeeperClient zk, Func<Task<T>> read, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await read().ConfigureAwait(false);
            }
            catch (ZooKeeperException failed) when (IsPassing(failed))
            {
                await WaitPassedAsync(zk, failed, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Deletes a znode whose name nobody else ever gets. When this returns it is gone, or no server takes writes and the deletion goes on in the background until one has taken it or the session
    /// is over (H58).
    /// </summary>
    public static async Task DeleteAsync(ZooKeeperClient zk, string path)
    {
        // Asked for at once, so that it comes before whatever is asked for next; but where there is no connection now, there may be none for long.
        Task<ZooKeeperException?> deleting = TryDeleteAsync(zk, path);
        if (!zk.IsConnected || await deleting.ConfigureAwait(false) is not null) Background.Leave(DeleteInBackgroundAsync(zk, path, deleting));
    }

    private static async Task DeleteInBackgroundAsync(ZooKeeperClient zk, string path, Task<ZooKeeperException?> deleting)
    {
        while (await deleting.ConfigureAwait(false) is { } failed)
        {
            await WaitPassedAsync(zk, failed, CancellationToken.None).ConfigureAwait(false);
            deleting = TryDeleteAsync(zk, path);
        }
    }

    /// <returns>Why it has to be tried again; null if it is gone.</returns>
    private static async Task<ZooKeeperException?> TryDeleteAsync(ZooKeeperClient zk, string path)
    {
        try
        {
            await zk.TryDeleteAsync(path).ConfigureAwait(false);
            return null;
        }
        catch (SessionEndedException)
        {
            return null;
        }
        catch (ZooKeeperException failed) when (IsPassing(failed))
        {
            return failed;
        }
    }
}
