using System.Globalization;

namespace Okapi.Conformance.Tests;

public abstract class AclTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : AclTests(servers);

    public sealed class OnEmbedded(Embedded servers) : AclTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : AclTests(servers);

    private static ZooKeeperOptions As(params AuthInfo[] credentials)
    {
        var options = new ZooKeeperOptions();
        foreach (AuthInfo each in credentials) options.Auth.Add(each);
        return options;
    }

    [Fact]
    public async Task An_ACL_is_read_as_it_was_written()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(As(AuthInfo.Digest("ann", "secret")));
        string root = await Servers.RootAsync(zk);
        Assert.Equal(Acl.Open, (await zk.GetAclAsync(root)).Acl);
        Acl[] acl = [Acl.Digest(Permissions.All, "ann", "secret"), new(Permissions.Read | Permissions.Create, "ip", "10.0.0.0/8"), new(Permissions.Read, "world", "anyone")];
        string path = await zk.CreateAsync(root + "/a", acl: acl);
        Assert.Equal(acl, (await zk.GetAclAsync(path)).Acl);
        Assert.Equal(1, (await zk.SetAclAsync(path, Acl.CreatorAll)).AclVersion);
        NodeAcl creator = await zk.GetAclAsync(path);
        Assert.Equal([Acl.Digest(Permissions.All, "ann", "secret")], creator.Acl);
        Assert.Equal(1, creator.Stat.AclVersion);
    }

    [Fact]
    public async Task Without_the_right_to_administer_digests_come_masked()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string path = await zk.CreateAsync(root + "/a", acl: [Acl.Digest(Permissions.All, "ann", "secret"), new(Permissions.Read, "world", "anyone")]);
        Assert.Equal(["ann:x", "anyone"], (await zk.GetAclAsync(path)).Acl.Select(each => each.Id));
    }

    [Fact]
    public async Task Each_permission_allows_its_operations_and_no_others()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        (Permissions Needed, Func<string, Task> Call)[] table =
        [
            (Permissions.Read, path => zk.GetAsync(path).AsTask()),
            (Permissions.Read, path => zk.GetChildrenAsync(path).AsTask()),
            (Permissions.Read, path => zk.GetChildrenWithStatAsync(path).AsTask()),
            (Permissions.Write, path => zk.SetAsync(path, null).AsTask()),
            (Permissions.Create, path => zk.CreateAsync(path + "/new").AsTask()),
            (Permissions.Delete, path => zk.DeleteAsync(path + "/child").AsTask()),
            (Permissions.Admin, path => zk.SetAclAsync(path, Acl.Open).AsTask()),
        ];
        int count = 0;
        foreach ((Permissions needed, Func<string, Task> call) in table)
        {
            foreach (Permissions given in (Permissions[])[Permissions.Read, Permissions.Write, Permissions.Create, Permissions.Delete, Permissions.Admin])
            {
                string path = await zk.CreateAsync($"{root}/{(count++).ToString(CultureInfo.InvariantCulture)}");
                await zk.CreateAsync(path + "/child");
                await zk.SetAclAsync(path, [new(given, "world", "anyone")]);
                if (given == needed) await call(path);
                else await Assert.ThrowsAsync<NoAuthException>(() => call(path));
            }
        }
    }

    [Fact]
    public async Task H39_Credentials_are_presented_again_on_every_connection_and_before_any_request()
    {
        await using Proxy proxy = servers.Proxy();
        ZooKeeperOptions options = As(AuthInfo.Digest("ann", "1"), AuthInfo.Digest("bob", "2"));
        options.BackoffMaximum = TimeSpan.FromMilliseconds(100); // not longer each time
        await using ZooKeeperClient zk = await proxy.ConnectAsync(options);
        await zk.AddAuthAsync(AuthInfo.Digest("cid", "3"));
        string root = await Servers.RootAsync(zk);
        string path = await zk.CreateAsync(root + "/a", acl: [Acl.Digest(Permissions.Read, "ann", "1"), Acl.Digest(Permissions.Write, "bob", "2"), Acl.Digest(Permissions.Create, "cid", "3")]);
        for (int i = 0; i < 20; i++)
        {
            await proxy.CutAsync();
            // Reads are sent again by themselves; they wait for the next connection.
            await zk.GetAsync(path).AsTask().Soon();
            await zk.SetAsync(path, null);
            await zk.CreateAsync($"{path}/{i.ToString(CultureInfo.InvariantCulture)}");
            Assert.Equal(["127.0.0.1", "ann", "bob", "cid"], (await zk.WhoAmIAsync()).Select(each => each.User).Order());
        }
    }

    [Fact]
    public async Task WhoAmI_tells_identities_and_no_secrets()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(As(AuthInfo.Digest("ann", "secret")));
        Assert.Equal([new("digest", "ann"), new("ip", "127.0.0.1")], (await zk.WhoAmIAsync()).OrderBy(each => each.Scheme));
    }

    [Fact]
    public async Task The_super_user_may_do_anything()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        string path = await zk.CreateAsync(root + "/a", acl: [Acl.Digest(Permissions.All, "ann", "secret")]);
        await Assert.ThrowsAsync<NoAuthException>(() => zk.GetAsync(path).AsTask());
        await zk.AddAuthAsync(AuthInfo.Digest("super", "okapi-super"));
        Assert.True((await zk.GetAsync(path)).IsNull);
        Assert.Equal(Acl.DigestId("ann", "secret"), (await zk.GetAclAsync(path)).Acl[0].Id);
    }

    [Fact]
    public async Task H40_A_refused_credential_ends_the_client_and_everything_says_why()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using Watch watch = await zk.WatchAsync(root);
        await using StateLog states = await StateLog.OpenAsync(zk);
        AuthFailedException refused = await Assert.ThrowsAsync<AuthFailedException>(() => zk.AddAuthAsync(new("no-such-scheme", "x"u8)));
        Assert.Contains("AuthFailed", refused.Message);
        await states.ToEndAsync();
        Assert.Equal([SessionState.Connected, SessionState.AuthFailed], states.States);
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.GetAsync(root).AsTask());
        await Assert.ThrowsAsync<AuthFailedException>(() => watch.NextAsync());
        Assert.True(zk.SessionLost.IsCancellationRequested);
        await zk.DisposeAsync().AsTask().Soon();
        await Assert.ThrowsAsync<AuthFailedException>(() => servers.ConnectAsync(As(new AuthInfo("no-such-scheme", "x"u8))));
    }
}
