using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What a znode is like once it has been created, by mode and by opcode.</summary>
public abstract class CreatedNodeRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : CreatedNodeRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : CreatedNodeRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : CreatedNodeRows(fixture);

    [Theory]
    [Row("B41")]
    [InlineData(OpCode.Create2, 0)]
    [InlineData(OpCode.Create2, 1)]
    [InlineData(OpCode.Create2, 2)]
    [InlineData(OpCode.CreateContainer, 4)]
    [InlineData(OpCode.CreateTtl, 5)]
    public async Task B41_a_new_znode_has_the_zxid_and_the_time_of_its_create_everywhere(OpCode create, int flags)
    {
        (WireClient zk, string root) = await StartAsync();
        WireReply reply = await zk.CallAsync(create, Body.Create(root + "/new", [1, 2, 3], flags: flags, ttlMs: create == OpCode.CreateTtl ? 100_000 : null));
        (string path, Stat told) = reply.Ok(CreateReply.Read);
        Stat stat = await zk.StatAsync(path);
        Assert.Equal(told, stat);
        Stat parent = await zk.StatAsync(root);
        Assert.Equal(new Stat(reply.Zxid, reply.Zxid, stat.CreatedMilliseconds, stat.CreatedMilliseconds, 0, 0, 0, flags == 1 ? zk.SessionId : 0, 3, 0, reply.Zxid), stat);
        Assert.InRange(stat.CreatedMilliseconds, parent.CreatedMilliseconds, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + 1);
    }

    [Fact]
    [Row("B42")]
    public async Task B42_a_create_moves_the_parents_pzxid_and_cversion_and_nothing_above()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/parent");
        Stat grandparent = await zk.StatAsync(root), parent = await zk.StatAsync(root + "/parent");
        WireReply reply = await zk.CreateAsync(root + "/parent/child");
        Assert.Equal(parent with { Pzxid = reply.Zxid, ChildVersion = 1, ChildCount = 1 }, await zk.StatAsync(root + "/parent"));
        Assert.Equal(grandparent, await zk.StatAsync(root));
    }

    [Theory]
    [Row("B43")]
    [InlineData(null, 0)]
    [InlineData(new byte[0], 0)]
    [InlineData(new byte[] { 0 }, 1)]
    public async Task B43_null_data_is_not_empty_data(byte[]? data, int length)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", data);
        DataReply read = (await zk.GetAsync(root + "/n")).Ok(DataReply.Read);
        Assert.Equal(data, read.Data);
        Assert.Equal(length, read.Stat.DataLength);

        // The same for a write, from something else to it.
        await zk.CreatedAsync(root + "/m", [7, 7]);
        Assert.Equal(length, (await zk.SetAsync(root + "/m", data)).Ok(Stat.Read).DataLength);
        Assert.Equal(data, await zk.DataAsync(root + "/m"));
        MultiPart[] batch = (await zk.CallAsync(OpCode.MultiRead, Body.Multi((OpCode.GetData, Body.Read(root + "/m"))))).Parts();
        Assert.Equal(data, batch[0].Data);
    }

    [Fact]
    [Row("B44")]
    public async Task B44_only_an_ephemeral_znode_tells_an_owner()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/ephemeral", flags: 1);
        string sequential = await zk.CreatedAsync(root + "/es-", flags: 3);
        (await zk.CreateContainerAsync(root + "/container")).Ok(CreateReply.Read);
        (await zk.CreateTtlAsync(root + "/ttl", 100_000)).Ok(CreateReply.Read);
        WireClient other = await OpenAsync();
        async Task<long> OwnerAsync(string path) => (await other.StatAsync(path)).EphemeralOwner;
        Assert.Equal(zk.SessionId, await OwnerAsync(root + "/ephemeral"));
        Assert.Equal(zk.SessionId, await OwnerAsync(sequential));
        Assert.Equal(0, await OwnerAsync(root));
        Assert.Equal(0, await OwnerAsync(root + "/container"));
        Assert.Equal(0, await OwnerAsync(root + "/ttl"));
    }

    [Fact]
    [Row("B45")]
    public async Task B45_the_opcode_makes_a_container_and_not_the_flag()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.AddWatchAsync(root, 1);
        (await zk.Create2Async(root + "/flag", flags: 4)).Ok(CreateReply.Read);
        (await zk.CreateAsync(root + "/flag1", flags: 4)).Ok(PathReply.Read);
        (await zk.CreateContainerAsync(root + "/opcode", flags: 0)).Ok(CreateReply.Read);
        foreach (string name in (string[])["/flag", "/flag1", "/opcode"])
        {
            await zk.CreatedAsync($"{root}{name}/child");
            (await zk.DeleteAsync($"{root}{name}/child")).Ok();
        }

        // Two rounds of the reaper: the first may have met the others before they were empty.
        await zk.UntilEventAsync("Deleted /opcode", root);
        (await zk.CreateContainerAsync(root + "/second")).Ok(CreateReply.Read);
        await zk.CreatedAsync(root + "/second/child");
        (await zk.DeleteAsync(root + "/second/child")).Ok();
        await zk.UntilEventAsync("Deleted /second", root);
        Assert.Equal(["flag", "flag1"], await zk.NamesAsync(root));
    }

    [Fact]
    [Row("B45")]
    public async Task B45_a_container_may_be_sequential()
    {
        (WireClient zk, string root) = await StartAsync();
        Assert.Equal(root + "/c-0000000000", (await zk.CreateContainerAsync(root + "/c-", flags: 2)).Ok(CreateReply.Read).Path);
    }

    [Theory]
    [Row("B45")]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(99)]
    [InlineData(-1)]
    public async Task B45_a_create_does_not_take_every_flag(int flags)
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.CreateAsync(root + "/n", flags: flags)).Is(ErrorCode.BadArguments);
        (await zk.Create2Async(root + "/n", flags: flags)).Is(ErrorCode.BadArguments);
        (await zk.CreateContainerAsync(root + "/n", flags)).Is(ErrorCode.BadArguments);
        Assert.False(await zk.IsThereAsync(root + "/n"));
    }

    [Fact]
    [Row("B46")]
    public async Task B46_an_ephemeral_znode_has_no_children_and_every_other_may_have_ephemeral_ones()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/e", flags: 1);
        foreach (int flags in (int[])[0, 1, 2, 3]) (await zk.CreateAsync(root + "/e/c", flags: flags)).Is(ErrorCode.NoChildrenForEphemerals);
        (await zk.CreateContainerAsync(root + "/e/c")).Is(ErrorCode.NoChildrenForEphemerals);
        (await zk.CreateTtlAsync(root + "/e/c", 100_000)).Is(ErrorCode.NoChildrenForEphemerals);
        Assert.Equal(0, (await zk.StatAsync(root + "/e")).ChildCount);

        (await zk.CreateContainerAsync(root + "/container")).Ok(CreateReply.Read);
        (await zk.CreateTtlAsync(root + "/ttl", 100_000)).Ok(CreateReply.Read);
        await zk.CreatedAsync(root + "/container/e", flags: 1);
        await zk.CreatedAsync(root + "/ttl/e", flags: 1);
    }

    [Fact]
    [Row("B47")]
    public async Task B47_create_answers_a_path_and_the_others_a_stat_as_well()
    {
        (WireClient zk, string root) = await StartAsync();
        Assert.Equal(root + "/1", (await zk.CreateAsync(root + "/1")).Ok(PathReply.Read).Path);
        Assert.Equal(root + "/2", (await zk.Create2Async(root + "/2")).Ok(CreateReply.Read).Path);
        Assert.Equal(root + "/3", (await zk.CreateContainerAsync(root + "/3")).Ok(CreateReply.Read).Path);
        Assert.Equal(root + "/4", (await zk.CreateTtlAsync(root + "/4", 100_000)).Ok(CreateReply.Read).Path);
        Assert.Equal(root + "/0000000004", (await zk.Create2Async(root + "/", flags: 3)).Ok(CreateReply.Read).Path);
    }

    [Fact]
    [Row("B48")]
    public async Task B48_the_servers_own_tree_takes_znodes_but_not_below_config()
    {
        WireClient zk = await OpenAsync();
        await zk.CreatedAsync("/zookeeper/B48");
        (await zk.SetAsync("/zookeeper/B48", [1])).Ok(Stat.Read);
        (await zk.DeleteAsync("/zookeeper/B48")).Ok();
        (await zk.CreateAsync("/zookeeper/config/B48")).Is(ErrorCode.NoAuth);
        (await zk.SetAsync("/zookeeper/config", [1])).Is(ErrorCode.NoAuth);
        (await zk.GetAsync("/zookeeper/config")).Ok(DataReply.Read);
        Assert.Empty(await zk.NamesAsync("/zookeeper/config"));
    }

    [Fact]
    [Row("B49")]
    public async Task B49_another_sessions_ephemeral_znode_is_there_and_can_be_deleted()
    {
        (WireClient zk, string root) = await StartAsync();
        WireClient other = await OpenAsync();
        await zk.CreatedAsync(root + "/e", flags: 1);
        (await other.CreateAsync(root + "/e", flags: 1)).Is(ErrorCode.NodeExists);
        (await other.CreateAsync(root + "/e")).Is(ErrorCode.NodeExists);
        (await other.SetAsync(root + "/e", [1])).Ok(Stat.Read);
        Assert.Equal(zk.SessionId, (await other.StatAsync(root + "/e")).EphemeralOwner);
        (await other.DeleteAsync(root + "/e")).Ok();

        // It is the new owner's, so the end of the first owner does not take it.
        await other.CreatedAsync(root + "/e", flags: 1);
        await zk.CloseAsync();
        Assert.Equal(other.SessionId, (await other.StatAsync(root + "/e")).EphemeralOwner);
    }
}
