using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What an ACL allows and what it hides.</summary>
public abstract class PermissionRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : PermissionRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : PermissionRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : PermissionRows(fixture);

    [Theory]
    [Row("B63")]
    [InlineData(Permissions.Read)]
    [InlineData(Permissions.Write)]
    [InlineData(Permissions.Create)]
    [InlineData(Permissions.Delete)]
    [InlineData(Permissions.Admin)]
    public async Task B63_each_permission_allows_its_own_operations(Permissions granted)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.CreatedAsync(root + "/n/old");
        (await zk.SetAclAsync(root + "/n", [new(granted, "world", "anyone")])).Ok(Stat.Read);
        void Allows(WireReply reply, Permissions needed) => Assert.Equal((granted & needed) != 0 ? ErrorCode.Ok : ErrorCode.NoAuth, reply.Error);
        Allows(await zk.GetAsync(root + "/n"), Permissions.Read);
        Allows(await zk.ChildrenAsync(root + "/n"), Permissions.Read);
        Allows(await zk.GetAclAsync(root + "/n"), Permissions.Read | Permissions.Admin);
        Allows(await zk.SetAsync(root + "/n"), Permissions.Write);
        Allows(await zk.CreateAsync(root + "/n/new"), Permissions.Create);
        Allows(await zk.DeleteAsync(root + "/n/old"), Permissions.Delete);
        Allows(await zk.SetAclAsync(root + "/n", Acl.Open), Permissions.Admin);
    }

    [Fact]
    [Row("B63")]
    public async Task B63_any_entry_that_matches_will_do_and_an_entry_takes_nothing_away()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", acl:
        [
            new(Permissions.None, "world", "anyone"),
            new(Permissions.Read, "ip", "10.0.0.1"),
            new(Permissions.Write, "world", "anyone"),
            new(Permissions.Read, "ip", "127.0.0.1"),
            new(Permissions.Admin, "digest", "ann:x"),
        ]);
        (await zk.GetAsync(root + "/n")).Ok(DataReply.Read);
        (await zk.SetAsync(root + "/n", [1])).Ok(Stat.Read);
        (await zk.CreateAsync(root + "/n/c")).Is(ErrorCode.NoAuth);
        (await zk.SetAclAsync(root + "/n", Acl.Open)).Is(ErrorCode.NoAuth);
    }

    [Fact]
    [Row("B63")]
    public async Task B63_an_acl_is_its_own_znodes_alone()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.CreatedAsync(root + "/n/child", [1]);
        (await zk.SetAclAsync(root + "/n", [new(Permissions.None, "world", "anyone")])).Ok(Stat.Read);
        Assert.Equal([1], await zk.DataAsync(root + "/n/child"));
        await zk.CreatedAsync(root + "/n/child/grandchild");
        Assert.Equal(Acl.Open, await zk.AclAsync(root + "/n/child/grandchild"));
    }

    [Fact]
    [Row("B65")]
    public async Task B65_digests_are_shown_to_those_who_may_set_the_acl()
    {
        (WireClient zk, string root) = await StartAsync();
        Acl ann = Acl.Digest(Permissions.All, "ann", "1"), address = new(Permissions.Read, "ip", "127.0.0.1"), reader = new(Permissions.Read, "world", "anyone");
        Acl weird = new(Permissions.Read, "digest", ":b");
        await zk.CreatedAsync(root + "/n", acl: [ann, reader, address, weird]);
        AclReply told = (await zk.GetAclAsync(root + "/n")).Ok(AclReply.Read);
        Assert.Equal([new Acl(Permissions.All, "digest", "ann:x"), reader, address, weird with { Id = ":x" }], told.Acl);
        Assert.Equal(await zk.StatAsync(root + "/n"), told.Stat);
        (await zk.AuthAsync("digest", "ann:1")).Ok();
        Assert.Equal([ann, reader, address, weird], await zk.AclAsync(root + "/n"));
    }

    [Fact]
    [Row("B65")]
    public async Task B65_an_acl_is_shown_to_who_may_read_or_set_it()
    {
        (WireClient zk, string root) = await StartAsync();
        async Task<WireReply> WithAsync(Permissions permissions) =>
            await zk.GetAclAsync(await zk.CreatedAsync($"{root}/{permissions}", acl: [new(permissions, "world", "anyone"), new(Permissions.All, "digest", "a:secret")]));
        (await WithAsync(Permissions.Write | Permissions.Create | Permissions.Delete)).Is(ErrorCode.NoAuth);
        Assert.Equal("a:x", (await WithAsync(Permissions.Read)).Ok(AclReply.Read).Acl[1].Id);
        Assert.Equal("a:secret", (await WithAsync(Permissions.Admin)).Ok(AclReply.Read).Acl[1].Id);
        (await zk.GetAclAsync(root + "/none")).Is(ErrorCode.NoNode);
    }

    [Fact]
    [Row("B72", "B74")]
    public async Task B72_B74_without_read_a_znode_tells_nothing_but_on_3_8_that_it_exists()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", [1], [new(Permissions.All & ~Permissions.Read & ~Permissions.Admin, "world", "anyone")]);
        foreach (bool watch in (bool[])[false, true])
        {
            (await zk.GetAsync(root + "/n", watch)).Is(ErrorCode.NoAuth);
            (await zk.ChildrenAsync(root + "/n", watch)).Is(ErrorCode.NoAuth);
            (await zk.Children2Async(root + "/n", watch)).Is(ErrorCode.NoAuth);
        }

        (await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path(root + "/n"))).Is(ErrorCode.NoAuth);
        (await zk.GetAclAsync(root + "/n")).Is(ErrorCode.NoAuth);
        Assert.Equal(
            [ErrorCode.NoAuth, ErrorCode.NoAuth, ErrorCode.Ok],
            (await zk.CallAsync(OpCode.MultiRead, Body.Multi((OpCode.GetData, Body.Read(root + "/n")), (OpCode.GetChildren, Body.Read(root + "/n")), (OpCode.GetChildren, Body.Read(root))))).Parts().Select(part => part.Code));
        (await zk.SyncAsync(root + "/n")).Ok(PathReply.Read);
        (await zk.AddWatchAsync(root + "/n")).WatchAdded();
        WireReply exists = await zk.ExistsAsync(root + "/n");
        if (Is38) Assert.Equal(1, exists.Ok(Stat.Read).DataLength);
        else exists.Is(ErrorCode.NoAuth);
    }

    [Fact]
    [Row("B73")]
    public async Task B73_a_missing_znode_is_missing_whatever_its_parent_allows()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/p", acl: [new(Permissions.None, "world", "anyone")]);
        string path = root + "/p/none";
        foreach (WireReply reply in (WireReply[])[await zk.GetAsync(path), await zk.ExistsAsync(path), await zk.ChildrenAsync(path), await zk.Children2Async(path), await zk.GetAclAsync(path),
            await zk.CallAsync(OpCode.GetAllChildrenNumber, Body.Path(path))])
        {
            reply.Is(ErrorCode.NoNode);
        }
    }
}
