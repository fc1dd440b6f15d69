using Okapi.Protocol;
using Okapi.Server;

namespace Okapi.State.Tests;

/// <summary>
/// Servers that come back without what they had: an emptied disk, a backup. Their transactions begin anew, below those that processes remember, so that what they have looks older than what is known, for ever.
/// </summary>
public sealed class LostDataTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(UpdateMode.Exclusive)]
    [InlineData(UpdateMode.Optimistic)]
    public async Task An_update_after_servers_have_lost_data_starts_from_what_they_have(UpdateMode mode)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s", new() { UpdateMode = mode });
        Versioned<Tally> before = await UpdateThriceAsync(state);
        Stat stat = await LoseAsync(server, zk, before.Zxid - 1);
        Versioned<Tally> after = await state.UpdateAsync(tally => tally.Plus("a"), Token).Soon();
        Assert.Equal((stat.Version + 1, 2), (after.Version, after.Value.Count));
        Assert.Equal("""{"Count":2,"By":{"b":1,"a":1}}""", await zk.TextAsync("/s/payload"));
        Assert.Equal(after.Zxid, state.Known.Zxid);
    }

    [Theory]
    [InlineData(0)] // a different write of the same number
    [InlineData(1)]
    public async Task The_latest_is_what_servers_have_that_have_lost_data(int less)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s");
        Versioned<Tally> before = await UpdateThriceAsync(state);
        await LoseAsync(server, zk, before.Zxid - less);
        Assert.Equal(1, (await state.ReadLatestAsync(Token).Soon()).Count);
        Assert.Equal(1, state.Read().Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Changes_lead_to_what_servers_have_that_have_lost_data(int less)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s");
        Versioned<Tally> before = await UpdateThriceAsync(state);
        await using Listening listening = Listening.To(state);
        Stat stat = await LoseAsync(server, zk, before.Zxid - less);
        await Waiting.UntilAsync(() => Task.FromResult(state.Known.Value.Count == 1), "it is noticed without being asked for");
        Assert.Equal(["Added /By/b: 1", "Modified /Count: 3 -> 1", "Removed /By/a: 3"], (await TakeAsync(listening, 3)).Order(StringComparer.Ordinal));
        Assert.All(listening.Seen, change => Assert.Equal((stat.Version, stat.Mzxid), (change.Version, change.Zxid)));
        await using Listening late = Listening.To(state, before);
        Assert.Equal(listening.Seen.Select(change => change.ToString()), await TakeAsync(late, 3));

        // An instance that was opened after it has not seen the loss.
        await using SharedState<Tally> another = await zk.OpenTallyAsync("/s");
        await using Listening there = Listening.To(another, before);
        Assert.Equal(listening.Seen.Select(change => change.ToString()), await TakeAsync(there, 3));
    }

    /// <summary>What is behind for a moment shows older values too: a leader that was deposed and has not noticed yet (ZOOKEEPER-1675).</summary>
    [Fact]
    public async Task What_is_older_than_the_known_value_is_asked_for_again_through_the_quorum_before_it_is_believed()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        byte[] old = [];
        using Fault record = server.Faults.AlterReply(reply => old = reply, request => request.Type == OpCode.GetData);
        await using SharedState<Tally> state = await zk.OpenTallyAsync("/s");
        await using Listening listening = Listening.To(state);
        await state.KnowsAsync((await other.WriteAsync("/s/payload", """{"Count":3,"By":{}}""")).Mzxid);

        // The reply's header is its own: length, xid, zxid and error.
        using Fault behind = server.Faults.AlterReply(reply => [.. old[..4], .. reply[4..20], .. old[20..]], request => request.Type == OpCode.GetData);
        using Fault proof = server.Faults.AlterReply(static reply => reply, InMemory.IsMulti);
        await state.KnowsAsync((await other.WriteAsync("/s/payload", """{"Count":4,"By":{}}""")).Mzxid);
        Assert.Equal((1, 1), (behind.Strikes, proof.Strikes));
        Assert.Equal(["Modified /Count: 0 -> 3", "Modified /Count: 3 -> 4"], await TakeAsync(listening, 2));
    }

    private static async Task<List<string>> TakeAsync(Listening listening, int count)
    {
        var texts = new List<string>();
        while (texts.Count < count) texts.Add(await listening.NextTextAsync());
        return texts;
    }

    private static async Task<Versioned<Tally>> UpdateThriceAsync(SharedState<Tally> state)
    {
        await state.UpdateAsync(tally => tally.Plus("a"), Token).Soon();
        await state.UpdateAsync(tally => tally.Plus("a"), Token).Soon();
        return await state.UpdateAsync(tally => tally.Plus("a"), Token).Soon();
    }

    /// <summary>Has the servers begin anew, and somebody else write the state in a transaction of a number; then so much else that the client is let in.</summary>
    /// <returns>The payload's.</returns>
    private static async Task<Stat> LoseAsync(EmbeddedServer server, ZooKeeperClient zk, long zxid)
    {
        CancellationToken lost = zk.SessionLost;
        Stat old = (await zk.ExistsAsync("/s/payload", Token))!.Value;
        await server.RestartAsync(keepData: false);
        await using ZooKeeperClient other = await InMemory.ConnectAsync(server);
        await Waiting.UntilAsync(() => Task.FromResult(DateTimeOffset.UtcNow > old.Modified.AddMilliseconds(1)), "another time");
        await other.CreateAsync("/other", cancellationToken: Token);
        await other.CreateAsync("/s", cancellationToken: Token);
        while ((await other.WriteAsync("/other", "")).Mzxid < zxid - 2)
        {
        }

        await other.CreateAsync("/s/payload", """{"Count":0,"By":{}}"""u8.ToArray(), cancellationToken: Token);
        Stat written = await other.WriteAsync("/s/payload", """{"Count":1,"By":{"b":1}}""");
        Assert.Equal(zxid, written.Mzxid);
        while ((await other.WriteAsync("/other", "")).Mzxid < zk.LastZxid)
        {
        }

        await Waiting.UntilAsync(() => Task.FromResult(lost.IsCancellationRequested && zk.IsConnected), "a new session");
        return written;
    }
}
