using System.Security.Cryptography;
using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>A server that wants every session to log in with SASL.</summary>
public abstract class SaslRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SaslApache fixture) : SaslRows(fixture), IClassFixture<SaslApache>;

    public sealed class OnEmbedded(SaslEmbedded fixture) : SaslRows(fixture), IClassFixture<SaslEmbedded>;

    public sealed class OnEmbedded39(SaslEmbedded39 fixture) : SaslRows(fixture), IClassFixture<SaslEmbedded39>;

    public static TheoryData<OpCode> Requests { get; } = [OpCode.Ping, OpCode.GetData, OpCode.Create, OpCode.Multi, OpCode.WhoAmI, OpCode.CloseSession, (OpCode)99];

    [Theory]
    [Row("B21")]
    [MemberData(nameof(Requests))]
    public async Task B21_who_has_not_logged_in_is_told_so_and_cut_off(OpCode type)
    {
        WireClient zk = await OpenAsync();
        Assert.Equal(Xids.Auth, (await zk.AuthAsync("digest", "u:p")).Ok().Xid); // another way to log in does not do
        WireReply reply = await zk.CallAsync(type, Body.Read("/"), xid: 9);
        Assert.Equal(new ReplyHeader(9, 0, ErrorCode.SessionClosedRequireSaslAuth), reply.Is(ErrorCode.SessionClosedRequireSaslAuth).Header);
        await zk.ExpectCloseAsync();
    }

    [Fact]
    [Row("B21")]
    public async Task B21_who_has_logged_in_is_served()
    {
        WireClient zk = await OpenAsync();
        WireReply challenge = await SaslAsync(zk, []);
        Assert.Equal(0, challenge.Zxid);
        WireReply proof = await SaslAsync(zk, Answer(Encoding.UTF8.GetString(challenge.Ok(SaslToken.Read).Token!), RowOptions.Password));
        Assert.StartsWith("rspauth=", Encoding.UTF8.GetString(proof.Ok(SaslToken.Read).Token!));
        ClientInfo[] identities = (await zk.CallAsync(OpCode.WhoAmI)).Ok(WhoAmIReply.Read).Identities;
        Assert.Contains(new ClientInfo("sasl", RowOptions.User), identities);
        await zk.CreatedAsync("/B21", acl: [new(Permissions.All, "sasl", RowOptions.User)]);
        (await zk.SetAsync("/B21", [1])).Ok(Stat.Read);
    }

    [Fact]
    [Row("B21")]
    public async Task B21_a_wrong_password_is_refused_and_ends_the_connection()
    {
        WireClient zk = await OpenAsync();
        WireReply challenge = await SaslAsync(zk, []);
        WireReply refused = await SaslAsync(zk, Answer(Encoding.UTF8.GetString(challenge.Ok(SaslToken.Read).Token!), "wrong"));
        Assert.Null(refused.Whole(SaslToken.Read).Token);
        Assert.Equal(ErrorCode.SessionClosedRequireSaslAuth, refused.Error); // and not AuthFailed, as where SASL is not required
        await zk.ExpectCloseAsync();
    }

    private static Task<WireReply> SaslAsync(WireClient zk, byte[] token) => zk.CallAsync(OpCode.Sasl, new SaslToken(token).Write);

    // RFC 2831, in the one form that ZooKeeper's servers speak.
    private static byte[] Answer(string challenge, string password)
    {
        string Directive(string name) => challenge.Split(',').Single(each => each.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..].Trim('"');
        string realm = Directive("realm"), nonce = Directive("nonce");
        const string Cnonce = "b2thcGk=", Uri = "zookeeper/zk-sasl-md5";
        byte[] a1 = [.. Md5($"{RowOptions.User}:{realm}:{password}".Utf8()), .. $":{nonce}:{Cnonce}".Utf8()];
        string response = Hex(Md5($"{Hex(Md5(a1))}:{nonce}:00000001:{Cnonce}:auth:{Hex(Md5($"AUTHENTICATE:{Uri}".Utf8()))}".Utf8()));
        return $"charset=utf-8,username=\"{RowOptions.User}\",realm=\"{realm}\",nonce=\"{nonce}\",nc=00000001,cnonce=\"{Cnonce}\",digest-uri=\"{Uri}\",maxbuf=65536,response={response},qop=auth".Utf8();
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    // What the mechanism is made of, whatever one thinks of it.
#pragma warning disable CA5351
    private static byte[] Md5(byte[] bytes) => MD5.HashData(bytes);
#pragma warning restore CA5351
}
