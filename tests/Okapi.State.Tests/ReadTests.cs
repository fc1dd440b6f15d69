using Okapi.Protocol;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.State.Tests;

/// <summary>How fresh what is read is, on a server that can be held up.</summary>
public sealed class ReadTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_value_that_was_not_verified_for_too_long_is_not_read()
    {
        var time = new ManualTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.MaxSessionTimeout = TimeSpan.FromHours(1));
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options => (options.TimeProvider, options.SessionTimeout, options.RequestTimeout) = (time, TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync("/agents", globs: "a");
        await VerifiedAsync(agents, TimeSpan.Zero);

        Fault stall = server.Faults.Stall(FaultDirection.Replies);
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(TimeSpan.FromSeconds(30), agents.Age);
        Assert.Equal(["a"], agents.Read().Globs);
        time.Advance(TimeSpan.FromMilliseconds(1));
        var stale = Assert.Throws<StaleStateException>(() => agents.Read());
        Assert.Equal((TimeSpan.FromMilliseconds(30_001), "/agents"), (stale.Age, stale.Path));
        Assert.Equal(["a"], agents.ReadUnverified().Globs);
        Task<Agents> latest = agents.ReadLatestAsync(Token);
        Assert.False(latest.IsCompleted);

        stall.Dispose();
        Assert.Equal(["a"], (await latest.Soon()).Globs);
        await VerifiedAsync(agents, TimeSpan.Zero);
        Assert.Equal(["a"], agents.Read().Globs);
    }

    [Fact]
    public async Task The_check_in_the_background_verifies_at_its_interval()
    {
        var time = new ManualTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.MaxSessionTimeout = TimeSpan.FromHours(1));
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options => (options.TimeProvider, options.SessionTimeout, options.RequestTimeout) = (time, TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync("/agents");
        for (int i = 0; i < 5; i++)
        {
            // When the check sets its timer is its own business; that it comes once the clock goes on is not.
            TimeSpan highest = TimeSpan.Zero;
            await Waiting.UntilAsync(
                () =>
                {
                    time.Advance(TimeSpan.FromSeconds(1));
                    (TimeSpan before, highest) = (highest, agents.Age);
                    return Task.FromResult(highest < before);
                },
                "the state is verified again");
        }
    }

    [Fact]
    public async Task The_latest_value_is_read_though_no_watch_has_told_of_it()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s"), theirs = await other.OpenTallyAsync("/s");
        for (int i = 1; i <= 50; i++)
        {
            await theirs.UpdateAsync(tally => tally.Plus("x"), Token).Soon();
            Assert.Equal(i, (await state.ReadLatestAsync(Token).Soon()).Count);
            Assert.True(state.Read().Count >= i);
        }
    }

    [Fact]
    public async Task A_read_through_the_quorum_is_not_fooled_by_a_sync_that_is_answered_too_early()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, member: 2), other = await InMemory.ConnectAsync(server);
        await using SharedState<Agents> plain = await zk.OpenAgentsAsync("/s", globs: "old"), proven = await zk.OpenAgentsAsync("/s", new() { QuorumReads = true }), theirs = await other.OpenAgentsAsync("/s");

        // As a leader that was deposed does, and has not noticed yet (ZOOKEEPER-1675).
        Fault lag = await server.Members[1].Faults.LagAsync();
        using Fault lie = server.Members[1].Faults.AnswerError(ErrorCode.Ok, request => request.Type == OpCode.Sync, times: int.MaxValue);
        await theirs.UpdateAsync(agents => agents with { Globs = ["new"] }, Token).Soon();
        Assert.Equal(["old"], (await plain.ReadLatestAsync(Token).Soon()).Globs);
        using Fault seen = server.Members[1].Faults.AlterReply(static reply => reply, InMemory.IsMulti);
        Task<Agents> reading = proven.ReadLatestAsync(Token);
        await seen.Struck.Soon();
        Assert.False(reading.IsCompleted);
        lag.Dispose();
        Assert.Equal(["new"], (await reading.Soon()).Globs);
    }

    [Fact]
    public async Task A_read_through_the_quorum_writes_nothing_and_survives_a_lost_reply()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync("/s", new() { QuorumReads = true }, "a");
        using Fault cut = server.Faults.CutInsteadOfReply(InMemory.IsMulti);
        Assert.Equal(["a"], (await agents.ReadLatestAsync(Token).Soon()).Globs);
        Assert.Equal(1, cut.Strikes);
        Assert.Equal(0, (await zk.ExistsAsync("/s/payload", Token))!.Value.Version);
    }

    private static Task VerifiedAsync<T>(SharedState<T> state, TimeSpan age)
        where T : notnull => Waiting.UntilAsync(() => Task.FromResult(state.Age <= age), $"the state is verified at an age of at most {age}");
}
