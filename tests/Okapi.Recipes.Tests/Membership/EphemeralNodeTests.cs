using System.Text;

namespace Okapi.Recipes.Tests.Membership;

/// <summary>What a kept ephemeral znode promises on any server.</summary>
public abstract class EphemeralNodeTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : EphemeralNodeTests(servers);

    public sealed class OnEmbedded(Embedded servers) : EphemeralNodeTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_created_with_its_parents_and_gone_when_it_is_disposed()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/a/b/node";
        EphemeralNode node = zk.EphemeralNode(path, "one"u8.ToArray());
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        NodeData found = await zk.GetAsync(path, Ct);
        Assert.Equal("one", Encoding.UTF8.GetString(found.Data));
        Assert.Equal((zk.SessionId, held.FencingToken), (found.Stat.EphemeralOwner, found.Stat.Czxid));
        Assert.True(held.IsHeld);
        Assert.Same(held, node.Held);
        await node.DisposeAsync();
        Assert.Null(await zk.ExistsAsync(path, Ct));
        Assert.False(held.IsHeld);
        await held.Lost.TrippedAsync();
        Assert.False(await zk.CheckWatchesAsync(path, cancellationToken: Ct));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => node.WaitHeldAsync(Ct).Soon());
        await node.DisposeAsync();
    }

    [Fact]
    public async Task It_is_created_again_when_somebody_deletes_it()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/node";
        await using EphemeralNode node = zk.EphemeralNode(path, "one"u8.ToArray());
        HeldNode first = await node.WaitHeldAsync(Ct).Soon();
        for (int i = 0; i < 5; i++)
        {
            await zk.DeleteAsync(path, cancellationToken: Ct);
            await first.Lost.TrippedAsync();
            HeldNode next = await node.WaitHeldAsync(Ct).Soon();
            Assert.True(next.FencingToken > first.FencingToken);
            first = next;
        }

        Assert.Equal("one"u8.ToArray(), (await zk.GetAsync(path, Ct)).Data);
    }

    [Fact]
    public async Task Its_data_can_be_changed_and_stays_changed_when_it_is_created_again()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/node";
        await using EphemeralNode node = zk.EphemeralNode(path, "one"u8.ToArray());
        await node.UpdateAsync("two"u8.ToArray(), Ct).Soon(); // before it is there, or after
        Assert.Equal("two"u8.ToArray(), (await zk.GetAsync(path, Ct)).Data);
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => node.UpdateAsync(Encoding.UTF8.GetBytes($"{i}"), Ct))).Soon();
        await node.UpdateAsync("three"u8.ToArray(), Ct).Soon();
        Assert.Equal("three"u8.ToArray(), (await zk.GetAsync(path, Ct)).Data);
        Assert.Same(held, node.Held);
        await zk.DeleteAsync(path, cancellationToken: Ct);
        await held.Lost.TrippedAsync();
        await node.WaitHeldAsync(Ct).Soon();
        Assert.Equal("three"u8.ToArray(), (await zk.GetAsync(path, Ct)).Data);
    }

    [Fact]
    public async Task H66_A_znode_of_another_session_is_waited_for_and_neither_stolen_nor_deleted()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/node";
        await other.CreateAsync(path, "theirs"u8.ToArray(), CreateMode.Ephemeral, cancellationToken: Ct);
        Stat before = (await other.ExistsAsync(path, Ct))!.Value;
        await using (EphemeralNode given = zk.EphemeralNode(path, "mine"u8.ToArray()))
        {
            await Waiting.UntilAsync(() => Task.FromResult(given.Obstacle is not null), "the obstacle is seen");
            Assert.Null(await given.TryWaitHeldAsync(TimeSpan.Zero, Ct).Soon());
        }

        Assert.Equal(before, await other.ExistsAsync(path, Ct)); // disposal has left it alone
        await using EphemeralNode node = zk.EphemeralNode(path, "mine"u8.ToArray());
        await Waiting.UntilAsync(() => Task.FromResult(node.Obstacle is not null), "the obstacle is seen");
        Assert.Equal(before, await other.ExistsAsync(path, Ct));
        await other.DisposeAsync(); // as the session of a crashed program ends, later
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        Assert.True(held.FencingToken > before.Czxid);
        Assert.Null(node.Obstacle);
        Assert.Equal("mine"u8.ToArray(), (await zk.GetAsync(path, Ct)).Data);
    }

    [Fact]
    public async Task A_resumed_session_finds_its_own_again_and_gives_it_the_new_data()
    {
        ZooKeeperClient first = await servers.ConnectAsync();
        string path = await Servers.RootAsync(first) + "/node";
        await first.CreateAsync(path, "old"u8.ToArray(), CreateMode.Ephemeral, cancellationToken: Ct);
        Stat before = (await first.ExistsAsync(path, Ct))!.Value;
        SessionCredentials session = (await first.DetachAsync())!;
        await using ZooKeeperClient zk = await servers.ConnectAsync(new() { Resume = session });
        EphemeralNode node = zk.EphemeralNode(path, "new"u8.ToArray());
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        Assert.Equal(before.Czxid, held.FencingToken);
        Assert.Equal("new"u8.ToArray(), (await zk.GetAsync(path, Ct)).Data);
        await node.DisposeAsync();
        Assert.Null(await zk.ExistsAsync(path, Ct));
    }

    [Fact]
    public async Task A_cut_leaves_it_held_and_it_is_still_kept_afterwards()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(other) + "/node";
        await using EphemeralNode node = zk.EphemeralNode(path);
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        await proxy.BreakAsync();
        await other.DeleteAsync(path, cancellationToken: Ct); // unseen
        proxy.Heal();
        await held.Lost.TrippedAsync();
        HeldNode next = await node.WaitHeldAsync(Ct).Soon();
        Assert.Equal(next.FencingToken, (await other.ExistsAsync(path, Ct))!.Value.Czxid);
    }

    [Fact]
    public async Task H54_H58_Disposal_at_any_moment_of_an_outage_leaves_nothing_behind()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string root = await Servers.RootAsync(other);
        await using ZooKeeperClient zk = await proxy.ConnectAsync(new() { BackoffMinimum = TimeSpan.FromMilliseconds(1), BackoffMaximum = TimeSpan.FromMilliseconds(20) });
        for (int i = 0; i < 12; i++)
        {
            EphemeralNode node = zk.EphemeralNode($"{root}/node", "data"u8.ToArray());
            if (i % 3 == 0) await node.WaitHeldAsync(Ct).Soon();
            proxy.HoldReplies();
            if (i % 3 == 1) await Waiting.UntilAsync(async () => await other.ExistsAsync($"{root}/node", Ct) is not null || node.Obstacle is not null || node.Held is null, "on its way");
            ValueTask disposing = node.DisposeAsync();
            await proxy.CutAsync();
            proxy.Heal();
            await disposing.AsTask().Soon();
            Assert.Null(await other.ExistsAsync($"{root}/node", Ct));
        }
    }

    [Fact]
    public async Task What_the_server_refuses_is_told_to_who_waits()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await zk.CreateAsync(await Servers.RootAsync(zk) + "/closed", acl: [new Acl(Permissions.Read, "world", "anyone")], cancellationToken: Ct);
        await using EphemeralNode node = zk.EphemeralNode(path + "/node");
        await Assert.ThrowsAsync<NoAuthException>(() => node.WaitHeldAsync(Ct).Soon());
        await Assert.ThrowsAsync<NoAuthException>(() => node.UpdateAsync("x"u8.ToArray(), Ct).Soon());
    }

    [Fact]
    public async Task The_end_of_the_client_is_told_to_who_waits()
    {
        ZooKeeperClient zk = await servers.ConnectAsync();
        EphemeralNode node = zk.EphemeralNode(await Servers.RootAsync(zk) + "/node");
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        await zk.DisposeAsync();
        await held.Lost.TrippedAsync();
        await Assert.ThrowsAsync<SessionClosedException>(() => node.WaitHeldAsync(Ct).Soon());
        await node.DisposeAsync().AsTask().Soon();
    }
}
