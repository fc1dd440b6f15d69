using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Who a connection is taken for.</summary>
public abstract class AuthRows(TargetFixture fixture) : RowTest(fixture)
{
    private static readonly ClientInfo Here = new("ip", "127.0.0.1");

    public sealed class OnApache(SharedApache fixture) : AuthRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : AuthRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : AuthRows(fixture);

    [Fact]
    [Row("B64")]
    public async Task B64_the_super_user_may_do_anything()
    {
        (WireClient zk, string root) = await StartAsync();
        Acl[] nobody = [new(Permissions.None, "world", "anyone")];
        await zk.CreatedAsync(root + "/n");
        await zk.CreatedAsync(root + "/n/child");
        (await zk.SetAclAsync(root + "/n", nobody)).Ok(Stat.Read);
        WireClient super = await OpenAsync();
        (await super.AuthAsync("digest", "super:wrong")).Ok();
        (await super.GetAsync(root + "/n")).Is(ErrorCode.NoAuth);
        (await super.AuthAsync("digest", "super:" + Target.SuperPassword)).Ok();
        (await super.GetAsync(root + "/n")).Ok(DataReply.Read);
        (await super.SetAsync(root + "/n", [1])).Ok(Stat.Read);
        await super.CreatedAsync(root + "/n/other");
        (await super.DeleteAsync(root + "/n/child")).Ok();
        Assert.Equal(nobody, await super.AclAsync(root + "/n"));
        (await super.SetAclAsync(root + "/n", Acl.Open)).Ok(Stat.Read);
        (await zk.SetAsync(root + "/n", [2])).Ok(Stat.Read);
        Assert.Contains(new ClientInfo("super", ""), await WhoAmIAsync(super));
    }

    [Theory]
    [Row("B64", "B68")]
    [InlineData("super", "super:okapi-super")]
    [InlineData("world", "anyone")]
    [InlineData("auth", "")]
    [InlineData("sasl", "bob")]
    [InlineData("x509", "bob")]
    [InlineData("nonsense", "")]
    [InlineData("", "")]
    [InlineData("Digest", "u:p")]
    public async Task B64_B68_an_unknown_scheme_ends_the_connection(string scheme, string credential)
    {
        WireClient zk = await OpenAsync();
        WireReply reply = (await zk.AuthAsync(scheme, credential)).Is(ErrorCode.AuthFailed);
        Assert.Equal((Xids.Auth, 0), (reply.Xid, reply.Zxid));
        await zk.ExpectCloseAsync();

        // The session is not over: it can be resumed.
        WireClient again = await OpenAsync(resume: zk.Session);
        Assert.Equal(zk.SessionId, again.SessionId);
        (await again.PingAsync()).Ok();
    }

    [Fact]
    [Row("B68")]
    public async Task B68_a_credential_that_cannot_be_read_ends_the_connection()
    {
        WireClient zk = await OpenAsync();
        (await zk.CallAsync(OpCode.Auth, (ref JuteWriter writer) =>
        {
            writer.WriteInt(0);
            writer.WriteString("digest");
            writer.WriteInt(-1);
        }, Xids.Auth)).Is(ErrorCode.AuthFailed);
        await zk.ExpectCloseAsync();
    }

    [Fact]
    [Row("B66")]
    public async Task B66_the_digest_is_of_user_and_password_together()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.AuthAsync("digest", "u:p")).Ok();
        await zk.CreatedAsync(root + "/n", acl: Acl.CreatorAll);
        Assert.Equal([new Acl(Permissions.All, "digest", "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=")], await zk.AclAsync(root + "/n"));
    }

    [Theory]
    [Row("B67")]
    [InlineData("u:p", "u")]
    [InlineData("no colon", "no colon")]
    [InlineData("a:b:c", "a")]
    [InlineData(":", "")]
    [InlineData("", "")]
    public async Task B67_a_digest_login_never_fails(string credential, string user)
    {
        (WireClient zk, string root) = await StartAsync();
        WireReply reply = (await zk.AuthAsync("digest", credential)).Ok();
        Assert.Equal((Xids.Auth, 0), (reply.Xid, reply.Zxid));
        await zk.CreatedAsync(root + "/n", acl: Acl.CreatorAll);
        Acl acl = Assert.Single(await zk.AclAsync(root + "/n"));
        Assert.Equal($"{user}:{Convert.ToBase64String(Sha1(credential.Utf8()))}", acl.Id);
        (await zk.SetAsync(root + "/n", [1])).Ok(Stat.Read);
    }

    [Fact]
    [Row("B67")]
    public async Task B67_an_auth_reply_has_the_requests_xid_and_ids_accumulate()
    {
        (WireClient zk, string root) = await StartAsync();
        WireReply reply = await zk.CallAsync(OpCode.Auth, Body.Auth("digest", "ann:1"), xid: 77);
        Assert.Equal((77, 0, ErrorCode.Ok), (reply.Xid, reply.Zxid, reply.Error));
        (await zk.AuthAsync("digest", "bob:2")).Ok();
        (await zk.AuthAsync("digest", "ann:1")).Ok();
        Assert.Equal([Here, new("digest", "ann"), new("digest", "bob")], (await WhoAmIAsync(zk)).OrderBy(who => who.Scheme == "ip" ? "" : who.User, StringComparer.Ordinal));
        foreach (string user in (string[])["ann:1", "bob:2"])
        {
            string path = root + "/" + user[..3];
            await zk.CreatedAsync(path, acl: [new(Permissions.All, "digest", Acl.DigestId(user[..3], user[4..]))]);
            (await zk.SetAsync(path, [1])).Ok(Stat.Read);
        }
    }

    [Theory]
    [Row("B69")]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.0.0.1/32", true)]
    [InlineData("127.0.0.0/8", true)]
    [InlineData("127.255.255.255/8", true)]
    [InlineData("126.0.0.0/7", true)]
    [InlineData("1.2.3.4/0", true)]
    [InlineData("127.0.0.2", false)]
    [InlineData("127.0.0.0", false)]
    [InlineData("127.0.0.2/31", false)]
    [InlineData("128.0.0.0/8", false)]
    public async Task B69_a_connection_is_known_by_its_address(string id, bool isMatch)
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.CreatedAsync(root + "/n", acl: [new(Permissions.Read, "ip", id)]);
        WireReply reply = await zk.GetAsync(root + "/n");
        if (isMatch) reply.Ok(DataReply.Read);
        else reply.Is(ErrorCode.NoAuth);
    }

    [Fact]
    [Row("B70")]
    public async Task B70_who_resumes_a_session_is_nobody_until_told_again()
    {
        (WireClient zk, string root) = await StartAsync();
        (await zk.AuthAsync("digest", "u:p")).Ok();
        await zk.CreatedAsync(root + "/n", acl: Acl.CreatorAll);
        WireClient again = await OpenAsync(resume: zk.Session);
        (await again.GetAsync(root + "/n")).Is(ErrorCode.NoAuth);
        Assert.Equal([Here], await WhoAmIAsync(again));
        (await again.AuthAsync("digest", "u:p")).Ok();
        (await again.GetAsync(root + "/n")).Ok(DataReply.Read);
    }

    [Fact]
    [Row("B71")]
    public async Task B71_who_am_i_tells_schemes_and_users_and_no_digest()
    {
        WireClient zk = await OpenAsync();
        Assert.Equal([Here], await WhoAmIAsync(zk));
        (await zk.AuthAsync("digest", "u:p")).Ok();
        ClientInfo[] told = await WhoAmIAsync(zk);
        Assert.Equal([new("digest", "u"), Here], told.OrderBy(who => who.Scheme, StringComparer.Ordinal));
    }

    private static async Task<ClientInfo[]> WhoAmIAsync(WireClient zk) => (await zk.CallAsync(OpCode.WhoAmI)).Ok(WhoAmIReply.Read).Identities;

    // What servers compare with, whatever one thinks of it.
#pragma warning disable CA5350
    private static byte[] Sha1(byte[] bytes) => System.Security.Cryptography.SHA1.HashData(bytes);
#pragma warning restore CA5350
}
