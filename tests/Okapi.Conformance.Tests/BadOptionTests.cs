namespace Okapi.Conformance.Tests;

/// <summary>The caller's mistakes that are told before there is a server.</summary>
public class BadOptionTests
{
    [Theory]
    [InlineData("", "names no server")]
    [InlineData(" , ", "names no server")]
    [InlineData("/app", "names no server")]
    [InlineData("a:0", "port \"0\"")]
    [InlineData("a:65536", "port \"65536\"")]
    [InlineData("a:", "port \"\"")]
    [InlineData("a:x", "port \"x\"")]
    [InlineData("a:-1", "port \"-1\"")]
    [InlineData(":2181", "no host")]
    [InlineData("a b:1", "white space")]
    [InlineData("::1", "two colons")]
    [InlineData("[::1", "closing bracket")]
    [InlineData("[::1]2181", "closing bracket")]
    [InlineData("[x]:1", "IPv6")]
    [InlineData("a:1/app/", "chroot \"/app/\"")]
    [InlineData("a:1//", "chroot \"//\"")]
    [InlineData("a:1/app,b:2", "")]
    public async Task A_bad_connect_string_is_refused_with_the_part_and_the_rule(string text, string names)
    {
        if (text == "a:1/app,b:2")
        {
            // A comma is a legal character of a path: this is one server and a chroot.
            Assert.Equal("/app,b:2", ConnectString.Parse(text).Chroot);
            return;
        }

        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(() => ZooKeeperClient.ConnectAsync(text));
        Assert.Contains($"\"{text}\" is not a connect string", refused.Message);
        Assert.Contains(names, refused.Message);
        Assert.Throws<ArgumentException>(() => ZooKeeperClient.Start(new() { ConnectString = text }));
    }

    public static TheoryData<string, Action<ZooKeeperOptions>> BadOptions => new()
    {
        { nameof(ZooKeeperOptions.SessionTimeout), options => options.SessionTimeout = TimeSpan.Zero },
        { nameof(ZooKeeperOptions.SessionTimeout), options => options.SessionTimeout = TimeSpan.FromMilliseconds(1L << 31) },
        { nameof(ZooKeeperOptions.SessionTimeout), options => options.SessionTimeout = Timeout.InfiniteTimeSpan },
        { nameof(ZooKeeperOptions.ConnectTimeout), options => options.ConnectTimeout = TimeSpan.Zero },
        { nameof(ZooKeeperOptions.FirstConnectTimeout), options => options.FirstConnectTimeout = TimeSpan.Zero },
        { nameof(ZooKeeperOptions.RequestTimeout), options => options.RequestTimeout = TimeSpan.FromSeconds(-2) },
        { nameof(ZooKeeperOptions.CloseTimeout), options => options.CloseTimeout = TimeSpan.Zero },
        { nameof(ZooKeeperOptions.BackoffMinimum), options => options.BackoffMinimum = TimeSpan.Zero },
        { nameof(ZooKeeperOptions.BackoffMaximum), options => options.BackoffMaximum = TimeSpan.FromMilliseconds(1) },
        { nameof(ZooKeeperOptions.Recovery), options => options.Recovery = (SessionRecovery)7 },
        { nameof(ZooKeeperOptions.ChrootCheck), options => options.ChrootCheck = (ChrootCheck)7 },
        { "ACL", options => options.DefaultAcl = [] },
        { nameof(ZooKeeperOptions.MaxRequestSize), options => options.MaxRequestSize = 0 },
        { nameof(ZooKeeperOptions.MaxReplySize), options => options.MaxReplySize = -1 },
        { nameof(ZooKeeperOptions.MaxOutstandingRequests), options => options.MaxOutstandingRequests = 0 },
        { nameof(ZooKeeperOptions.MaxUnsentBytes), options => options.MaxUnsentBytes = 1 },
        { nameof(ZooKeeperOptions.EventBufferSize), options => options.EventBufferSize = 0 },
        { nameof(ZooKeeperOptions.TimeProvider), options => options.TimeProvider = null! },
        { nameof(ZooKeeperOptions.Tls), options => options.Tls = null! },
        { nameof(RetryPolicy.MaxRetries), options => options.WriteRetry = new() { MaxRetries = 0 } },
        { nameof(RetryPolicy.Delay), options => options.WriteRetry = new() { Delay = TimeSpan.FromSeconds(-1) } },
        { nameof(SaslOptions.UserName), options => options.Sasl = new() },
        { nameof(SaslOptions.Mechanism), options => options.Sasl = new() { Mechanism = (SaslMechanism)7 } },
        { nameof(ZooKeeperOptions.Auth), options => options.Auth.Add(null!) },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void A_bad_option_is_refused_by_name(string name, Action<ZooKeeperOptions> set)
    {
        var options = new ZooKeeperOptions { ConnectString = "127.0.0.1:1" };
        set(options);
        ArgumentException refused = Assert.ThrowsAny<ArgumentException>(() => ZooKeeperClient.Start(options));
        Assert.Contains(name, refused.Message);
    }

    [Fact]
    public void Bad_credentials_are_refused_without_being_shown()
    {
        Assert.Throws<ArgumentException>(() => new AuthInfo(" ", "x"u8));
        Assert.Throws<ArgumentException>(() => AuthInfo.Digest("", "secret"));
        Assert.DoesNotContain("secret", Assert.Throws<ArgumentException>(() => AuthInfo.Digest("a:b", "secret")).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SessionCredentials(0, new byte[16]));
    }
}
