using System.Security.Cryptography;
using System.Text;
using Okapi.Security;
using Xunit;

namespace Okapi.Client.Tests.Security;

public sealed class DigestMd5MechanismTests
{
    private const string Secret = "secret";
    private const string RfcChallenge =
        "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",algorithm=md5-sess,charset=utf-8";

    // What Java's server sends.
    private const string JavaChallenge =
        "realm=\"zk-sasl-md5\",nonce=\"Zm9v\",charset=utf-8,algorithm=md5-sess";

    [Fact]
    public void The_example_of_RFC_2831_section_4_gives_its_response_and_takes_its_proof()
    {
        using DigestMd5Mechanism mechanism = RfcClient();

        Assert.Empty(mechanism.Start());
        Assert.Equal(
            "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",nc=00000001,"
            + "cnonce=\"OA6MHXh6VqTrRk\",digest-uri=\"imap/elwood.innosoft.com\","
            + "response=d388dad90d4bbd760a152321f2143af7,qop=auth",
            Respond(mechanism, RfcChallenge));
        Assert.False(mechanism.IsComplete);
        Assert.Null(Respond(mechanism, "rspauth=ea40f60335c427b5527b84dbabcdfffd"));
        Assert.True(mechanism.IsComplete);
    }

    [Fact]
    public void Its_name_is_the_registered_one()
    {
        using DigestMd5Mechanism mechanism = Client();
        Assert.Equal("DIGEST-MD5", mechanism.Name);
    }

    [Fact]
    public void A_wrong_server_proof_is_refused()
    {
        using DigestMd5Mechanism mechanism = AfterResponse();
        Refused(mechanism, "rspauth=ea40f60335c427b5527b84dbabcdfffe", "rspauth");
        Assert.False(mechanism.IsComplete);
    }

    [Theory]
    [InlineData("")]
    [InlineData("charset=utf-8")]
    public void A_missing_server_proof_is_refused(string last)
    {
        using DigestMd5Mechanism mechanism = AfterResponse();
        Refused(mechanism, last, "no proof");
    }

    [Theory]
    [InlineData("rspauth=ea40f60335c427b5527b84dbabcdfff")]
    [InlineData("rspauth=\"\"")]
    public void A_server_proof_of_another_length_is_refused(string last)
    {
        using DigestMd5Mechanism mechanism = AfterResponse();
        Refused(mechanism, last, "wrong");
    }

    [Fact]
    public void A_server_proof_given_twice_is_refused()
    {
        using DigestMd5Mechanism mechanism = AfterResponse();
        Refused(mechanism, "rspauth=00,rspauth=ea40f60335c427b5527b84dbabcdfffd", "more than one 'rspauth'");
    }

    [Fact]
    public void After_a_refusal_a_right_proof_no_longer_helps()
    {
        using DigestMd5Mechanism mechanism = AfterResponse();
        Refused(mechanism, "rspauth=00", "wrong");
        Assert.Throws<InvalidOperationException>(() => Respond(mechanism, "rspauth=ea40f60335c427b5527b84dbabcdfffd"));
    }

    [Fact]
    public void A_challenge_after_the_proof_is_refused_but_an_empty_token_is_not()
    {
        using DigestMd5Mechanism mechanism = AfterResponse();
        Respond(mechanism, "rspauth=ea40f60335c427b5527b84dbabcdfffd");
        Assert.Null(Respond(mechanism, ""));
        Assert.True(mechanism.IsComplete);
        Refused(mechanism, RfcChallenge, "after its proof");
    }

    [Fact]
    public void A_challenge_before_the_start_is_refused()
    {
        using DigestMd5Mechanism mechanism = Client();
        Assert.Throws<InvalidOperationException>(() => Respond(mechanism, JavaChallenge));
    }

    [Theory]
    [InlineData("realm=\"r\",algorithm=md5-sess", "no nonce")]
    [InlineData("nonce=\"\",algorithm=md5-sess", "no nonce")]
    [InlineData("nonce=\"a\",nonce=\"b\",algorithm=md5-sess", "more than one 'nonce'")]
    [InlineData("nonce=\"a\",NONCE=\"b\",algorithm=md5-sess", "more than one 'nonce'")]
    [InlineData("nonce=\"a\"", "algorithm=md5-sess")]
    [InlineData("nonce=\"a\",algorithm=md5", "algorithm=md5-sess")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,algorithm=md5-sess", "more than one 'algorithm'")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,qop=\"auth-int,auth-conf\"", "qop=auth")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,qop=auth,qop=auth", "more than one 'qop'")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,charset=latin-9", "charset")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,charset=utf-8,charset=utf-8", "more than one 'charset'")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,maxbuf=-1", "maxbuf")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,maxbuf=1,maxbuf=2", "more than one 'maxbuf'")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,stale=maybe", "stale")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,stale=true,stale=true", "more than one 'stale'")]
    [InlineData("nonce=\"a", "not closed")]
    [InlineData("nonce=\"a\\", "not closed")]
    [InlineData("nonce", "no '='")]
    [InlineData("nonce=", "empty or malformed")]
    [InlineData("=a", "empty or malformed")]
    [InlineData("nonce=\"a\" algorithm=md5-sess", "no comma")]
    [InlineData("nonce=\"a\"algorithm=md5-sess", "no comma")]
    [InlineData("", "no challenge")]
    [InlineData(" ", "algorithm=md5-sess")]
    public void A_malformed_challenge_is_refused_by_the_rule_it_breaks(string challenge, string rule)
    {
        using DigestMd5Mechanism mechanism = Client();
        mechanism.Start();
        Refused(mechanism, challenge, rule);
    }

    [Fact]
    public void A_challenge_longer_than_the_RFC_allows_is_refused()
    {
        string atLimit = JavaChallenge.PadRight(2047);
        using DigestMd5Mechanism mechanism = Client();
        mechanism.Start();
        Assert.NotNull(Respond(mechanism, atLimit));

        using DigestMd5Mechanism second = Client();
        second.Start();
        Refused(second, atLimit + " ", "longer");
    }

    [Theory]
    [InlineData("nonce=\"a\",algorithm=md5-sess")]
    [InlineData("nonce=a,algorithm=\"MD5-SESS\",qop=\"auth-conf, auth\",cipher=\"rc4,3des\",maxbuf=65536,stale=false")]
    [InlineData(" , nonce = \"a\" ,\r\n\talgorithm=md5-sess,, opaque=\"x\",opaque=\"y\" ,")]
    public void The_freedoms_of_the_grammar_are_taken(string challenge)
    {
        using DigestMd5Mechanism mechanism = Client();
        mechanism.Start();
        string response = Respond(mechanism, challenge)!;
        Assert.Contains("nonce=\"a\",nc=00000001", response, StringComparison.Ordinal);
        Assert.Contains(",qop=auth", response, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_realm_in_the_challenge_there_is_none_in_the_response()
    {
        string response = ResponseOf("nonce=\"a\",algorithm=md5-sess");
        Assert.DoesNotContain("realm", response, StringComparison.Ordinal);
        Assert.Contains("response=" + Expected(Bytes("user"), [], Bytes(Secret), "a"), response, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_several_realms_the_first_is_taken() =>
        Assert.Contains(
            "realm=\"one\"", ResponseOf("realm=\"one\",realm=\"two\",nonce=a,algorithm=md5-sess"), StringComparison.Ordinal);

    [Fact]
    public void Of_several_realms_the_configured_one_is_taken() =>
        Assert.Contains(
            "realm=\"two\"",
            ResponseOf("realm=\"one\",realm=\"two\",nonce=a,algorithm=md5-sess", realm: "two"),
            StringComparison.Ordinal);

    [Fact]
    public void A_configured_realm_that_is_not_offered_is_refused()
    {
        using DigestMd5Mechanism mechanism = Client(realm: "three");
        mechanism.Start();
        Refused(mechanism, "realm=\"one\",realm=\"two\",nonce=a,algorithm=md5-sess", "realm");
    }

    [Fact]
    public void Quotes_and_backslashes_are_escaped_on_the_wire_and_plain_in_the_hash()
    {
        string response = ResponseOf("realm=\"a\\\"b\\\\c\",nonce=\"n\\x\",algorithm=md5-sess", username: "u\"\\");
        Assert.StartsWith("username=\"u\\\"\\\\\",realm=\"a\\\"b\\\\c\",nonce=\"nx\",", response, StringComparison.Ordinal);
        Assert.Contains(
            "response=" + Expected(Bytes("u\"\\"), Bytes("a\"b\\c"), Bytes(Secret), "nx"), response, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_beyond_Latin_1_are_hashed_in_UTF_8()
    {
        string response = ResponseOf("realm=\"z\",nonce=a,algorithm=md5-sess,charset=utf-8", "名前", "пароль");
        Assert.Contains("username=\"名前\"", response, StringComparison.Ordinal);
        Assert.Contains(
            "response=" + Expected(Bytes("名前"), Bytes("z"), Bytes("пароль"), "a"), response, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_within_Latin_1_are_sent_in_UTF_8_but_hashed_in_Latin_1()
    {
        string response = ResponseOf("realm=\"z\",nonce=a,algorithm=md5-sess,charset=utf-8", "andré", "naïve");
        Assert.Contains("username=\"andré\"", response, StringComparison.Ordinal);
        Assert.Contains(
            "response=" + Expected(Encoding.Latin1.GetBytes("andré"), Bytes("z"), Encoding.Latin1.GetBytes("naïve"), "a"),
            response,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_realm_in_UTF_8_comes_back_as_it_was()
    {
        string response = ResponseOf("realm=\"королевство\",nonce=a,algorithm=md5-sess,charset=utf-8");
        Assert.Contains("realm=\"королевство\"", response, StringComparison.Ordinal);
    }

    [Fact]
    public void A_realm_that_is_not_UTF_8_though_promised_is_refused()
    {
        using DigestMd5Mechanism mechanism = Client();
        mechanism.Start();
        byte[] challenge = Encoding.Latin1.GetBytes("realm=\"\u00e9\",nonce=a,algorithm=md5-sess,charset=utf-8");
        SaslException refusal = Assert.Throws<SaslException>(() => mechanism.Respond(challenge));
        Assert.Contains("UTF-8", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_the_charset_cannot_carry_is_refused()
    {
        using DigestMd5Mechanism mechanism = Client(username: "名前");
        mechanism.Start();
        Refused(mechanism, "nonce=a,algorithm=md5-sess", "charset cannot carry");
    }

    [Fact]
    public void A_user_name_with_control_characters_is_refused_at_once() =>
        Assert.Throws<ArgumentException>(() => new DigestMd5Mechanism("a\r\nb", Secret));

    [Fact]
    public void Every_exchange_has_its_own_cnonce()
    {
        string Cnonce()
        {
            using DigestMd5Mechanism mechanism = new("user", Secret);
            mechanism.Start();
            string response = Respond(mechanism, JavaChallenge)!;
            int start = response.IndexOf("cnonce=\"", StringComparison.Ordinal) + 8;
            return response[start..response.IndexOf('"', start)];
        }

        string first = Cnonce();
        Assert.True(first.Length >= 11);
        Assert.NotEqual(first, Cnonce());
    }

    [Fact]
    public void The_digest_uri_is_the_one_of_ZooKeeper_by_default() =>
        Assert.Contains("digest-uri=\"zookeeper/zk-sasl-md5\"", ResponseOf(JavaChallenge), StringComparison.Ordinal);

    [Theory]
    [InlineData("nonce=hunter2")]
    [InlineData("nonce=a,algorithm=hunter2")]
    [InlineData("nonce=\"a\",algorithm=md5-sess,charset=hunter2")]
    [InlineData("nonce=\"hunter2")]
    [InlineData("nonce=a,algorithm=md5-sess,hunter2")]
    public void No_secret_and_no_peer_bytes_are_in_an_exception_or_in_ToString(string challenge)
    {
        using DigestMd5Mechanism mechanism = Client(username: "topuser", password: "hunter2hunter2");
        mechanism.Start();
        SaslException refusal = Assert.Throws<SaslException>(() => Respond(mechanism, challenge));
        Assert.DoesNotContain("hunter2", refusal.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", mechanism.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_that_cannot_be_encoded_is_not_in_the_exception()
    {
        using DigestMd5Mechanism mechanism = Client(password: "пароль");
        mechanism.Start();
        SaslException refusal = Assert.Throws<SaslException>(() => Respond(mechanism, "nonce=a,algorithm=md5-sess"));
        Assert.DoesNotContain("043F", refusal.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("п", refusal.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Random_bytes_never_escape_as_another_exception()
    {
        Random random = new(20260701);
        byte[] template = Encoding.UTF8.GetBytes(RfcChallenge);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] challenge = (byte[])template.Clone();
            for (int change = random.Next(6); change >= 0; change--)
                challenge[random.Next(challenge.Length)] = (byte)random.Next(256);
            using DigestMd5Mechanism mechanism = Client();
            mechanism.Start();
            try
            {
                mechanism.Respond(challenge.AsSpan(0, random.Next(challenge.Length + 1)));
            }
            catch (SaslException)
            {
                // Refused by a rule, as it should be.
            }
        }
    }

    private static DigestMd5Mechanism RfcClient() =>
        new("chris", Secret, "imap", "elwood.innosoft.com", cnonceSource: () => "OA6MHXh6VqTrRk");

    private static DigestMd5Mechanism AfterResponse()
    {
        DigestMd5Mechanism mechanism = RfcClient();
        mechanism.Start();
        Respond(mechanism, RfcChallenge);
        return mechanism;
    }

    private static DigestMd5Mechanism Client(string username = "user", string password = Secret, string? realm = null) =>
        new(username, password, realm: realm, cnonceSource: () => "c");

    private static string ResponseOf(string challenge, string username = "user", string password = Secret, string? realm = null)
    {
        using DigestMd5Mechanism mechanism = Client(username, password, realm);
        mechanism.Start();
        return Respond(mechanism, challenge)!;
    }

    private static string? Respond(DigestMd5Mechanism mechanism, string challenge) =>
        mechanism.Respond(Bytes(challenge)) is { } response ? Encoding.UTF8.GetString(response) : null;

    private static void Refused(DigestMd5Mechanism mechanism, string challenge, string rule) =>
        Assert.Contains(
            rule, Assert.Throws<SaslException>(() => Respond(mechanism, challenge)).Message, StringComparison.Ordinal);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    // RFC 2831 section 2.1.2.1 written a second time, from bytes, so that the encodings are the test's own choice.
    private static string Expected(byte[] user, byte[] realm, byte[] password, string nonce)
    {
        byte[] a1 = [.. Md5([.. user, (byte)':', .. realm, (byte)':', .. password]), .. Bytes($":{nonce}:c")];
        string a2 = Hex(Md5(Bytes("AUTHENTICATE:zookeeper/zk-sasl-md5")));
        return Hex(Md5(Bytes($"{Hex(Md5(a1))}:{nonce}:00000001:c:auth:{a2}")));
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

#pragma warning disable CA5351 // The mechanism under test is made of MD5.
    private static byte[] Md5(byte[] bytes) => MD5.HashData(bytes);
#pragma warning restore CA5351
}
