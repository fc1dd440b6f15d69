using System.Globalization;
using System.Text;

namespace Okapi.Conformance.Tests;

public abstract class OperationTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : OperationTests(servers);

    public sealed class OnEmbedded(Embedded servers) : OperationTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : OperationTests(servers);

    private static readonly byte[] One = "one"u8.ToArray();
    private static readonly byte[] Two = "two"u8.ToArray();

    [Theory]
    [InlineData(CreateMode.Persistent)]
    [InlineData(CreateMode.Ephemeral)]
    [InlineData(CreateMode.PersistentSequential)]
    [InlineData(CreateMode.EphemeralSequential)]
    [InlineData(CreateMode.Container)]
    [InlineData(CreateMode.PersistentWithTtl)]
    [InlineData(CreateMode.PersistentSequentialWithTtl)]
    public async Task Every_mode_creates_with_and_without_Stat(CreateMode mode)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        TimeSpan? ttl = mode.HasTtl() ? TimeSpan.FromHours(1) : null;
        string plain = await zk.CreateAsync(root + "/a", One, mode, ttl: ttl);
        CreatedNode withStat = await zk.CreateWithStatAsync(root + "/b", One, mode, ttl: ttl);
        Assert.Equal(mode.IsSequential() ? root + "/a0000000000" : root + "/a", plain);
        Assert.Equal(mode.IsSequential() ? root + "/b0000000001" : root + "/b", withStat.Path);
        NodeData read = await zk.GetAsync(withStat.Path);
        Assert.Equal(read.Stat, withStat.Stat);
        Assert.Equal(One, read.Data);
        Assert.Equal(mode.IsEphemeral() ? zk.SessionId : 0, withStat.Stat.EphemeralOwner);
        Assert.Equal((0, 0, 0, 3, 0), (read.Stat.Version, read.Stat.ChildVersion, read.Stat.AclVersion, read.Stat.DataLength, read.Stat.ChildCount));
        Assert.Equal(read.Stat.Czxid, read.Stat.Mzxid);
        Assert.Equal(read.Stat.Czxid, read.Stat.Pzxid);
        Assert.InRange(read.Stat.Created, TimeProvider.System.GetUtcNow() - TimeSpan.FromMinutes(5), TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task H37_Containers_and_TTL_znodes_are_reaped_and_others_are_not()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        TimeSpan ttl = TimeSpan.FromMilliseconds(10);
        // A container is reaped once it has had a child.
        foreach (string name in (string[])["container", "container2", "persistent"])
        {
            CreateMode mode = name == "persistent" ? CreateMode.Persistent : CreateMode.Container;
            if (name == "container2") await zk.CreateWithStatAsync($"{root}/{name}", mode: mode);
            else await zk.CreateAsync($"{root}/{name}", mode: mode);
            await zk.CreateAsync($"{root}/{name}/child");
            await zk.DeleteAsync($"{root}/{name}/child");
        }

        await zk.CreateAsync(root + "/ttl", mode: CreateMode.PersistentWithTtl, ttl: ttl);
        await zk.CreateWithStatAsync(root + "/ttl2", mode: CreateMode.PersistentWithTtl, ttl: ttl);
        await zk.CreateAsync(root + "/ttl-", mode: CreateMode.PersistentSequentialWithTtl, ttl: ttl);
        await zk.CreateAsync(root + "/long", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromMilliseconds((1L << 40) - 1));
        await zk.Transaction().Create(root + "/parent", mode: CreateMode.PersistentWithTtl, ttl: ttl).Create(root + "/parent/child").CommitAsync(); // at once, or it may be reaped in between
        await Waiting.UntilAsync(async () => (await zk.GetChildrenAsync(root)).Count <= 3, "containers and TTL znodes are reaped");
        Assert.Equal(["long", "parent", "persistent"], (await zk.GetChildrenAsync(root)).Order());
    }

    [Fact]
    public async Task Sequential_names_count_all_creates_below_the_parent_and_may_have_no_prefix()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        Assert.Equal(root + "/0000000000", await zk.CreateAsync(root + "/", mode: CreateMode.PersistentSequential));
        await zk.CreateAsync(root + "/plain");
        await zk.DeleteAsync(root + "/plain");
        await Assert.ThrowsAsync<NodeExistsException>(() => zk.CreateAsync(root + "/0000000000").AsTask());
        Assert.Equal(root + "/x-0000000002", await zk.CreateAsync(root + "/x-", mode: CreateMode.EphemeralSequential));
        Assert.Equal(root + "/élan0000000003", await zk.CreateAsync(root + "/élan", mode: CreateMode.PersistentSequential));
    }

    [Fact]
    public async Task Null_data_stays_null_and_empty_data_stays_empty()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string path = await zk.CreateAsync(root + "/a");
        await Expect(isNull: true);
        await zk.SetAsync(path, ReadOnlyMemory<byte>.Empty);
        await Expect(isNull: false);
        await zk.SetAsync(path, null);
        await Expect(isNull: true);
        await zk.Transaction().Set(path, Array.Empty<byte>()).CommitAsync();
        await Expect(isNull: false);
        await zk.Transaction().Set(path, null).CommitAsync();
        await Expect(isNull: true);

        async Task Expect(bool isNull)
        {
            NodeData node = await zk.GetAsync(path);
            Assert.Equal((isNull, 0, 0), (node.IsNull, node.Data.Length, node.Stat.DataLength));
            Assert.Equal(isNull, Assert.Single(await zk.ReadBatch().Get(path).ReadAsync()).Data!.Value.IsNull);
        }
    }

    [Fact]
    public async Task Writes_move_exactly_the_parts_of_the_Stat_that_are_theirs()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        Stat parent = (await zk.ExistsAsync(root))!.Value;
        CreatedNode node = await zk.CreateWithStatAsync(root + "/a", One);
        Stat after = (await zk.ExistsAsync(root))!.Value;
        Assert.Equal(parent with { ChildVersion = parent.ChildVersion + 1, ChildCount = 1, Pzxid = node.Stat.Czxid }, after);
        Stat set = await zk.SetAsync(node.Path, One);
        Assert.Equal(node.Stat with { Version = 1, Mzxid = set.Mzxid, ModifiedMilliseconds = set.ModifiedMilliseconds }, set);
        Assert.True(set.Mzxid > node.Stat.Mzxid);
        Stat acl = await zk.SetAclAsync(node.Path, Acl.Open);
        Assert.Equal(set with { AclVersion = 1 }, acl);
        Assert.Equal(acl, await zk.ExistsAsync(node.Path));
        Assert.True(zk.LastZxid >= set.Mzxid);
    }

    [Fact]
    public async Task Versions_guard_deletes_and_writes()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string path = await zk.CreateAsync(root + "/a", One);
        Assert.Equal(1, (await zk.SetAsync(path, Two, 0)).Version);
        BadVersionException refused = await Assert.ThrowsAsync<BadVersionException>(() => zk.SetAsync(path, One, 0).AsTask());
        Assert.Equal((ErrorCode.BadVersion, path), (refused.Code, refused.Path));
        await Assert.ThrowsAsync<BadVersionException>(() => zk.DeleteAsync(path, 0).AsTask());
        await Assert.ThrowsAsync<BadVersionException>(() => zk.SetAclAsync(path, Acl.Open, 1).AsTask());
        Assert.Equal(1, (await zk.SetAclAsync(path, Acl.Open, 0)).AclVersion);
        Assert.Equal(2, (await zk.SetAsync(path, One)).Version);
        await zk.DeleteAsync(path, 2);
        Assert.Null(await zk.ExistsAsync(path));
    }

    [Fact]
    public async Task Each_refusal_has_its_exception()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/full");
        await zk.CreateAsync(root + "/full/child");
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        (Func<Task> Call, ErrorCode Code, Type Type)[] table =
        [
            (() => zk.CreateAsync(root + "/none/a").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.CreateWithStatAsync(root + "/none/a").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.CreateAsync(root + "/full").AsTask(), ErrorCode.NodeExists, typeof(NodeExistsException)),
            (() => zk.CreateAsync("/").AsTask(), ErrorCode.NodeExists, typeof(NodeExistsException)),
            (() => zk.CreateAsync(root + "/e/a").AsTask(), ErrorCode.NoChildrenForEphemerals, typeof(NoChildrenForEphemeralsException)),
            (() => zk.CreateAsync(root + "/a", acl: [new(Permissions.All, "no-such-scheme", "x")]).AsTask(), ErrorCode.InvalidAcl, typeof(InvalidAclException)),
            (() => zk.CreateAsync(root + "/a", acl: Acl.CreatorAll).AsTask(), ErrorCode.InvalidAcl, typeof(InvalidAclException)),
            (() => zk.DeleteAsync(root + "/none").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.DeleteAsync(root + "/full").AsTask(), ErrorCode.NotEmpty, typeof(NotEmptyException)),
            (() => zk.DeleteAsync("/").AsTask(), ErrorCode.BadArguments, typeof(ZooKeeperException)),
            (() => zk.GetAsync(root + "/none").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.SetAsync(root + "/none", One).AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.GetChildrenAsync(root + "/none").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.GetChildrenWithStatAsync(root + "/none").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.GetAclAsync(root + "/none").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.SetAclAsync(root + "/none", Acl.Open).AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.GetAllChildrenNumberAsync(root + "/none").AsTask(), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.WatchDataAsync(root + "/none"), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.WatchChildrenAsync(root + "/none"), ErrorCode.NoNode, typeof(NoNodeException)),
            (() => zk.CreateAsync("/zookeeper/config/a").AsTask(), ErrorCode.NoAuth, typeof(NoAuthException)),
            (() => zk.ReconfigureAsync(leaving: [9]).AsTask(), ErrorCode.ReconfigDisabled, typeof(ZooKeeperException)),
        ];
        foreach ((Func<Task> call, ErrorCode code, Type type) in table)
        {
            ZooKeeperException refused = await Assert.ThrowsAnyAsync<ZooKeeperException>(call);
            Assert.Equal((code, type), (refused.Code, refused.GetType()));
            if (refused.Path is { } path) Assert.Contains(path, refused.Message);
            Assert.Contains(code.GetName(), refused.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task The_Try_forms_name_each_outcome()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string a = root + "/a", none = root + "/none";
        Assert.Equal(new(CreateOutcome.Created, a), await zk.TryCreateAsync(a, One));
        Assert.Equal(new(CreateOutcome.NodeExists, null), await zk.TryCreateAsync(a));
        Assert.Equal(new(CreateOutcome.NoParent, null), await zk.TryCreateAsync(none + "/a"));
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        Assert.Equal(new(CreateOutcome.ParentIsEphemeral, null), await zk.TryCreateAsync(root + "/e/a"));
        await Assert.ThrowsAsync<NoAuthException>(() => zk.TryCreateAsync("/zookeeper/config/a").AsTask());

        Assert.Equal(One, (await zk.TryGetAsync(a))!.Value.Data);
        Assert.Null(await zk.TryGetAsync(none));
        SetResult set = await zk.TrySetAsync(a, Two, 0);
        Assert.True(set.IsWritten);
        Assert.Equal(1, set.Stat.Version);
        Assert.Equal(SetOutcome.BadVersion, (await zk.TrySetAsync(a, Two, 0)).Outcome);
        Assert.Equal(SetOutcome.NoNode, (await zk.TrySetAsync(none, Two)).Outcome);
        Assert.Equal(["a", "e"], (await zk.TryGetChildrenAsync(root))!.Order());
        Assert.Null(await zk.TryGetChildrenAsync(none));
        Assert.Null(await zk.TryWatchDataAsync(none));
        Assert.Null(await zk.TryWatchChildrenAsync(none));
        await using (OneShotWatch<NodeData>? data = await zk.TryWatchDataAsync(a)) Assert.Equal(Two, data!.Value.Data);
        await using (OneShotWatch<NodeChildren>? children = await zk.TryWatchChildrenAsync(root)) Assert.Equal(2, children!.Value.Stat.ChildCount);

        Assert.Equal(DeleteOutcome.NoNode, await zk.TryDeleteAsync(none));
        Assert.Equal(DeleteOutcome.BadVersion, await zk.TryDeleteAsync(a, 0));
        Assert.Equal(DeleteOutcome.NotEmpty, await zk.TryDeleteAsync(root));
        Assert.Equal(DeleteOutcome.Deleted, await zk.TryDeleteAsync(a, 1));
    }

    [Fact]
    public async Task Children_are_listed_with_and_without_Stat_and_counted_with_all_below_them()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string[] names = [.. Enumerable.Range(0, 300).Select(i => "child-" + i.ToString(CultureInfo.InvariantCulture)).Order()];
        await Task.WhenAll(names.Select(name => zk.CreateAsync($"{root}/{name}").AsTask()));
        await zk.CreateAsync($"{root}/{names[0]}/below");
        Assert.Equal(names, (await zk.GetChildrenAsync(root)).Order());
        NodeChildren children = await zk.GetChildrenWithStatAsync(root);
        Assert.Equal(names, children.Names.Order());
        Assert.Equal(300, children.Stat.ChildCount);
        Assert.Empty(await zk.GetChildrenAsync($"{root}/{names[1]}"));
        Assert.Equal(301, await zk.GetAllChildrenNumberAsync(root));
        Assert.Equal(0, await zk.GetAllChildrenNumberAsync($"{root}/{names[1]}"));
    }

    [Fact]
    public async Task A_batch_of_reads_has_a_result_or_an_error_for_each()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string a = await zk.CreateAsync(root + "/a", One);
        await zk.CreateAsync(root + "/secret", acl: [new(Permissions.Write, "world", "anyone")]);
        IReadOnlyList<BatchedRead> reads = await zk.ReadBatch().Get(a).Get(root + "/none").GetChildren(root).GetChildren(root + "/none").Get(root + "/secret").Get(a).ReadAsync();
        Assert.Equal([ErrorCode.Ok, ErrorCode.NoNode, ErrorCode.Ok, ErrorCode.NoNode, ErrorCode.NoAuth, ErrorCode.Ok], reads.Select(read => read.Error));
        Assert.Equal([true, false, true, false, false, true], reads.Select(read => read.IsOk));
        Assert.Equal([a, root + "/none", root, root + "/none", root + "/secret", a], reads.Select(read => read.Path));
        Assert.Equal(One, reads[0].Data!.Value.Data);
        Assert.Equal(await zk.ExistsAsync(a), reads[5].Data!.Value.Stat);
        Assert.Equal(["a", "secret"], reads[2].Children!.Order());
        Assert.All(reads.Where(read => !read.IsOk), read => Assert.True(read.Data is null && read.Children is null));
        Assert.Empty(await zk.ReadBatch().ReadAsync());
    }

    [Fact]
    public async Task Sync_takes_any_path()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await zk.SyncAsync();
        await zk.SyncAsync("/no/such/path");
    }

    [Fact]
    public async Task The_client_tells_where_it_is_connected_and_with_what_session()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        Assert.Equal((SessionState.Connected, true), (zk.State, zk.IsConnected));
        Assert.Equal(servers.AddressOf(1), zk.Server!.ToString());
        Assert.NotEqual(0, zk.SessionId);
        Assert.Equal(zk.SessionId, zk.GetSessionCredentials()!.SessionId);
        Assert.Equal(TimeSpan.FromSeconds(30), zk.SessionTimeout);
        await using ZooKeeperClient hasty = await servers.ConnectAsync(new() { SessionTimeout = TimeSpan.FromMilliseconds(1) });
        Assert.Equal(TimeSpan.FromSeconds(1), hasty.SessionTimeout); // two ticks are the least that the server grants
    }

    [Fact]
    public async Task Ephemerals_are_listed_by_a_prefix_of_characters()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        foreach (string name in (string[])["app", "app2", "b"]) await zk.CreateAsync($"{root}/{name}", mode: CreateMode.Ephemeral);
        await other.CreateAsync(root + "/others", mode: CreateMode.Ephemeral);
        Assert.Equal([root + "/app", root + "/app2", root + "/b"], (await zk.GetEphemeralsAsync()).Order());
        Assert.Equal([root + "/app", root + "/app2"], (await zk.GetEphemeralsAsync(root + "/app")).Order());
        Assert.Equal(3, (await zk.GetEphemeralsAsync(root + "/")).Count); // a slash at the end keeps neighbours out
        Assert.Empty(await zk.GetEphemeralsAsync(root + "/none"));
        Assert.Equal([root + "/others"], await other.GetEphemeralsAsync());
    }

    [Fact]
    public async Task Requests_reach_the_server_in_the_order_of_the_calls()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        var sets = new List<Task<Stat>>();
        for (int i = 0; i < 5_000; i++) sets.Add(zk.SetAsync(root, Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture)), i).AsTask());
        Stat[] stats = await Task.WhenAll(sets).Soon();
        Assert.Equal(Enumerable.Range(1, 5_000), stats.Select(stat => stat.Version));
    }

    [Fact]
    public async Task H33_A_reply_over_the_limit_fails_its_call_alone()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(new() { MaxReplySize = 64 * 1024 });
        string root = await Servers.RootAsync(zk);
        await zk.CreateAsync(root + "/big", new byte[100_000]);
        ReplyTooLargeException refused = await Assert.ThrowsAsync<ReplyTooLargeException>(() => zk.GetAsync(root + "/big").AsTask());
        Assert.Equal(64 * 1024, refused.Limit);
        Assert.Equal(100_000, (await zk.ExistsAsync(root + "/big"))!.Value.DataLength);
        Assert.Equal(SessionState.Connected, zk.State);
    }
}
