using System.Diagnostics;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>Containers and times to live: what the server deletes by itself.</summary>
public abstract class ReapedRows(TargetFixture fixture) : RowTest(fixture)
{
    public sealed class OnApache(SharedApache fixture) : ReapedRows(fixture);

    public sealed class OnEmbedded(SharedEmbedded fixture) : ReapedRows(fixture);

    public sealed class OnEmbedded39(SharedEmbedded39 fixture) : ReapedRows(fixture);

    [Fact]
    [Row("B116", "B118")]
    public async Task B116_B118_a_container_goes_once_it_has_had_children_and_has_none()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.AddWatchAsync(root, 1);
        foreach (string name in (string[])["/never", "/full", "/again", "/used"]) (await zk.CreateContainerAsync(root + name)).Ok(CreateReply.Read);
        foreach (string name in (string[])["/full/c", "/again/c", "/used/c"]) await zk.CreatedAsync(root + name);
        await MultiAgainAsync(zk, root);
        WireClient parent = await OpenAsync();
        await parent.ChildrenAsync(root, watch: true);
        (await parent.ExistsAsync(root + "/used", watch: true)).Ok(Stat.Read);
        (await zk.DeleteAsync(root + "/used/c")).Ok();
        await zk.UntilEventAsync("Deleted /used", root);
        Assert.Equal(["Deleted /used", "ChildrenChanged /"], await parent.EventTextsAsync(root));

        // A second round, in which the reaper has certainly seen the others as they are.
        await UseUpAsync(zk, root, "/second");
        Assert.Equal(["again", "full", "never"], await zk.NamesAsync(root));
        (await zk.DeleteAsync(root + "/full/c")).Ok();
        await zk.UntilEventAsync("Deleted /full", root);
    }

    [Fact]
    [Row("B116")]
    public async Task B116_containers_in_containers_go_from_the_inside()
    {
        (WireClient zk, string root) = await StartAsync();
        await zk.AddWatchAsync(root, 1);
        foreach (string path in (string[])["/a", "/a/b"]) (await zk.CreateContainerAsync(root + path)).Ok(CreateReply.Read);
        await zk.CreatedAsync(root + "/a/b/c", flags: 1);
        (await zk.DeleteAsync(root + "/a/b/c")).Ok();
        string[] before = await zk.UntilEventAsync("Deleted /a", root);
        Assert.Equal(["Created /a", "Created /a/b", "Created /a/b/c", "Deleted /a/b/c", "Deleted /a/b"], before);
        Assert.Empty(await zk.NamesAsync(root));
    }

    [Theory]
    [Row("B117")]
    [InlineData(0, false)]
    [InlineData(-1, false)]
    [InlineData(long.MinValue, false)]
    [InlineData(1L << 40, false)]
    [InlineData(long.MaxValue, false)]
    [InlineData((1L << 40) - 1, true)]
    [InlineData(1, true)]
    public async Task B117_a_time_to_live_has_bounds(long ttlMs, bool isValid)
    {
        (WireClient zk, string root) = await StartAsync();
        foreach (int flags in (int[])[5, 6])
        {
            WireReply reply = await zk.CreateTtlAsync(root + "/n", ttlMs, flags);
            if (isValid) reply.Ok(CreateReply.Read);
            else reply.Is(ErrorCode.BadArguments);
        }
    }

    [Fact]
    [Row("B117", "B118")]
    public async Task B117_B118_a_znode_goes_after_its_time_to_live_and_a_write_starts_it_anew()
    {
        const int TtlMs = 4_000; // more than a busy machine needs between a znode and its child, or two writes
        (WireClient zk, string root) = await StartAsync();
        WireClient watcher = await OpenAsync();
        await watcher.AddWatchAsync(root);
        await watcher.AddWatchAsync(root + "/plain");
        var sinceMade = Stopwatch.StartNew();
        foreach (string name in (string[])["/plain", "/written", "/full"]) (await zk.CreateTtlAsync(root + name, TtlMs)).Ok(CreateReply.Read);
        await zk.CreatedAsync(root + "/full/c");
        var sinceWritten = Stopwatch.StartNew();
        await Waiting.UntilAsync(
            async () =>
            {
                bool isOver = !await zk.IsThereAsync(root + "/plain");
                sinceWritten.Restart();
                (await zk.SetAsync(root + "/written")).Ok(Stat.Read);
                return isOver;
            },
            "the time to live is over");

        // The wall clock counts whole milliseconds.
        Assert.True(sinceMade.ElapsedMilliseconds >= TtlMs - 2, $"Gone after {sinceMade.ElapsedMilliseconds} ms.");
        Assert.Equal(
            ["Created /plain", "ChildrenChanged /", "ChildrenChanged /", "ChildrenChanged /", "Deleted /plain", "ChildrenChanged /"],
            await watcher.EventTextsAsync(root));
        await watcher.ReadEventAsync();
        Assert.True(sinceWritten.ElapsedMilliseconds >= TtlMs - 2, $"Gone {sinceWritten.ElapsedMilliseconds} ms after it was written.");

        // With a child it stays, however old.
        Assert.Equal(["full"], await zk.NamesAsync(root));
        (await zk.DeleteAsync(root + "/full/c")).Ok();
        await watcher.ReadEventAsync();
        Assert.Empty(await zk.NamesAsync(root));
    }

    private static async Task MultiAgainAsync(WireClient zk, string root) =>
        // Never empty when anybody looks.
        Assert.Equal(2, (await zk.MultiAsync((OpCode.Delete, Body.Number(root + "/again/c", -1)), (OpCode.Create, Body.Create(root + "/again/d")))).Parts().Length);

    private static async Task UseUpAsync(WireClient zk, string root, string name)
    {
        (await zk.CreateContainerAsync(root + name)).Ok(CreateReply.Read);
        await zk.CreatedAsync($"{root}{name}/c");
        (await zk.DeleteAsync($"{root}{name}/c")).Ok();
        await zk.UntilEventAsync("Deleted " + name, root);
    }
}
