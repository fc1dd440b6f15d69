namespace Okapi.Recipes.Tests.Counters;

public abstract class SharedValueTests(Servers servers)
{
    [Fact]
    public async Task The_seed_is_written_once_and_a_write_expects_what_was_read()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/a/value";
        VersionedValue<byte[]> seed = await zk.SharedValue(path, "seed"u8.ToArray()).GetAsync();
        SharedValue value = zk.SharedValue(path, "other"u8.ToArray());
        Assert.Equal(("seed", 0), (Text(seed), seed.Version));
        Assert.Equal("seed", Text(await value.GetAsync()));

        VersionedValue<byte[]> first = (await value.TrySetAsync(seed, "1"u8.ToArray()))!.Value;
        Assert.Null(await value.TrySetAsync(seed, "2"u8.ToArray()));
        Assert.Equal(first.Zxid, (await value.GetAsync()).Zxid);
        VersionedValue<byte[]> forced = await value.SetAsync("3"u8.ToArray());
        Assert.Equal(("3", 2), (Text(await value.GetAsync()), forced.Version));
        Assert.True(forced.Zxid > first.Zxid);
    }

    [Fact]
    public async Task A_shared_count_is_four_bytes()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        SharedCount count = zk.SharedCount(await Servers.RootAsync(zk) + "/count", 258);
        VersionedValue<int> seen = await count.GetAsync();
        Assert.Equal([0, 0, 1, 2], (await zk.GetAsync(count.Path)).Data);
        Assert.Equal(-1, (await count.TrySetAsync(seen, -1))!.Value.Value);
        Assert.Null(await count.TrySetAsync(seen, 5));
        await using IAsyncEnumerator<VersionedValue<int>> changes = count.ChangesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();
        Assert.Equal(-1, await NextAsync(changes));
        await count.SetAsync(int.MinValue);
        Assert.Equal(int.MinValue, await NextAsync(changes));
    }

    [Fact]
    public async Task Changes_begin_with_the_present_value_and_end_with_the_latest_over_cuts()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient writer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        SharedCount written = writer.SharedCount(await Servers.RootAsync(writer) + "/count");
        await using IAsyncEnumerator<VersionedValue<int>> changes = zk.SharedCount(written.Path).ChangesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();
        Assert.Equal(0, await NextAsync(changes));
        int next = 0;
        for (int round = 0; round < 5; round++)
        {
            await proxy.BreakAsync();
            for (int i = 0; i < 3; i++) await written.SetAsync(++next); // while the reader is away
            proxy.Heal();
            int seen = 0;
            while (seen < next) seen = Assert.IsType<int>(await NextAsync(changes));
            Assert.Equal(next, seen);
        }
    }

    [Fact]
    public async Task A_value_that_is_deleted_and_made_anew_goes_on_and_no_watch_stays_behind()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        SharedValue value = zk.SharedValue(await Servers.RootAsync(zk) + "/v", "a"u8.ToArray());
        using var stop = new CancellationTokenSource();
        IAsyncEnumerator<VersionedValue<byte[]>> changes = value.ChangesAsync(stop.Token).GetAsyncEnumerator();
        Assert.True(await changes.MoveNextAsync().AsTask().Soon());
        ValueTask<bool> next = changes.MoveNextAsync();
        await zk.DeleteAsync(value.Path);
        await zk.CreateAsync(value.Path, "b"u8.ToArray());
        Assert.True(await next.AsTask().Soon());
        Assert.Equal("b", Text(changes.Current));
        next = changes.MoveNextAsync();
        await Waiting.UntilAsync(() => zk.CheckWatchesAsync(value.Path).AsTask(), "the stream watches");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.AsTask().Soon());
        await changes.DisposeAsync();
        await Waiting.UntilAsync(async () => !await zk.CheckWatchesAsync(value.Path), "the watch is gone");
    }

    [Fact]
    public async Task A_conditional_write_whose_reply_is_lost_is_resolved_or_told()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        SharedValue value = zk.SharedValue(await Servers.RootAsync(zk) + "/v", "a"u8.ToArray());
        VersionedValue<byte[]> seen = await value.GetAsync();
        await observer.SetAsync(value.Path, "theirs"u8.ToArray());
        proxy.HoldReplies();
        Task<VersionedValue<byte[]>?> refused = value.TrySetAsync(seen, "mine"u8.ToArray());
        await proxy.CutAsync();
        proxy.Heal();
        Assert.Null(await refused.Soon());

        seen = await value.GetAsync();
        await using OneShotWatch<NodeData> written = await observer.WatchDataAsync(value.Path);
        proxy.HoldReplies();
        Task<VersionedValue<byte[]>?> applied = value.TrySetAsync(seen, "mine"u8.ToArray());
        await written.Fired.Soon();
        await proxy.CutAsync();
        proxy.Heal();
        Assert.Equal(RequestOutcome.Unknown, (await Assert.ThrowsAsync<ConnectionLossException>(() => applied.Soon())).Outcome);
    }

    private static async Task<T> NextAsync<T>(IAsyncEnumerator<VersionedValue<T>> changes)
    {
        Assert.True(await changes.MoveNextAsync().AsTask().Soon());
        return changes.Current.Value;
    }

    private static string Text(VersionedValue<byte[]> value) => System.Text.Encoding.UTF8.GetString(value.Value);

    public sealed class OnApache(Standalone servers) : SharedValueTests(servers);

    public sealed class OnEmbedded(Embedded servers) : SharedValueTests(servers);
}
