using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>What setACL refuses, which ACLs are valid, and what is kept of them.</summary>
public abstract class SetAclRows(TargetFixture fixture) : RowTest(fixture)
{
    private static readonly Acl[] NobodyAdministers = [new(Permissions.All & ~Permissions.Admin, "world", "anyone")];

    public sealed class OnApache(SharedApache fixture) : SetAclRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : SetAclRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : SetAclRows(fixture);

    [Theory]
    [Row("B59")]
    [InlineData("/none/", false, 7, ErrorCode.BadArguments)]
    [InlineData("/locked/", false, 7, ErrorCode.BadArguments)]
    [InlineData("/n\0", false, 7, ErrorCode.BadArguments)]
    [InlineData("/n\u0001", false, 7, ErrorCode.BadArguments)]
    [InlineData("/none", false, 7, ErrorCode.InvalidAcl)]
    [InlineData("/locked", false, 7, ErrorCode.InvalidAcl)]
    [InlineData("/n", false, 7, ErrorCode.InvalidAcl)]
    [InlineData("/n", false, 0, ErrorCode.InvalidAcl)]
    [InlineData("/none", true, 7, ErrorCode.NoNode)]
    [InlineData("/locked/none", true, 7, ErrorCode.NoNode)]
    [InlineData("/locked", true, 7, ErrorCode.NoAuth)]
    [InlineData("/locked", true, 0, ErrorCode.NoAuth)]
    [InlineData("/n", true, 7, ErrorCode.BadVersion)]
    [InlineData("/n", true, -2, ErrorCode.BadVersion)]
    public async Task B59_of_several_faults_the_first_in_order_is_told(string path, bool isAclValid, int version, ErrorCode told)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n");
        await zk.CreatedAsync(root + "/locked", acl: NobodyAdministers);
        (await zk.SetAclAsync(root + path, isAclValid ? Acl.ReadOnly : [], version)).Is(told);
        Assert.Equal((0, 0), ((await zk.StatAsync(root + "/n")).AclVersion, (await zk.StatAsync(root + "/locked")).AclVersion));
        Assert.Equal(Acl.Open, await zk.AclAsync(root + "/n"));
        Assert.Equal(NobodyAdministers, await zk.AclAsync(root + "/locked"));
    }

    [Fact]
    [Row("B59")]
    public async Task B59_the_version_is_the_acls_own()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.SetAsync(root, [1])).Ok(Stat.Read);
        (await zk.SetAsync(root, [1])).Ok(Stat.Read);
        (await zk.SetAclAsync(root, Acl.Open, 2)).Is(ErrorCode.BadVersion);
        Assert.Equal(1, (await zk.SetAclAsync(root, Acl.Open, 0)).Ok(Stat.Read).AclVersion);
        (await zk.SetAclAsync(root, Acl.Open, 0)).Is(ErrorCode.BadVersion);
        Assert.Equal(2, (await zk.SetAclAsync(root, Acl.Open, -1)).Ok(Stat.Read).AclVersion);
        Assert.Equal(3, (await zk.SetAclAsync(root, Acl.Open, 2)).Ok(Stat.Read).AclVersion);
    }

    [Fact]
    [Row("B60")]
    public async Task B60_a_new_acl_moves_aversion_alone_and_fires_no_watch()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", [1]);
        Stat parent = await zk.StatAsync(root), before = await zk.StatAsync(root + "/n");
        WireClient watcher = await OpenAsync();
        await watcher.ExistsAsync(root + "/n", watch: true);
        await watcher.Children2Async(root + "/n", watch: true);
        await watcher.Children2Async(root, watch: true);
        WireClient persistent = await OpenAsync();
        await persistent.AddWatchAsync(root + "/n");
        await persistent.AddWatchAsync(root, 1);
        WireReply reply = await zk.SetAclAsync(root + "/n", Acl.ReadOnly);
        Assert.Equal(before with { AclVersion = 1 }, reply.Ok(Stat.Read));
        Assert.Equal(before with { AclVersion = 1 }, await zk.StatAsync(root + "/n"));
        Assert.Equal(parent, await zk.StatAsync(root));
        Assert.True(reply.Zxid > before.Mzxid); // a transaction all the same
        AclReply read = (await zk.GetAclAsync(root + "/n")).Ok(AclReply.Read);
        Assert.Equal(Acl.ReadOnly, read.Acl);
        Assert.Equal(before with { AclVersion = 1 }, read.Stat);
        Assert.Empty(await watcher.EventsAsync());
        Assert.Empty(await persistent.EventsAsync());
    }

    [Theory]
    [Row("B61")]
    [InlineData("nonsense", "x")]
    [InlineData("", "")]
    [InlineData("super", "")]
    [InlineData("super", "super")]
    [InlineData("sasl", "bob")]
    [InlineData("x509", "CN=bob")]
    [InlineData("world", "everyone")]
    [InlineData("world", "")]
    [InlineData("World", "anyone")]
    [InlineData("digest", "")]
    [InlineData("digest", "user")]
    [InlineData("digest", "user:")]
    [InlineData("digest", "a:b:c")]
    [InlineData("ip", "")]
    [InlineData("ip", "localhost")]
    [InlineData("ip", "1.2.3")]
    [InlineData("ip", "1.2.3.4.5")]
    [InlineData("ip", "1.2.3.256")]
    [InlineData("ip", "1.2.3.-1")]
    [InlineData("ip", "1.2.3.4/")]
    [InlineData("ip", "1.2.3.4/33")]
    [InlineData("ip", "1.2.3.4/-1")]
    [InlineData("ip", "1.2.3.4/8/8")]
    [InlineData("ip", "::1")]
    [InlineData("auth", "")]
    [InlineData("auth", "anyone")]
    public async Task B61_an_id_that_is_not_one(string scheme, string id)
    {
        (WireClient zk, string root) = await StartAsync();
        if (scheme == "ip" && id.Contains(':') && !Target.IsVersion38) return; // 3.9 knows addresses of IPv6
        Acl[][] lists = [[new(Permissions.All, scheme, id)], [.. Acl.Open, new(Permissions.Read, scheme, id)]];
        foreach (Acl[] acl in lists)
        {
            (await zk.CreateAsync(root + "/n", acl: acl)).Is(ErrorCode.InvalidAcl);
            (await zk.SetAclAsync(root, acl)).Is(ErrorCode.InvalidAcl);
            Assert.Equal([ErrorCode.InvalidAcl], (await zk.MultiAsync((OpCode.Create, Body.Create(root + "/n", acl: acl)))).Codes());
        }

        Assert.Empty(await zk.NamesAsync(root));
    }

    [Theory]
    [Row("B61")]
    [InlineData("world", "anyone")]
    [InlineData("digest", "user:x")]
    [InlineData("digest", ":x")]
    [InlineData("digest", "a:b:")]
    [InlineData("ip", "1.2.3.4")]
    [InlineData("ip", "1.2.3.4/0")]
    [InlineData("ip", "1.2.3.4/32")]
    [InlineData("ip", "01.002.0003.4")]
    public async Task B61_an_id_that_is_valid_is_kept_as_it_is(string scheme, string id)
    {
        (WireClient zk, string root) = await StartAsync();
        Acl[] acl = [new(Permissions.All, scheme, id), .. Acl.Open];
        acl = [.. acl.Distinct()];
        await zk.CreatedAsync(root + "/n", acl: acl);
        Assert.Equal(acl, await zk.AclAsync(root + "/n"));
        (await zk.SetAclAsync(root, acl)).Ok(Stat.Read);
        Assert.Equal(acl, await zk.AclAsync(root));
    }

    [Fact]
    [Row("B61")]
    public async Task B61_no_acl_is_not_one()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.SetAclAsync(root, null)).Is(ErrorCode.InvalidAcl);
        (await zk.SetAclAsync(root, [])).Is(ErrorCode.InvalidAcl);
        (await zk.CreateAsync(root + "/n", acl: [])).Is(ErrorCode.InvalidAcl);
        (await zk.CallAsync(OpCode.Create, (ref JuteWriter writer) =>
        {
            writer.WriteString(root + "/n");
            writer.WriteInt(-1);
            writer.WriteInt(-1);
            writer.WriteInt(0);
        })).Is(ErrorCode.InvalidAcl);
    }

    [Fact]
    [Row("B62")]
    public async Task B62_duplicates_are_kept_once_and_permissions_are_not_checked()
    {
        (WireClient zk, string root) = await StartAsync();
        Acl open = Acl.Open[0], none = new(Permissions.None, "world", "anyone"), much = new((Permissions)255, "world", "anyone"), negative = new((Permissions)(-1), "ip", "1.2.3.4");
        await zk.CreatedAsync(root + "/n", acl: [open, none, open, much, none, negative, negative]);
        Assert.Equal([open, none, much, negative], await zk.AclAsync(root + "/n"));
        (await zk.SetAclAsync(root + "/n", [much, open, much])).Ok(Stat.Read);
        Assert.Equal([much, open], await zk.AclAsync(root + "/n"));
    }

    [Fact]
    [Row("B62")]
    public async Task B62_auth_becomes_every_authenticated_id()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.AuthAsync("digest", "ann:1")).Ok();
        (await zk.AuthAsync("digest", "bob:2")).Ok();
        Acl ann = Acl.Digest(Permissions.Read, "ann", "1"), bob = Acl.Digest(Permissions.Read, "bob", "2");
        Acl[] expected = [ann, bob];

        // Which comes first is not said; the address the connection has is no authenticated id.
        await zk.CreatedAsync(root + "/n", acl: [new(Permissions.Read, "auth", ""), .. Acl.Open]);
        Acl[] kept = await zk.AclAsync(root + "/n");
        Assert.Equal(expected.Order(ById), kept[..2].Order(ById));
        Assert.Equal(Acl.Open[0], kept[2]);
        (await zk.SetAclAsync(root + "/n", [new(Permissions.Read, "auth", "whatever"), .. Acl.Open])).Ok(Stat.Read);
        Assert.Equal(expected.Order(ById), (await zk.AclAsync(root + "/n"))[..2].Order(ById));
    }

    private static Comparer<Acl> ById { get; } = Comparer<Acl>.Create((one, other) => string.CompareOrdinal(one.Id, other.Id));
}
