using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What delete refuses, and what it leaves behind.</summary>
public abstract class DeleteRows(TargetFixture fixture) : RowTest(fixture)
{
    private static readonly Acl[] NobodyDeletes = [new(Permissions.All & ~Permissions.Delete, "world", "anyone")];

    public sealed class OnApache(SharedApache fixture) : DeleteRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : DeleteRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : DeleteRows(fixture);

    [Theory]
    [Row("B51")]
    [InlineData("/none/n\0", -1, ErrorCode.BadArguments)]
    [InlineData("/locked/n\0", -1, ErrorCode.BadArguments)]
    [InlineData("/none/child", -1, ErrorCode.NoNode)]
    [InlineData("/none/child", 7, ErrorCode.NoNode)]
    [InlineData("/locked/none/child", 7, ErrorCode.NoNode)]
    [InlineData("/locked/none", -1, ErrorCode.NoAuth)]
    [InlineData("/locked/child", 7, ErrorCode.NoAuth)]
    [InlineData("/locked/full", -1, ErrorCode.NoAuth)]
    [InlineData("/locked/", -1, ErrorCode.NoAuth)]
    [InlineData("/none", -1, ErrorCode.NoNode)]
    [InlineData("/none", 7, ErrorCode.NoNode)]
    [InlineData("/none/", -1, ErrorCode.NoNode)]
    [InlineData("/full/", -1, ErrorCode.NoNode)]
    [InlineData("/n\u0001", -1, ErrorCode.NoNode)]
    [InlineData("/.", -1, ErrorCode.NoNode)]
    [InlineData("/full", 7, ErrorCode.BadVersion)]
    [InlineData("/full", -2, ErrorCode.BadVersion)]
    [InlineData("/empty", 1, ErrorCode.BadVersion)]
    [InlineData("/full", -1, ErrorCode.NotEmpty)]
    [InlineData("/full", 0, ErrorCode.NotEmpty)]
    [InlineData("/empty", 0, ErrorCode.Ok)]
    public async Task B51_of_several_faults_the_first_in_order_is_told(string path, int version, ErrorCode told)
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (string each in (string[])["/empty", "/full", "/full/child", "/locked", "/locked/child", "/locked/full", "/locked/full/child"]) await zk.CreatedAsync(root + each);
        (await zk.SetAclAsync(root + "/locked", NobodyDeletes)).Ok(Stat.Read);
        Stat before = await zk.StatAsync(root);
        (await zk.DeleteAsync(root + path, version)).Is(told);
        if (told != ErrorCode.Ok) Assert.Equal(before, await zk.StatAsync(root));
        else Assert.False(await zk.IsThereAsync(root + path));
    }

    [Theory]
    [Row("B51")]
    [InlineData("", ErrorCode.BadArguments)]
    [InlineData("abc", ErrorCode.BadArguments)]
    [InlineData("/", ErrorCode.BadArguments)]
    [InlineData("/zookeeper", ErrorCode.BadArguments)]
    [InlineData("/zookeeper/quota", ErrorCode.BadArguments)]
    [InlineData("/zookeeper/config", ErrorCode.BadArguments)]
    [InlineData("/\0", ErrorCode.BadArguments)]
    [InlineData("//", ErrorCode.NoNode)]
    [InlineData("abc/def", ErrorCode.NoNode)]
    [InlineData("/zookeeper/", ErrorCode.NoNode)]
    [InlineData("/zookeeper/none", ErrorCode.NoNode)]
    [InlineData("/zookeeper/config/none", ErrorCode.NoAuth)]
    public async Task B51_a_path_that_cannot_be_deleted(string path, ErrorCode told)
    {
        WireClient zk = await OpenAsync();
        (await zk.DeleteAsync(path)).Is(told);
        (await zk.DeleteAsync(path, 7)).Is(told);
    }

    [Fact]
    [Row("B52")]
    public async Task B52_version_minus_one_is_any_and_minus_two_is_none()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        (await zk.SetAsync(root + "/n", null, 0)).Ok(Stat.Read);
        (await zk.SetAsync(root + "/n", null, 0)).Is(ErrorCode.BadVersion);
        (await zk.SetAsync(root + "/n", null, -2)).Is(ErrorCode.BadVersion);
        (await zk.SetAsync(root + "/n", null, int.MinValue)).Is(ErrorCode.BadVersion);
        (await zk.SetAsync(root + "/n", null, -1)).Ok(Stat.Read);
        (await zk.DeleteAsync(root + "/n", -2)).Is(ErrorCode.BadVersion);
        (await zk.DeleteAsync(root + "/n", 1)).Is(ErrorCode.BadVersion);
        (await zk.DeleteAsync(root + "/n", 3)).Is(ErrorCode.BadVersion);
        (await zk.DeleteAsync(root + "/n", 2)).Ok();
    }

    [Fact]
    [Row("B53")]
    public async Task B53_a_delete_moves_the_parents_pzxid_and_the_cversion_it_tells()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/p");
        await zk.CreatedAsync(root + "/p/a");
        await zk.CreatedAsync(root + "/p/b");
        Stat grandparent = await zk.StatAsync(root), parent = await zk.StatAsync(root + "/p");
        Assert.Equal((2, 2), (parent.ChildVersion, parent.ChildCount));
        WireReply deleted = (await zk.DeleteAsync(root + "/p/a")).Ok();
        Assert.Equal(parent with { Pzxid = deleted.Zxid, ChildVersion = 3, ChildCount = 1 }, await zk.StatAsync(root + "/p"));
        Assert.Equal(grandparent, await zk.StatAsync(root));
    }

    [Fact]
    [Row("B54")]
    public async Task B54_the_right_to_delete_is_the_parents()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", acl: [new(Permissions.None, "world", "anyone")]);
        (await zk.GetAsync(root + "/n")).Is(ErrorCode.NoAuth);
        (await zk.DeleteAsync(root + "/n")).Ok();
        await zk.CreatedAsync(root + "/p", acl: NobodyDeletes);
        await zk.CreatedAsync(root + "/p/n");
        (await zk.DeleteAsync(root + "/p/n")).Is(ErrorCode.NoAuth);
        (await zk.DeleteAsync(root + "/p")).Is(ErrorCode.NotEmpty);
    }

    [Fact]
    [Row("B52")]
    public async Task B52_a_znode_that_was_deleted_and_made_again_starts_anew()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", [1]);
        (await zk.SetAsync(root + "/n", [2])).Ok(Stat.Read);
        await zk.CreatedAsync(root + "/n/child");
        (await zk.DeleteAsync(root + "/n/child")).Ok();
        (await zk.DeleteAsync(root + "/n", 1)).Ok();
        Stat stat = (await zk.Create2Async(root + "/n")).Ok(CreateReply.Read).Stat;
        Assert.Equal((0, 0, 0, 0, stat.Czxid, stat.Czxid), (stat.Version, stat.ChildVersion, stat.AclVersion, stat.DataLength, stat.Mzxid, stat.Pzxid));
        Assert.Equal(root + "/n/0000000000", await zk.CreatedAsync(root + "/n/", flags: 2));
    }
}
