using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Curator's other election, which is a lock.</summary>
public abstract class LeaderSelectorTests(Servers servers, Curator curator)
{
    public sealed class OnApache(Standalone servers, Curator curator) : LeaderSelectorTests(servers, curator);

    public sealed class OnEmbedded(Embedded servers, Curator curator) : LeaderSelectorTests(servers, curator);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_leader_selector_and_a_lock_keep_each_other_out()
    {
        await using ForeignClient java = await curator.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedLock mine = zk.Lock(await Servers.RootAsync(zk) + "/election", new() { Identity = "okapi" });
        LockHandle held = await mine.AcquireAsync(Ct).Soon();
        await java.AskAsync("select", "e", mine.Path, "curator");
        await Waiting.UntilAsync(async () => (await mine.GetContendersAsync(Ct)).Count == 2, "two contenders");
        Assert.Equal("okapi", await java.AskAsync("leader", "e"));
        Assert.Equal("okapi,curator", await java.AskAsync("candidates", "e"));
        Assert.Equal("no", await java.AskAsync("led", "e", "0"));
        await held.DisposeAsync();
        Assert.Equal("leads", await java.AskAsync("led", "e", "30000"));
        Assert.Null(await mine.TryAcquireAsync(cancellationToken: Ct).Soon());
        Assert.Equal("curator", Assert.Single(await mine.GetContendersAsync(Ct)).Identity);
        await java.AskAsync("release", "e");
        await using LockHandle again = await mine.AcquireAsync(Ct).Soon();
    }
}
