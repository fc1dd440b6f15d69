using System.Text;

namespace Okapi.Protocol.Tests;

/// <summary>Access control entries, and secrets that must not come out as text.</summary>
public class AclAndSecretsTests
{
    private const string Canary = "hunter2-canary";

    private static readonly Dictionary<string, object> WithSecrets = new()
    {
        ["connect"] = new ConnectRequest(0, 1, 2, 3, CanaryBytes, ReadOnly: false),
        ["connect response"] = new ConnectResponse(0, 2, 3, CanaryBytes, ReadOnly: false),
        ["auth"] = new AuthRequest("digest", CanaryBytes),
        ["sasl"] = new SaslToken(CanaryBytes),
        ["create"] = new CreateRequest("/a", CanaryBytes, Acl.Open, CreateMode.Persistent),
        ["setData"] = new SetDataRequest("/a", CanaryBytes, -1),
        ["getData reply"] = new DataReply(CanaryBytes, default),
        ["operation of a multi"] = new MultiOperation(OpCode.SetData, "/a", CanaryBytes),
        ["result of a multiRead"] = new MultiResult(OpCode.GetData, Data: CanaryBytes),
        ["digest ACL"] = Acl.Digest(Permissions.All, "alice", Canary),
    };

    public static TheoryData<string> WithSecretsTitles => [.. WithSecrets.Keys];

    private static byte[] CanaryBytes => Encoding.ASCII.GetBytes(Canary);

    [Theory, MemberData(nameof(WithSecretsTitles))]
    public void H69_A_record_as_text_shows_no_secret(string title) => AssertHidden(WithSecrets[title].ToString()!);

    // Errors name the rule and the value, so the value must be no credential: here "user:password" given as the user.
    [Fact]
    public void H69_A_password_given_with_the_user_name_is_not_repeated()
    {
        var refused = Assert.Throws<ArgumentException>(() => Acl.DigestId($"alice:{Canary}", "x"));
        AssertHidden(refused.ToString());
        Assert.Contains("alice", refused.Message, StringComparison.Ordinal);
        Assert.Contains("colon", refused.Message, StringComparison.Ordinal);
        Assert.Equal("user", refused.ParamName);
    }

    [Fact]
    public void H69_A_protocol_error_does_not_repeat_what_was_sent()
    {
        byte[] bytes = Wire.Encode(Records.All["AuthRequest"].Write, new AuthRequest(Canary, CanaryBytes));
        for (int length = 0; length < bytes.Length; length++)
            AssertHidden(Assert.Throws<ProtocolException>(() => Wire.Decode(Records.All["AuthRequest"].Read, bytes.AsSpan(0, length), out _)).ToString());
    }

    [Fact]
    public void Texts_for_logs_show_what_is_no_secret()
    {
        Assert.Equal("ConnectRequest { LastZxidSeen = 0x1f, TimeoutMs = 4000, SessionId = 0xfffffffffffffffe, ReadOnly = True }", new ConnectRequest(0, 31, 4000, -2, CanaryBytes, ReadOnly: true).ToString());
        Assert.Equal("ConnectResponse { TimeoutMs = 4000, SessionId = 0x10, ReadOnly = False }", new ConnectResponse(0, 4000, 16, CanaryBytes, ReadOnly: false).ToString());
        Assert.Equal("AuthRequest { Scheme = digest }", new AuthRequest("digest", CanaryBytes).ToString());
        Assert.Equal("SaslToken", new SaslToken(CanaryBytes).ToString());
    }

    // B66. The second is SHA-1 over UTF-8, whatever the machine's code page is.
    [Theory]
    [InlineData("u", "p", "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=")]
    [InlineData("super", "", "super:ntK0uRI/TdJ1mOFJMdWc5P3hDBU=")]
    [InlineData("j\u00fcrgen", "p:\u00e4ss", "j\u00fcrgen:6A8XJqQAByudRRTFz20LNeoZSuk=")]
    public void A_digest_id_is_the_users_name_and_a_hash_of_both(string user, string password, string id)
    {
        Assert.Equal(id, Acl.DigestId(user, password));
        Assert.Equal(new Acl(Permissions.Read, "digest", id), Acl.Digest(Permissions.Read, user, password));
    }

    [Theory]
    [InlineData("", "p")]
    [InlineData(null, "p")]
    [InlineData("u", null)]
    [InlineData("u:", "p")]
    [InlineData(":u", "p")]
    public void A_digest_id_needs_a_user_without_a_colon_and_a_password(string? user, string? password) => Assert.ThrowsAny<ArgumentException>(() => Acl.DigestId(user!, password!));

    [Fact]
    public void The_three_common_lists_are_Apaches_and_cannot_be_changed()
    {
        Assert.Equal([new Acl(Permissions.All, "world", "anyone")], Acl.Open);
        Assert.Equal([new Acl(Permissions.Read, "world", "anyone")], Acl.ReadOnly);
        Assert.Equal([new Acl(Permissions.All, "auth", "")], Acl.CreatorAll);
        foreach (IReadOnlyList<Acl> list in new[] { Acl.Open, Acl.ReadOnly, Acl.CreatorAll })
        {
            // One caller's change would open or close every znode of the process: no way of casting may get there.
            Assert.IsNotType<Acl[]>(list);
            var asList = Assert.IsAssignableFrom<IList<Acl>>(list);
            Assert.Throws<NotSupportedException>(() => asList[0] = Acl.ReadOnly[0]);
            Assert.Throws<NotSupportedException>(() => asList.Add(Acl.ReadOnly[0]));
            Assert.Throws<NotSupportedException>(asList.Clear);
        }
    }

    [Theory]
    [InlineData(Permissions.All, Permissions.Admin, true)]
    [InlineData(Permissions.Read | Permissions.Write, Permissions.Read, true)]
    [InlineData(Permissions.Read | Permissions.Write, Permissions.Read | Permissions.Write, true)]
    [InlineData(Permissions.Read | Permissions.Write, Permissions.Read | Permissions.Create, false)]
    [InlineData(Permissions.Read, Permissions.Write, false)]
    [InlineData(Permissions.None, Permissions.Read, false)]
    [InlineData(Permissions.None, Permissions.None, true)]
    public void An_entry_allows_what_it_has_all_of(Permissions has, Permissions wanted, bool can) => Assert.Equal(can, new Acl(has, "world", "anyone").Can(wanted));

    [Fact]
    public void An_entry_as_text_is_scheme_id_and_permissions()
    {
        Assert.Equal("world:anyone:All", Acl.Open[0].ToString());
        Assert.Equal("ip:10.0.0.0/8:Read, Delete", new Acl(Permissions.Read | Permissions.Delete, "ip", "10.0.0.0/8").ToString());
    }

    private static void AssertHidden(string text)
    {
        Assert.DoesNotContain(Canary, text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Convert.ToHexString(CanaryBytes), text.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Convert.ToBase64String(CanaryBytes), text, StringComparison.Ordinal);
        Assert.DoesNotContain(string.Join(", ", CanaryBytes), text, StringComparison.Ordinal);
    }
}
