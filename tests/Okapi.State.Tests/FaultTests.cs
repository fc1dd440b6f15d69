using Okapi.Server;

namespace Okapi.State.Tests;

/// <summary>Bad days, on a server that has them when it is told to.</summary>
public sealed class FaultTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(UpdateMode.Exclusive, true)]
    [InlineData(UpdateMode.Exclusive, false)]
    [InlineData(UpdateMode.Optimistic, true)]
    [InlineData(UpdateMode.Optimistic, false)]
    public async Task An_update_whose_reply_is_lost_is_applied_once(UpdateMode mode, bool applied)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s", new() { UpdateMode = mode });
        await using Listening listening = Listening.To(state);
        using Fault cut = applied ? server.Faults.CutInsteadOfReply(InMemory.IsMulti, times: 2) : server.Faults.CutInsteadOfRequest(InMemory.IsMulti, times: 2);
        Versioned<Tally> first = await state.UpdateAsync(tally => tally.Plus("me"), Token).Soon();
        Versioned<Tally> second = await state.UpdateAsync(tally => tally.Plus("me"), Token).Soon();
        Assert.Equal(2, cut.Strikes);
        Stat stat = (await zk.ExistsAsync("/s/payload", Token))!.Value;
        Assert.Equal((1, 1), (first.Version, first.Value.Count));
        Assert.Equal((2, 2, stat.Mzxid), (second.Version, second.Value.Count, second.Zxid));
        Assert.Equal(2, (await state.ReadLatestAsync(Token)).Count);
        await listening.UntilAsync(second.Zxid);
        Assert.Equal(["Modified /Count: 0 -> 1", "Added /By/me: 1", "Modified /Count: 1 -> 2"], listening.Seen.Select(change => change.ToString()));
        Assert.Empty(await zk.GetChildrenAsync("/s/write_lock", Token));
    }

    /// <summary>Two processes write the same bytes at the same version: what is there cannot tell whose they are.</summary>
    [Fact]
    public async Task A_lost_update_is_not_taken_for_the_same_one_of_somebody_else()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        var options = new SharedStateOptions { UpdateMode = UpdateMode.Optimistic };
        await using SharedState<Tally> mine = await zk.OpenTallyAsync("/s", options), theirs = await other.OpenTallyAsync("/s", options);
        long session = zk.SessionId;
        using Fault refuse = server.Faults.Refuse(), cut = server.Faults.CutInsteadOfRequest(request => InMemory.IsMulti(request) && request.SessionId == session);
        Task<Versioned<Tally>> updating = mine.UpdateAsync(tally => tally.Plus("same"), Token);
        await cut.Struck.Soon();
        Assert.Equal(1, (await theirs.UpdateAsync(tally => tally.Plus("same"), Token).Soon()).Version); // while it cannot find out
        refuse.Dispose();
        Assert.Equal((2, 2), ((await updating.Soon()).Version, (await mine.ReadLatestAsync(Token)).Count));
    }

    [Fact]
    public async Task A_client_that_sends_writes_again_by_itself_does_not_apply_an_update_twice()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options => options.WriteRetry = new() { MaxRetries = 5, RetryUnknownOutcome = true, Delay = TimeSpan.FromMilliseconds(1) });
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s");
        using Fault cut = server.Faults.CutInsteadOfReply(InMemory.IsMulti);
        Assert.Equal(1, (await state.UpdateAsync(tally => tally.Plus("me"), Token).Soon()).Version);
        Assert.Equal(1, (await state.ReadLatestAsync(Token)).Count);
    }

    [Theory]
    [InlineData(UpdateMode.Exclusive)]
    [InlineData(UpdateMode.Optimistic)]
    public async Task An_update_goes_on_in_the_next_session(UpdateMode mode)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s", new() { UpdateMode = mode });
        int runs = 0;
        Versioned<Tally> committed = await state.UpdateAsync(
            async (tally, _) =>
            {
                if (++runs == 1) await ExpireAsync(server, zk);
                return tally.Plus("me");
            },
            Token).Soon();
        Assert.Equal((1, 1), (committed.Version, (await state.ReadLatestAsync(Token)).Count));
        await Waiting.UntilAsync(async () => (await zk.GetChildrenAsync("/s/write_lock", Token)).Count == 0, "the lock is free");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_update_whose_session_ends_before_its_reply_comes_is_not_applied_twice(bool applied)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s");
        Fault refuse = server.Faults.Refuse();
        using Fault cut = applied ? server.Faults.CutInsteadOfReply(InMemory.IsMulti) : server.Faults.CutInsteadOfRequest(InMemory.IsMulti);
        Task<Versioned<Tally>> updating = state.UpdateAsync(tally => tally.Plus("me"), Token);
        await cut.Struck.Soon();
        Assert.True(await server.ExpireSessionAsync(zk.SessionId));
        refuse.Dispose();
        if (applied) await Assert.ThrowsAsync<UpdateOutcomeUnknownException>(() => updating.Soon());
        else Assert.Equal(1, (await updating.Soon()).Version);
        Assert.Equal(1, (await state.ReadLatestAsync(Token)).Count);
    }

    [Fact]
    public async Task An_update_that_is_cancelled_while_its_outcome_is_not_known_says_so()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s");
        using var stop = new CancellationTokenSource();
        using Fault refuse = server.Faults.Refuse(), cut = server.Faults.CutInsteadOfReply(InMemory.IsMulti);
        Task<Versioned<Tally>> updating = state.UpdateAsync(tally => tally.Plus("me"), stop.Token);
        await cut.Struck.Soon();
        await Waiting.UntilAsync(() => Task.FromResult(!zk.IsConnected), "the cut is noticed");
        await stop.CancelAsync();
        var unknown = await Assert.ThrowsAsync<UpdateOutcomeUnknownException>(() => updating.Soon());
        Assert.Equal(RequestOutcome.Unknown, unknown.Outcome);
        Assert.IsAssignableFrom<OperationCanceledException>(unknown.InnerException);
        Assert.Equal(0, state.ReadUnverified().Count);
        refuse.Dispose();
        await Waiting.UntilAsync(() => Task.FromResult(state.ReadUnverified().Count == 1), "it is seen as anybody's");
    }

    [Fact]
    public async Task After_the_loss_of_its_session_the_state_is_stale_and_comes_back_with_its_entry()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        await using SharedState<Agents> state = await zk.OpenAgentsAsync("/s"), theirs = await other.OpenAgentsAsync("/s");
        await using Listening listening = Listening.To(state);
        await using IAsyncEnumerator<IReadOnlyList<string>> listeners = theirs.ListenersAsync(Token).GetAsyncEnumerator(Token);
        await listeners.MoveNextAsync();
        using Fault refuse = server.Faults.Refuse();
        long old = zk.SessionId;
        await server.ExpireSessionAsync(old);
        await theirs.AddAsync("meanwhile");
        Assert.True(await listeners.MoveNextAsync().AsTask().Soon());
        Assert.Equal([theirs.Id], listeners.Current);

        // Nobody can be reached, and in the end the client gives its session up.
        refuse.Dispose();
        Assert.Equal("Added /Globs/0: meanwhile", await listening.NextTextAsync());
        Assert.NotEqual(old, zk.SessionId);
        Assert.Equal(["meanwhile"], state.Read().Globs);
        Assert.True(await listeners.MoveNextAsync().AsTask().Soon());
        Assert.Contains(state.Id, listeners.Current);
        Assert.Equal(zk.SessionId, (await zk.ExistsAsync($"/s/listeners/{state.Id}", Token))!.Value.EphemeralOwner);
    }

    [Fact]
    public async Task H66_an_entry_left_by_an_earlier_session_gives_way_to_the_new_ones()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        await using SharedState<Agents> state = await zk.OpenAgentsAsync("/s");
        string entry = $"/s/listeners/{state.Id}";
        // What a client sees that gave its session up before the servers did: its own name, and not its session.
        await other.Transaction().Delete(entry).Create(entry, mode: CreateMode.Ephemeral).CommitAsync(Token);
        await ExpireAsync(server, zk);
        await Waiting.UntilAsync(async () => await zk.ExistsAsync(entry, Token) is { } own && own.EphemeralOwner == zk.SessionId, "the entry is the new session's");
    }

    [Fact]
    public async Task Between_two_sessions_nothing_is_read_as_fresh()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options => options.AllowReadOnly = false);
        await using SharedState<Agents> state = await zk.OpenAgentsAsync("/s");
        using Fault stall = server.Faults.AnswerError(ErrorCode.NoAuth, request => request.Type is Protocol.OpCode.GetData, times: int.MaxValue);
        await ExpireAsync(server, zk);
        Assert.NotNull((await StaleAsync(state)).InnerException);
        Assert.Empty(state.ReadUnverified().Globs);
    }

    [Fact]
    public async Task A_session_that_ends_while_the_servers_refuse_to_read_is_noticed()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        await using SharedState<Agents> state = await zk.OpenAgentsAsync("/s", new() { MaxStaleness = TimeSpan.FromHours(1), CheckInterval = TimeSpan.FromHours(1) }); // age alone makes nothing stale here
        using Fault refusal = server.Faults.AnswerError(ErrorCode.NoAuth, request => request.Type is Protocol.OpCode.GetData, times: int.MaxValue);
        await other.SetAsync("/s/payload", "{}"u8.ToArray(), cancellationToken: Token); // a change, so that it is read again
        await Waiting.UntilAsync(() => Task.FromResult(state.Problem is NoAuthException), "the refusal is noticed");
        state.Read(); // refused, and yet verified not long ago
        await ExpireAsync(server, zk);
        Assert.IsType<NoAuthException>((await StaleAsync(state)).InnerException);
    }

    [Fact]
    public async Task When_the_client_is_over_the_streams_say_so()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options => options.Recovery = SessionRecovery.None);
        await using SharedState<Agents> state = await zk.OpenAgentsAsync("/s");
        await using Listening listening = Listening.To(state);
        Task<StateChange> next = listening.NextAsync();
        await server.ExpireSessionAsync(zk.SessionId);
        await Assert.ThrowsAsync<SessionExpiredException>(() => next);
        Assert.IsType<SessionExpiredException>(Assert.Throws<StaleStateException>(() => state.Read()).InnerException);
        await Assert.ThrowsAsync<SessionExpiredException>(() => state.AddAsync("a"));
        await Assert.ThrowsAsync<SessionExpiredException>(() => state.ReadLatestAsync(Token).Soon());
        await using Listening late = Listening.To(state);
        await Assert.ThrowsAsync<SessionExpiredException>(() => late.NextAsync());
    }

    [Fact]
    public async Task Closing_without_a_connection_does_not_wait_and_the_entry_goes_with_the_next()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        SharedState<Agents> state = await zk.OpenAgentsAsync("/s");
        Fault refuse = server.Faults.Refuse();
        await server.Faults.CutAsync(sessionId: zk.SessionId);
        await Waiting.UntilAsync(() => Task.FromResult(!zk.IsConnected), "the cut is noticed");
        await state.DisposeAsync().AsTask().Soon();
        Assert.Single(await other.GetChildrenAsync("/s/listeners", Token));
        refuse.Dispose();
        await Waiting.UntilAsync(async () => (await other.GetChildrenAsync("/s/listeners", Token)).Count == 0, "the entry has gone");
        Assert.Equal(SessionState.Connected, zk.State);
    }

    /// <summary>Waits until the state cannot be read as fresh.</summary>
    private static async Task<StaleStateException> StaleAsync(SharedState<Agents> state)
    {
        StaleStateException? stale = null;
        await Waiting.UntilAsync(
            () =>
            {
                try
                {
                    state.Read();
                }
                catch (StaleStateException noticed)
                {
                    stale = noticed;
                }

                return Task.FromResult(stale is not null);
            },
            "the loss is noticed");
        return stale!;
    }

    private static async Task ExpireAsync(EmbeddedServer server, ZooKeeperClient zk)
    {
        CancellationToken lost = zk.SessionLost;
        long old = zk.SessionId;
        await server.ExpireSessionAsync(old);
        await Waiting.UntilAsync(() => Task.FromResult(lost.IsCancellationRequested && zk.SessionId != old && zk.IsConnected), "a new session");
    }
}
