using System.Text;
using Okapi.Recipes;

namespace Okapi.State.Tests;

public abstract class UpdateTests(Servers servers)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public sealed class OnApache(Standalone servers) : UpdateTests(servers);

    public sealed class OnEmbedded(Embedded servers) : UpdateTests(servers);

    [Theory]
    [InlineData(UpdateMode.Exclusive)]
    [InlineData(UpdateMode.Optimistic)]
    public async Task An_update_returns_what_was_committed_and_all_see_it(UpdateMode mode)
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(), other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> mine = await zk.OpenAgentsAsync(path, new() { UpdateMode = mode }, "systemd*");
        await using SharedState<Agents> theirs = await other.OpenAgentsAsync(path);

        Versioned<Agents> committed = await mine.AddAsync("firefox*");
        Stat stat = (await zk.ExistsAsync(path + "/payload", Token))!.Value;
        Assert.Equal((1, stat.Mzxid), (committed.Version, committed.Zxid));
        Assert.Equal(["systemd*", "firefox*"], committed.Value.Globs);
        Assert.Equal(committed.Zxid, mine.Known.Zxid);
        Assert.Equal(["systemd*", "firefox*"], mine.Read().Globs); // a second update needs no watch first
        Assert.Equal(2, (await mine.AddAsync("x")).Version);
        Assert.Equal(3, (await theirs.AddAsync("y")).Version);
        Assert.Equal(["systemd*", "firefox*", "x", "y"], (await mine.ReadLatestAsync(Token)).Globs);
        Assert.Empty(await zk.GetChildrenAsync(path + "/write_lock", Token));
    }

    [Theory]
    [InlineData(UpdateMode.Exclusive)]
    [InlineData(UpdateMode.Optimistic)]
    public async Task No_increment_of_several_processes_is_lost(UpdateMode mode)
    {
        const int Each = 25;
        await using ZooKeeperClient zk = await servers.ConnectAsync(), other = await servers.ConnectAsync(), third = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        var options = new SharedStateOptions { UpdateMode = mode };
        await using SharedState<Tally> a = await zk.OpenTallyAsync(path, options), b = await other.OpenTallyAsync(path, options), c = await third.OpenTallyAsync(path, options);
        await Task.WhenAll(((SharedState<Tally>[])[a, b, c]).SelectMany(state => Enumerable.Range(0, Each).Select(_ => state.UpdateAsync(tally => tally.Plus(state.Id), Token)))).WaitAsync(TimeSpan.FromMinutes(2), Token);

        Tally tally = await a.ReadLatestAsync(Token);
        Assert.Equal(3 * Each, tally.Count);
        Assert.All(tally.By.Values, count => Assert.Equal(Each, count));
        Assert.Equal(3 * Each, a.Version);
    }

    [Fact]
    public async Task An_update_that_changes_nothing_writes_nothing()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(await Servers.RootAsync(zk), globs: "a");
        Assert.Equal(0, (await agents.UpdateAsync(state => state with { Globs = ["a"] }, Token)).Version);
        Assert.Equal(0, agents.Version);
    }

    [Fact]
    public async Task A_failed_update_changes_nothing_and_emits_nothing()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Mutable> state = await SharedState.OpenAsync(zk, path, new Mutable { Count = 1 }, Json.Default.Mutable, cancellationToken: Token);
        await using var listening = Listening.To(state);
        await Assert.ThrowsAsync<FormatException>(() => state.UpdateAsync(
            mutable =>
            {
                mutable.Count = 99; // what it was given is its own
                throw new FormatException();
            },
            Token).Soon());
        await Assert.ThrowsAsync<InvalidOperationException>(() => state.UpdateAsync(_ => null!, Token).Soon());
        Assert.Equal(1, state.Read().Count);
        Assert.Equal(1, (await state.ReadLatestAsync(Token)).Count);
        Assert.Empty(await zk.GetChildrenAsync(path + "/write_lock", Token)); // the lock is given back

        await state.UpdateAsync(
            mutable =>
            {
                mutable.Count++;
                return mutable;
            },
            Token).Soon();
        Assert.Equal("Modified /Count: 1 -> 2", await listening.NextTextAsync());
    }

    [Fact]
    public async Task A_cancelled_update_changes_nothing_and_emits_nothing()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(path);
        await using var listening = Listening.To(agents);
        using var stop = new CancellationTokenSource();
        var inside = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<Versioned<Agents>> running = agents.UpdateAsync(
            async (state, token) =>
            {
                inside.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
                return state with { Globs = ["never"] };
            },
            stop.Token);
        await inside.Task.Soon();
        Task<Versioned<Agents>> waiting = agents.UpdateAsync(state => state with { Globs = ["neither"] }, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => agents.UpdateAsync(state => state with { Globs = ["nor"] }, new CancellationToken(true)).Soon());
        Assert.Equal(0, (await zk.ExistsAsync(path + "/payload", Token))!.Value.Version);
        Assert.Empty(await zk.GetChildrenAsync(path + "/write_lock", Token));
        await agents.AddAsync("a");
        Assert.Equal("Added /Globs/0: a", await listening.NextTextAsync());
    }

    [Fact]
    public async Task An_update_from_within_an_update_is_refused_and_does_not_hang()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(await Servers.RootAsync(zk));
        await Assert.ThrowsAsync<InvalidOperationException>(() => agents.UpdateAsync(async (_, _) => (await agents.AddAsync("inner")).Value, Token).Soon());
        Assert.Equal(1, (await agents.AddAsync("a")).Version);
    }

    [Fact]
    public async Task Whoever_does_not_get_a_turn_in_time_is_told()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(path, new() { UpdateTimeout = TimeSpan.FromMilliseconds(50) });
        await using (await zk.Lock(path + "/write_lock").AcquireAsync(Token))
        {
            await Assert.ThrowsAsync<TimeoutException>(() => agents.AddAsync("a"));
            Assert.Null(await agents.TryUpdateAsync(state => state with { Globs = ["b"] }, TimeSpan.FromMilliseconds(50), Token).Soon());
        }

        Assert.Equal(1, (await agents.TryUpdateAsync(state => state with { Globs = ["c"] }, TimeSpan.FromSeconds(30), Token).Soon())!.Version);
        Assert.Empty(await zk.GetChildrenAsync(path + "/write_lock", Token));
    }

    [Fact]
    public async Task What_is_written_past_the_lock_is_not_overwritten()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Tally> state = await zk.OpenTallyAsync(path);
        int runs = 0;
        Versioned<Tally> committed = await state.UpdateAsync(
            async (tally, _) =>
            {
                if (++runs == 1) await zk.WriteAsync(path + "/payload", """{"Count":10,"By":{}}""");
                return tally.Plus("me");
            },
            Token).Soon();
        Assert.Equal((2, 11, 2), (runs, committed.Value.Count, committed.Version));
    }

    [Fact]
    public async Task Who_has_lost_the_lock_does_not_write()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Tally> state = await zk.OpenTallyAsync(path);
        var versions = new List<int>();
        await state.UpdateAsync(
            async (tally, _) =>
            {
                versions.Add((await zk.ExistsAsync(path + "/payload", Token))!.Value.Version);
                // The first time its lock is taken away.
                if (versions.Count == 1) await zk.DeleteAsync($"{path}/write_lock/{(await zk.GetChildrenAsync(path + "/write_lock", Token)).Single()}", cancellationToken: Token);
                return tally.Plus("me");
            },
            Token).Soon();
        Assert.Equal([0, 0], versions); // and then made again under a new lock
        Assert.Equal((1, 1), (state.Version, state.Read().Count));
    }

    [Fact]
    public async Task The_latch_of_a_process_of_zkstate_excludes_an_update()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(), rust = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Tally> state = await zk.OpenTallyAsync(path);
        // As LeaderLatch of Rust's zookeeper crate names it; the second comes after the update's own and is not waited for.
        string latch = await rust.CreateAsync($"{path}/write_lock/latch-{Guid.NewGuid()}-", null, CreateMode.EphemeralSequential, cancellationToken: Token);
        Task<Versioned<Tally>> updating = state.UpdateAsync(tally => tally.Plus("me"), Token);
        await Waiting.UntilAsync(async () => await zk.CheckWatchesAsync(latch), "the update waits for the latch");
        await rust.CreateAsync($"{path}/write_lock/latch-{Guid.NewGuid()}-", null, CreateMode.EphemeralSequential, cancellationToken: Token);
        Assert.False(updating.IsCompleted);
        await rust.DeleteAsync(latch, cancellationToken: Token);
        Assert.Equal(1, (await updating.Soon()).Version);
    }

    [Fact]
    public async Task Too_large_a_value_is_refused_before_it_is_sent()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(path);
        var error = await Assert.ThrowsAsync<StateTooLargeException>(() => agents.AddAsync(new string('x', 1 << 20)));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Equal((1 << 20) + """{"Globs":[""]}""".Length, error.Size);
        Assert.Equal(0, (await zk.ExistsAsync(path + "/payload", Token))!.Value.Version);

        // The largest that is allowed goes through, and comes back.
        string largest = new('x', error.Limit - """{"Globs":[""]}""".Length);
        await agents.AddAsync(largest);
        Assert.Equal(largest, (await agents.ReadLatestAsync(Token)).Globs[0]);
        await Assert.ThrowsAsync<StateTooLargeException>(() => zk.OpenAgentsAsync(path + "/other", globs: largest + "x"));
        Assert.Null(await zk.ExistsAsync(path + "/other", Token));
    }

    [Fact]
    public async Task What_a_newer_version_has_written_survives_an_update_by_an_older_one()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await zk.CreateAsync(path + "/payload", Encoding.UTF8.GetBytes("""{"Globs":["a"],"Interval":5,"Owner":{"Name":"x"}}"""), cancellationToken: Token);
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(path);
        Versioned<Agents> committed = await agents.AddAsync("b");
        Assert.Equal("""{"Globs":["a","b"],"Interval":5,"Owner":{"Name":"x"}}""", await zk.TextAsync(path + "/payload"));
        Assert.Equal(5, committed.Document.GetProperty("Interval").GetInt32());
    }

    [Fact]
    public async Task A_payload_that_goes_bad_is_told_and_kept_and_the_last_good_value_stays()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(path, globs: "good");
        await using var listening = Listening.To(agents);
        await zk.WriteAsync(path + "/payload", "{ not json");
        await Waiting.UntilAsync(() => Task.FromResult(agents.Problem is InvalidStateException), "the problem is told");
        Assert.Equal(["good"], agents.ReadUnverified().Globs);
        Assert.Contains(path + "/payload", (await Assert.ThrowsAsync<InvalidStateException>(() => agents.ReadLatestAsync(Token).Soon())).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidStateException>(() => agents.AddAsync("b"));
        Assert.Equal("{ not json", await zk.TextAsync(path + "/payload"));

        await zk.WriteAsync(path + "/payload", """{"Globs":["good","again"]}""");
        Assert.Equal("Added /Globs/1: again", await listening.NextTextAsync());
        Assert.Null(agents.Problem);
        Assert.Equal(["good", "again"], agents.Read().Globs);
    }

    [Fact]
    public async Task A_payload_that_is_deleted_and_created_anew_is_followed_though_its_version_goes_back()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(path, globs: "a");
        await using var listening = Listening.To(agents);
        await agents.AddAsync("b");
        await zk.DeleteAsync(path + "/payload", cancellationToken: Token);
        await Assert.ThrowsAsync<StateMissingException>(() => agents.ReadLatestAsync(Token).Soon());
        await Assert.ThrowsAsync<StateMissingException>(() => agents.AddAsync("c"));
        await Waiting.UntilAsync(() => Task.FromResult(agents.Problem is StateMissingException), "the problem is told");

        await zk.CreateAsync(path + "/payload", """{"Globs":["z","b"]}"""u8.ToArray(), cancellationToken: Token);
        Assert.Equal("Added /Globs/1: b", await listening.NextTextAsync());
        Assert.Equal("Modified /Globs/0: a -> z", await listening.NextTextAsync());
        Assert.Equal(0, agents.Version);
        Assert.Equal(1, (await agents.AddAsync("c")).Version);
    }

    [Fact]
    public async Task The_same_version_of_a_znode_created_anew_is_not_taken_for_the_known_one()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        foreach (bool quorum in (bool[])[false, true])
        {
            await using SharedState<Agents> agents = await zk.OpenAgentsAsync($"{path}/{quorum}", new() { QuorumReads = quorum, CheckInterval = TimeSpan.FromHours(1) }, "a");
            await zk.Transaction().Delete($"{path}/{quorum}/payload").Create($"{path}/{quorum}/payload", """{"Globs":["b"]}"""u8.ToArray()).CommitAsync(Token);
            Assert.Equal(["b"], (await agents.ReadLatestAsync(Token)).Globs);
            Assert.Equal(0, agents.Version);
        }
    }
}
