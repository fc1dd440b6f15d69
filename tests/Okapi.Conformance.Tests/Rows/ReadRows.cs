using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Reads.</summary>
public abstract class ReadRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : ReadRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : ReadRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : ReadRows(fixture);

    [Theory]
    [Row("B75")]
    [InlineData("t")]
    [InlineData("/t/")]
    [InlineData("/zookeeper/")]
    [InlineData("zookeeper")]
    [InlineData("//")]
    [InlineData("/.")]
    [InlineData("/zookeeper/../zookeeper")]
    [InlineData("/\u0001")]
    [InlineData("/zookeeper\0")]
    [InlineData("\0")]
    public async Task B75_a_read_of_a_path_that_is_not_one_finds_nothing(string path)
    {
        WireClient zk = await OpenAsync();
        (await zk.ExistsAsync(path)).Is(path.Contains('\0', StringComparison.Ordinal) ? ErrorCode.BadArguments : ErrorCode.NoNode);
        (await zk.GetAsync(path)).Is(ErrorCode.NoNode);
        (await zk.ChildrenAsync(path)).Is(ErrorCode.NoNode);
        (await zk.Children2Async(path)).Is(ErrorCode.NoNode);
        (await zk.GetAclAsync(path)).Is(ErrorCode.NoNode);
        (await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path(path))).Is(ErrorCode.NoNode);
    }

    [Fact]
    [Row("B75")]
    public async Task B75_the_empty_path_is_the_roots()
    {
        WireClient zk = await OpenAsync();
        DataReply empty = (await zk.GetAsync("")).Ok(DataReply.Read), root = (await zk.GetAsync("/")).Ok(DataReply.Read);
        Assert.Equal(root.Stat.Czxid, empty.Stat.Czxid);
        Assert.Equal(0, (await zk.ExistsAsync("")).Ok(Stat.Read).Czxid);
        Assert.Contains("zookeeper", await zk.NamesAsync(""));
        Assert.Contains("zookeeper", (await zk.Children2Async("")).Ok(ChildrenReply.Read).Names);
        Assert.Equal(Acl.Open, await zk.AclAsync(""));
    }

    [Fact]
    [Row("B76")]
    public async Task B76_all_children_are_listed_once_in_whatever_order()
    {
        (WireClient zk, string root) = await StartAsync();
        string[] names = [.. Enumerable.Range(0, 100).Select(number => $"c{number:d3}")];
        foreach (string name in names) await zk.SendAsync(OpCode.Create, Body.Create($"{root}/{name}"));
        foreach (string _ in names) (await zk.ReadReplyAsync()).Ok(PathReply.Read);
        Assert.Equal(names, await zk.NamesAsync(root));
        ChildrenReply told = (await zk.Children2Async(root)).Ok(ChildrenReply.Read);
        Assert.Equal(names, told.Names.Order(StringComparer.Ordinal));
        Assert.Equal(await zk.StatAsync(root), told.Stat);
        Assert.Empty(await zk.NamesAsync(root + "/c000"));
    }

    [Fact]
    [Row("B77")]
    public async Task B77_all_descendants_are_counted_and_no_neighbour()
    {
        (WireClient zk, string root) = await StartAsync();
        async Task<int> CountAsync(string path) => (await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path(path))).Ok(CountReply.Read).Value;
        Assert.Equal(0, await CountAsync(root));
        foreach (string each in (string[])["/a", "/a/b", "/a/b/c", "/aa", "/aa/b"]) await zk.CreatedAsync(root + each);
        Assert.Equal(5, await CountAsync(root));
        Assert.Equal(2, await CountAsync(root + "/a"));
        Assert.Equal(0, await CountAsync(root + "/a/b/c"));
        (await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path(root + "/none"))).Is(ErrorCode.NoNode);
    }

    [Fact]
    [Row("B78")]
    public async Task B78_a_session_lists_its_own_ephemeral_znodes_by_a_prefix_of_their_path()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient other = await OpenAsync();
        foreach (string each in (string[])["/ep", "/ep2", "/x"]) await zk.CreatedAsync(root + each, flags: 1);
        await zk.CreatedAsync(root + "/ep-not");
        await zk.CreatedAsync(root + "/d");
        await zk.CreatedAsync(root + "/d/e", flags: 1);
        await other.CreatedAsync(root + "/ep-other", flags: 1);
        async Task<IEnumerable<string>> ListAsync(WireClient client, string? prefix) =>
            (await client.CallAsync(OpCode.GetEphemerals, Body.Path(prefix))).Ok(NamesReply.Read).Names.Order(StringComparer.Ordinal).Select(path => path[root.Length..]);
        string[] all = ["/d/e", "/ep", "/ep2", "/x"];
        Assert.Equal(["/ep", "/ep2"], await ListAsync(zk, root + "/ep"));
        Assert.Equal(all, await ListAsync(zk, root));
        Assert.Equal(all, await ListAsync(zk, "/"));
        Assert.Equal(all, await ListAsync(zk, ""));
        Assert.Equal(all, await ListAsync(zk, " / "));
        Assert.Equal(all, await ListAsync(zk, null));
        Assert.Equal(["/d/e"], await ListAsync(zk, root + "/d/"));
        Assert.Empty(await ListAsync(zk, root + "/none"));
        Assert.Empty(await ListAsync(zk, root[1..]));
        Assert.Equal(["/ep-other"], await ListAsync(other, "/"));
        Assert.Empty(await ListAsync(await OpenAsync(), "/"));
    }

    [Theory]
    [Row("B79")]
    [InlineData("/")]
    [InlineData("")]
    [InlineData("/B79/none")]
    [InlineData("no path")]
    [InlineData("/\0//")]
    public async Task B79_sync_gives_back_any_path(string path)
    {
        WireClient zk = await OpenAsync();
        Assert.Equal(path, (await zk.SyncAsync(path)).Ok(PathReply.Read).Path);
    }

    [Fact]
    [Row("B80")]
    public async Task B80_a_batch_of_reads_tells_of_each_and_leaves_no_watch()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/a", [1, 2]);
        await zk.CreatedAsync(root + "/a/b");
        long last = await zk.LastZxidAsync();
        WireReply reply = await zk.CallAsync(OpCode.MultiRead, Body.Multi(
            (OpCode.GetData, Body.Read(root + "/a", watch: true)),
            (OpCode.GetData, Body.Read(root + "/none", watch: true)),
            (OpCode.GetChildren, Body.Read(root, watch: true)),
            (OpCode.GetChildren, Body.Read(root + "/none")),
            (OpCode.GetChildren, Body.Read(root + "/a/b"))));
        Assert.True(reply.Zxid >= last);
        MultiPart[] parts = reply.Parts();
        Assert.Equal((OpCode.GetData, await zk.StatAsync(root + "/a")), (parts[0].Type, parts[0].Stat));
        Assert.Equal([1, 2], parts[0].Data!);
        Assert.Equal(new(OpCode.Error, ErrorCode.NoNode), parts[1]);
        Assert.Equal(OpCode.GetChildren, parts[2].Type);
        Assert.Equal(["a"], parts[2].Children!);
        Assert.Equal(new(OpCode.Error, ErrorCode.NoNode), parts[3]);
        Assert.Empty(parts[4].Children!);
        Assert.Equal(5, parts.Length);
        (await zk.CheckWatchesAsync(root + "/a", 3)).Is(ErrorCode.NoWatcher);
        (await zk.CheckWatchesAsync(root, 3)).Is(ErrorCode.NoWatcher);
        Assert.Empty((await zk.CallAsync(OpCode.MultiRead, Body.Multi())).Parts());
    }

    public static TheoryData<OpCode> NotReads { get; } = [OpCode.Create, OpCode.Delete, OpCode.SetData, OpCode.Check, OpCode.Exists, OpCode.GetChildren2, OpCode.SetAcl, (OpCode)99];

    [Theory]
    [Row("B80")]
    [MemberData(nameof(NotReads))]
    public async Task B80_an_operation_that_is_no_read_of_its_kind_spoils_the_whole(OpCode stranger)
    {
        (WireClient zk, string root) = await StartAsync();
        BodyWriter body = stranger switch
        {
            OpCode.Create => Body.Create(root + "/n"),
            OpCode.SetData => Body.Set(root),
            OpCode.SetAcl => Body.SetAcl(root, Acl.ReadOnly),
            OpCode.Delete or OpCode.Check => Body.Number(root, -1),
            _ => Body.Read(root),
        };
        (await zk.CallAsync(OpCode.MultiRead, Body.Multi((OpCode.GetData, Body.Read(root)), (stranger, body)))).Is(ErrorCode.MarshallingError);
        Assert.Empty(await zk.NamesAsync(root));
        Assert.Equal((0, 0), ((await zk.StatAsync(root)).Version, (await zk.StatAsync(root)).AclVersion));
    }

    [Fact]
    [Row("B80", "B88")]
    public async Task B80_B88_reads_in_a_write_transaction_spoil_the_whole()
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (OpCode read in (OpCode[])[OpCode.GetData, OpCode.GetChildren])
            (await zk.MultiAsync((OpCode.Create, Body.Create(root + "/n")), (read, Body.Read(root)))).Is(ErrorCode.MarshallingError);
        Assert.Empty(await zk.NamesAsync(root));
    }

    [Theory]
    [Row("B81")]
    [InlineData("/")]
    [InlineData("/zookeeper")]
    [InlineData("/zookeeper/quota")]
    public async Task B81_what_was_there_from_the_start_has_no_zxid_and_no_time(string path)
    {
        WireClient zk = await OpenAsync();
        Stat stat = await zk.StatAsync(path);
        Assert.Equal((0, 0, 0), (stat.Czxid, stat.CreatedMilliseconds, stat.EphemeralOwner));
        Assert.Equal(Acl.Open, await zk.AclAsync(path));
    }

    [Fact]
    [Row("B81")]
    public async Task B81_the_config_may_be_read_and_not_written()
    {
        WireClient zk = await OpenAsync();
        AclReply told = (await zk.GetAclAsync("/zookeeper/config")).Ok(AclReply.Read);
        Assert.Equal(Acl.ReadOnly, told.Acl);
        Assert.Equal((0, -1), (told.Stat.Czxid, told.Stat.AclVersion));
        (await zk.SetAclAsync("/zookeeper/config", Acl.Open)).Is(ErrorCode.NoAuth);
    }
}
