using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What takes a zxid and what does not: on a server that nobody else uses, so that all of them can be accounted for.</summary>
public abstract class ZxidRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(ApacheAlone fixture) : ZxidRows(fixture), IClassFixture<ApacheAlone>;

    public sealed class OnEmbedded(EmbeddedAlone fixture) : ZxidRows(fixture), IClassFixture<EmbeddedAlone>;

    public sealed class OnEmbedded39(Embedded39Alone fixture) : ZxidRows(fixture), IClassFixture<Embedded39Alone>;

    [Fact]
    [Row("B4", "B5")]
    public async Task B4_B5_a_session_takes_a_zxid_to_open_and_one_to_close()
    {
        WireClient zk = await OpenAsync();
        long zxid = await zk.LastZxidAsync();
        WireClient one = await OpenAsync();
        Assert.Equal(zxid + 1, await zk.LastZxidAsync());
        WireClient two = await OpenAsync();
        Assert.Equal(zxid + 2, await zk.LastZxidAsync());
        Assert.Equal(one.SessionId + 1, two.SessionId);
        Assert.Equal(zxid + 3, (await one.CallAsync(OpCode.CloseSession)).Ok().Zxid);
        await one.ExpectCloseAsync();
        Assert.Equal(zxid + 3, await zk.LastZxidAsync());

        // To resume one takes none, and neither does a refusal.
        WireClient again = await OpenAsync(resume: two.Session);
        WireClient refused = await ConnectAsync();
        Assert.Equal(0, (await refused.HandshakeAsync(10_000, one.Session)).SessionId);
        Assert.Equal(zxid + 3, await zk.LastZxidAsync());
        (await again.PingAsync()).Ok();
    }

    [Fact]
    [Row("B5", "B17")]
    public async Task B5_B17_an_expiry_takes_one_zxid()
    {
        WireClient zk = await OpenAsync();
        string root = await RootAsync(zk);
        WireClient owner = await OpenAsync(4_000);
        for (int i = 0; i < 3; i++) await owner.CreatedAsync(root + "/e", flags: 3);
        long zxid = await zk.LastZxidAsync();
        await owner.ExpectCloseAsync();
        await Waiting.UntilAsync(async () => (await zk.NamesAsync(root)).Length == 0, "the ephemeral znodes are gone");
        Assert.Equal(zxid + 1, await zk.LastZxidAsync());
        Assert.Equal(zxid + 1, (await zk.StatAsync(root)).Pzxid);
    }

    [Fact]
    [Row("B33", "B84", "B85")]
    public async Task B33_B84_B85_every_attempt_to_write_takes_one_zxid()
    {
        WireClient zk = await OpenAsync();
        string root = await RootAsync(zk);
        long zxid = await zk.LastZxidAsync();
        (string What, ErrorCode Told, OpCode Type, byte[] Body)[] writes =
        [
            ("create", ErrorCode.Ok, OpCode.Create, Body.Create(root + "/n").Bytes()),
            ("create again", ErrorCode.NodeExists, OpCode.Create, Body.Create(root + "/n").Bytes()),
            ("create2", ErrorCode.Ok, OpCode.Create2, Body.Create(root + "/m").Bytes()),
            ("a bad flag", ErrorCode.BadArguments, OpCode.Create, Body.Create(root + "/x", flags: 99).Bytes()),
            ("a bad path", ErrorCode.BadArguments, OpCode.Create, Body.Create("x").Bytes()),
            ("a bad ACL", ErrorCode.InvalidAcl, OpCode.Create, Body.Create(root + "/x", acl: []).Bytes()),
            ("no parent", ErrorCode.NoNode, OpCode.Create, Body.Create(root + "/x/y").Bytes()),
            ("a body cut off", ErrorCode.MarshallingError, OpCode.Create, [0, 0]),
            ("set", ErrorCode.Ok, OpCode.SetData, Body.Set(root + "/n").Bytes()),
            ("a stale set", ErrorCode.BadVersion, OpCode.SetData, Body.Set(root + "/n", null, 77).Bytes()),
            ("set of none", ErrorCode.NoNode, OpCode.SetData, Body.Set(root + "/x").Bytes()),
            ("setACL", ErrorCode.Ok, OpCode.SetAcl, Body.SetAcl(root + "/n", Acl.Open).Bytes()),
            ("a stale setACL", ErrorCode.BadVersion, OpCode.SetAcl, Body.SetAcl(root + "/n", Acl.Open, 77).Bytes()),
            ("a multi", ErrorCode.Ok, OpCode.Multi, Body.Multi((OpCode.Create, Body.Create(root + "/a")), (OpCode.Create, Body.Create(root + "/b"))).Bytes()),
            ("a failed multi", ErrorCode.Ok, OpCode.Multi, Body.Multi((OpCode.Create, Body.Create(root + "/c")), (OpCode.Check, Body.Number(root + "/x", -1))).Bytes()),
            ("an empty multi", ErrorCode.Ok, OpCode.Multi, Body.Multi().Bytes()),
            ("a multi of checks", ErrorCode.Ok, OpCode.Multi, Body.Multi((OpCode.Check, Body.Number(root, -1))).Bytes()),
            ("a multi that cannot be read", ErrorCode.MarshallingError, OpCode.Multi, Body.Multi((OpCode.SetAcl, Body.SetAcl(root, Acl.Open))).Bytes()),
            ("a stale delete", ErrorCode.BadVersion, OpCode.Delete, Body.Number(root + "/n", 77).Bytes()),
            ("a delete of none", ErrorCode.NoNode, OpCode.Delete, Body.Number(root + "/x", -1).Bytes()),
            ("a delete of all", ErrorCode.BadArguments, OpCode.Delete, Body.Number("/", -1).Bytes()),
            ("delete", ErrorCode.Ok, OpCode.Delete, Body.Number(root + "/n", -1).Bytes()),
            ("container", ErrorCode.Ok, OpCode.CreateContainer, Body.Create(root + "/c", flags: 4).Bytes()),
            ("ttl", ErrorCode.Ok, OpCode.CreateTtl, Body.Create(root + "/t", flags: 5, ttlMs: 100_000_000).Bytes()),
            ("a bad ttl", ErrorCode.BadArguments, OpCode.CreateTtl, Body.Create(root + "/t", flags: 5, ttlMs: 0).Bytes()),
        ];
        foreach ((string what, ErrorCode told, OpCode type, byte[] body) in writes)
        {
            await zk.SendRawAsync(1, type, body);
            WireReply reply = await zk.ReadReplyAsync();
            Assert.Equal((what, told, ++zxid), (what, reply.Error, reply.Zxid));
        }

        Assert.Equal(zxid, await zk.LastZxidAsync());
    }

    [Fact]
    [Row("B85")]
    public async Task B85_an_empty_transaction_has_no_results()
    {
        WireClient zk = await OpenAsync();
        long zxid = await zk.LastZxidAsync();
        WireReply reply = await zk.MultiAsync();
        Assert.Empty(reply.Parts());
        Assert.Equal(zxid + 1, reply.Zxid);
    }

    [Fact]
    [Row("B34", "B79")]
    public async Task B34_B79_a_read_takes_no_zxid_and_tells_the_last_one()
    {
        WireClient zk = await OpenAsync();
        string root = await RootAsync(zk);
        WireReply write = await zk.SetAsync(root);
        Assert.Equal((await zk.StatAsync(root)).Mzxid, write.Zxid);
        WireReply[] replies =
        [
            await zk.PingAsync(), await zk.GetAsync(root, watch: true), await zk.ExistsAsync(root), await zk.ExistsAsync(root + "/none", watch: true), await zk.GetAsync(root + "/none"),
            await zk.ChildrenAsync(root), await zk.Children2Async(root), await zk.GetAclAsync(root), await zk.SyncAsync(root), await zk.AddWatchAsync(root), await zk.CheckWatchesAsync(root, 3),
            await zk.RemoveWatchesAsync(root, 3), await zk.CheckWatchesAsync(root, 3), await zk.AddWatchAsync(root, 9), await zk.CallAsync(OpCode.GetEphemerals, Body.Path("/")),
            await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path("/")), await zk.CallAsync(OpCode.WhoAmI), await zk.CallAsync(OpCode.MultiRead, Body.Multi((OpCode.GetData, Body.Read(root)))),
            await zk.CallAsync(OpCode.SetWatches, Body.SetWatches(0, [], [], []), Xids.SetWatches), await zk.CallAsync(OpCode.GetData),
        ];
        Assert.All(replies, reply => Assert.Equal(write.Zxid, reply.Zxid));
        Assert.Equal(0, (await zk.AuthAsync("digest", "u:p")).Ok().Zxid);
        Assert.Equal(write.Zxid, await zk.LastZxidAsync());
        Assert.Equal(write.Zxid + 1, (await zk.SetAsync(root)).Zxid);
    }

    [Fact]
    [Row("B40")]
    public async Task B40_what_the_server_made_itself_was_never_counted()
    {
        WireClient zk = await OpenAsync();
        Stat own = await zk.StatAsync("/zookeeper");
        Assert.Equal((-2, 2), (own.ChildVersion, own.ChildCount));
        string numbered = await zk.CreatedAsync("/B40-", flags: 2);
        int counted = int.Parse(numbered[^10..]) + 1;
        Stat root = await zk.StatAsync("/");
        Assert.Equal((2 * counted) - root.ChildCount, root.ChildVersion);
    }

    [Fact]
    [Row("B77")]
    public async Task B77_below_the_root_all_znodes_are_counted_the_servers_own_as_well()
    {
        WireClient zk = await OpenAsync();
        await zk.CreatedAsync(await RootAsync(zk) + "/n");
        async Task<int> WalkAsync(string path)
        {
            int count = 0;
            foreach (string name in await zk.NamesAsync(path)) count += 1 + await WalkAsync(path == "/" ? "/" + name : $"{path}/{name}");
            return count;
        }

        int walked = await WalkAsync("/");
        Assert.Equal(walked, (await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path("/"))).Ok(CountReply.Read).Value);
        string line = Assert.Single((await Target.WordAsync("srvr")).Split('\n'), each => each.StartsWith("Node count: ", StringComparison.Ordinal));
        Assert.Equal($"Node count: {walked + 2}", line); // the root under both of its names
    }

    [Fact]
    [Row("B6", "B114")]
    public async Task B6_B114_a_session_and_its_znodes_outlive_the_server_and_watches_do_not()
    {
        WireClient zk = await OpenAsync(60_000);
        string root = await RootAsync(zk);
        await zk.CreatedAsync(root + "/e", [1], flags: 1);
        (await zk.GetAsync(root + "/e", watch: true)).Ok(DataReply.Read);
        long zxid = await zk.LastZxidAsync();
        Stat stat = await zk.StatAsync(root + "/e");
        await Target.KillAndRestartAsync();
        await zk.ExpectCloseAsync();
        WireClient again = await OpenAsync(60_000, zk.Session, zxid);
        Assert.Equal(zk.SessionId, again.SessionId);
        Assert.Equal(zxid, await again.LastZxidAsync());
        Assert.Equal(stat, await again.StatAsync(root + "/e"));
        Assert.Equal(zxid + 1, (await again.SetAsync(root + "/e", [2])).Zxid);
        Assert.Empty(await again.EventsAsync());
        WireClient other = await OpenAsync();
        Assert.NotEqual(zk.SessionId, other.SessionId);
    }
}
