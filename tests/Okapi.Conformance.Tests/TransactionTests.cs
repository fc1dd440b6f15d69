namespace Okapi.Conformance.Tests;

public abstract class TransactionTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : TransactionTests(servers);

    public sealed class OnEmbedded(Embedded servers) : TransactionTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : TransactionTests(servers);

    public sealed class InMemory(InMemoryServer servers) : TransactionTests(servers), IClassFixture<InMemoryServer>;

    private static readonly byte[] One = "one"u8.ToArray();

    [Fact]
    public async Task All_operations_are_applied_in_order_and_later_ones_see_earlier_ones()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        Transaction transaction = zk.Transaction()
            .Create(root + "/a")
            .Set(root + "/a", One, expectedVersion: 0)
            .Check(root + "/a", version: 1)
            .Create(root + "/a/child", One)
            .Create(root + "/a/n-", mode: CreateMode.PersistentSequential)
            .Delete(root + "/a/child", expectedVersion: 0)
            .Check(root)
            .Create(root + "/e", mode: CreateMode.Ephemeral);
        Assert.Equal(8, transaction.Count);
        TransactionResult result = await transaction.CommitAsync();
        Assert.True(result.IsCommitted);
        Assert.Null(result.FailedIndex);
        Assert.All(result.Operations, each => Assert.Equal((OperationStatus.Applied, ErrorCode.Ok), (each.Status, each.Error)));
        Assert.Equal([root + "/a", root + "/a", root + "/a", root + "/a/child", root + "/a/n-0000000001", root + "/a/child", root, root + "/e"], result.Operations.Select(each => each.Path));
        Assert.Equal(1, result.Operations[1].Stat!.Value.Version);
        NodeData a = await zk.GetAsync(root + "/a");
        Assert.Equal(One, a.Data);
        Assert.Equal(["n-0000000001"], await zk.GetChildrenAsync(root + "/a"));
        // One transaction: everything has one zxid.
        Assert.Equal([a.Stat.Czxid, a.Stat.Czxid, a.Stat.Czxid], [a.Stat.Mzxid, a.Stat.Pzxid, (await zk.ExistsAsync(root + "/e"))!.Value.Czxid]);
        Assert.Equal(zk.SessionId, (await zk.ExistsAsync(root + "/e"))!.Value.EphemeralOwner);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task H36_A_failure_undoes_all_and_tells_what_became_of_each(int failing)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/a", One);
        await using Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive);
        Transaction transaction = zk.Transaction();
        for (int i = 0; i < 4; i++)
        {
            if (i == failing) transaction.Set(root + "/a", null, expectedVersion: 7);
            else if (i == 3) transaction.Create(root + "/n-", mode: CreateMode.PersistentSequential);
            else transaction.Create($"{root}/new{i}");
        }

        TransactionResult result = await transaction.TryCommitAsync();
        Assert.False(result.IsCommitted);
        Assert.Equal(failing, result.FailedIndex);
        Assert.Equal(
            Enumerable.Range(0, 4).Select(i => i < failing ? OperationStatus.RolledBack : i == failing ? OperationStatus.Failed : OperationStatus.Skipped),
            result.Operations.Select(each => each.Status));
        Assert.Equal(ErrorCode.BadVersion, result.Operations[failing].Error);
        Assert.All(result.Operations.Where((_, i) => i != failing), each => Assert.Equal(ErrorCode.Ok, each.Error));
        Assert.All(result.Operations, each => Assert.Null(each.Stat));

        TransactionFailedException refused = await Assert.ThrowsAsync<TransactionFailedException>(() => transaction.CommitAsync());
        Assert.Equal((ErrorCode.BadVersion, root + "/a", failing), (refused.Code, refused.Path, refused.Result.FailedIndex));
        Assert.Contains($"operation {failing} on {root}/a", refused.Message);
        Assert.Equal(["a"], await zk.GetChildrenAsync(root));
        Assert.Empty(await watch.DrainAsync());
        Assert.Equal(root + "/n-0000000001", await zk.CreateAsync(root + "/n-", mode: CreateMode.PersistentSequential)); // no number was used up
    }

    [Fact]
    public async Task Each_kind_of_operation_can_fail_a_transaction()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/full");
        await zk.CreateAsync(root + "/full/child");
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        (Func<Transaction, Transaction> Add, ErrorCode Code)[] table =
        [
            (t => t.Check(root + "/none"), ErrorCode.NoNode),
            (t => t.Check(root, 7), ErrorCode.BadVersion),
            (t => t.Create(root), ErrorCode.NodeExists),
            (t => t.Create(root + "/none/a"), ErrorCode.NoNode),
            (t => t.Create(root + "/e/a"), ErrorCode.NoChildrenForEphemerals),
            (t => t.Create(root + "/a", acl: Acl.CreatorAll), ErrorCode.InvalidAcl),
            (t => t.Create(root + "/none/a", mode: CreateMode.Container), ErrorCode.NoNode),
            (t => t.Create(root + "/none/a", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromHours(1)), ErrorCode.NoNode),
            (t => t.Create("/zookeeper/config/a"), ErrorCode.NoAuth),
            (t => t.Set(root + "/none", One), ErrorCode.NoNode),
            (t => t.Delete(root + "/none"), ErrorCode.NoNode),
            (t => t.Delete(root + "/full"), ErrorCode.NotEmpty),
            (t => t.Delete(root + "/full/child", 7), ErrorCode.BadVersion),
        ];
        foreach ((Func<Transaction, Transaction> add, ErrorCode code) in table)
        {
            TransactionResult result = await add(zk.Transaction().Check(root)).Check(root).TryCommitAsync();
            Assert.Equal((1, code), (result.FailedIndex, result.Operations[1].Error));
            Assert.Equal([OperationStatus.RolledBack, OperationStatus.Failed, OperationStatus.Skipped], result.Operations.Select(each => each.Status));
        }
    }

    [Fact]
    public async Task An_empty_transaction_is_committed()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        TransactionResult result = await zk.Transaction().CommitAsync();
        Assert.True(result.IsCommitted);
        Assert.Empty(result.Operations);
    }

    [Fact]
    public async Task H37_Containers_and_TTL_znodes_of_a_transaction_are_reaped()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        TimeSpan ttl = TimeSpan.FromMilliseconds(10);
        TransactionResult result = await zk.Transaction()
            .Create(root + "/container", mode: CreateMode.Container)
            .Create(root + "/container/child")
            .Delete(root + "/container/child")
            .Create(root + "/ttl", mode: CreateMode.PersistentWithTtl, ttl: ttl)
            .Create(root + "/n-", mode: CreateMode.PersistentSequentialWithTtl, ttl: ttl)
            .Create(root + "/stays")
            .CommitAsync();
        Assert.Equal([root + "/container", root + "/ttl", root + "/n-0000000002"], new[] { 0, 3, 4 }.Select(i => result.Operations[i].Path));
        await Waiting.UntilAsync(async () => (await zk.GetChildrenAsync(root)).Count <= 1, "containers and TTL znodes are reaped");
        Assert.Equal(["stays"], await zk.GetChildrenAsync(root));
    }

    [Fact]
    public async Task H41_A_transaction_below_a_chroot_has_the_callers_paths()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        ZooKeeperClient zk = whole.WithChroot(root);
        TransactionResult result = await zk.Transaction()
            .Create("/a")
            .Create("/a/n-", mode: CreateMode.EphemeralSequential)
            .Create("/c", mode: CreateMode.Container)
            .Set("/a", One, 0)
            .Check("/")
            .Create("/gone").Delete("/gone")
            .CommitAsync();
        Assert.Equal(["/a", "/a/n-0000000000", "/c", "/a", "/", "/gone", "/gone"], result.Operations.Select(each => each.Path));
        Assert.Equal(["a", "c"], (await whole.GetChildrenAsync(root)).Order());
        TransactionFailedException refused = await Assert.ThrowsAsync<TransactionFailedException>(() => zk.Transaction().Check("/a").Delete("/a").CommitAsync());
        Assert.Equal(("/a", ErrorCode.NotEmpty), (refused.Path, refused.Code));
        Assert.DoesNotContain(root, refused.Message);
    }
}
