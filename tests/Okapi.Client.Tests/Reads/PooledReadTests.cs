using System.Buffers;
using Okapi.Client.Tests.Protocol;
using Okapi.Client.Tests.Sessions;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Reads;

/// <summary>Reads into pooled memory. Beside no other test: they share the pool.</summary>
[Collection<AloneCollection>]
public class PooledReadTests
{
    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(70_000)]
    public async Task The_memory_is_as_long_as_the_data(int length)
    {
        byte[]? data = length < 0 ? null : NewData(length);
        (ZooKeeperClient zk, ScriptedPeer _) = await ServeAsync(_ => data);
        await using ZooKeeperClient owned = zk;
        using PooledNodeData node = await zk.GetPooledAsync("/a").Soon();
        Assert.Equal(data ?? [], node.Memory.ToArray());
        Assert.Equal(data ?? [], node.Span.ToArray());
        Assert.Equal((Scripts.Stat(), data is null), (node.Stat, node.IsNull));
        using PooledNodeData? maybe = await zk.TryGetPooledAsync("/a").Soon();
        Assert.Equal(data ?? [], maybe!.Value.Memory.ToArray());
        using IMemoryOwner<byte> boxed = await zk.GetPooledAsync("/a").Soon();
        Assert.Equal(data ?? [], boxed.Memory.ToArray());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_znode_that_is_absent_is_an_error_or_null()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(request => connection.ReplyAsync(request, error: ErrorCode.NoNode));
        await Assert.ThrowsAsync<NoNodeException>(() => zk.GetPooledAsync("/a").Soon());
        using PooledNodeData? maybe = await zk.TryGetPooledAsync("/a").Soon();
        Assert.Null(maybe);
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(100)]
    [InlineData(5_000)]
    public async Task Memory_that_was_given_back_twice_is_not_handed_out_twice(int length)
    {
        (ZooKeeperClient zk, ScriptedPeer _) = await ServeAsync(path => [.. Enumerable.Repeat((byte)path[1], length)]);
        await using ZooKeeperClient owned = zk;
        PooledNodeData a = await zk.GetPooledAsync("/a").Soon();
        PooledNodeData copy = a;
        a.Dispose();
        a.Dispose();
        PooledNodeData b = await zk.GetPooledAsync("/b").Soon(); // most likely in the memory of the first
        copy.Dispose();
        a.Dispose();
        using PooledNodeData c = await zk.GetPooledAsync("/c").Soon();
        Assert.All(b.Memory.ToArray(), each => Assert.Equal((byte)'b', each));
        Assert.All(c.Memory.ToArray(), each => Assert.Equal((byte)'c', each));
        Assert.Throws<ObjectDisposedException>(() => a.Memory);
        Assert.Throws<ObjectDisposedException>(() => copy.Span.Length);
        Assert.Equal(Scripts.Stat(), copy.Stat);
        b.Dispose();
        Assert.Throws<ObjectDisposedException>(() => b.Memory);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task Many_threads_that_dispose_at_once_give_back_once()
    {
        (ZooKeeperClient zk, ScriptedPeer _) = await ServeAsync(_ => [1]);
        await using ZooKeeperClient owned = zk;
        for (int i = 0; i < 200; i++)
        {
            PooledNodeData node = await zk.GetPooledAsync("/a").Soon();
            Parallel.For(0, 4, _ => node.Dispose());
            using PooledNodeData first = await zk.GetPooledAsync("/a").Soon();
            using PooledNodeData second = await zk.GetPooledAsync("/a").Soon();
            Assert.False(first.Memory.Equals(second.Memory));
        }
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(100)]
    [InlineData(5_000)]
    public async Task What_is_given_back_is_wiped(int length)
    {
        (ZooKeeperClient zk, ScriptedPeer _) = await ServeAsync(_ => NewData(length));
        await using ZooKeeperClient owned = zk;
        PooledNodeData node = await zk.GetPooledAsync("/a").Soon();
        Memory<byte> memory = node.Memory;
        node.Dispose();
        Assert.Equal(new byte[length], memory.ToArray());
    }

    [Fact]
    public void Nothing_is_empty_and_can_be_disposed()
    {
        PooledNodeData nothing = default;
        Assert.True(nothing.Memory.IsEmpty);
        Assert.True(nothing.Span.IsEmpty);
        nothing.Dispose();
        nothing.Dispose();
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_call_that_is_cancelled_or_sent_again_takes_one_reply_at_most()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        using var cancellation = new CancellationTokenSource();
        Task<PooledNodeData> cancelled = zk.GetPooledAsync("/cancelled", cancellation.Token).AsTask();
        Task<PooledNodeData> kept = zk.GetPooledAsync("/kept").AsTask();
        PeerRequest first = await connection.ExpectAsync(OpCode.GetData);
        await connection.ExpectAsync(OpCode.GetData);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Soon());
        await connection.ReplyAsync(first, Scripts.Data([1]));
        connection.Close();
        PeerConnection next = await peer.AcceptSessionAsync();
        PeerRequest again = await next.ExpectAsync(OpCode.GetData);
        Assert.Equal("/kept", again.Path);
        await next.ReplyAsync(again, Scripts.Data([2]));
        using PooledNodeData node = await kept.Soon();
        Assert.Equal([2], node.Memory.ToArray());
    }

    private static async Task<(ZooKeeperClient Client, ScriptedPeer Peer)> ServeAsync(Func<string, byte[]?> data)
    {
        var peer = new ScriptedPeer { Capacity = 1 << 20 };
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        _ = connection.ServeAsync(request => connection.ReplyAsync(request, Scripts.Data(data(request.Path))));
        return (zk, peer);
    }

    private static byte[] NewData(int length) => [.. Enumerable.Range(1, length).Select(i => (byte)(i % 200))];
}
