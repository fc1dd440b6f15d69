using Okapi.Protocol;

namespace Okapi.Server.Trees;

/// <summary>What a transaction did to one znode, as watches need to know it.</summary>
/// <param name="Type">NodeCreated, NodeDeleted or NodeDataChanged; the first two change the parent's children as well.</param>
/// <param name="Acl">The znode's ACL; an event goes only to those who may read it (B113).</param>
/// <param name="ParentAcl">The parent's, for the event of its children.</param>
internal readonly record struct TreeChange(WatchedEventType Type, string Path, IReadOnlyList<Acl> Acl, IReadOnlyList<Acl> ParentAcl);

/// <summary>What came of a transaction, or of a part of one.</summary>
/// <param name="Type">The type of the transaction that was applied.</param>
/// <param name="Error">Not Ok for an <see cref="Transactions.ErrorTransaction"/> only.</param>
internal readonly record struct Outcome(OpCode Type, ErrorCode Error = ErrorCode.Ok, string? Path = null, Stat Stat = default, IReadOnlyList<Outcome>? Parts = null);
