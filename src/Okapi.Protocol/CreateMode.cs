namespace Okapi;

/// <summary>What kind of znode to create. The numbers are the wire's flags.</summary>
public enum CreateMode
{
    /// <summary>Stays until somebody deletes it.</summary>
    Persistent = 0,

    /// <summary>Goes when the session that made it ends. May not have children.</summary>
    Ephemeral = 1,

    /// <summary>Stays, and its name ends in ten digits that count up within the parent.</summary>
    PersistentSequential = 2,

    /// <summary>Goes with the session, and its name ends in ten digits that count up within the parent.</summary>
    EphemeralSequential = 3,

    /// <summary>The server deletes it some time after its last child went (3.5.3).</summary>
    Container = 4,

    /// <summary>The server deletes it when it has no children and was not changed for its time to live (3.5.3; servers need <c>extendedTypesEnabled</c>).</summary>
    PersistentWithTtl = 5,

    /// <summary>As <see cref="PersistentWithTtl"/>, and its name ends in ten digits that count up within the parent.</summary>
    PersistentSequentialWithTtl = 6,
}

/// <summary>Questions to a <see cref="CreateMode"/>.</summary>
public static class CreateModes
{
    /// <summary>Whether the server appends ten digits to the name.</summary>
    /// <param name="mode">The mode.</param>
    /// <returns>True for the sequential modes.</returns>
    public static bool IsSequential(this CreateMode mode) =>
        mode is CreateMode.PersistentSequential or CreateMode.EphemeralSequential or CreateMode.PersistentSequentialWithTtl;

    /// <summary>Whether the znode goes with its session.</summary>
    /// <param name="mode">The mode.</param>
    /// <returns>True for the ephemeral modes.</returns>
    public static bool IsEphemeral(this CreateMode mode) => mode is CreateMode.Ephemeral or CreateMode.EphemeralSequential;

    /// <summary>Whether the znode has a time to live.</summary>
    /// <param name="mode">The mode.</param>
    /// <returns>True for the TTL modes.</returns>
    public static bool HasTtl(this CreateMode mode) => mode is CreateMode.PersistentWithTtl or CreateMode.PersistentSequentialWithTtl;
}
