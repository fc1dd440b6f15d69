using System.Security.Cryptography;
using System.Text;
using Okapi.Server.Security;

namespace Okapi.Server.Tests.Security;

public class DigestMd5ExchangeTests
{
    private const string Nonce = "fgrm+dA1VuUiRwTd/ET+vpTXDuhtPMcht1yJbzDR";

    private static readonly Dictionary<string, string> s_users = new(StringComparer.Ordinal)
    {
        ["ann"] = "of-ann",
        ["bob"] = "of-bob",
        ["J\u00fcrgen"] = "stra\u00dfe",
        ["\u20acva"] = "\u20ac",
        ["quo\"te\\d"] = "x",
        ["nopw"] = "",
    };

    [Fact]
    public void What_Apaches_server_said_to_a_response_is_said_here()
    {
        DigestMd5Exchange exchange = New();
        Assert.Equal($"realm=\"zk-sasl-md5\",nonce=\"{Nonce}\",charset=utf-8,algorithm=md5-sess", Text(exchange.Step([])));
        Assert.False(exchange.IsComplete);
        const string Response = $"charset=utf-8,username=\"ann\",realm=\"zk-sasl-md5\",nonce=\"{Nonce}\",nc=00000001,cnonce=\"abcdef0123\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,response=dc14f57e7376322faefab95fb01b3ffe,qop=auth";
        Assert.Equal("rspauth=50a209040b606c4c2411b7d4fee300dc", Text(exchange.Step(Bytes(Response))));
        Assert.True(exchange.IsComplete);
        Assert.Equal("ann", exchange.User);
    }

    [Fact]
    public void Who_asks_to_be_somebody_else_stays_who_he_is()
    {
        const string Other = "YgAD+Z0RrJX0q8PMPYfDPDns0TIl42yimS9JXn52";
        var exchange = new DigestMd5Exchange(s_users, () => Other);
        exchange.Step([]);
        const string Response = $"charset=utf-8,username=\"ann\",realm=\"zk-sasl-md5\",nonce=\"{Other}\",nc=00000001,cnonce=\"abcdef0123\",digest-uri=\"zookeeper/zk-sasl-md5\",maxbuf=65536,response=a6b5acd9acc14488d50caf4c5e630297,qop=auth,authzid=\"bob\"";
        Assert.Equal("rspauth=130321a3f2531ffe3454e9cf0f217523", Text(exchange.Step(Bytes(Response))));
        Assert.Equal("ann", exchange.User);
    }

    [Theory]
    [InlineData("ann", "of-ann")]
    [InlineData("bob", "of-bob")]
    [InlineData("J\u00fcrgen", "stra\u00dfe")]
    [InlineData("\u20acva", "\u20ac")]
    [InlineData("quo\"te\\d", "x")]
    [InlineData("nopw", "")]
    public void Whoever_knows_the_password_is_let_in(string user, string password)
    {
        Login login = new() { User = user, Password = password };
        DigestMd5Exchange exchange = New();
        exchange.Step([]);
        Assert.Equal("rspauth=" + login.Proof(":"), Text(exchange.Step(login.Token())));
        Assert.True(exchange.IsComplete);
        Assert.Equal(user, exchange.User);
    }

    [Fact]
    public void The_platforms_own_idea_of_a_login_in_Latin_1_is_let_in()
    {
        Login login = new() { User = "J\u00fcrgen", Password = "stra\u00dfe", Charset = null };
        Assert.NotNull(Answer(login.Token()));
    }

    public static TheoryData<string> Wrong { get; } =
    [
        "password=wrong", "user=eve", "user=", "user=Ann", "realm=other", "realm=", "nonce=AAAA", "uri=zookeeper/other", "uri=other/zk-sasl-md5", "uri=zookeeper", "qop=auth-int", "qop=auth-conf",
        "qop=AUTH", "charset=latin", "count=00000002",
    ];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Whoever_has_one_thing_wrong_is_not(string what)
    {
        string value = what[(what.IndexOf('=', StringComparison.Ordinal) + 1)..];
        Login login = new();
        login = what.Split('=')[0] switch
        {
            "password" => login with { Password = value },
            "user" => login with { User = value },
            "realm" => login with { Realm = value },
            "nonce" => login with { Nonce = value },
            "uri" => login with { Uri = value },
            "qop" => login with { Qop = value },
            "charset" => login with { Charset = value },
            _ => login with { Count = value },
        };
        Assert.Null(Answer(login.Token(), out DigestMd5Exchange exchange));
        Assert.False(exchange.IsComplete);
        Assert.Equal("", exchange.User);
    }

    [Theory]
    [InlineData("username=")]
    [InlineData("realm=")]
    [InlineData("nonce=")]
    [InlineData("cnonce=")]
    [InlineData("digest-uri=")]
    [InlineData("response=")]
    public void Nothing_that_counts_may_be_left_out(string directive) => Assert.Null(Answer(Without(directive)));

    [Theory]
    [InlineData("nc=")]
    [InlineData("qop=")]
    [InlineData("maxbuf=")]
    public void The_rest_may_be_left_out(string directive) => Assert.NotNull(Answer(Without(directive)));

    [Theory]
    [InlineData(",username=\"ann\"")]
    [InlineData(",USERNAME=ann")]
    [InlineData(",charset=utf-8")]
    [InlineData(",realm=\"zk-sasl-md5\"")]
    [InlineData(",=x")]
    [InlineData(",foo=\"open")]
    [InlineData(",foo=\"open\\")]
    [InlineData(",foo=")]
    [InlineData(",\u00ff=1")]
    public void What_is_malformed_or_comes_twice_is_refused(string more) => Assert.Null(Answer([.. new Login().Token(), .. Bytes(more)]));

    [Theory]
    [InlineData(",foo=1,foo=2")]
    [InlineData(",,foo=1,")]
    [InlineData(", ,\t foo = \"a\\\"b\" , ")]
    public void What_is_not_known_counts_for_nothing(string more) => Assert.NotNull(Answer([.. new Login().Token(), .. Bytes(more)]));

    [Theory]
    [InlineData(4096, true)]
    [InlineData(4097, false)]
    [InlineData(1_000_000, false)]
    public void A_response_has_at_most_4096_bytes(int length, bool isTaken)
    {
        byte[] token = new Login().Token();
        byte[] padded = [.. token, .. Bytes($",pad=\"{new string('x', length - token.Length - 7)}\"")];
        Assert.Equal(length, padded.Length);
        Assert.Equal(isTaken, Answer(padded) is not null);
    }

    [Fact]
    public void A_name_that_is_no_UTF_8_is_nobodys()
    {
        string token = Encoding.Latin1.GetString(new Login().Token());
        Assert.Null(Answer(Encoding.Latin1.GetBytes(token.Replace("username=\"ann\"", "username=\"ann\u00ff\"", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(0)]
    [InlineData(33)]
    public void A_part_of_the_right_hash_is_not_enough(int length)
    {
        Login login = new();
        string token = Encoding.Latin1.GetString(login.Token()), right = login.Proof("AUTHENTICATE:");
        Assert.Null(Answer(Bytes(token.Replace(right, (right + "0")[..length], StringComparison.Ordinal))));
        Assert.Null(Answer(Bytes(token.Replace(right, right.ToUpperInvariant(), StringComparison.Ordinal))));
    }

    [Fact]
    public void There_is_no_second_try_and_no_second_login()
    {
        byte[] good = new Login().Token();
        DigestMd5Exchange failed = New();
        failed.Step([]);
        Assert.Null(failed.Step(Bytes("nonsense")));
        Assert.Null(failed.Step(good));
        Assert.Null(failed.Step([]));
        Assert.False(failed.IsComplete);

        DigestMd5Exchange complete = New();
        complete.Step([]);
        Assert.NotNull(complete.Step(good));
        Assert.Null(complete.Step(good));
        Assert.Null(complete.Step([]));
    }

    [Fact]
    public void Nobody_is_let_in_with_the_password_of_who_came_before() // ZOOKEEPER-4839
    {
        Assert.NotNull(Answer(new Login().Token()));
        Assert.Null(Answer((new Login() with { User = "eve", Password = "of-ann" }).Token()));
        Assert.Null(Answer((new Login() with { User = "eve", Password = "" }).Token()));
    }

    [Fact]
    public void Every_exchange_has_a_nonce_of_its_own_of_240_bits()
    {
        string[] challenges = [.. Enumerable.Range(0, 100).Select(_ => Text(new DigestMd5Exchange(s_users).Step([])))];
        Assert.Equal(100, challenges.Distinct().Count());
        Assert.All(challenges, challenge => Assert.Matches("^realm=\"zk-sasl-md5\",nonce=\"[A-Za-z0-9+/]{40}\",", challenge));
    }

    private static byte[]? Answer(byte[] token) => Answer(token, out _);

    private static byte[]? Answer(byte[] token, out DigestMd5Exchange exchange)
    {
        exchange = New();
        exchange.Step([]);
        return exchange.Step(token);
    }

    private static byte[] Without(string directive) =>
        Bytes(string.Join(',', Text(new Login().Token()).Split(',').Where(each => !each.StartsWith(directive, StringComparison.Ordinal))));

    private static DigestMd5Exchange New() => new(s_users, () => Nonce);

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private static string Text(byte[]? bytes) => Encoding.Latin1.GetString(bytes!);

    /// <summary>The client's side, written from the RFC a second time.</summary>
    private sealed record Login
    {
        public string User { get; init; } = "ann";

        public string Password { get; init; } = "of-ann";

        public string Realm { get; init; } = "zk-sasl-md5";

        public string Nonce { get; init; } = DigestMd5ExchangeTests.Nonce;

        public string Uri { get; init; } = "zookeeper/zk-sasl-md5";

        public string Qop { get; init; } = "auth";

        public string? Charset { get; init; } = "utf-8";

        public string Count { get; init; } = "00000001";

        public byte[] Token()
        {
            string user = User.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
            string text = $"username=\"{user}\",realm=\"{Realm}\",nonce=\"{Nonce}\",nc={Count},cnonce=\"cnonce\",digest-uri=\"{Uri}\",maxbuf=65536,response={Proof("AUTHENTICATE:")},qop={Qop}";
            return Charset is null ? Bytes(text) : Encoding.UTF8.GetBytes($"charset={Charset},{text}");
        }

        public string Proof(string who)
        {
            byte[] a1 = [.. Md5([.. Hashed(User), .. Hashed($":{Realm}:"), .. Hashed(Password)]), .. Bytes($":{Nonce}:cnonce")];
            string protection = Qop == "auth" ? "" : ":" + new string('0', 32);
            return Hex(Md5(Bytes($"{Hex(Md5(a1))}:{Nonce}:{Count}:cnonce:{Qop}:{Hex(Md5(Bytes(who + Uri + protection)))}")));
        }

        private static byte[] Hashed(string text) => (text.All(c => c < 256) ? Encoding.Latin1 : Encoding.UTF8).GetBytes(text);

        private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

#pragma warning disable CA5351 // what DIGEST-MD5 is made of
        private static byte[] Md5(byte[] bytes) => MD5.HashData(bytes);
#pragma warning restore CA5351
    }
}
