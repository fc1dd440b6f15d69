using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What setData refuses, and what it changes.</summary>
public abstract class SetDataRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : SetDataRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : SetDataRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : SetDataRows(fixture);

    [Theory]
    [Row("B55")]
    [InlineData("/none/", 7, ErrorCode.BadArguments)]
    [InlineData("/n/", 0, ErrorCode.BadArguments)]
    [InlineData("/locked/", 0, ErrorCode.BadArguments)]
    [InlineData("/n\0", 0, ErrorCode.BadArguments)]
    [InlineData("/n\u0001", 0, ErrorCode.BadArguments)]
    [InlineData("/./n", 0, ErrorCode.BadArguments)]
    [InlineData("//n", 0, ErrorCode.BadArguments)]
    [InlineData("/none", 7, ErrorCode.NoNode)]
    [InlineData("/locked/none", 7, ErrorCode.NoNode)]
    [InlineData("/locked", 0, ErrorCode.NoAuth)]
    [InlineData("/locked", 7, ErrorCode.NoAuth)]
    [InlineData("/n", 7, ErrorCode.BadVersion)]
    [InlineData("/n", -2, ErrorCode.BadVersion)]
    public async Task B55_of_several_faults_the_first_in_order_is_told(string path, int version, ErrorCode told)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", [1]);
        await zk.CreatedAsync(root + "/locked", [1], [new(Permissions.All & ~Permissions.Write, "world", "anyone")]);
        (await zk.SetAsync(root + path, [2], version)).Is(told);
        foreach (string each in (string[])["/n", "/locked"])
        {
            DataReply read = (await zk.GetAsync(root + each)).Ok(DataReply.Read);
            Assert.Equal([1], read.Data);
            Assert.Equal(0, read.Stat.Version);
        }
    }

    [Theory]
    [Row("B55")]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("abc/def")]
    public async Task B55_a_path_without_a_root_is_a_bad_argument(string path)
    {
        WireClient zk = await OpenAsync();
        (await zk.SetAsync(path)).Is(ErrorCode.BadArguments);
    }

    [Fact]
    [Row("B56")]
    public async Task B56_a_write_moves_version_mzxid_and_mtime_alone()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", [1]);
        await zk.CreatedAsync(root + "/n/child");
        Stat parent = await zk.StatAsync(root), before = await zk.StatAsync(root + "/n");
        WireReply reply = await zk.SetAsync(root + "/n", [1, 2, 3], 0);
        Stat told = reply.Ok(Stat.Read);
        Assert.Equal(before with { Mzxid = reply.Zxid, Version = 1, DataLength = 3, ModifiedMilliseconds = told.ModifiedMilliseconds }, told);
        Assert.True(told.ModifiedMilliseconds >= before.ModifiedMilliseconds);
        Assert.Equal(told, await zk.StatAsync(root + "/n"));
        Assert.Equal([1, 2, 3], await zk.DataAsync(root + "/n"));
        Assert.Equal(parent, await zk.StatAsync(root));
    }

    [Fact]
    [Row("B56")]
    public async Task B56_the_root_and_the_servers_own_znodes_can_be_written()
    {
        WireClient zk = await OpenAsync();
        int version = (await zk.StatAsync("/")).Version;
        Assert.Equal(version + 1, (await zk.SetAsync("/", [1], version)).Ok(Stat.Read).Version);
        Assert.Equal([1], await zk.DataAsync("/"));
        (await zk.SetAsync("/", [], version + 1)).Ok(Stat.Read);
        (await zk.SetAsync("/zookeeper", null)).Ok(Stat.Read);
    }

    [Fact]
    [Row("B58")]
    public async Task B58_the_same_data_is_a_change()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", [1]);
        (await zk.GetAsync(root + "/n", watch: true)).Ok(DataReply.Read);
        WireReply reply = await zk.SetAsync(root + "/n", [1], 0);
        Stat stat = reply.Ok(Stat.Read);
        Assert.Equal((1, reply.Zxid), (stat.Version, stat.Mzxid));
        Assert.Equal(["DataChanged /n"], await zk.EventTextsAsync(root));
    }
}
