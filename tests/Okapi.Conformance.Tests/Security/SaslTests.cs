using Okapi.Conformance.Tests.Rows;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Security;

/// <summary>SASL DIGEST-MD5 with real servers: one that demands it, over TLS too, one that offers it and lets those go on who fail, and one without.</summary>
public abstract class SaslTests(TargetFixture plain, TargetFixture demanding, TargetFixture offering)
{
    private static readonly TargetOptions s_demands = new() { Sasl = "ann:of-ann,bob:of-bob", RequireSasl = true, Tls = new() };
    private static readonly TargetOptions s_offers = new() { Sasl = "ann:of-ann", AllowFailedSasl = true };

    public sealed class ApacheDemands() : ApacheFixture(s_demands);

    public sealed class ApacheOffers() : ApacheFixture(s_offers);

    public sealed class EmbeddedDemands() : EmbeddedFixture(s_demands);

    public sealed class EmbeddedOffers() : EmbeddedFixture(s_offers);

    public sealed class OnApache(SharedApache plain, ApacheDemands demanding, ApacheOffers offering)
        : SaslTests(plain, demanding, offering), IClassFixture<ApacheDemands>, IClassFixture<ApacheOffers>;

    public sealed class OnEmbedded(SharedEmbedded plain, EmbeddedDemands demanding, EmbeddedOffers offering)
        : SaslTests(plain, demanding, offering), IClassFixture<EmbeddedDemands>, IClassFixture<EmbeddedOffers>;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_demands_SASL_gets_it_on_every_connection_and_every_session()
    {
        Target server = demanding.Target;

        await using (ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectString, As("ann", "of-ann"), Cancel))
        {
            Assert.Contains(await zk.WhoAmIAsync(Cancel), who => who is { Scheme: "sasl", User: "ann" });
            await zk.CreateAsync("/ann", "x"u8.ToArray(), acl: [new(Permissions.All, "sasl", "ann")], cancellationToken: Cancel);
            await using ZooKeeperClient bob = await ZooKeeperClient.ConnectAsync(server.ConnectString, As("bob", "of-bob"), Cancel);
            await Assert.ThrowsAsync<NoAuthException>(() => bob.GetAsync("/ann", Cancel).AsTask());
        }

        // Over TLS the same; the certificate's check and the password's do not get in each other's way.
        ZooKeeperOptions both = TlsTests.Options(server);
        both.Sasl = As("ann", "of-ann").Sasl;
        await using (ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(both, Cancel))
            Assert.Equal("x"u8.ToArray(), (await zk.GetAsync("/ann", Cancel)).Data);

        // Every connection: cut, and cut again.
        await using var proxy = new SocketProxy(server.EndPoint.Port);
        ZooKeeperOptions throughProxy = As("ann", "of-ann");
        throughProxy.BackoffMinimum = throughProxy.BackoffMaximum = TimeSpan.FromMilliseconds(1);
        await using (ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(proxy.ConnectString, throughProxy, Cancel))
        {
            for (int cut = 0; cut < 10; cut++)
            {
                Task lost = AuthTests.WaitForAsync(zk, change => !change.IsConnected);
                await proxy.CutAsync();
                await lost;
                Assert.Equal("x"u8.ToArray(), (await zk.GetAsync("/ann", Cancel)).Data);
            }
        }

        // Every session: away for longer than its time, and then a new one.
        throughProxy.Recovery = SessionRecovery.NewSession;
        throughProxy.SessionTimeout = TimeSpan.FromSeconds(4);
        await using (ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(proxy.ConnectString, throughProxy, Cancel))
        {
            long session = zk.SessionId;
            Task expired = AuthTests.WaitForAsync(zk, change => change.State == SessionState.Expired);
            await proxy.BreakAsync();
            await expired;
            proxy.Heal();
            Assert.Equal("x"u8.ToArray(), (await zk.GetAsync("/ann", Cancel)).Data);
            Assert.NotEqual(session, zk.SessionId);
            Assert.Contains(await zk.WhoAmIAsync(Cancel), who => who is { Scheme: "sasl", User: "ann" });
        }

        await ShouldBeRefusedAsync(server.ConnectString, As("ann", "of-bob"), "refused DIGEST-MD5");
        // Not with a password of anyone's: 3.8.0 compares a stranger's with that of whoever came before (ZOOKEEPER-4839).
        await ShouldBeRefusedAsync(server.ConnectString, As("eve", "of-eve"), "refused DIGEST-MD5");
        await ShouldBeRefusedAsync(server.ConnectString, new(), "demands SASL");
        await ShouldBeRefusedAsync(server.ConnectString, new() { Auth = { AuthInfo.Digest("ann", "of-ann") } }, "demands SASL");
    }

    [Fact]
    public async Task H68_A_client_that_fails_SASL_does_not_go_on_without_it_even_where_the_server_would_let_it()
    {
        Target server = offering.Target;
        await using (ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectString, As("ann", "of-ann"), Cancel))
            Assert.Contains(await zk.WhoAmIAsync(Cancel), who => who is { Scheme: "sasl", User: "ann" });
        await ShouldBeRefusedAsync(server.ConnectString, As("ann", "wrong"), "DIGEST-MD5");
        await ShouldBeRefusedAsync(server.ConnectString, As("eve", "of-eve"), "DIGEST-MD5");
        await using ZooKeeperClient without = await ZooKeeperClient.ConnectAsync(server.ConnectString, cancellationToken: Cancel);
        Assert.DoesNotContain(await without.WhoAmIAsync(Cancel), who => who.Scheme == "sasl");
    }

    [Fact]
    public async Task H68_A_server_without_SASL_is_refused_by_a_client_that_wants_it()
    {
        await ShouldBeRefusedAsync(plain.Target.ConnectString, As("ann", "of-ann"), "is SASL set up on the server?");
    }

    private static ZooKeeperOptions As(string user, string password) => new() { Sasl = new() { UserName = user, Password = password } };

    // H40: at once, for good, and for every call.
    private static async Task ShouldBeRefusedAsync(string connectString, ZooKeeperOptions options, string reason)
    {
        options.ConnectString = connectString;
        using var log = new LogRecorder();
        options.LoggerFactory = log;
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        Task over = AuthTests.WaitForAsync(zk, change => change.IsOver);
        var refused = await Assert.ThrowsAsync<AuthFailedException>(() => zk.GetAsync("/", Cancel).AsTask());
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        await over;
        Assert.Equal(SessionState.AuthFailed, zk.State);
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.CreateAsync("/evil", cancellationToken: Cancel).AsTask());
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.WaitConnectedAsync(cancellationToken: Cancel));
        if (options.Sasl is not null) Assert.Equal(0, log.Count(3)); // it was never connected
        Assert.Equal(1, log.Count(1)); // and it tried once
        Assert.True(zk.DisposeAsync().AsTask().IsCompleted);
    }
}
