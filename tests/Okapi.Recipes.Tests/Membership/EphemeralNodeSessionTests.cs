using Okapi.Protocol;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Recipes.Tests.Membership;

/// <summary>What becomes of a kept znode when sessions end and replies are lost, which only a server of one's own does at will.</summary>
public sealed class EphemeralNodeSessionTests(InMemoryServer servers) : IClassFixture<InMemoryServer>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static ZooKeeperOptions Recovering => new() { Recovery = SessionRecovery.NewSession, BackoffMinimum = TimeSpan.FromMilliseconds(1), BackoffMaximum = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public async Task H55_It_is_created_again_in_the_next_session_with_its_newest_data()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Recovering);
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(other) + "/node";
        await using EphemeralNode node = zk.EphemeralNode(path, "0"u8.ToArray());
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        for (int i = 1; i <= 10; i++)
        {
            byte[] data = [(byte)i];
            long session = zk.SessionId;
            Task updating = node.UpdateAsync(data, Ct);
            if (i % 2 == 0) await updating.Soon();
            Assert.True(await servers.Server.ExpireSessionAsync(session));
            await held.Lost.TrippedAsync();
            await updating.Soon();
            HeldNode next = await node.WaitHeldAsync(Ct).Soon();
            NodeData found = await other.GetAsync(path, Ct);
            Assert.True(next.FencingToken > held.FencingToken);
            Assert.Equal((next.FencingToken, zk.SessionId), (found.Stat.Czxid, found.Stat.EphemeralOwner));
            Assert.NotEqual(session, zk.SessionId);
            Assert.Equal(data, found.Data);
            held = next;
        }
    }

    [Fact]
    public async Task Without_recovery_the_end_of_the_session_is_told()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using EphemeralNode node = zk.EphemeralNode(await Servers.RootAsync(zk) + "/node");
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        Assert.True(await servers.Server.ExpireSessionAsync(zk.SessionId));
        await held.Lost.TrippedAsync();
        await Assert.ThrowsAsync<SessionExpiredException>(() => node.WaitHeldAsync(Ct).Soon());
    }

    [Fact]
    public async Task H66_After_a_crash_the_znode_of_the_dead_session_is_waited_for()
    {
        ZooKeeperClient crashed = await servers.ConnectAsync();
        string path = await Servers.RootAsync(crashed) + "/node";
        HeldNode before = await crashed.EphemeralNode(path).WaitHeldAsync(Ct).Soon();
        long dead = (await crashed.DetachAsync())!.SessionId; // no goodbye: the session lives on at the server
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using EphemeralNode node = zk.EphemeralNode(path);
        await Waiting.UntilAsync(() => Task.FromResult(node.Obstacle?.EphemeralOwner == dead), "the old znode is seen");
        Assert.Equal(before.FencingToken, (await zk.ExistsAsync(path, Ct))!.Value.Czxid);
        Assert.True(await servers.Server.ExpireSessionAsync(dead));
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        Assert.True(held.FencingToken > before.FencingToken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task H54_H58_A_lost_reply_or_request_neither_doubles_it_nor_leaves_it_behind(bool isReply)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Recovering);
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(other) + "/node";
        for (int i = 0; i < 30; i++)
        {
            using (Fault lost = Lose(OpCode.Create2))
            {
                EphemeralNode node = zk.EphemeralNode(path, "data"u8.ToArray());
                HeldNode held = await node.WaitHeldAsync(Ct).Soon();
                await lost.Struck.Soon();
                Assert.Equal(held.FencingToken, (await other.ExistsAsync(path, Ct))!.Value.Czxid);
                using Fault lostDelete = Lose(OpCode.Delete);
                await node.DisposeAsync().AsTask().Soon();
                await lostDelete.Struck.Soon();
            }

            Assert.Null(await other.ExistsAsync(path, Ct));
        }

        Fault Lose(OpCode type) => isReply
            ? servers.Server.Faults.CutInsteadOfReply(request => request.Type == type && request.Path == path)
            : servers.Server.Faults.CutInsteadOfRequest(request => request.Type == type && request.Path == path);
    }

    [Fact]
    public async Task H57_Disposal_while_it_is_being_created_leaves_nothing_behind()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Recovering);
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(other) + "/node";
        for (int i = 0; i < 30; i++)
        {
            // The create is made, its reply is withheld, and disposal comes in between.
            using Fault lost = servers.Server.Faults.SwallowReply(request => request.Type == OpCode.Create2 && request.Path == path);
            EphemeralNode node = zk.EphemeralNode(path);
            await lost.Struck.Soon();
            Task disposing = node.DisposeAsync().AsTask();
            await servers.Server.Faults.CutAsync(sessionId: zk.SessionId);
            await disposing.Soon();
            Assert.Null(await other.ExistsAsync(path, Ct));
        }
    }

    [Fact]
    public async Task H58_A_deletion_whose_reply_was_lost_does_not_hit_the_znode_of_another_who_has_come_since()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Recovering);
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(other) + "/node";
        await using EphemeralNode heir = other.EphemeralNode(path + "-");
        EphemeralNode node = zk.EphemeralNode(path);
        await node.WaitHeldAsync(Ct).Soon();
        using Fault lost = servers.Server.Faults.SwallowReply(request => request.Type == OpCode.Delete && request.Path == path);
        Task disposing = node.DisposeAsync().AsTask();
        await lost.Struck.Soon();
        await other.CreateAsync(path, mode: CreateMode.Ephemeral, cancellationToken: Ct); // the deletion has been done
        await servers.Server.Faults.CutAsync(sessionId: zk.SessionId);
        await disposing.Soon();
        Assert.Equal(other.SessionId, (await other.ExistsAsync(path, Ct))!.Value.EphemeralOwner);
    }

    [Fact]
    public async Task H59_It_is_lost_before_the_server_may_end_the_session_and_held_again_when_the_server_answers_after_all()
    {
        var time = new ManualTime();
        ZooKeeperOptions options = Recovering;
        options.TimeProvider = time;
        await using ZooKeeperClient zk = await servers.ConnectAsync(options);
        string path = await Servers.RootAsync(zk) + "/node";
        await using EphemeralNode node = zk.EphemeralNode(path);
        HeldNode held = await node.WaitHeldAsync(Ct).Soon();
        long session = zk.SessionId;
        using (servers.Server.Faults.Refuse())
        {
            await servers.Server.Faults.CutAsync(sessionId: session);
            Assert.True(held.IsHeld);
            time.Advance(zk.SessionTimeout * 0.9);
            Assert.False(held.IsHeld); // by the clock, at once
            Assert.Null(node.Held);
            await held.Lost.TrippedAsync();
        }

        Task<HeldNode> waiting = node.WaitHeldAsync(Ct);
        await time.AdvanceUntilAsync(waiting, zk.SessionTimeout / 3, TimeSpan.FromMilliseconds(1)); // well before the client gives the session up
        HeldNode again = await waiting;
        Assert.Equal((session, held.FencingToken), (zk.SessionId, again.FencingToken)); // the same life: nobody was in between
        Assert.NotSame(held, again);
        Assert.True(again.IsHeld);
        Assert.False(held.IsHeld);
    }
}
