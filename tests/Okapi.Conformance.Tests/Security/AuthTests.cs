using System.Diagnostics;
using Okapi.Conformance.Tests.Rows;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Security;

/// <summary>Credentials of <c>addauth</c> and what they open.</summary>
public abstract class AuthTests(TargetFixture fixture)
{
    public sealed class OnApache(SharedApache fixture) : AuthTests(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : AuthTests(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : AuthTests(fixture);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private Target Target => fixture.Target;

    private int Port => Target.EndPoint.Port;

    [Fact]
    public async Task H39_Three_identities_are_replayed_before_the_first_call_on_each_of_30_connections()
    {
        string root = $"/h39-{Guid.NewGuid():n}";
        string[] users = ["ann", "bob", "cid"];
        await using var proxy = new SocketProxy(Port);
        ZooKeeperOptions options = Options(proxy);
        options.Auth.Add(AuthInfo.Digest("ann", "of-ann"));
        options.Auth.Add(AuthInfo.Digest("bob", "of-bob"));
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(options, Cancel);
        await zk.AddAuthAsync(AuthInfo.Digest("cid", "of-cid"), Cancel); // added later, it counts as much
        await zk.CreateAsync(root, cancellationToken: Cancel);
        foreach (string user in users) await zk.CreateAsync($"{root}/{user}", acl: [Acl.Digest(Permissions.All, user, "of-" + user)], cancellationToken: Cancel);
        long session = zk.SessionId;
        for (int cut = 0; cut < 30; cut++)
        {
            Task lost = WaitForAsync(zk, change => !change.IsConnected);
            await proxy.CutAsync();
            await lost;
            // Asked for while there is no connection, they are the first to go on the next one.
            foreach (Task<NodeData> read in users.Select(user => zk.GetAsync($"{root}/{user}", Cancel).AsTask()).ToArray()) await read;
        }

        Assert.Equal(["ann", "bob", "cid"], (await zk.WhoAmIAsync(Cancel)).Where(who => who.Scheme == "digest").Select(who => who.User).Order());
        Assert.Equal(session, zk.SessionId);
    }

    [Fact]
    public async Task H39_A_resumed_session_has_the_identities_it_presents_and_not_those_it_had()
    {
        string path = $"/resumed-{Guid.NewGuid():n}";
        await using var proxy = new SocketProxy(Port);
        ZooKeeperOptions first = Options(proxy);
        first.Auth.Add(AuthInfo.Digest("ann", "of-ann"));
        await using ZooKeeperClient owner = await ZooKeeperClient.ConnectAsync(first, Cancel);
        await owner.CreateAsync(path, "x"u8.ToArray(), acl: Acl.CreatorAll, cancellationToken: Cancel);
        SessionCredentials credentials = owner.GetSessionCredentials()!;
        await proxy.BreakAsync(); // the first owner must not take it back

        var bare = new ZooKeeperOptions { ConnectString = Target.ConnectString, Resume = credentials };
        await using (var second = new SocketProxy(Port))
        {
            bare.ConnectString = second.ConnectString;
            await using ZooKeeperClient resumed = await ZooKeeperClient.ConnectAsync(bare, Cancel);
            Assert.Equal(credentials.SessionId, resumed.SessionId);
            await Assert.ThrowsAsync<NoAuthException>(() => resumed.GetAsync(path, Cancel).AsTask());
            Task lost = WaitForAsync(resumed, change => !change.IsConnected);
            await second.BreakAsync(); // closing would end the session
            await lost;
        }

        var authenticated = new ZooKeeperOptions { ConnectString = Target.ConnectString, Resume = credentials, Auth = { AuthInfo.Digest("ann", "of-ann") } };
        await using ZooKeeperClient again = await ZooKeeperClient.ConnectAsync(authenticated, Cancel);
        Assert.Equal(credentials.SessionId, again.SessionId);
        Assert.Equal("x"u8.ToArray(), (await again.GetAsync(path, Cancel)).Data);
    }

    [Fact]
    public async Task H40_An_unknown_scheme_ends_the_session_and_closing_the_client_takes_no_time()
    {
        ZooKeeperClient zk = await ConnectAsync();
        Task over = WaitForAsync(zk, change => change.IsOver);
        var refused = await Assert.ThrowsAsync<AuthFailedException>(() => zk.AddAuthAsync(new AuthInfo("nonesuch", "x"u8), Cancel));
        Assert.Contains("scheme nonesuch", refused.Message, StringComparison.Ordinal);
        Assert.NotEqual(0, refused.SessionId);
        await over;
        Assert.Equal(SessionState.AuthFailed, zk.State);
        Assert.True(zk.SessionLost.IsCancellationRequested);
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.GetAsync("/", Cancel).AsTask());
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.CreateAsync("/a", cancellationToken: Cancel).AsTask());
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.WatchAsync("/", WatchMode.Persistent, cancellationToken: Cancel));
        Task disposing = zk.DisposeAsync().AsTask();
        Assert.True(disposing.IsCompleted);

        var fromTheStart = new ZooKeeperOptions { ConnectString = Target.ConnectString, Auth = { new AuthInfo("nonesuch", "x"u8) } };
        await using ZooKeeperClient another = ZooKeeperClient.Start(fromTheStart);
        await Assert.ThrowsAsync<AuthFailedException>(() => another.GetAsync("/", Cancel).AsTask());
    }

    [Fact]
    public async Task The_ready_made_lists_open_znodes_to_whom_they_say()
    {
        string root = $"/acl-{Guid.NewGuid():n}";
        await using ZooKeeperClient ann = await ConnectAsync(new() { Auth = { AuthInfo.Digest("ann", "of-ann") } });
        await using ZooKeeperClient anyone = await ConnectAsync();
        await ann.CreateAsync(root, cancellationToken: Cancel);
        await ann.CreateAsync($"{root}/open", acl: Acl.Open, cancellationToken: Cancel);
        await ann.CreateAsync($"{root}/read-only", acl: Acl.ReadOnly, cancellationToken: Cancel);
        await ann.CreateAsync($"{root}/creator", acl: Acl.CreatorAll, cancellationToken: Cancel);
        await ann.CreateAsync($"{root}/digest", acl: [Acl.Digest(Permissions.Read, "ann", "of-ann"), .. Acl.ReadOnly], cancellationToken: Cancel);
        await ann.SyncAsync(root, Cancel);

        await anyone.SetAsync($"{root}/open", "1"u8.ToArray(), cancellationToken: Cancel);
        await anyone.GetAsync($"{root}/read-only", Cancel);
        await Assert.ThrowsAsync<NoAuthException>(() => anyone.SetAsync($"{root}/read-only", "1"u8.ToArray(), cancellationToken: Cancel).AsTask());
        await Assert.ThrowsAsync<NoAuthException>(() => ann.SetAsync($"{root}/read-only", "1"u8.ToArray(), cancellationToken: Cancel).AsTask());
        await Assert.ThrowsAsync<NoAuthException>(() => anyone.GetAsync($"{root}/creator", Cancel).AsTask());
        await ann.SetAsync($"{root}/creator", "1"u8.ToArray(), cancellationToken: Cancel);
        await Assert.ThrowsAsync<NoAuthException>(() => ann.SetAsync($"{root}/digest", "1"u8.ToArray(), cancellationToken: Cancel).AsTask());
        await Assert.ThrowsAsync<InvalidAclException>(() => anyone.CreateAsync($"{root}/nobody", acl: Acl.CreatorAll, cancellationToken: Cancel).AsTask());

        // The digest, from which passwords can be guessed, is for those who may change the list.
        Assert.Equal(Acl.DigestId("ann", "of-ann"), (await ann.GetAclAsync($"{root}/creator", Cancel)).Acl.Single().Id);
        Assert.Equal("ann:x", (await anyone.GetAclAsync($"{root}/digest", Cancel)).Acl[0].Id);

        // The server's own superuser may do anything.
        await using ZooKeeperClient super = await ConnectAsync();
        await Assert.ThrowsAsync<NoAuthException>(() => super.GetAsync($"{root}/creator", Cancel).AsTask());
        await super.AddAuthAsync(AuthInfo.Digest("super", Target.SuperPassword), Cancel);
        Assert.Equal("1"u8.ToArray(), (await super.GetAsync($"{root}/creator", Cancel)).Data);
        await super.SetAclAsync($"{root}/creator", Acl.Open, cancellationToken: Cancel);
        await super.SetAsync($"{root}/read-only", "2"u8.ToArray(), cancellationToken: Cancel);
        await anyone.SyncAsync(root, Cancel);
        await anyone.GetAsync($"{root}/creator", Cancel);
    }

    private Task<ZooKeeperClient> ConnectAsync(ZooKeeperOptions? options = null) => ZooKeeperClient.ConnectAsync(Target.ConnectString, options, Cancel);

    private static ZooKeeperOptions Options(SocketProxy proxy) => new()
    {
        ConnectString = proxy.ConnectString,
        BackoffMinimum = TimeSpan.FromMilliseconds(1),
        BackoffMaximum = TimeSpan.FromMilliseconds(1),
    };

    internal static async Task WaitForAsync(ZooKeeperClient zk, Func<SessionStateChange, bool> reached)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        await foreach (SessionStateChange change in zk.StateChangesAsync(patience.Token))
            if (reached(change)) return;
        throw new InvalidOperationException("The client was over before it came to that.");
    }
}
