using System.Runtime.InteropServices;
using Okapi.Requests;

namespace Okapi;

/// <summary>
/// Reads of data that allocate nothing once a program has warmed up: into a buffer of the caller's, into memory of the pool, or through a decoder of the caller's.
/// <see cref="ZooKeeperClient.GetAsync"/>, which allocates the data's array, is the simpler choice where that does not matter.
/// </summary>
public static class ZooKeeperReads
{
    /// <summary>
    /// Reads a znode's data into a buffer. Data that does not fit is not an error and not cut off: <see cref="BufferedNodeData.Fits"/> is false, the buffer is as it was, and
    /// <see cref="BufferedNodeData.Length"/> tells what it takes.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <param name="path">Its path.</param>
    /// <param name="buffer">Where the data goes. Leave it alone until the call has completed; after that, cancelled or not, the client does not touch it.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>How many bytes it has, whether they are in the buffer, and its Stat.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public static ValueTask<BufferedNodeData> GetAsync(this ZooKeeperClient client, string path, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        // Memory that is no array may belong to a MemoryManager of the caller's, which is user code and has no place on the read loop.
        return MemoryMarshal.TryGetArray(buffer, out ArraySegment<byte> array)
            ? client.SendAsync<GetIntoOperation, BufferedNodeData>(new(client.ToWire(path), array), cancellationToken)
            : DecodedRead<PooledNodeData, Memory<byte>, BufferedNodeData>.Start(client.GetPooledAsync(path, cancellationToken), buffer, static (node, buffer) => CopyTo(node, buffer));
    }

    /// <summary>Reads a znode's data into a buffer, if it exists.</summary>
    /// <inheritdoc cref="GetAsync(ZooKeeperClient, string, Memory{byte}, CancellationToken)" path="/param"/>
    /// <returns>How many bytes it has, whether they are in the buffer, and its Stat; null if it does not exist.</returns>
    public static ValueTask<BufferedNodeData?> TryGetAsync(this ZooKeeperClient client, string path, Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return MemoryMarshal.TryGetArray(buffer, out ArraySegment<byte> array)
            ? client.SendAsync<TryGetIntoOperation, BufferedNodeData?>(new(client.ToWire(path), array), cancellationToken)
            : DecodedRead<PooledNodeData?, Memory<byte>, BufferedNodeData?>.Start(client.TryGetPooledAsync(path, cancellationToken), buffer, static (found, buffer) => found is { } node ? CopyTo(node, buffer) : null);
    }

    /// <summary>Reads a znode's data into memory of a pool.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">Its path.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its data and Stat, to be disposed.</returns>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public static ValueTask<PooledNodeData> GetPooledAsync(this ZooKeeperClient client, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.SendAsync<GetPooledOperation, PooledNodeData>(new(client.ToWire(path)), cancellationToken);
    }

    /// <summary>Reads a znode's data into memory of a pool, if it exists.</summary>
    /// <inheritdoc cref="GetPooledAsync" path="/param"/>
    /// <returns>Its data and Stat, to be disposed; null if it does not exist.</returns>
    public static ValueTask<PooledNodeData?> TryGetPooledAsync(this ZooKeeperClient client, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.SendAsync<TryGetPooledOperation, PooledNodeData?>(new(client.ToWire(path)), cancellationToken);
    }

    /// <summary>Reads a znode's data through a decoder.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">Its path.</param>
    /// <param name="decode">
    /// Makes the result of the data. It runs off the connection's read loop, so one that blocks delays no other call; with the caller's <see cref="ExecutionContext"/>; and not at all if the
    /// call fails. What it throws fails this call and nothing else. The data is empty where the znode's is null; <see cref="GetPooledAsync"/> tells the two apart.
    /// </param>
    /// <param name="cancellationToken">Cancels the call; once the reply has come, it is decoded.</param>
    /// <returns>What <paramref name="decode"/> returned.</returns>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public static ValueTask<TResult> GetAsync<TResult>(this ZooKeeperClient client, string path, NodeDecoder<TResult> decode, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(decode);
        return client.GetAsync(path, decode, static (data, stat, decode) => decode(data, stat), cancellationToken);
    }

    /// <summary>Reads a znode's data through a decoder that can be static, because what it needs beside the data is handed to it.</summary>
    /// <param name="client">The client.</param>
    /// <param name="path">Its path.</param>
    /// <param name="state">Goes to <paramref name="decode"/>.</param>
    /// <param name="decode">Makes the result, as that of <see cref="GetAsync{TResult}(ZooKeeperClient, string, NodeDecoder{TResult}, CancellationToken)"/>.</param>
    /// <param name="cancellationToken">Cancels the call; once the reply has come, it is decoded.</param>
    /// <returns>What <paramref name="decode"/> returned.</returns>
    /// <typeparam name="TState">The type of <paramref name="state"/>.</typeparam>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    /// <exception cref="NoNodeException">It does not exist.</exception>
    public static ValueTask<TResult> GetAsync<TState, TResult>(this ZooKeeperClient client, string path, TState state, NodeDecoder<TState, TResult> decode, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(decode);
        return DecodedRead<PooledNodeData, (TState State, NodeDecoder<TState, TResult> Decode), TResult>.Start(
            client.GetPooledAsync(path, cancellationToken), (state, decode), static (node, with) => Decode(node, with.State, with.Decode));
    }

    /// <summary>Reads a znode's data through a decoder, if it exists.</summary>
    /// <inheritdoc cref="GetAsync{TResult}(ZooKeeperClient, string, NodeDecoder{TResult}, CancellationToken)" path="/param"/>
    /// <returns>What <paramref name="decode"/> returned, and the Stat; null if the znode does not exist.</returns>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    public static ValueTask<DecodedNode<TResult>?> TryGetAsync<TResult>(this ZooKeeperClient client, string path, NodeDecoder<TResult> decode, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(decode);
        return client.TryGetAsync(path, decode, static (data, stat, decode) => decode(data, stat), cancellationToken);
    }

    /// <summary>Reads a znode's data, if it exists, through a decoder that can be static, because what it needs beside the data is handed to it.</summary>
    /// <inheritdoc cref="GetAsync{TState, TResult}(ZooKeeperClient, string, TState, NodeDecoder{TState, TResult}, CancellationToken)" path="/param"/>
    /// <returns>What <paramref name="decode"/> returned, and the Stat; null if the znode does not exist.</returns>
    /// <typeparam name="TState">The type of <paramref name="state"/>.</typeparam>
    /// <typeparam name="TResult">The type of the result.</typeparam>
    public static ValueTask<DecodedNode<TResult>?> TryGetAsync<TState, TResult>(this ZooKeeperClient client, string path, TState state, NodeDecoder<TState, TResult> decode, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(decode);
        return DecodedRead<PooledNodeData?, (TState State, NodeDecoder<TState, TResult> Decode), DecodedNode<TResult>?>.Start(
            client.TryGetPooledAsync(path, cancellationToken), (state, decode), static (found, with) => found is { } node ? new DecodedNode<TResult>(Decode(node, with.State, with.Decode), node.Stat) : null);
    }

    private static TResult Decode<TState, TResult>(PooledNodeData node, TState state, NodeDecoder<TState, TResult> decode)
    {
        using (node) return decode(node.Span, node.Stat, state);
    }

    private static BufferedNodeData CopyTo(PooledNodeData node, Memory<byte> buffer)
    {
        using (node) return new(node.Span.Length, node.Stat, node.Span.TryCopyTo(buffer.Span), node.IsNull);
    }
}
