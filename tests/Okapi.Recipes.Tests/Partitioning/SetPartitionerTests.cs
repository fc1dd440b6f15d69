using System.Collections.Concurrent;

namespace Okapi.Recipes.Tests.Partitioning;

/// <summary>What a partitioner promises on any server.</summary>
public abstract class SetPartitionerTests(Servers servers)
{
    private static readonly string[] s_items = [.. Enumerable.Range(0, 7).Select(i => $"item-{i}")];

    public sealed class OnApache(Standalone servers) : SetPartitionerTests(servers);

    public sealed class OnEmbedded(Embedded servers) : SetPartitionerTests(servers);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_member_has_all_and_two_divide_it_as_kazoo_does()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/set";
        await using var party = new PartyOf(path, s_items);
        Member a = party.Join(zk, "a");
        await party.UntilSettledAsync();
        Assert.Equal(s_items, a.Share!.Items);
        Assert.Equal(PartitionState.Acquired, a.State);
        Assert.All(s_items, item => Assert.StartsWith($"{path}/locks/{item}/", a.Share.Paths[item], StringComparison.Ordinal));
        Partition first = a.Share;
        Member b = party.Join(zk, "b");
        await first.Lost.TrippedAsync();
        await party.UntilSettledAsync();
        Assert.Equal(["item-0", "item-2", "item-4", "item-6"], a.Share!.Items);
        Assert.Equal(["item-1", "item-3", "item-5"], b.Share!.Items);
        Assert.Equal(first.FencingTokens["item-2"], a.Share.FencingTokens["item-2"]); // what stays is not given back in between
        Assert.True(b.Share.FencingTokens["item-1"] > first.FencingTokens["item-1"]);
        await party.LeaveAsync(a);
        await party.UntilSettledAsync();
        Assert.Equal(s_items, b.Share!.Items);
        await party.LeaveAsync(b);
        Assert.Equal(PartitionState.Failed, b.State);
        await party.AssertNothingIsLeftAsync(zk);
    }

    [Fact]
    public async Task Others_wait_for_as_long_as_the_work_on_an_item_goes_on()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/set";
        await using SetPartitioner one = zk.SetPartitioner(path, ["x"], new() { MemberId = "b" });
        await using IAsyncEnumerator<Partition> shares = one.PartitionsAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.True(await shares.MoveNextAsync().AsTask().Soon());
        Partition held = shares.Current;
        await using SetPartitioner two = zk.SetPartitioner(path, ["x"], new() { MemberId = "a" }); // comes first in the order
        await using IAsyncEnumerator<Partition> others = two.PartitionsAsync(Ct).GetAsyncEnumerator(Ct);
        Task<bool> next = others.MoveNextAsync().AsTask();
        await held.Lost.TrippedAsync();
        await Waiting.UntilAsync(async () => (await zk.GetChildrenAsync($"{path}/locks/x", Ct)).Count == 2, "the other waits for the item");
        Assert.Equal(PartitionState.Release, one.State);
        Assert.True((await zk.Transaction().Check(held.Paths["x"]).TryCommitAsync(Ct)).IsCommitted); // still fenced in
        Assert.False(next.IsCompleted);
        Task<bool> empty = shares.MoveNextAsync().AsTask(); // the work has stopped
        Assert.True(await next.Soon());
        Assert.True(others.Current.FencingTokens["x"] > held.FencingTokens["x"]);
        Assert.False((await zk.Transaction().Check(held.Paths["x"]).TryCommitAsync(Ct)).IsCommitted);
        Assert.True(await empty.Soon());
        Assert.Empty(shares.Current.Items); // more members than items
    }

    [Fact]
    public async Task Disposal_ends_the_reading_in_order_and_leaves()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/set";
        SetPartitioner partitioner = zk.SetPartitioner(path, s_items);
        var reached = new TaskCompletionSource<Partition>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<int> reading = ReadAsync();
        Partition share = await reached.Task.Soon();
        Task disposing = partitioner.DisposeAsync().AsTask();
        await share.Lost.TrippedAsync();
        await disposing.Soon();
        Assert.Equal(1, await reading.Soon());
        Assert.Equal(PartitionState.Failed, partitioner.State);
        Assert.Empty(await zk.GetEphemeralsAsync(path, Ct));

        async Task<int> ReadAsync()
        {
            int count = 0;
            await foreach (Partition each in partitioner.PartitionsAsync(Ct))
            {
                count++;
                reached.SetResult(each);
                await each.Lost.TrippedAsync();
            }

            return count;
        }
    }

    [Fact]
    public async Task Items_may_have_names_that_znodes_cannot_have()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string path = await Servers.RootAsync(zk) + "/set";
        string[] items = ["/", "%2F", ".", "..", "a/b", "a%2Fb", "\u0001", "plain.name-1", "ä"];
        await using var party = new PartyOf(path, items);
        Member member = party.Join(zk, "a");
        await party.UntilSettledAsync();
        Assert.Equal(items.Order(StringComparer.Ordinal), member.Share!.Items);
        Assert.Equal(items.Length, (await zk.GetChildrenAsync($"{path}/locks", Ct)).Count);
        Assert.StartsWith($"{path}/locks/plain.name-1/", member.Share.Paths["plain.name-1"], StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => zk.SetPartitioner(path, [""]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task No_item_has_two_holders_while_members_come_go_and_are_cut_off(int seed)
    {
        var random = new Random(seed);
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient shaky = await proxy.ConnectAsync(new() { BackoffMinimum = TimeSpan.FromMilliseconds(1), BackoffMaximum = TimeSpan.FromMilliseconds(20) });
        string path = await Servers.RootAsync(zk) + "/set";
        await using var party = new PartyOf(path, s_items);
        for (int step = 0; step < 40; step++)
        {
            switch (random.Next(6))
            {
                case 0: await proxy.CutAsync(); break;
                case 1 when party.Members.Count > 0: await party.LeaveAsync(party.Members.ElementAt(random.Next(party.Members.Count))); break;
                case < 4 when party.Members.Count < 5: party.Join(random.Next(2) == 0 ? zk : shaky, $"{random.Next(1_000_000)}"); break;
                case 4 when party.Members.Count > 0: await party.UntilSettledAsync(); break;
                default:
                    for (int i = random.Next(10); i > 0; i--) await zk.SyncAsync(cancellationToken: Ct);
                    break;
            }
        }

        if (party.Members.Count == 0) party.Join(zk, "last");
        await party.UntilSettledAsync();
        foreach (Member member in party.Members.ToArray()) await party.LeaveAsync(member);
        Assert.Empty(party.Faults);
        await party.AssertNothingIsLeftAsync(zk);
    }
}

/// <summary>Members of one party in this process, and who holds what.</summary>
internal sealed class PartyOf(string path, string[] items) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, string> _holders = new(StringComparer.Ordinal);

    public List<Member> Members { get; } = [];

    /// <summary>Items that had two holders.</summary>
    public ConcurrentQueue<string> Faults { get; } = new();

    public Member Join(ZooKeeperClient zk, string id)
    {
        var member = new Member(this, zk.SetPartitioner(path, items, new() { MemberId = id }));
        Members.Add(member);
        return member;
    }

    public async Task LeaveAsync(Member member)
    {
        Members.Remove(member);
        await member.DisposeAsync();
    }

    /// <summary>Waits until the members hold all items among them, each of them its even share.</summary>
    public Task UntilSettledAsync() => Waiting.UntilAsync(
        () =>
        {
            Partition?[] shares = [.. Members.Select(member => member.Share)];
            return Task.FromResult(shares.All(share => share is { IsHeld: true } && share.Items.Count >= items.Length / shares.Length)
                && shares.SelectMany(share => share!.Items).Order(StringComparer.Ordinal).SequenceEqual(items.Order(StringComparer.Ordinal)));
        },
        "all items are held");

    public async Task AssertNothingIsLeftAsync(ZooKeeperClient zk)
    {
        await foreach (WalkedNode node in zk.WalkAsync(path)) Assert.False(node.Stat.IsEphemeral, node.Path);
        Assert.False(await zk.CheckWatchesAsync($"{path}/party"));
    }

    public void Enter(string item, string id)
    {
        if (!_holders.TryAdd(item, id)) Faults.Enqueue($"{item}: {id} beside {_holders.GetValueOrDefault(item)}");
    }

    public void Leave(string item) => _holders.TryRemove(item, out _);

    public async ValueTask DisposeAsync()
    {
        foreach (Member member in Members.ToArray()) await LeaveAsync(member);
    }
}

/// <summary>A member that works on its share until it has to stop.</summary>
internal sealed class Member : IAsyncDisposable
{
    private readonly PartyOf _party;
    private readonly SetPartitioner _partitioner;
    private readonly Task _working;

    public Member(PartyOf party, SetPartitioner partitioner)
    {
        (_party, _partitioner) = (party, partitioner);
        _working = Task.Run(WorkAsync);
    }

    public Partition? Share { get; private set; }

    public PartitionState State => _partitioner.State;

    public async ValueTask DisposeAsync()
    {
        await _partitioner.DisposeAsync().AsTask().Soon();
        await _working.Soon();
    }

    private async Task WorkAsync()
    {
        await foreach (Partition share in _partitioner.PartitionsAsync())
        {
            foreach (string item in share.Items) _party.Enter(item, _partitioner.MemberId);
            Share = share;
            await Task.Delay(Timeout.InfiniteTimeSpan, share.Lost).ContinueWith(static _ => { }, TaskScheduler.Default);
            Share = null;
            foreach (string item in share.Items) _party.Leave(item);
        }
    }
}
