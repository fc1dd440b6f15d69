namespace Okapi.Recipes;

/// <summary>Whose names a recipe gives its znodes; who takes part in one recipe has to agree.</summary>
public enum NodeNaming
{
    /// <summary>As Apache Curator names them, for Java's most used recipes: <c>_c_GUID-lock-0000000000</c>.</summary>
    Curator = 0,

    /// <summary>
    /// As kazoo names them, for Python's: <c>GUID__lock__0000000000</c>. Parents are persistent then, and stay behind when everybody has gone: kazoo's recipes fail when one that they have seen is deleted.
    /// </summary>
    Kazoo = 1,
}

/// <summary>What recipes have in common. Options are copied when a recipe is made.</summary>
public record RecipeOptions
{
    /// <summary>The ACL of every znode that the recipe creates, parents included; null: the client's <see cref="ZooKeeperOptions.DefaultAcl"/>.</summary>
    public IReadOnlyList<Acl>? Acl { get; set; }

    /// <summary>Whose names the znodes get; Curator's unless told otherwise.</summary>
    public NodeNaming Naming { get; set; }

    /// <summary>Called before each step of whoever waits in a line; tests stop him there.</summary>
    internal Func<Locks.LineStep, string, ValueTask>? Steps { get; set; }
}
