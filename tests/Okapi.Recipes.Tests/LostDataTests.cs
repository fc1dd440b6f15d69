using System.Text;
using Okapi.Protocol;
using Okapi.Server;
using Okapi.TestSupport;

namespace Okapi.Recipes.Tests;

/// <summary>
/// Servers that come back without what they had: an emptied disk, a backup. Their transactions begin anew, below those that processes remember or with the same numbers, so that what they have looks older than what is known, or the same.
/// </summary>
public sealed class LostDataTests
{
    private const string Node = "/parent/node";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_shared_value_goes_on_with_what_servers_have_that_have_lost_data(int less)
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(memory);
        Stat before = await BeginAsync(zk);
        await using IAsyncEnumerator<VersionedValue<byte[]>> changes = zk.SharedValue(Node).ChangesAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.Equal("old", await NextAsync(changes));
        await LoseAsync(memory, zk, before, less);
        Assert.Equal("new", await NextAsync(changes));
        Assert.Equal(before.Mzxid - less, changes.Current.Zxid);
        await zk.SetAsync(Node, "newer"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("newer", await NextAsync(changes));
    }

    [Fact]
    public async Task A_shared_count_goes_on_far_below_the_last_transaction_that_it_has_seen()
    {
        var time = new ManualTime();
        await using InMemory memory = await InMemory.StartAsync(time);
        await using ZooKeeperClient zk = await ConnectAsync(memory);
        SharedCount count = zk.SharedCount(Node);
        for (int i = 1; i <= 100; i++) await count.SetAsync(i, Ct);
        await using IAsyncEnumerator<VersionedValue<int>> changes = count.ChangesAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.True(await changes.MoveNextAsync().AsTask().Soon());
        Assert.Equal(100, changes.Current.Value);
        using (memory.Server.Faults.Refuse())
        {
            // The client itself gives the session up, so that it can go to servers that are behind it.
            CancellationToken lost = zk.SessionLost;
            await memory.Server.Faults.CutAsync();
            await time.AdvanceUntilAsync(lost.TrippedAsync(), zk.SessionTimeout * 3);
            await memory.Server.RestartAsync(keepData: false);
        }

        for (int i = 1; i <= 3; i++)
        {
            Task<bool> next = changes.MoveNextAsync().AsTask();
            Task writing = WriteAsync(memory, i);
            await time.AdvanceUntilAsync(Task.WhenAll(next, writing), TimeSpan.FromMinutes(1));
            Assert.Equal(i, changes.Current.Value);
        }

        static async Task WriteAsync(InMemory memory, int value)
        {
            await using ZooKeeperClient other = await ConnectAsync(memory);
            await other.SharedCount(Node).SetAsync(value, Ct);
        }
    }

    /// <summary>What is behind for a moment shows older values too: a leader that was deposed and has not noticed yet (ZOOKEEPER-1675).</summary>
    [Fact]
    public async Task A_shared_value_that_is_older_than_the_last_is_asked_for_again_through_the_quorum_before_it_is_believed()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(memory), other = await ConnectAsync(memory);
        await BeginAsync(zk);
        byte[] old = [];
        using Fault record = memory.Server.Faults.AlterReply(reply => old = reply, request => request.Type == OpCode.GetData);
        await using IAsyncEnumerator<VersionedValue<byte[]>> changes = zk.SharedValue(Node).ChangesAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.Equal("old", await NextAsync(changes));
        Task<string> next = NextAsync(changes);
        await other.SetAsync(Node, "3"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("3", await next);

        // The reply's header is its own: length, xid, zxid and error.
        using Fault behind = memory.Server.Faults.AlterReply(reply => [.. old[..4], .. reply[4..20], .. old[20..]], request => request.Type == OpCode.GetData);
        using Fault proof = memory.Server.Faults.AlterReply(static reply => reply, request => request.Type == OpCode.Multi);
        next = NextAsync(changes);
        await other.SetAsync(Node, "4"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("4", await next);
        Assert.Equal((1, 1), (behind.Strikes, proof.Strikes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_cache_shows_and_tells_what_servers_have_that_have_lost_data(int less)
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(memory);
        Stat before = await BeginAsync(zk);
        await using ZnodeCache cache = await zk.OpenCacheAsync("/parent", cancellationToken: Ct);
        await using IAsyncEnumerator<CacheChange> changes = cache.ChangesAsync(Ct).GetAsyncEnumerator(Ct);
        while (await changes.MoveNextAsync().AsTask().Soon() && changes.Current.Kind != CacheChangeKind.Loaded);
        await LoseAsync(memory, zk, before, less);
        await Waiting.UntilAsync(() => Task.FromResult(cache.TryGet(Node) is { } node && Encoding.UTF8.GetString(node.Data.Span) == "new"), "the cache has what there is");
        var known = new Dictionary<string, string> { [Node] = "old" };
        while (known.GetValueOrDefault(Node) != "new" && await changes.MoveNextAsync().AsTask().Soon())
        {
            CacheChange change = changes.Current;
            if (change.Kind == CacheChangeKind.Deleted) Assert.True(change.Path == "/parent" || known.Remove(change.Path));
            else if (change.Path != "/parent") known[change.Path] = Encoding.UTF8.GetString(change.New!.Data.Span);
        }

        await zk.SetAsync(Node, "newer"u8.ToArray(), cancellationToken: Ct);
        await Waiting.UntilAsync(() => Task.FromResult(Encoding.UTF8.GetString(cache.TryGet(Node)!.Data.Span) == "newer"), "the cache goes on");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_group_tells_who_is_there_on_servers_that_have_lost_data(int less)
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(memory);
        Stat before = await BeginAsync(zk);
        await using IAsyncEnumerator<MembershipChange> changes = zk.Group("/parent").ChangesAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.Equal("Joined node=old", await NextAsync());
        await LoseAsync(memory, zk, before, less);
        Assert.Equal("Left node=old", await NextAsync()); // another one of that name
        Assert.Equal("Joined node=new", await NextAsync());
        await zk.SetAsync(Node, "newer"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("Changed node=newer", await NextAsync());

        async Task<string> NextAsync()
        {
            Assert.True(await changes.MoveNextAsync().AsTask().Soon());
            return $"{changes.Current.Kind} {changes.Current.Member.Id}={Encoding.UTF8.GetString(changes.Current.Member.Data.Span)}";
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Services_are_told_as_servers_have_them_that_have_lost_data(int less)
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(memory);
        Stat before = await BeginAsync(zk, """{"name":"parent","id":"node","address":"old"}""");
        ServiceDiscovery<System.Text.Json.JsonElement> services = zk.ServiceDiscovery("/");
        await using IAsyncEnumerator<ServiceChange<System.Text.Json.JsonElement>> changes = services.ChangesAsync("parent", Ct).GetAsyncEnumerator(Ct);
        Assert.Equal("Joined old", await NextAsync());
        await LoseAsync(memory, zk, before, less, """{"name":"parent","id":"node","address":"new"}""");
        Assert.Equal("Left old", await NextAsync());
        Assert.Equal("Joined new", await NextAsync());

        async Task<string> NextAsync()
        {
            Assert.True(await changes.MoveNextAsync().AsTask().Soon());
            return $"{changes.Current.Kind} {changes.Current.Instance.Address}";
        }
    }

    [Fact]
    public async Task Who_leads_is_told_by_servers_that_have_lost_data()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(memory), other = await ConnectAsync(memory);
        await using LeaderElection watched = zk.Election("/election"), candidate = other.Election("/election", "candidate");
        await candidate.LeadAsync(Ct).Soon();
        await using IAsyncEnumerator<LockContender?> leaders = watched.LeadersAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.True(await leaders.MoveNextAsync().AsTask().Soon());
        LockContender before = leaders.Current!;
        await RestartAsync(memory, zk, other);
        while (await leaders.MoveNextAsync().AsTask().Soon() && leaders.Current is not null);
        await candidate.LeadAsync(Ct).Soon();
        Assert.True(await leaders.MoveNextAsync().AsTask().Soon());
        Assert.Equal("candidate", leaders.Current!.Identity);
        Assert.NotEqual(before.Path, leaders.Current.Path);
    }

    [Fact]
    public async Task Who_waits_for_an_entry_or_for_room_gets_it_from_servers_that_have_lost_data()
    {
        await using InMemory memory = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(memory), other = await ConnectAsync(memory);
        DistributedQueue taken = zk.Queue("/taken"), received = zk.Queue("/received"), full = zk.Queue("/full", new() { MaxLength = 1 });
        await full.EnqueueAsync("old"u8.ToArray(), cancellationToken: Ct);
        Task<QueueEntry> taking = taken.DequeueAsync(Ct);
        Task<ReceivedEntry> receiving = received.ReceiveAsync(Ct);
        Task<string> entering = full.EnqueueAsync("new"u8.ToArray(), cancellationToken: Ct);
        foreach (string path in (string[])["/taken", "/received", "/full"]) await Waiting.UntilAsync(() => zk.CheckWatchesAsync(path).AsTask(), $"{path} is watched");
        await RestartAsync(memory, zk, other);
        await other.Queue("/taken").EnqueueAsync("1"u8.ToArray(), cancellationToken: Ct);
        await other.Queue("/received").EnqueueAsync("2"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("1"u8.ToArray(), (await taking.Soon()).Data.ToArray());
        await using ReceivedEntry entry = await receiving.Soon();
        Assert.Equal("2"u8.ToArray(), entry.Data.ToArray());
        await entering.Soon();
        Assert.Equal("new"u8.ToArray(), (await other.Queue("/full").DequeueAsync(Ct).Soon()).Data.ToArray());
    }

    private static Task<ZooKeeperClient> ConnectAsync(InMemory memory) => memory.ConnectAsync(options => options.Recovery = SessionRecovery.NewSession);

    private static async Task<string> NextAsync(IAsyncEnumerator<VersionedValue<byte[]>> changes)
    {
        Assert.True(await changes.MoveNextAsync().AsTask().Soon());
        return Encoding.UTF8.GetString(changes.Current.Value);
    }

    /// <summary>Creates the znode, after enough else that one of an earlier transaction can be created when all is lost.</summary>
    private static async Task<Stat> BeginAsync(ZooKeeperClient zk, string data = "old")
    {
        await zk.CreateAsync("/parent", cancellationToken: Ct);
        for (int i = 0; i < 20; i++) await zk.SetAsync("/parent", Array.Empty<byte>(), cancellationToken: Ct);
        return (await zk.CreateWithStatAsync(Node, Encoding.UTF8.GetBytes(data), cancellationToken: Ct)).Stat;
    }

    /// <summary>Has the servers begin anew, and somebody else create the znode in a transaction of that number or a little less; then so much else that the client is let in.</summary>
    private static async Task LoseAsync(InMemory memory, ZooKeeperClient zk, Stat before, int less, string data = "new")
    {
        CancellationToken lost = zk.SessionLost;
        await memory.Server.RestartAsync(keepData: false);
        await using ZooKeeperClient other = await ConnectAsync(memory);
        await Waiting.UntilAsync(() => Task.FromResult(DateTimeOffset.UtcNow > before.Created.AddMilliseconds(1)), "another time");
        long last = (await other.CreateWithStatAsync("/parent", cancellationToken: Ct)).Stat.Czxid;
        while (last < before.Czxid - less - 1) last = (await other.SetAsync("/parent", Array.Empty<byte>(), cancellationToken: Ct)).Mzxid;
        Stat created = (await other.CreateWithStatAsync(Node, Encoding.UTF8.GetBytes(data), cancellationToken: Ct)).Stat;
        Assert.Equal(before.Czxid - less, created.Czxid);
        await LetInAsync(other, zk, lost);
    }

    /// <summary>Has the servers begin anew, and lets in who was there before.</summary>
    private static async Task RestartAsync(InMemory memory, params ZooKeeperClient[] clients)
    {
        CancellationToken[] lost = [.. clients.Select(client => client.SessionLost)];
        await memory.Server.RestartAsync(keepData: false);
        await using ZooKeeperClient other = await ConnectAsync(memory);
        await other.CreateAsync("/parent", cancellationToken: Ct);
        for (int i = 0; i < clients.Length; i++) await LetInAsync(other, clients[i], lost[i]);
    }

    private static async Task LetInAsync(ZooKeeperClient other, ZooKeeperClient zk, CancellationToken lost)
    {
        while (!lost.IsCancellationRequested && (await other.SetAsync("/parent", Array.Empty<byte>(), cancellationToken: Ct)).Mzxid < zk.LastZxid);
        await lost.TrippedAsync();
        await zk.WaitConnectedAsync(cancellationToken: Ct).Soon();
    }
}
