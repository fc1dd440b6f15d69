namespace Okapi.Conformance.Tests;

public class OperationTests(Standalone standalone)
{
    [Fact]
    public async Task A_znode_is_created_read_written_and_deleted()
    {
        await using ZooKeeperClient zk = await standalone.ConnectAsync();
        string path = await zk.CreateAsync("/smoke", "one"u8.ToArray());
        Assert.Equal("/smoke", path);
        NodeData node = await zk.GetAsync(path);
        Assert.Equal("one"u8.ToArray(), node.Data);
        Stat stat = await zk.SetAsync(path, "two"u8.ToArray(), node.Stat.Version);
        Assert.Equal(1, stat.Version);
        await Assert.ThrowsAsync<BadVersionException>(() => zk.SetAsync(path, "three"u8.ToArray(), 0).AsTask());
        await using (OneShotWatch<Stat?> watch = await zk.WatchExistsAsync(path))
        {
            await zk.DeleteAsync(path);
            Assert.Equal(WatchedEventType.NodeDeleted, (await watch.Fired).Type);
        }

        Assert.Null(await zk.ExistsAsync(path));
    }

    [Fact]
    public async Task A_recursive_watch_sees_a_transaction()
    {
        await using ZooKeeperClient zk = await standalone.ConnectAsync();
        await zk.CreateAsync("/smoke2");
        await using Watch watch = await zk.WatchAsync("/smoke2", WatchMode.PersistentRecursive);
        TransactionResult result = await zk.Transaction().Create("/smoke2/a").Set("/smoke2/a", "x"u8.ToArray(), 0).Delete("/smoke2/a").CommitAsync();
        Assert.Equal(3, result.Operations.Count);
        var seen = new List<WatchedEventType>();
        await foreach (WatchedEvent each in watch)
        {
            seen.Add(each.Type);
            if (seen.Count == 3) break;
        }

        Assert.Equal([WatchedEventType.NodeCreated, WatchedEventType.NodeDataChanged, WatchedEventType.NodeDeleted], seen);
    }
}
