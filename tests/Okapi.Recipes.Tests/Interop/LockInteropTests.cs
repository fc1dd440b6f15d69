using System.Globalization;
using System.Text;
using Okapi.Recipes;

namespace Okapi.Recipes.Tests.Interop;

/// <summary>Locks, semaphores and elections that Okapi and others take part in together. One side holds; the other waits, and follows.</summary>
public abstract class LockInteropTests(Servers servers, ForeignPeer peer)
{
    public sealed class CuratorOnApache(Standalone servers, Curator peer) : LockInteropTests(servers, peer);

    public sealed class CuratorOnEmbedded(Embedded servers, Curator peer) : LockInteropTests(servers, peer);

    public sealed class KazooOnApache(Standalone servers, Kazoo peer) : LockInteropTests(servers, peer);

    public sealed class KazooOnEmbedded(Embedded servers, Kazoo peer) : LockInteropTests(servers, peer);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lock_that_Okapi_holds_is_waited_for()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedLock mine = zk.Lock(await Servers.RootAsync(zk) + "/lock", peer.Options());
        LockHandle held = await mine.AcquireAsync(Ct).Soon();
        Assert.Equal("no", await other.AskAsync("acquire", "a", "mutex", mine.Path, "other", "0"));
        Assert.Equal("1", await other.AskAsync("contenders", "mutex", mine.Path));
        Task<string> waiting = other.AskAsync("acquire", "a", "mutex", mine.Path, "other", "-1");
        await ContendersAsync(mine.GetContendersAsync, 2);
        Assert.False(waiting.IsCompleted);
        await held.DisposeAsync();
        Assert.Equal("held", await waiting);
        Assert.Null(await mine.TryAcquireAsync(cancellationToken: Ct).Soon());
        await other.AskAsync("release", "a");
        Assert.Empty(await mine.GetContendersAsync(Ct));
    }

    [Fact]
    public async Task A_lock_that_the_other_holds_is_waited_for()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedLock mine = zk.Lock(await Servers.RootAsync(zk) + "/lock", peer.Options());
        Assert.Equal("held", await other.AskAsync("acquire", "a", "mutex", mine.Path, "other", "-1"));
        Assert.Null(await mine.TryAcquireAsync(cancellationToken: Ct).Soon());
        Assert.Null(await mine.TryAcquireAsync(TimeSpan.FromMilliseconds(50), Ct).Soon());
        Task<LockHandle> waiting = mine.AcquireAsync(Ct);
        await ContendersAsync(mine.GetContendersAsync, 2);
        Assert.False(waiting.IsCompleted);
        await other.AskAsync("release", "a");
        await using LockHandle held = await waiting.Soon();
        Assert.True(held.IsHeld);
        Assert.Equal("no", await other.AskAsync("acquire", "a", "mutex", mine.Path, "other", "0"));
    }

    [Fact]
    public async Task A_lock_is_free_again_when_the_other_side_s_session_ends()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedLock mine = zk.Lock(await Servers.RootAsync(zk) + "/lock", peer.Options());
        Task<LockHandle> waiting;
        await using (ForeignClient other = await peer.ConnectAsync(servers))
        {
            await other.AskAsync("acquire", "a", "mutex", mine.Path, "other", "-1");
            waiting = mine.AcquireAsync(Ct);
            await ContendersAsync(mine.GetContendersAsync, 2);
        }

        Assert.True((await waiting.Soon()).IsHeld);
    }

    [Fact]
    public async Task Who_has_the_lock_can_count_on_being_alone()
    {
        await using ForeignClient one = await peer.ConnectAsync(servers), two = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk), counter = await zk.CreateAsync(root + "/counter", "0"u8.ToArray(), cancellationToken: Ct);
        await using DistributedLock mine = zk.Lock(root + "/lock", peer.Options());
        Task<string>[] others = [one.AskAsync("count-up", mine.Path, counter, "20"), two.AskAsync("count-up", mine.Path, counter, "20")];
        await Task.WhenAll(CountUpAsync(20), CountUpAsync(20)).Soon();
        await Task.WhenAll(others);
        Assert.Equal("80", Encoding.UTF8.GetString((await zk.GetAsync(counter, Ct)).Data));

        async Task CountUpAsync(int times)
        {
            for (int i = 0; i < times; i++)
            {
                await using LockHandle held = await mine.AcquireAsync(Ct);
                int before = int.Parse((await zk.GetAsync(counter, Ct)).Data, CultureInfo.InvariantCulture);
                await zk.SetAsync(counter, Encoding.UTF8.GetBytes($"{before + 1}"), cancellationToken: Ct);
            }
        }
    }

    /// <summary>kazoo looks for the parent once in the life of an object, and fails if it has gone since.</summary>
    [Fact]
    public async Task A_lock_object_of_the_other_side_s_can_be_used_again_after_a_pause()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using DistributedLock mine = zk.Lock(root + "/lock", peer.Options());
        await using (await mine.AcquireAsync(Ct).Soon()) Assert.Single(await mine.GetContendersAsync(Ct));
        Assert.Equal("held", await other.AskAsync("acquire", "a", "mutex", mine.Path, "other", "-1"));
        await other.AskAsync("release", "a");
        await ContainerCheck.DoneAsync(zk, root);
        Assert.Equal("held", await other.AskAsync("again", "a", "-1"));
        Assert.Null(await mine.TryAcquireAsync(cancellationToken: Ct).Soon());
    }

    [Fact]
    public async Task Readers_of_both_sides_share()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedReaderWriterLock mine = zk.ReaderWriterLock(await Servers.RootAsync(zk) + "/rw", peer.Options());
        LockHandle read = await mine.AcquireReadAsync(Ct).Soon();
        Assert.Equal("held", await other.AskAsync("acquire", "r", "read", mine.Path, "other", "-1"));
        await using LockHandle second = await mine.AcquireReadAsync(Ct).Soon();
        Assert.Equal("no", await other.AskAsync("acquire", "w", "write", mine.Path, "other", "0"));
        Assert.Null(await mine.TryAcquireWriteAsync(cancellationToken: Ct).Soon());
        await read.DisposeAsync();
        await second.DisposeAsync();
        Assert.Null(await mine.TryAcquireWriteAsync(cancellationToken: Ct).Soon()); // the other still reads
        Task<LockHandle> writing = mine.AcquireWriteAsync(Ct);
        await ContendersAsync(mine.GetContendersAsync, 2);
        await other.AskAsync("release", "r");
        Assert.True((await writing.Soon()).IsHeld);
    }

    [Fact]
    public async Task A_writer_of_Okapi_s_keeps_readers_and_writers_of_the_other_side_out()
    {
        await using ForeignClient reader = await peer.ConnectAsync(servers), writer = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedReaderWriterLock mine = zk.ReaderWriterLock(await Servers.RootAsync(zk) + "/rw", peer.Options());
        LockHandle written = await mine.AcquireWriteAsync(Ct).Soon();
        Assert.Equal("no", await reader.AskAsync("acquire", "r", "read", mine.Path, "other", "0"));
        Assert.Equal("no", await writer.AskAsync("acquire", "w", "write", mine.Path, "other", "0"));
        Task<string> reading = reader.AskAsync("acquire", "r", "read", mine.Path, "other", "-1");
        await ContendersAsync(mine.GetContendersAsync, 2);
        await written.DisposeAsync();
        Assert.Equal("held", await reading);
        Task<string> writing = writer.AskAsync("acquire", "w", "write", mine.Path, "other", "-1");
        await ContendersAsync(mine.GetContendersAsync, 2);
        Assert.Null(await mine.TryAcquireReadAsync(cancellationToken: Ct).Soon()); // a writer came before
        Assert.False(writing.IsCompleted);
        await reader.AskAsync("release", "r");
        Assert.Equal("held", await writing);
    }

    [Fact]
    public async Task A_writer_of_the_other_side_keeps_readers_and_writers_of_Okapi_s_out()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedReaderWriterLock mine = zk.ReaderWriterLock(await Servers.RootAsync(zk) + "/rw", peer.Options());
        Assert.Equal("held", await other.AskAsync("acquire", "w", "write", mine.Path, "other", "-1"));
        Assert.Null(await mine.TryAcquireReadAsync(cancellationToken: Ct).Soon());
        Assert.Null(await mine.TryAcquireWriteAsync(cancellationToken: Ct).Soon());
        Task<LockHandle> one = mine.AcquireReadAsync(Ct), two = mine.AcquireReadAsync(Ct);
        await ContendersAsync(mine.GetContendersAsync, 3);
        Task<LockHandle> writing = mine.AcquireWriteAsync(Ct);
        await ContendersAsync(mine.GetContendersAsync, 4);
        await other.AskAsync("release", "w");
        LockHandle[] read = await Task.WhenAll(one, two).Soon();
        Assert.False(writing.IsCompleted);
        foreach (LockHandle each in read) await each.DisposeAsync();
        Assert.True((await writing.Soon()).IsHeld);
    }

    [Fact]
    public async Task Leases_of_both_sides_count_together()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using DistributedSemaphore mine = zk.Semaphore(await Servers.RootAsync(zk) + "/semaphore", 2, peer.Options());
        LockHandle held = await mine.AcquireAsync(Ct).Soon();
        Assert.Equal("held", await other.AskAsync("lease", "a", mine.Path, "2", "other", "-1"));
        Assert.Equal("2", await other.AskAsync("contenders", "semaphore", mine.Path));
        Assert.Null(await mine.TryAcquireAsync(cancellationToken: Ct).Soon());
        Assert.Equal("no", await other.AskAsync("lease", "b", mine.Path, "2", "other", "0"));
        Task<LockHandle> waiting = mine.AcquireAsync(Ct);
        await other.AskAsync("release", "a");
        await using LockHandle second = await waiting.Soon();
        Task<string> third = other.AskAsync("lease", "c", mine.Path, "2", "other", "-1");
        await held.DisposeAsync();
        Assert.Equal("held", await third);
        Assert.Null(await mine.TryAcquireAsync(cancellationToken: Ct).Soon());
        Assert.Equal(2, (await mine.GetHoldersAsync(Ct)).Count);
    }

    [Fact]
    public async Task There_are_never_more_inside_than_there_are_leases()
    {
        await using ForeignClient one = await peer.ConnectAsync(servers), two = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk), inside = await zk.CreateAsync(root + "/inside", cancellationToken: Ct);
        await using DistributedSemaphore mine = zk.Semaphore(root + "/semaphore", 2, peer.Options());
        Task<string>[] others = [one.AskAsync("crowd", mine.Path, "2", inside, "15"), two.AskAsync("crowd", mine.Path, "2", inside, "15")];
        int[] seen = await Task.WhenAll(CrowdAsync(15), CrowdAsync(15)).Soon();
        string[] seenByOthers = await Task.WhenAll(others);
        Assert.InRange(seen.Concat(seenByOthers.Select(int.Parse)).Max(), 1, 2);

        async Task<int> CrowdAsync(int times)
        {
            int most = 0;
            for (int i = 0; i < times; i++)
            {
                await using LockHandle lease = await mine.AcquireAsync(Ct);
                string me = await zk.CreateAsync(inside + "/in-", mode: CreateMode.EphemeralSequential, cancellationToken: Ct);
                most = Math.Max(most, (await zk.GetChildrenAsync(inside, Ct)).Count);
                await zk.DeleteAsync(me, cancellationToken: Ct);
            }

            return most;
        }
    }

    [Fact]
    public async Task The_other_side_stands_behind_a_leader_of_Okapi_s_and_follows_it()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using LeaderElection mine = zk.Election(await Servers.RootAsync(zk) + "/election", "okapi", peer.Options());
        LockHandle term = await mine.LeadAsync(Ct).Soon();
        await other.AskAsync("stand", "e", mine.Path, "other");
        await ContendersAsync(mine.GetCandidatesAsync, 2);
        Assert.Equal(["okapi", "other"], (await mine.GetCandidatesAsync(Ct)).Select(each => each.Identity));
        Assert.Equal("okapi,other", await other.AskAsync("candidates", "e"));
        Assert.Equal("okapi", await other.AskAsync("leader", "e"));
        Assert.Equal("no", await other.AskAsync("led", "e", "0"));
        await term.DisposeAsync();
        Assert.Equal("leads", await other.AskAsync("led", "e", "30000"));
        Assert.Equal("other", (await mine.GetLeaderAsync(Ct))!.Identity);
    }

    [Fact]
    public async Task Okapi_stands_behind_a_leader_of_the_other_side_and_follows_it()
    {
        await using ForeignClient other = await peer.ConnectAsync(servers);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using LeaderElection mine = zk.Election(await Servers.RootAsync(zk) + "/election", "okapi", peer.Options());
        await other.AskAsync("stand", "e", mine.Path, "other");
        Assert.Equal("leads", await other.AskAsync("led", "e", "30000"));
        Assert.Equal("other", (await mine.GetLeaderAsync(Ct))!.Identity);
        Assert.Null(await mine.TryLeadAsync(cancellationToken: Ct).Soon());
        Task<LockHandle> next = mine.LeadAsync(Ct);
        await ContendersAsync(mine.GetCandidatesAsync, 2);
        Assert.Equal("other,okapi", await other.AskAsync("candidates", "e"));
        await other.AskAsync("release", "e");
        Assert.True((await next.Soon()).IsHeld);
    }

    private static Task ContendersAsync(Func<CancellationToken, Task<IReadOnlyList<LockContender>>> list, int count) =>
        Waiting.UntilAsync(async () => (await list(Ct)).Count == count, $"{count} contenders");
}
