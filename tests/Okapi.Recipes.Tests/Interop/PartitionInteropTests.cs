using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>A set that members of Okapi's and of kazoo's divide among them.</summary>
public abstract class PartitionInteropTests(Servers servers, Kazoo kazoo)
{
    public sealed class OnApache(Standalone servers, Kazoo kazoo) : PartitionInteropTests(servers, kazoo);

    public sealed class OnEmbedded(Embedded servers, Kazoo kazoo) : PartitionInteropTests(servers, kazoo);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Members_of_both_sides_divide_a_set_and_one_who_is_left_has_all_of_it()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/set";
        await python.AskAsync("partition", "p", path, "e,d,c,b,a", "kazoo");
        await TheirsAsync("a,b,c,d,e");
        Partition? share = null;
        SetPartitioner mine = zk.SetPartitioner(path, ["a", "b", "c", "d", "e"], new() { MemberId = "okapi" });
        Task reading = ReadAsync();
        await MineAsync("b,d");
        await TheirsAsync("a,c,e");
        await python.AskAsync("release", "p");
        await MineAsync("a,b,c,d,e");
        await python.AskAsync("partition", "p", path, "a,b,c,d,e", "zoo"); // now the second by name
        await MineAsync("a,c,e");
        await TheirsAsync("b,d");
        await mine.DisposeAsync();
        await reading.Soon();
        await TheirsAsync("a,b,c,d,e");
        await python.AskAsync("release", "p");

        async Task ReadAsync()
        {
            await foreach (Partition next in mine.PartitionsAsync(Ct))
            {
                Volatile.Write(ref share, next);
                await next.Lost.TrippedAsync(); // the work goes on for as long as it may
            }
        }

        Task MineAsync(string items) => Waiting.UntilAsync(
            () => Task.FromResult(Volatile.Read(ref share) is { IsHeld: true } held && string.Join(',', held.Items) == items), $"Okapi has {items}");

        Task TheirsAsync(string items) => Waiting.UntilAsync(async () => await python.AskAsync("share", "p") == items, $"kazoo has {items}");
    }
}
