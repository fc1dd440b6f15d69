namespace Okapi.Conformance.Tests;

/// <summary>The reads of data that allocate nothing tell what the plain ones tell.</summary>
public abstract class DataReadTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : DataReadTests(servers);

    public sealed class OnEmbedded(Embedded servers) : DataReadTests(servers);

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1_000_000)]
    public async Task Every_form_reads_the_same_through_a_view_as_well(int length)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        byte[]? data = length < 0 ? null : [.. Enumerable.Range(0, length).Select(i => (byte)(i % 251))];
        await zk.CreateAsync(root + "/a", data is null ? default(ReadOnlyMemory<byte>?) : data); // a null array by itself would become data that is empty
        NodeData plain = await zk.GetAsync(root + "/a");
        Assert.Equal(data ?? [], plain.Data);
        Assert.Equal(data is null, plain.IsNull);
        var buffer = new byte[plain.Data.Length];
        foreach ((ZooKeeperClient client, string path) in new[] { (zk, root + "/a"), (zk.WithChroot(root), "/a") })
        {
            Assert.Equal(new BufferedNodeData(plain.Data.Length, plain.Stat, Fits: true, plain.IsNull), await client.GetAsync(path, buffer));
            Assert.Equal(plain.Data, buffer);
            Array.Clear(buffer);
            if (length > 0) Assert.Equal(new BufferedNodeData(length, plain.Stat, Fits: false), await client.TryGetAsync(path, buffer.AsMemory(1)));
            Assert.Equal(new byte[buffer.Length], buffer);
            using (PooledNodeData pooled = await client.GetPooledAsync(path))
            {
                Assert.Equal(plain.Data, pooled.Memory.ToArray());
                Assert.Equal((plain.Stat, plain.IsNull), (pooled.Stat, pooled.IsNull));
            }

            Assert.Equal(plain.Data, await client.GetAsync(path, static (read, _) => read.ToArray()));
            DecodedNode<int>? decoded = await client.TryGetAsync(path, 5, static (read, stat, more) => read.Length + stat.DataLength + more);
            Assert.Equal(new((2 * plain.Data.Length) + 5, plain.Stat), decoded);
        }
    }

    [Fact]
    public async Task Every_form_tells_of_a_znode_that_is_absent_and_of_one_that_may_not_be_read()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string absent = root + "/absent", secret = root + "/secret";
        await zk.CreateAsync(secret, "s"u8.ToArray(), acl: [new Acl(Permissions.Admin, "world", "anyone")]);
        var buffer = new byte[10];
        await Assert.ThrowsAsync<NoNodeException>(() => zk.GetAsync(absent, buffer).AsTask());
        await Assert.ThrowsAsync<NoNodeException>(() => zk.GetPooledAsync(absent).AsTask());
        await Assert.ThrowsAsync<NoNodeException>(() => zk.GetAsync(absent, static (data, _) => data.Length).AsTask());
        Assert.Null(await zk.TryGetAsync(absent, buffer));
        Assert.Null(await zk.TryGetPooledAsync(absent));
        Assert.Null(await zk.TryGetAsync(absent, static (data, _) => data.Length));
        await Assert.ThrowsAsync<NoAuthException>(() => zk.TryGetAsync(secret, buffer).AsTask());
        await Assert.ThrowsAsync<NoAuthException>(() => zk.TryGetPooledAsync(secret).AsTask());
        await Assert.ThrowsAsync<NoAuthException>(() => zk.TryGetAsync(secret, static (data, _) => data.Length).AsTask());
        Assert.Equal(new byte[10], buffer);
    }
}
