using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>What kazoo tells of who holds and who waits.</summary>
public abstract class KazooIdentityTests(Servers servers, Kazoo kazoo)
{
    public sealed class OnApache(Standalone servers, Kazoo kazoo) : KazooIdentityTests(servers, kazoo);

    public sealed class OnEmbedded(Embedded servers, Kazoo kazoo) : KazooIdentityTests(servers, kazoo);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Both_sides_read_the_same_of_who_holds_and_who_waits()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers), waiting = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using DistributedReaderWriterLock mine = zk.ReaderWriterLock(root + "/rw", kazoo.Options("größer"));
        LockHandle held = await mine.AcquireReadAsync(Ct).Soon();
        Task<string> writing = waiting.AskAsync("acquire", "w", "write", mine.Path, "kazoo", "-1");
        await Waiting.UntilAsync(async () => (await mine.GetContendersAsync(Ct)).Count == 2, "two contenders");
        Assert.Equal(["größer", "kazoo"], (await mine.GetContendersAsync(Ct)).Select(each => each.Identity));
        Assert.Equal("größer,kazoo", await python.AskAsync("identities", "write", mine.Path));
        await held.DisposeAsync();
        Assert.Equal("held", await writing);
        await using DistributedSemaphore semaphore = zk.Semaphore(root + "/semaphore", 2, kazoo.Options());
        await python.AskAsync("lease", "s", semaphore.Path, "2", "kazoo", "-1"); // which writes down how many there are
        await using LockHandle lease = await semaphore.AcquireAsync(Ct).Soon();
        Assert.Equal("kazoo,okapi", await python.AskAsync("identities", "semaphore", semaphore.Path));
        Assert.Equal(["kazoo", "okapi"], (await semaphore.GetHoldersAsync(Ct)).Select(each => each.Identity).Order());
    }

    [Fact]
    public async Task A_semaphore_that_Okapi_has_made_tells_kazoo_how_many_leases_there_are()
    {
        await using ForeignClient python = await kazoo.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedSemaphore semaphore = zk.Semaphore(await Servers.RootAsync(zk) + "/semaphore", 2, kazoo.Options());
        await using LockHandle lease = await semaphore.AcquireAsync(Ct).Soon();
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(() => python.AskAsync("lease", "s", semaphore.Path, "3", "kazoo", "0"));
        Assert.Contains("Inconsistent max leases: 2, expected: 3", refused.Message, StringComparison.Ordinal);
    }
}
