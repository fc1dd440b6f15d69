namespace Okapi;

/// <summary>A znode's data and Stat.</summary>
/// <param name="Data">The data; empty where the znode has none.</param>
/// <param name="Stat">The Stat.</param>
/// <param name="IsNull">Whether the znode's data is null, which ZooKeeper tells from empty.</param>
public readonly record struct NodeData(byte[] Data, Stat Stat, bool IsNull = false);

/// <summary>What a read into a caller's buffer found.</summary>
/// <param name="Length">How many bytes of data the znode has, whether they fit or not.</param>
/// <param name="Stat">The Stat.</param>
/// <param name="Fits">Whether the data is in the buffer, from its beginning. If not, the buffer is as it was, and one of <paramref name="Length"/> bytes would have done.</param>
/// <param name="IsNull">Whether the znode's data is null, which ZooKeeper tells from empty.</param>
public readonly record struct BufferedNodeData(int Length, Stat Stat, bool Fits, bool IsNull = false);

/// <summary>What a caller's decoder made of a znode's data.</summary>
/// <param name="Value">What it returned.</param>
/// <param name="Stat">The Stat.</param>
/// <typeparam name="T">The type of the value.</typeparam>
public readonly record struct DecodedNode<T>(T Value, Stat Stat);

/// <summary>Makes a value of a znode's data.</summary>
/// <param name="data">The data, only for the time of the call; empty where the znode has none.</param>
/// <param name="stat">The Stat.</param>
/// <returns>The value.</returns>
/// <typeparam name="TResult">The type of the value.</typeparam>
public delegate TResult NodeDecoder<out TResult>(ReadOnlySpan<byte> data, Stat stat);

/// <summary>Makes a value of a znode's data and something that the call was given, so that the delegate can be static and need not be made for each call.</summary>
/// <param name="data">The data, only for the time of the call; empty where the znode has none.</param>
/// <param name="stat">The Stat.</param>
/// <param name="state">What the call was given.</param>
/// <returns>The value.</returns>
/// <typeparam name="TState">The type of what the call was given.</typeparam>
/// <typeparam name="TResult">The type of the value.</typeparam>
public delegate TResult NodeDecoder<in TState, out TResult>(ReadOnlySpan<byte> data, Stat stat, TState state);

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
