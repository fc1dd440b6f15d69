using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi;

/// <summary>Builds a batch of reads that go in one request (ZooKeeper's <c>multiRead</c>, 3.6). Each has its own result or error; one that fails does not harm the others.</summary>
public sealed class ReadBatch
{
    private readonly ZooKeeperClient _client;
    private readonly List<MultiOperation> _reads = [];

    internal ReadBatch(ZooKeeperClient client) => _client = client;

    /// <summary>Adds: read a znode's data.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>This builder.</returns>
    public ReadBatch Get(string path) => Add(OpCode.GetData, path);

    /// <summary>Adds: list a znode's children.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>This builder.</returns>
    public ReadBatch GetChildren(string path) => Add(OpCode.GetChildren, path);

    /// <summary>Reads. A server without multiRead is asked one by one, in one go.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Each read's result or error, in order.</returns>
    public async Task<IReadOnlyList<BatchedRead>> ReadAsync(CancellationToken cancellationToken = default)
    {
        MultiOperation[] reads = [.. _reads];
        List<MultiResult> replies;
        try
        {
            replies = await _client.SendAsync<MultiReadOperation, List<MultiResult>>(new(reads), cancellationToken).ConfigureAwait(false);
        }
        catch (UnimplementedException)
        {
            return await ReadOneByOneAsync(reads, cancellationToken).ConfigureAwait(false);
        }

        if (replies.Count != reads.Length)
            throw new ZooKeeperException(ErrorCode.MarshallingError, path: null, $"The server answered a batch of {reads.Length} reads with {replies.Count} results.");
        return [.. replies.Select((reply, i) => new BatchedRead(
            reads[i].Path.Path,
            reply.Error,
            reply is { Error: ErrorCode.Ok, Type: OpCode.GetData } ? new NodeData(reply.Data ?? [], reply.Stat.GetValueOrDefault(), reply.Data is null) : null,
            reply.Children))];
    }

    private ReadBatch Add(OpCode type, string path)
    {
        _reads.Add(new(type, _client.ToWire(path)));
        return this;
    }

    private async Task<IReadOnlyList<BatchedRead>> ReadOneByOneAsync(MultiOperation[] reads, CancellationToken cancellationToken)
    {
        Task<BatchedRead>[] sent = [.. reads.Select(read => ReadOneAsync(read, cancellationToken))];
        return await Task.WhenAll(sent).ConfigureAwait(false);
    }

    private async Task<BatchedRead> ReadOneAsync(MultiOperation read, CancellationToken cancellationToken)
    {
        string path = read.Path.Path;
        try
        {
            return read.Type == OpCode.GetData
                ? new(path, ErrorCode.Ok, await _client.GetAsync(path, cancellationToken).ConfigureAwait(false), null)
                : new(path, ErrorCode.Ok, null, await _client.GetChildrenAsync(path, cancellationToken).ConfigureAwait(false));
        }
        catch (ZooKeeperException refused) when (refused.Code is ErrorCode.NoNode or ErrorCode.NoAuth)
        {
            return new(path, refused.Code, null, null);
        }
    }
}

/// <summary>One read of a batch.</summary>
/// <param name="Path">The znode.</param>
/// <param name="Error">Why it failed, or Ok.</param>
/// <param name="Data">The data and Stat, where data was read.</param>
/// <param name="Children">The children's names, in no order, where they were listed.</param>
public sealed record BatchedRead(string Path, ErrorCode Error, NodeData? Data, IReadOnlyList<string>? Children)
{
    /// <summary>Whether it succeeded.</summary>
    public bool IsOk => Error == ErrorCode.Ok;
}
