namespace Okapi.Recipes;

/// <summary>Options of a <see cref="DistributedQueue"/>.</summary>
public record QueueOptions : RecipeOptions
{
    /// <summary>
    /// How many entries the queue may hold; 1 or more, null: no bound. It is exact among those who set the same bound: each of them adds an entry only on top of what it has counted (a transaction that
    /// checks the version of the queue's znode, and with it that nobody else has added one). Who adds without a bound, or with Curator or kazoo, is not held back. Entries being processed count.
    /// </summary>
    public int? MaxLength { get; set; }

    /// <summary>
    /// Where entries that were received are locked, one ephemeral znode each with the entry's name, as Curator's <c>lockPath</c>; null: the queue's path with <c>-locks</c> behind it. It must not be
    /// the queue itself or below it.
    /// </summary>
    /// <remarks>For kazoo's <c>LockingQueue("/q")</c>: the queue <c>/q/entries</c> with kazoo's naming and the lock path <c>/q/taken</c>.</remarks>
    public string? LockPath { get; set; }
}
