namespace Okapi;

/// <summary>A znode's data and Stat.</summary>
/// <param name="Data">The data; empty where the znode has none.</param>
/// <param name="Stat">The Stat.</param>
/// <param name="IsNull">Whether the znode's data is null, which ZooKeeper tells from empty.</param>
public readonly record struct NodeData(byte[] Data, Stat Stat, bool IsNull = false);

/// <summary>A znode's children and Stat.</summary>
/// <param name="Names">The children's names, in no order.</param>
/// <param name="Stat">The parent's Stat.</param>
public readonly record struct NodeChildren(IReadOnlyList<string> Names, Stat Stat);

/// <summary>A znode's ACL and Stat.</summary>
/// <param name="Acl">Who may do what. Without ADMIN, the ids of the digest scheme come masked.</param>
/// <param name="Stat">The Stat; its <see cref="Stat.AclVersion"/> is what a conditional write of the ACL expects.</param>
public readonly record struct NodeAcl(IReadOnlyList<Acl> Acl, Stat Stat);

/// <summary>A new znode.</summary>
/// <param name="Path">Its path, with the number of a sequential one.</param>
/// <param name="Stat">Its Stat.</param>
public readonly record struct CreatedNode(string Path, Stat Stat);

/// <summary>How a create ended.</summary>
public enum CreateOutcome
{
    /// <summary>The znode was created.</summary>
    Created = 0,

    /// <summary>It exists already.</summary>
    NodeExists = 1,

    /// <summary>Its parent does not exist.</summary>
    NoParent = 2,

    /// <summary>Its parent is ephemeral and may not have children.</summary>
    ParentIsEphemeral = 3,
}

/// <summary>How a create ended, as a value.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Path">The new znode's path, or null.</param>
public readonly record struct CreateResult(CreateOutcome Outcome, string? Path)
{
    /// <summary>Whether the znode was created.</summary>
    public bool IsCreated => Outcome == CreateOutcome.Created;
}

/// <summary>How a delete ended.</summary>
public enum DeleteOutcome
{
    /// <summary>The znode was deleted.</summary>
    Deleted = 0,

    /// <summary>It does not exist.</summary>
    NoNode = 1,

    /// <summary>Its version is not the expected one.</summary>
    BadVersion = 2,

    /// <summary>It has children.</summary>
    NotEmpty = 3,
}

/// <summary>How a write of data ended.</summary>
public enum SetOutcome
{
    /// <summary>The data was written.</summary>
    Written = 0,

    /// <summary>The znode does not exist.</summary>
    NoNode = 1,

    /// <summary>Its version is not the expected one.</summary>
    BadVersion = 2,
}

/// <summary>How a write of data ended, as a value.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Stat">The znode's new Stat if it was written.</param>
public readonly record struct SetResult(SetOutcome Outcome, Stat Stat)
{
    /// <summary>Whether the data was written.</summary>
    public bool IsWritten => Outcome == SetOutcome.Written;
}
