using System.Collections.Concurrent;

namespace Okapi.Recipes.Tests.Partitioning;

/// <summary>Sessions that end under a partitioner, which only a server of one's own can do at will.</summary>
public sealed class LostPartitionTests(InMemoryServer servers) : IClassFixture<InMemoryServer>
{
    private static readonly string[] s_items = ["a", "b", "c", "d", "e"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <param name="Item">The item.</param>
    /// <param name="Version">The version that it gave the item's znode.</param>
    /// <param name="Token">The fencing token of who wrote.</param>
    /// <param name="Path">The znode by which he held the item.</param>
    private sealed record Write(string Item, int Version, long Token, string Path);

    private static ZooKeeperOptions Recovering => new() { Recovery = SessionRecovery.NewSession, BackoffMinimum = TimeSpan.FromMilliseconds(1), BackoffMaximum = TimeSpan.FromMilliseconds(20) };

    [Fact]
    public async Task H59_An_expired_session_loses_its_share_and_the_member_comes_back_with_the_next()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync(Recovering);
        await using ZooKeeperClient other = await servers.ConnectAsync();
        string path = await Servers.RootAsync(other) + "/set";
        await using var party = new PartyOf(path, s_items);
        Member member = party.Join(zk, "a");
        await party.UntilSettledAsync();
        Partition first = member.Share!;
        Assert.True(await servers.Server.ExpireSessionAsync(zk.SessionId));
        await first.Lost.TrippedAsync();
        await Waiting.UntilAsync(() => Task.FromResult(member.Share is { IsHeld: true } share && share != first), "a new share");
        Assert.All(s_items, item => Assert.True(member.Share!.FencingTokens[item] > first.FencingTokens[item]));
        Assert.False((await other.Transaction().Check(first.Paths["a"]).TryCommitAsync(Ct)).IsCommitted);
    }

    [Fact]
    public async Task Without_recovery_the_end_of_the_session_ends_the_partitions()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        await using ZooKeeperClient other = await servers.ConnectAsync();
        await using SetPartitioner partitioner = zk.SetPartitioner(await Servers.RootAsync(other) + "/set", s_items);
        await using IAsyncEnumerator<Partition> shares = partitioner.PartitionsAsync(Ct).GetAsyncEnumerator(Ct);
        Assert.True(await shares.MoveNextAsync().AsTask().Soon());
        Assert.True(await servers.Server.ExpireSessionAsync(zk.SessionId));
        await shares.Current.Lost.TrippedAsync();
        await Assert.ThrowsAsync<SessionExpiredException>(() => shares.MoveNextAsync().AsTask().Soon());
        Assert.Equal(PartitionState.Failed, partitioner.State);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task H60_No_two_holders_of_an_item_pass_a_fenced_write_whatever_happens(int seed)
    {
        var random = new Random(seed);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        foreach (string item in s_items) await zk.CreateAsync($"{root}/{item}", cancellationToken: Ct);
        var writes = new ConcurrentQueue<Write>();
        var clients = new List<ZooKeeperClient>();
        for (int i = 0; i < 3; i++) clients.Add(await servers.ConnectAsync(Recovering));
        using var stop = new CancellationTokenSource();
        Task[] members = [.. clients.Select((client, i) => WorkAsync(client, $"{i}"))];
        for (int step = 0; step < 25; step++)
        {
            int before = writes.Count;
            switch (random.Next(4))
            {
                case 0: await servers.Server.ExpireSessionAsync(clients[random.Next(clients.Count)].SessionId); break;
                case 1: await servers.Server.Faults.CutAsync(sessionId: clients[random.Next(clients.Count)].SessionId); break;
                case 2: await DeleteAnyAsync("party"); break;
                default: await DeleteAnyAsync($"locks/{s_items[random.Next(s_items.Length)]}"); break;
            }

            int wanted = before + random.Next(20);
            await Waiting.UntilAsync(() => Task.FromResult(writes.Count >= wanted), "writes go on");
        }

        foreach (string item in s_items)
        {
            // Whatever the faults have hit: once more it changes hands.
            int before = writes.Count(write => write.Item == item);
            await Waiting.UntilAsync(() => Task.FromResult(writes.Count(write => write.Item == item) > before), $"somebody works on {item}");
            Write last = writes.Last(write => write.Item == item);
            await zk.TryDeleteAsync(last.Path, cancellationToken: Ct);
            await Waiting.UntilAsync(() => Task.FromResult(writes.Any(write => write.Item == item && write.Token > last.Token)), $"the next works on {item}");
        }

        await stop.CancelAsync();
        await Task.WhenAll(members).Soon();
        foreach (IGrouping<string, Write> item in writes.GroupBy(write => write.Item))
        {
            long[] tokens = [.. item.OrderBy(write => write.Version).Select(write => write.Token)];
            Assert.Equal(tokens.Order(), tokens); // once a later holder has written, no earlier one does
            Assert.True(tokens.Distinct().Count() > 1, "The item never changed hands.");
        }

        Assert.Empty(await zk.GetEphemeralsAsync(root + "/set", Ct));
        foreach (ZooKeeperClient client in clients) await client.DisposeAsync();

        async Task DeleteAnyAsync(string below)
        {
            IReadOnlyList<string> names = await zk.TryGetChildrenAsync($"{root}/set/{below}", Ct) ?? [];
            if (names.Count > 0) await zk.TryDeleteAsync($"{root}/set/{below}/{names[random.Next(names.Count)]}", cancellationToken: Ct);
        }

        async Task WorkAsync(ZooKeeperClient client, string id)
        {
            await using SetPartitioner partitioner = client.SetPartitioner($"{root}/set", s_items, new() { MemberId = id });
            try
            {
                await foreach (Partition share in partitioner.PartitionsAsync(stop.Token))
                {
                    // Goes on with the work a little longer than it may: the fence has to hold.
                    for (int late = 0; late < 2; late += share.IsHeld ? 0 : 1)
                        foreach (string item in share.Items) await WriteAsync(client, share, item);
                    if (share.Items.Count == 0) await share.Lost.TrippedAsync();
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
        }

        async Task WriteAsync(ZooKeeperClient client, Partition share, string item)
        {
            try
            {
                TransactionResult result = await client.Transaction().Check(share.Paths[item]).Set($"{root}/{item}", default(ReadOnlyMemory<byte>)).TryCommitAsync(Ct);
                if (result.IsCommitted) writes.Enqueue(new(item, result.Operations[1].Stat!.Value.Version, share.FencingTokens[item], share.Paths[item]));
            }
            catch (ZooKeeperException)
            {
                // Cut off, or the session is over.
            }
        }
    }
}
