using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Barriers at which Okapi and others wait together.</summary>
public abstract class BarrierInteropTests(Servers servers, ForeignPeer peer)
{
    public sealed class CuratorOnApache(Standalone servers, Curator peer) : BarrierInteropTests(servers, peer);

    public sealed class CuratorOnEmbedded(Embedded servers, Curator peer) : BarrierInteropTests(servers, peer);

    public sealed class KazooOnApache(Standalone servers, Kazoo peer) : BarrierInteropTests(servers, peer);

    public sealed class KazooOnEmbedded(Embedded servers, Kazoo peer) : BarrierInteropTests(servers, peer);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_barrier_that_one_sets_holds_the_other()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers), second = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedBarrier barrier = zk.Barrier(await Servers.RootAsync(zk) + "/barrier", peer.Options());
        await barrier.SetAsync(Ct);
        Assert.Equal("no", await other.AskAsync("barrier", "wait", barrier.Path, "50"));
        Task<string> waiting = other.AskAsync("barrier", "wait", barrier.Path, "30000");
        await barrier.RemoveAsync(Ct);
        Assert.Equal("passed", await waiting);
        await other.AskAsync("barrier", "set", barrier.Path);
        Assert.False(await barrier.TryWaitAsync(TimeSpan.Zero, Ct));
        Task mine = barrier.WaitAsync(Ct);
        await second.AskAsync("barrier", "remove", barrier.Path);
        await mine.Soon();
    }

    [Fact]
    public async Task Both_sides_enter_and_leave_a_double_barrier_together()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers), second = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        for (int round = 0; round < 6; round++)
        {
            // Names are random, so each round somebody else is the first to have come and the last to go.
            DistributedDoubleBarrier barrier = zk.DoubleBarrier($"{root}/{round}", 4, peer.Options());
            Task<BarrierMember> one = barrier.EnterAsync(Ct), two = barrier.EnterAsync(Ct);
            Task<string> third = other.AskAsync("double-barrier", "enter", "d", barrier.Path, "4", "30000");
            await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(barrier.Path, Ct))?.Count == 3, "three have come");
            Assert.False(one.IsCompleted || two.IsCompleted || third.IsCompleted);
            Assert.Equal("entered", await second.AskAsync("double-barrier", "enter", "d", barrier.Path, "4", "30000"));
            Assert.Equal("entered", await third);
            BarrierMember[] members = await Task.WhenAll(one, two).Soon();
            Task[] leaving = [members[0].LeaveAsync(Ct), members[1].LeaveAsync(Ct), other.AskAsync("double-barrier", "leave", "d", "30000")];
            Assert.Equal("left", await second.AskAsync("double-barrier", "leave", "d", "30000"));
            await Task.WhenAll(leaving).Soon();
            Assert.Empty(await zk.TryGetChildrenAsync(barrier.Path, Ct) ?? []);
        }
    }

    /// <summary>kazoo looks for the barrier's znode once in the life of an object. If it has gone since, it does not enter, and does not say so.</summary>
    [Fact]
    public async Task A_double_barrier_can_be_used_again_after_a_pause()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        DistributedDoubleBarrier barrier = zk.DoubleBarrier(root + "/barrier", 2, peer.Options());
        Task<BarrierMember> mine = barrier.EnterAsync(Ct);
        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(barrier.Path, Ct))?.Count == 1, "Okapi has come");
        Assert.Equal("entered", await other.AskAsync("double-barrier", "enter", "d", barrier.Path, "2", "30000"));
        BarrierMember member = await mine.Soon();
        Task<string> leaving = other.AskAsync("double-barrier", "leave", "d", "30000");
        await member.LeaveAsync(Ct).Soon();
        Assert.Equal("left", await leaving);
        await ContainerCheck.DoneAsync(zk, root);
        Task<string> entering = other.AskAsync("double-barrier", "enter", "d", barrier.Path, "2", "30000");
        await Waiting.UntilAsync(async () => entering.IsCompleted || (await zk.TryGetChildrenAsync(barrier.Path, Ct))?.Count == 1, "the other side has come");
        Assert.False(entering.IsCompleted);
        await using BarrierMember again = await barrier.EnterAsync(Ct).Soon();
        Assert.Equal("entered", await entering);
    }
}
