namespace Okapi.Recipes.Nodes;

/// <summary>The giving back of what goes with its session in the end, and should not have to wait for that.</summary>
internal static class Removal
{
    /// <summary>Deletes a znode whose name nobody else ever gets. Returns as <see cref="RunAsync"/> does.</summary>
    public static Task DeleteAsync(ZooKeeperClient zk, string path) => RunAsync(zk, async () => await zk.TryDeleteAsync(path).ConfigureAwait(false));

    /// <summary>
    /// Removes by requests that do no harm when they are made again. When this returns it is removed; or there is no connection, or no server that takes writes, and it goes on in the background until one has taken it or the session is
    /// over (H58).
    /// </summary>
    public static async Task RunAsync(ZooKeeperClient zk, Func<Task> remove)
    {
        // Asked for at once, so that it comes before whatever is asked for next; but where there is no connection now, there may be none for long.
        Task first = remove();
        if (!zk.IsConnected || !await IsDoneAsync(first).ConfigureAwait(false)) Background.Leave(GoOnAsync(zk, first, remove));
    }

    private static Task GoOnAsync(ZooKeeperClient zk, Task first, Func<Task> remove)
    {
        Task? begun = first;
        return Endurance.WithinSession.AskAsync(zk, _ => Interlocked.Exchange(ref begun, null) ?? remove(), CancellationToken.None);
    }

    private static async Task<bool> IsDoneAsync(Task removing)
    {
        try
        {
            await removing.ConfigureAwait(false);
            return true;
        }
        catch (SessionEndedException)
        {
            return true;
        }
        catch (ZooKeeperException failed) when (Endurance.WithinSession.Outlasts(failed))
        {
            return false;
        }
    }
}
