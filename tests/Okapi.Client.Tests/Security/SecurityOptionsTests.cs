using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>Options of security that cannot be right are refused before anything is sent, with a message that names the option and not the secret.</summary>
public class SecurityOptionsTests
{
    private const string Canary = "hunter2-canary";

    private static readonly Dictionary<string, (Action<ZooKeeperOptions> Spoil, string[] Said)> Table = new()
    {
        ["no such mechanism"] = (options => options.Sasl = new() { Mechanism = (SaslMechanism)7, UserName = "ann", Password = Canary }, ["Sasl.Mechanism", "7"]),
        ["no service name"] = (options => options.Sasl = new() { UserName = "ann", Password = Canary, ServiceName = "" }, ["Sasl.ServiceName", "zookeeper"]),
        ["no user"] = (options => options.Sasl = new() { Password = Canary }, ["DIGEST-MD5", "UserName"]),
        ["no password"] = (options => options.Sasl = new() { UserName = "ann" }, ["DIGEST-MD5", "Password"]),
        ["no file of authorities"] = (options => options.Tls = new() { Enabled = true, TrustedCertificatesFile = "/nowhere/ca.pem", ClientKeyPassword = Canary }, ["Tls.TrustedCertificatesFile", "/nowhere/ca.pem"]),
        ["no certificate file"] = (options => options.Tls = new() { Enabled = true, ClientCertificateFile = "/nowhere/a.p12", ClientKeyPassword = Canary }, ["Tls.ClientCertificateFile", "/nowhere/a.p12"]),
        ["no key file"] = (options => options.Tls = new() { Enabled = true, ClientCertificateFile = typeof(Assert).Assembly.Location, ClientKeyFile = "/nowhere/a.key", ClientKeyPassword = Canary }, ["Tls.ClientKeyFile", "/nowhere/a.key"]),
        ["a key without a certificate"] = (options => options.Tls = new() { Enabled = true, ClientKeyFile = typeof(Assert).Assembly.Location, ClientKeyPassword = Canary }, ["Tls.ClientKeyFile", "Tls.ClientCertificateFile"]),
        ["TLS and a callback in its place"] = (options => options.Tls = new() { Enabled = true, ClientKeyPassword = Canary }, ["Tls.Enabled", "ConnectCallback"]),
        ["a password for an id"] = (options => options.DefaultAcl = [new(Permissions.All, "digest", Canary)], ["digest", "Acl.Digest"]),
    };

    public static TheoryData<string> Titles => [.. Table.Keys];

    [Theory, MemberData(nameof(Titles))]
    public void Options_that_cannot_be_right_are_refused(string title)
    {
        (Action<ZooKeeperOptions> spoil, string[] said) = Table[title];
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Options();
        spoil(options);
        var refused = Assert.Throws<ArgumentException>(() => ZooKeeperClient.Start(options));
        foreach (string part in said) Assert.Contains(part, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Canary, refused.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, peer.Attempts);
    }

    [Fact]
    public void H69_A_password_given_with_the_user_name_is_not_repeated()
    {
        var refused = Assert.Throws<ArgumentException>(() => AuthInfo.Digest($"ann:{Canary}", "x"));
        Assert.Contains("ann", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Canary, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void H69_Neither_a_digest_nor_a_password_in_its_place_is_in_an_entrys_text()
    {
        Assert.Equal("digest:ann:x:Read", Acl.Digest(Permissions.Read, "ann", Canary).ToString());
        Assert.Equal("digest:x:Read", new Acl(Permissions.Read, "digest", Canary).ToString());
    }
}
