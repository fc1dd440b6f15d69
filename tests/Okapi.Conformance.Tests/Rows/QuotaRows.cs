using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Quotas are znodes that the server keeps account in, by the names Apache's tools use.</summary>
internal static class Quota
{
    public static string Stats(string path) => $"/zookeeper/quota{path}/zookeeper_stats";

    public static string Limits(string path) => $"/zookeeper/quota{path}/zookeeper_limits";

    public static async Task SetQuotaAsync(this WireClient zk, string path, string limits)
    {
        await zk.CreatedAsync("/zookeeper/quota" + path);
        await zk.CreatedAsync(Limits(path), limits.Utf8());
        await zk.CreatedAsync(Stats(path), "count=0,bytes=0"u8.ToArray());
    }

    public static async Task<string> UsedAsync(this WireClient zk, string path) => Encoding.UTF8.GetString((await zk.DataAsync(Stats(path)))!);
}

/// <summary>Quotas on a server that does not enforce them.</summary>
public abstract class QuotaRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : QuotaRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : QuotaRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : QuotaRows(fixture);

    [Fact]
    [Row("B119")]
    public async Task B119_usage_is_kept_in_place_and_counts_the_root_of_the_quota()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.SetAsync(root, [1, 2])).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/a", [1, 2, 3]);
        await zk.CreatedAsync(root + "/a/b");
        await zk.SetQuotaAsync(root, "count=-1,bytes=-1");
        Assert.Equal("count=3,bytes=5", await zk.UsedAsync(root));
        Stat before = await zk.StatAsync(Quota.Stats(root));
        (await zk.GetAsync(Quota.Stats(root), watch: true)).Ok(DataReply.Read);

        await zk.CreatedAsync(root + "/c", [1]);
        Assert.Equal("count=4,bytes=6", await zk.UsedAsync(root));
        (await zk.SetAsync(root + "/a", new byte[100])).Ok(Stat.Read);
        Assert.Equal("count=4,bytes=103", await zk.UsedAsync(root));
        (await zk.SetAsync(root, null)).Ok(Stat.Read);
        Assert.Equal("count=4,bytes=101", await zk.UsedAsync(root));
        (await zk.DeleteAsync(root + "/a/b")).Ok();
        (await zk.DeleteAsync(root + "/a")).Ok();
        Assert.Equal("count=2,bytes=1", await zk.UsedAsync(root));
        Assert.Equal(2, (await zk.MultiAsync((OpCode.Create, Body.Create(root + "/d", [1, 2])), (OpCode.SetData, Body.Set(root + "/c", [])))).Parts().Length);
        Assert.Equal("count=3,bytes=2", await zk.UsedAsync(root));
        await zk.CreatedAsync(root + "2");

        // No write: no version, no zxid, no watch.
        Assert.Equal("count=3,bytes=2", await zk.UsedAsync(root));
        Assert.Equal(before with { DataLength = 15 }, await zk.StatAsync(Quota.Stats(root)));
        Assert.Empty(await zk.EventsAsync());
    }

    [Fact]
    [Row("B119")]
    public async Task B119_a_quota_of_a_znode_alone_counts_one_and_ephemeral_ones_come_and_go()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.SetQuotaAsync(root, "count=-1,bytes=-1");
        Assert.Equal("count=1,bytes=0", await zk.UsedAsync(root));
        WireClient owner = await OpenAsync();
        await owner.CreatedAsync(root + "/e", [1, 2, 3, 4], flags: 1);
        Assert.Equal("count=2,bytes=4", await zk.UsedAsync(root));
        await owner.CloseAsync();
        Assert.Equal("count=1,bytes=0", await zk.UsedAsync(root));
        (await zk.DeleteAsync(Quota.Limits(root))).Ok();
        await zk.CreatedAsync(root + "/n", [1]);
        Assert.Equal("count=1,bytes=0", await zk.UsedAsync(root)); // without limits no account is kept
    }

    [Theory]
    [Row("B120")]
    [InlineData("count=1,bytes=1")]
    [InlineData("count=1,bytes=1=;byteHardLimit=1;countHardLimit=1")]
    public async Task B120_a_server_that_does_not_enforce_quotas_refuses_nothing(string limits)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.SetQuotaAsync(root, limits);
        await zk.CreatedAsync(root + "/a", [1, 2, 3]);
        await zk.CreatedAsync(root + "/b", [1, 2, 3]);
        (await zk.SetAsync(root, new byte[10])).Ok(Stat.Read);
        Assert.Equal("count=3,bytes=16", await zk.UsedAsync(root));
    }
}

/// <summary>Quotas on a server that enforces them.</summary>
public abstract class EnforcedQuotaRows(TargetFixture fixture) : RowTest(fixture)
{
    private const ErrorCode Exceeded = ErrorCode.QuotaExceeded;

    public sealed class OnApache(EnforcingApache fixture) : EnforcedQuotaRows(fixture), IClassFixture<EnforcingApache>;

    public sealed class OnEmbedded(EnforcingEmbedded fixture) : EnforcedQuotaRows(fixture), IClassFixture<EnforcingEmbedded>;

    public sealed class OnEmbedded39(EnforcingEmbedded39 fixture) : EnforcedQuotaRows(fixture), IClassFixture<EnforcingEmbedded39>;

    [Fact]
    [Row("B120")]
    public async Task B120_only_hard_limits_are_enforced()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.SetQuotaAsync(root, "count=1,bytes=1");
        await zk.CreatedAsync(root + "/a", [1, 2, 3]);
        await zk.CreatedAsync(root + "/b", [1, 2, 3]);
        (await zk.SetAsync(Quota.Limits(root), "count=1,bytes=1=;byteHardLimit=8;countHardLimit=4"u8.ToArray())).Ok(Stat.Read);
        (await zk.CreateAsync(root + "/c", [1, 2, 3])).Is(Exceeded);
        await zk.CreatedAsync(root + "/c", [1, 2]);
        (await zk.CreateAsync(root + "/d")).Is(Exceeded);
        (await zk.CreateAsync(root + "/d", flags: 3)).Is(Exceeded);
        (await zk.SetAsync(root + "/c", [1, 2, 3])).Is(Exceeded);
        (await zk.SetAsync(root + "/c", [2, 1])).Ok(Stat.Read);
        (await zk.SetAsync(root + "/c", [1])).Ok(Stat.Read);
        Assert.Equal("count=4,bytes=7", await zk.UsedAsync(root));
        (await zk.DeleteAsync(root + "/a")).Ok();
        await zk.CreatedAsync(root + "/d", [1]);
        Assert.Equal("count=4,bytes=5", await zk.UsedAsync(root));
    }

    [Fact]
    [Row("B35", "B55")]
    public async Task B35_B55_a_quota_is_looked_at_last_but_for_the_version()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/there");
        await zk.CreatedAsync(root + "/e", flags: 1);
        await zk.CreatedAsync(root + "/locked", acl: [new(Permissions.None, "world", "anyone")]);
        await zk.SetQuotaAsync(root, "count=-1,bytes=-1=;byteHardLimit=0;countHardLimit=0");
        (await zk.CreateAsync(root + "/new")).Is(Exceeded);
        (await zk.CreateAsync(root + "/new", acl: [])).Is(ErrorCode.InvalidAcl);
        (await zk.CreateAsync(root + "/none/new")).Is(ErrorCode.NoNode);
        (await zk.CreateAsync(root + "/locked/new")).Is(ErrorCode.NoAuth);
        (await zk.CreateAsync(root + "/there/")).Is(ErrorCode.BadArguments);
        (await zk.CreateAsync(root + "/there")).Is(ErrorCode.NodeExists);
        (await zk.CreateAsync(root + "/e/new")).Is(ErrorCode.NoChildrenForEphemerals);
        (await zk.SetAsync(root + "/there", [1])).Is(Exceeded);
        (await zk.SetAsync(root + "/there", [1], 77)).Is(Exceeded);
        (await zk.SetAsync(root + "/there", [], 77)).Is(ErrorCode.BadVersion);
        (await zk.SetAsync(root + "/none", [1])).Is(ErrorCode.NoNode);
        (await zk.SetAsync(root + "/locked", [1])).Is(ErrorCode.NoAuth);
    }

    [Fact]
    [Row("B93", "B120")]
    public async Task B93_B120_a_transaction_is_judged_by_what_was_there_before_it()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.SetQuotaAsync(root, "count=-1,bytes=-1=;countHardLimit=2");
        Assert.Equal(2, (await zk.MultiAsync((OpCode.Create, Body.Create(root + "/a")), (OpCode.Create, Body.Create(root + "/b")))).Parts().Length);
        Assert.Equal("count=3,bytes=0", await zk.UsedAsync(root));
        Assert.Equal(
            [ErrorCode.Ok, Exceeded, ErrorCode.RuntimeInconsistency],
            (await zk.MultiAsync((OpCode.SetData, Body.Set(root + "/a")), (OpCode.Create, Body.Create(root + "/c")), (OpCode.SetData, Body.Set(root)))).Codes());
        Assert.Equal(0, (await zk.StatAsync(root + "/a")).Version);
    }

    [Fact]
    [Row("B121")]
    public async Task B121_an_account_that_cannot_be_read_spoils_creates_beneath()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.SetQuotaAsync(root, "count=-1,bytes=-1=;countHardLimit=2");
        (await zk.SetAsync(Quota.Stats(root), "rubbish"u8.ToArray())).Ok(Stat.Read);
        (await zk.CreateAsync(root + "/a")).Is(ErrorCode.MarshallingError);
        Assert.Empty(await zk.NamesAsync(root));
        await RootAsync(zk); // elsewhere all is well
    }
}
