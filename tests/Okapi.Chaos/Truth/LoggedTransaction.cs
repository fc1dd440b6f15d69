using Okapi.Protocol;

namespace Okapi.Chaos.Truth;

/// <summary>One change to a znode in a transaction.</summary>
/// <param name="Type">Create (of any kind), delete, setData, setACL or check.</param>
/// <param name="Path">The znode.</param>
/// <param name="Tag">The data it writes, see <see cref="Histories.DataTag"/>.</param>
/// <param name="DataLength">Its length in bytes.</param>
/// <param name="Version">The version that a setData or setACL gives; a create: the parent's count of creates.</param>
/// <param name="EphemeralOwner">What Stat says of a created znode: a session, or the marks of containers and of times to live.</param>
public readonly record struct LoggedChange(OpCode Type, string Path, string? Tag = null, int DataLength = 0, int Version = 0, long EphemeralOwner = 0);

/// <summary>One transaction of the log.</summary>
/// <param name="Session">Whose request it was.</param>
/// <param name="Cxid">The request's xid.</param>
/// <param name="Zxid">Its place in the order of all.</param>
/// <param name="TimeMs">The leader's clock.</param>
/// <param name="Type">What kind; <see cref="OpCode.Error"/> for a request that was refused.</param>
/// <param name="Error">Why it was refused; of a multi, the first operation's error.</param>
/// <param name="Changes">What it does; nothing if it was refused. A closeSession's deletes are not here: see <see cref="Closed"/>.</param>
/// <param name="Closed">The ephemeral znodes a closeSession deletes, as far as the leader knew them.</param>
public sealed record LoggedTransaction(
    long Session, int Cxid, long Zxid, long TimeMs, OpCode Type, ErrorCode Error, IReadOnlyList<LoggedChange> Changes, IReadOnlyList<string> Closed)
{
    public bool IsError => Error != ErrorCode.Ok;

    /// <summary>Whether it is a multi that failed, logged so late that the log no longer says why (see <see cref="LogFile"/>).</summary>
    public bool HasUnknownError => Type == OpCode.Multi && Error == ErrorCode.RuntimeInconsistency;

    public override string ToString() =>
        $"zxid 0x{Zxid:x} session 0x{Session:x} cxid {Cxid} {Type}{(IsError ? " " + Error : "")} {string.Join("; ", Changes.Select(each => $"{each.Type} {each.Path} {each.Tag}"))}".TrimEnd();

    /// <summary>Whether it is the same transaction as another server's copy of it.</summary>
    public bool IsSameAs(LoggedTransaction other) =>
        Session == other.Session && Cxid == other.Cxid && Zxid == other.Zxid && TimeMs == other.TimeMs && Type == other.Type
        && (Error == other.Error || (HasUnknownError && other.IsError) || (IsError && other.HasUnknownError))
        && Changes.SequenceEqual(other.Changes) && Closed.SequenceEqual(other.Closed);
}
