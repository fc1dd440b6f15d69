namespace Okapi.Recipes;

/// <summary>Dividing a set among the members of a party.</summary>
public static class ZooKeeperPartitioning
{
    /// <summary>Divides a set of items among all who do the same at the same path. Joining begins when <see cref="Recipes.SetPartitioner.PartitionsAsync"/> is read.</summary>
    /// <param name="zk">The client.</param>
    /// <param name="path">The znode below which the members and the items' locks are. Missing parents are created as containers.</param>
    /// <param name="items">The set; the same for all members. The items have names of their own, and none is empty.</param>
    /// <param name="options">Options; null: the defaults. The naming does not matter.</param>
    /// <returns>The partitioner.</returns>
    public static SetPartitioner SetPartitioner(this ZooKeeperClient zk, string path, IEnumerable<string> items, SetPartitionerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(zk);
        ZnodePath.Validate(path);
        ArgumentNullException.ThrowIfNull(items);
        string[] set = [.. items];
        if (set.Any(string.IsNullOrEmpty)) throw new ArgumentException("An item is null or empty.", nameof(items));
        return new(zk, path, [.. set.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], options ?? new());
    }
}

/// <summary>Options of a partitioner.</summary>
public sealed record SetPartitionerOptions : RecipeOptions
{
    /// <summary>This member's id, of its own among the members; their order decides who gets what. Null: a GUID.</summary>
    public string? MemberId { get; set; }
}
