using System.Diagnostics.CodeAnalysis;
using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi;

/// <summary>
/// Builds a transaction: its operations are applied in order, all of them or none (ZooKeeper's <c>multi</c>). Later operations see the effects of earlier ones.
/// </summary>
public sealed class Transaction
{
    private readonly ZooKeeperClient _client;
    private readonly List<MultiOperation> _operations = [];

    internal Transaction(ZooKeeperClient client) => _client = client;

    /// <summary>How many operations it has.</summary>
    public int Count => _operations.Count;

    /// <summary>Adds: the znode must exist, with a version if one is given.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="version">The version it must have; null: any.</param>
    /// <returns>This builder.</returns>
    public Transaction Check(string path, int? version = null) =>
        Add(new(OpCode.Check, _client.ToWire(path), Version: ArgumentChecks.ValidateVersion(version)));

    /// <summary>Adds: create a znode.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="data">Its data; null: none.</param>
    /// <param name="mode">What kind of znode.</param>
    /// <param name="acl">Who may do what; null: the default.</param>
    /// <param name="ttl">The time to live; for the TTL modes only.</param>
    /// <returns>This builder.</returns>
    public Transaction Create(string path, ReadOnlyMemory<byte>? data = null, CreateMode mode = CreateMode.Persistent, IReadOnlyList<Acl>? acl = null, TimeSpan? ttl = null)
    {
        CreateRequest request = _client.BuildCreate(path, data, mode, acl, ttl);
        return Add(new(request.GetOpCode(withStat: false), request.Path, request.Data, request.Acl, request.Mode, TtlMs: request.TtlMs));
    }

    /// <summary>Adds: write a znode's data.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="data">The data; null: none.</param>
    /// <param name="expectedVersion">The version it must have; null: any.</param>
    /// <returns>This builder.</returns>
    public Transaction Set(string path, ReadOnlyMemory<byte>? data, int? expectedVersion = null)
    {
        SetDataRequest request = _client.BuildSet(path, data, expectedVersion);
        return Add(new(OpCode.SetData, request.Path, request.Data, Version: request.Version));
    }

    /// <summary>Adds: delete a znode.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="expectedVersion">The version it must have; null: any.</param>
    /// <returns>This builder.</returns>
    public Transaction Delete(string path, int? expectedVersion = null) =>
        Add(new(OpCode.Delete, _client.ToWire(path), Version: ArgumentChecks.ValidateVersion(expectedVersion)));

    /// <summary>Commits.</summary>
    /// <param name="cancellationToken">Cancels the call; the transaction may then be applied or not, but never in part.</param>
    /// <returns>Each operation's result.</returns>
    /// <exception cref="TransactionFailedException">Nothing was applied; tells which operation failed, and why.</exception>
    public async Task<TransactionResult> CommitAsync(CancellationToken cancellationToken = default)
    {
        TransactionResult result = await TryCommitAsync(cancellationToken).ConfigureAwait(false);
        return result.IsCommitted ? result : throw new TransactionFailedException(result);
    }

    /// <summary>Commits, with the failure of an operation as a value.</summary>
    /// <param name="cancellationToken">Cancels the call; the transaction may then be applied or not, but never in part.</param>
    /// <returns>Whether it was committed, and each operation's result or error.</returns>
    public async Task<TransactionResult> TryCommitAsync(CancellationToken cancellationToken = default)
    {
        MultiOperation[] operations = [.. _operations];
        List<MultiResult> replies = await _client.SendAsync<MultiWriteOperation, List<MultiResult>>(new(operations), cancellationToken).ConfigureAwait(false);
        if (replies.Count != operations.Length)
            throw new ZooKeeperException(ErrorCode.MarshallingError, path: null, $"The server answered a transaction of {operations.Length} operations with {replies.Count} results.");
        return TransactionResult.Create(operations, replies) ?? throw new ZooKeeperException(ErrorCode.MarshallingError, path: null, "The server answered a transaction with errors that name no failure.");
    }

    private Transaction Add(in MultiOperation operation)
    {
        _operations.Add(operation);
        return this;
    }
}

/// <summary>What became of one operation of a transaction.</summary>
public enum OperationStatus
{
    /// <summary>It was applied.</summary>
    Applied = 0,

    /// <summary>It is the one that failed.</summary>
    Failed = 1,

    /// <summary>It came before the one that failed: it would have succeeded, and was undone.</summary>
    RolledBack = 2,

    /// <summary>It came after the one that failed: it was not tried.</summary>
    Skipped = 3,
}

/// <summary>One operation of a transaction and what became of it.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="Error">Why it failed; Ok for all others.</param>
/// <param name="Path">The path of the operation; of an applied create, with its number if it is sequential.</param>
/// <param name="Stat">A written znode's new Stat, and a created container's or TTL znode's; null otherwise.</param>
public sealed record OperationResult(OperationStatus Status, ErrorCode Error, string Path, Stat? Stat);

/// <summary>What became of a transaction.</summary>
public sealed class TransactionResult
{
    private TransactionResult(IReadOnlyList<OperationResult> operations)
    {
        Operations = operations;
        FailedIndex = operations.Select((operation, index) => (operation, index)).Where(each => each.operation.Status == OperationStatus.Failed).Select(each => (int?)each.index).FirstOrDefault();
    }

    /// <summary>Each operation's result, in order.</summary>
    public IReadOnlyList<OperationResult> Operations { get; }

    /// <summary>The operation that failed; null if all were applied.</summary>
    public int? FailedIndex { get; }

    /// <summary>Whether all operations were applied; otherwise none was.</summary>
    [MemberNotNullWhen(false, nameof(FailedIndex))]
    public bool IsCommitted => FailedIndex is null;

    internal static TransactionResult? Create(IReadOnlyList<MultiOperation> operations, IReadOnlyList<MultiResult> replies)
    {
        bool isCommitted = replies.All(reply => reply.Error == ErrorCode.Ok && reply.Type != OpCode.Error);
        // -2 marks the operations after the failed one; where the failed one itself says -2, it is the first that is not Ok.
        int failed = isCommitted ? -1 : replies.TakeWhile(reply => reply.Error == ErrorCode.Ok).Count();
        if (failed == operations.Count && !isCommitted) return null;
        var results = new OperationResult[operations.Count];
        for (int i = 0; i < results.Length; i++)
        {
            (OpCode _, WirePath path, _, _, _, _, _) = operations[i];
            OperationStatus status = isCommitted ? OperationStatus.Applied : i < failed ? OperationStatus.RolledBack : i == failed ? OperationStatus.Failed : OperationStatus.Skipped;
            string clientPath = replies[i].Path is { } created ? ChrootPaths.ToClient(created, path.Chroot) : path.Path;
            results[i] = new(status, i == failed ? replies[i].Error : ErrorCode.Ok, clientPath, replies[i].Stat);
        }

        return new(results);
    }
}

/// <summary>A transaction was not applied, because one of its operations failed.</summary>
public sealed class TransactionFailedException : ZooKeeperException
{
    internal TransactionFailedException(TransactionResult result)
        : base(Failed(result).Error, Failed(result).Path, $"The transaction was not applied: operation {result.FailedIndex} on {Failed(result).Path} failed because {Failed(result).Error.GetDescription()} ({Failed(result).Error.GetName()}).") => Result = result;

    /// <summary>What became of each operation.</summary>
    public TransactionResult Result { get; }

    private static OperationResult Failed(TransactionResult result) => result.Operations[result.FailedIndex.GetValueOrDefault()];
}
