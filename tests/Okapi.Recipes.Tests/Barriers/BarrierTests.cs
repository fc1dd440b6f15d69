namespace Okapi.Recipes.Tests.Barriers;

public abstract class BarrierTests(Servers servers)
{
    [Fact]
    public async Task A_barrier_holds_while_its_znode_exists()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        DistributedBarrier barrier = zk.Barrier(await Servers.RootAsync(zk) + "/a/barrier");
        await barrier.WaitAsync().Soon();
        Assert.True(await barrier.TryWaitAsync(TimeSpan.Zero));
        Assert.False(await barrier.RemoveAsync());

        Assert.True(await barrier.SetAsync());
        Assert.False(await barrier.SetAsync());
        Assert.True(await barrier.IsSetAsync());
        Assert.False(await barrier.TryWaitAsync(TimeSpan.Zero));
        Assert.False(await barrier.TryWaitAsync(TimeSpan.FromMilliseconds(1)));
        Task[] waits = [.. Enumerable.Range(0, 5).Select(_ => other.Barrier(barrier.Path).WaitAsync())];
        await Waiting.UntilAsync(() => other.CheckWatchesAsync(barrier.Path).AsTask(), "they wait");
        Assert.DoesNotContain(waits, wait => wait.IsCompleted);
        Assert.True(await barrier.RemoveAsync());
        await Task.WhenAll(waits).Soon();
    }

    [Fact]
    public async Task H57_A_cancelled_wait_leaves_no_watch()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        DistributedBarrier barrier = zk.Barrier(await Servers.RootAsync(zk) + "/barrier");
        await barrier.SetAsync();
        using var stop = new CancellationTokenSource();
        Task wait = barrier.WaitAsync(stop.Token);
        await Waiting.UntilAsync(() => zk.CheckWatchesAsync(barrier.Path).AsTask(), "it waits");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.Soon());
        await Waiting.UntilAsync(async () => !await zk.CheckWatchesAsync(barrier.Path), "the watch is gone");
    }

    [Fact]
    public async Task A_barrier_that_opens_while_a_waiter_is_away_lets_it_pass()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient away = await proxy.ConnectAsync();
        DistributedBarrier barrier = zk.Barrier(await Servers.RootAsync(zk) + "/barrier");
        await barrier.SetAsync();
        Task wait = away.Barrier(barrier.Path).WaitAsync();
        await Waiting.UntilAsync(() => away.CheckWatchesAsync(barrier.Path).AsTask(), "it waits");
        await proxy.BreakAsync();
        await barrier.RemoveAsync();
        proxy.Heal();
        await wait.Soon();
    }

    [Fact]
    public async Task Members_enter_together_and_leave_together_and_nothing_stays_behind()
    {
        const int Count = 5;
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/double";
        Task<BarrierMember>[] enters = [.. Enumerable.Range(0, Count - 1).Select(_ => zk.DoubleBarrier(path, Count).EnterAsync())];
        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(path))?.Count == Count - 1, "all but one are there");
        Assert.DoesNotContain(enters, enter => enter.IsCompleted);
        BarrierMember last = await zk.DoubleBarrier(path, Count).EnterAsync().Soon();
        BarrierMember[] members = [last, .. await Task.WhenAll(enters).Soon()];
        Assert.All(members, member => Assert.True(member.IsHeld && member.FencingToken > 0));
        Assert.Contains("ready", await zk.GetChildrenAsync(path));

        Task[] leaves = [.. members[1..].Select(member => member.LeaveAsync())];
        // All but the first by name go at once, and wait for it; the one who has not left yet keeps them.
        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(path) ?? []).Count <= 3, "they leave");
        Assert.DoesNotContain(leaves, leave => leave.IsCompleted);
        await last.LeaveAsync().Soon();
        await Task.WhenAll(leaves).Soon();
        Assert.Empty(await zk.TryGetChildrenAsync(path) ?? []);
    }

    [Fact]
    public async Task H57_Who_gives_up_entering_leaves_no_znode_and_no_watch()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/double";
        using var stop = new CancellationTokenSource();
        Task<BarrierMember> entering = zk.DoubleBarrier(path, 2).EnterAsync(stop.Token);
        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(path))?.Count == 1, "it is there");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => entering.Soon());
        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(path) ?? []).Count == 0, "it is gone");
        Assert.Null(await zk.DoubleBarrier(path, 2).TryEnterAsync(TimeSpan.FromMilliseconds(50)));
        await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(path) ?? []).Count == 0, "it is gone");
        await Waiting.UntilAsync(async () => !await zk.CheckWatchesAsync(path + "/ready"), "the watch is gone");
    }

    [Fact]
    public async Task A_member_that_dies_is_not_waited_for_and_an_opened_barrier_of_the_dead_is_closed()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        ZooKeeperClient mortal = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/double";
        Task<BarrierMember> dying = mortal.DoubleBarrier(path, 2).EnterAsync();
        BarrierMember member = await zk.DoubleBarrier(path, 2).EnterAsync().Soon();
        await dying.Soon();
        Task leave = member.LeaveAsync();
        await mortal.DisposeAsync();
        await leave.Soon();
        Assert.Empty(await zk.TryGetChildrenAsync(path) ?? []);

        await zk.EnsurePathAsync(path + "/ready"); // what two who have died would leave
        await zk.CreateAsync(path + "/junk");
        Task<BarrierMember> one = zk.DoubleBarrier(path, 2).EnterAsync();
        await Waiting.UntilAsync(async () => await zk.GetChildrenAsync(path) is { Count: 2 } names && !names.Contains("ready"), "it is there, and the barrier is closed");
        Assert.False(one.IsCompleted);
        await using BarrierMember two = await zk.DoubleBarrier(path, 2).EnterAsync().Soon();
        await (await one.Soon()).DisposeAsync();
    }

    [Fact]
    public async Task Cuts_while_entering_and_leaving_make_no_difference()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient away = await proxy.ConnectAsync(new() { BackoffMaximum = TimeSpan.FromMilliseconds(100) });
        for (int round = 0; round < 4; round++)
        {
            string path = $"{await Servers.RootAsync(zk)}/double";
            Task<BarrierMember> entering = away.DoubleBarrier(path, 2).EnterAsync();
            if (round % 2 == 0) await Waiting.UntilAsync(async () => (await zk.TryGetChildrenAsync(path))?.Count == 1, "it is there");
            await proxy.CutAsync();
            BarrierMember near = await zk.DoubleBarrier(path, 2).EnterAsync().Soon();
            BarrierMember far = await entering.Soon();
            Task leaving = far.LeaveAsync();
            await proxy.CutAsync();
            await near.LeaveAsync().Soon();
            await leaving.Soon();
            Assert.Empty(await zk.TryGetChildrenAsync(path) ?? []);
        }
    }

    public sealed class OnApache(Standalone servers) : BarrierTests(servers);

    public sealed class OnEmbedded(Embedded servers) : BarrierTests(servers);
}
