namespace Okapi.Recipes.Nodes;

/// <summary>What goes on while nobody waits for it.</summary>
internal static class Background
{
    /// <summary>Leaves a task to itself: that a server refuses it, or that the session is over, is of no use to anybody, or is told to whoever waits for the task as well. Whatever else it ends with stays to be seen.</summary>
    public static void Leave(Task task) => _ = UntilEndAsync(task);

    private static async Task UntilEndAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (ZooKeeperException)
        {
            // An ephemeral znode goes with its session.
        }
    }
}
