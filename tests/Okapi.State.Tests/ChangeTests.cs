using System.Text.Json.Nodes;

namespace Okapi.State.Tests;

public abstract class ChangeTests(Servers servers)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public sealed class OnApache(Standalone servers) : ChangeTests(servers);

    public sealed class OnEmbedded(Embedded servers) : ChangeTests(servers);

    [Fact]
    public async Task Every_subscriber_hears_every_change_own_ones_and_others()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(), other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> mine = await zk.OpenAgentsAsync(path), theirs = await other.OpenAgentsAsync(path);
        await using Listening first = Listening.To(mine), second = Listening.To(mine), afar = Listening.To(theirs);
        Versioned<Agents> one = await mine.AddAsync("a");
        await mine.KnowsAsync((await theirs.AddAsync("b")).Zxid);
        Versioned<Agents> last = await mine.UpdateAsync(state => state with { Globs = ["c"] }, Token);
        foreach (Listening each in (Listening[])[first, second, afar]) await each.UntilAsync(last.Zxid);
        foreach (Listening each in (Listening[])[first, second])
        {
            await each.NextAsync();
            Assert.Equal(["Added /Globs/0: a", "Added /Globs/1: b", "Modified /Globs/0: a -> c", "Removed /Globs/1: b"], each.Seen.Select(change => change.ToString()));
            Assert.Equal([1, 2, 3, 3], each.Seen.Select(change => change.Version));
            Assert.Equal(one.Zxid, each.Seen[0].Zxid);
        }
    }

    [Fact]
    public async Task Whoever_hears_of_a_change_and_reads_sees_it()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(), other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Tally> mine = await zk.OpenTallyAsync(path), theirs = await other.OpenTallyAsync(path);
        var tooOld = new List<string>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ChangeSubscription subscription = mine.Subscribe((change, _) =>
        {
            if (mine.Known.Zxid < change.Zxid) tooOld.Add(change.ToString());
            if (change.Pointer == "/Count" && change.New!.Value.GetInt32() == 30) done.SetResult();
            return default;
        });
        for (int i = 0; i < 30; i++) await (i % 2 == 0 ? mine : theirs).UpdateAsync(tally => tally.Plus("x"), Token).Soon();
        await done.Task.Soon();
        Assert.Empty(tooOld);
    }

    [Fact]
    public async Task A_slow_subscriber_gets_the_difference_between_what_he_knew_and_what_is()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using SharedState<Tally> state = await zk.OpenTallyAsync(await Servers.RootAsync(zk), new() { ChangeBufferSize = 5 });
        await using Listening slow = Listening.To(state);
        Versioned<Tally> last = state.Known;
        for (int i = 0; i < 20; i++) last = await state.UpdateAsync(tally => tally.Plus($"{i}"), Token).Soon(); // two changes each
        Assert.Equal(4, state.PendingChanges);
        await slow.UntilAsync(last.Zxid);
        while (slow.Seen.Count < 4 + 1 + 18) await slow.NextAsync(); // two versions as they were, then one difference
        Assert.Equal([1, 1, 2, 2, .. Enumerable.Repeat(20, 19)], slow.Seen.Select(change => change.Version));
        AssertLeadsTo("""{"Count":0,"By":{}}""", slow.Seen, last);
        Assert.Equal(0, state.PendingChanges);

        last = await state.UpdateAsync(tally => tally.Plus("again"), Token).Soon();
        await slow.NextAsync();
        await slow.NextAsync();
        AssertLeadsTo("""{"Count":0,"By":{}}""", slow.Seen, last);
    }

    [Fact]
    public async Task One_version_with_more_changes_than_the_buffer_holds_is_told_whole()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using SharedState<Agents> state = await zk.OpenAgentsAsync(await Servers.RootAsync(zk), new() { ChangeBufferSize = 2 });
        await using Listening listening = Listening.To(state);
        await state.UpdateAsync(agents => agents with { Globs = [.. Enumerable.Range(0, 50).Select(i => $"{i}")] }, Token).Soon();
        for (int i = 0; i < 50; i++) Assert.Equal($"Added /Globs/{i}: {i}", await listening.NextTextAsync());
    }

    [Fact]
    public async Task Changes_since_a_version_begin_with_the_difference_to_it()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(), other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk);
        await using SharedState<Agents> mine = await zk.OpenAgentsAsync(path), theirs = await other.OpenAgentsAsync(path, new() { CheckInterval = TimeSpan.FromHours(1) });
        Versioned<Agents> start = mine.Known;
        await mine.AddAsync("a");
        Versioned<Agents> second = await mine.AddAsync("b");
        await using Listening late = Listening.To(mine, start);
        Assert.Equal(["Added /Globs/0: a", "Added /Globs/1: b"], [await late.NextTextAsync(), await late.NextTextAsync()]);

        // A version that this replica may not have seen yet: nothing is told twice.
        await using Listening ahead = Listening.To(theirs, second);
        await mine.AddAsync("c");
        Assert.Equal("Added /Globs/2: c", await ahead.NextTextAsync());
    }

    [Fact]
    public async Task A_handler_may_update_and_its_exception_ends_its_own_telling_only()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(await Servers.RootAsync(zk));
        await using Listening listening = Listening.To(agents);
        await using ChangeSubscription updating = agents.Subscribe(async (change, token) =>
        {
            if (change.New?.GetString() == "a") await agents.UpdateAsync(state => state with { Globs = [.. state.Globs, "from the handler"] }, token);
        });
        await using ChangeSubscription failing = agents.Subscribe((_, _) => throw new FormatException());
        ChangeSubscription? own = null;
        var isSet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        own = agents.Subscribe(async (_, _) =>
        {
            await isSet.Task;
            await own!.DisposeAsync();
        });
        isSet.SetResult();
        await agents.AddAsync("a");
        Assert.Equal("Added /Globs/0: a", await listening.NextTextAsync());
        Assert.Equal("Added /Globs/1: from the handler", await listening.NextTextAsync());
        await Assert.ThrowsAsync<FormatException>(() => failing.Completion.Soon());
        await own.Completion.Soon();
    }

    [Fact]
    public async Task A_reader_who_stops_reading_leaves()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using SharedState<Agents> agents = await zk.OpenAgentsAsync(await Servers.RootAsync(zk));
        using var stop = new CancellationTokenSource();
        IAsyncEnumerator<StateChange> changes = agents.Changes(stop.Token).GetAsyncEnumerator(Token);
        Task<bool> next = changes.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.Soon());
        await changes.DisposeAsync();
        await agents.AddAsync("a");
        Assert.Equal(0, agents.PendingChanges);
    }

    internal static void AssertLeadsTo<T>(string start, IEnumerable<StateChange> changes, Versioned<T> end)
    {
        JsonNode? replayed = JsonDifference.Apply(JsonNode.Parse(start), changes);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(end.Document.GetRawText()), replayed), $"{replayed} is not {end.Document}");
    }
}
