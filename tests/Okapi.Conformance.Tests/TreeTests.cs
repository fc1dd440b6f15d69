using System.Globalization;

namespace Okapi.Conformance.Tests;

/// <summary>Operations that take more than one request.</summary>
public abstract class TreeTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : TreeTests(servers);

    public sealed class OnEmbedded(Embedded servers) : TreeTests(servers);

    [Fact]
    public async Task A_path_is_ensured_with_all_its_parents()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await zk.EnsurePathAsync(root + "/a/b/c/d");
        Assert.Equal(["b"], await zk.GetChildrenAsync(root + "/a"));
        Assert.Equal(0, (await zk.ExistsAsync(root + "/a/b/c/d"))!.Value.ChildCount);
        await zk.EnsurePathAsync(root + "/a/b/c/d");
        await zk.EnsurePathAsync("/");
        await zk.EnsurePathAsync(root + "/x/y", acl: [new(Permissions.Read, "world", "anyone"), new(Permissions.Create, "world", "anyone")]);
        Assert.Equal(2, (await zk.GetAclAsync(root + "/x")).Acl.Count);
        await zk.CreateAsync(root + "/e", mode: CreateMode.Ephemeral);
        await Assert.ThrowsAsync<NoChildrenForEphemeralsException>(() => zk.EnsurePathAsync(root + "/e/a/b"));
    }

    [Fact]
    public async Task H64_A_path_below_an_ancestor_that_allows_nothing_is_ensured()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await zk.EnsurePathAsync(root + "/locked/open");
        await zk.SetAclAsync(root + "/locked", [new(Permissions.Admin, "world", "anyone")]);
        await zk.EnsurePathAsync(root + "/locked/open/a/b");
        Assert.NotNull(await zk.ExistsAsync(root + "/locked/open/a/b"));
    }

    [Fact]
    public async Task H64_Eight_creators_and_two_deleters_of_one_path_do_not_disturb_each_other()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        using var stop = new CancellationTokenSource();
        Task[] deleters = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested) await zk.DeleteRecursiveAsync(root + "/a");
        }))];
        Task[] creators = [.. Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            for (int n = 0; n < 50; n++) await zk.EnsurePathAsync($"{root}/a/b/c/{i.ToString(CultureInfo.InvariantCulture)}");
        }))];
        await Task.WhenAll(creators).Soon();
        await stop.CancelAsync();
        await Task.WhenAll(deleters).Soon();
        await zk.EnsurePathAsync(root + "/a/b/c");
        Assert.NotNull(await zk.ExistsAsync(root + "/a/b/c"));
    }

    [Fact]
    public async Task A_tree_is_walked_parents_first_and_deleted_whole()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        var expected = new List<string> { root };
        for (int i = 0; i < 5; i++)
        {
            string a = await zk.CreateAsync($"{root}/{i.ToString(CultureInfo.InvariantCulture)}");
            expected.Add(a);
            for (int j = 0; j < 100; j++) expected.Add(await zk.CreateAsync($"{a}/{j.ToString(CultureInfo.InvariantCulture)}"));
        }

        var walked = new List<WalkedNode>();
        await foreach (WalkedNode node in zk.WalkAsync(root)) walked.Add(node);
        Assert.Equal(expected.Order(StringComparer.Ordinal), walked.Select(node => node.Path).Order(StringComparer.Ordinal));
        Assert.Equal(walked.Select(node => node.Path.Count(c => c == '/')).Order(), walked.Select(node => node.Path.Count(c => c == '/')));
        Assert.Equal(5, walked[0].Stat.ChildCount);
        Assert.Equal(506, await zk.DeleteRecursiveAsync(root));
        Assert.Null(await zk.ExistsAsync(root));
        Assert.Equal(0, await zk.DeleteRecursiveAsync(root));
        await foreach (WalkedNode node in zk.WalkAsync(root)) Assert.Fail($"{node.Path} is gone.");
    }

    [Fact]
    public async Task H54_A_protected_create_whose_reply_is_lost_finds_its_znode_and_makes_no_second_one()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        foreach (CreateMode mode in (CreateMode[])[CreateMode.EphemeralSequential, CreateMode.PersistentSequential, CreateMode.Ephemeral, CreateMode.Persistent])
        {
            string parent = await observer.CreateAsync($"{root}/{mode}");
            await using OneShotWatch<NodeChildren> created = await observer.WatchChildrenAsync(parent);
            proxy.HoldReplies();
            Task<string> creating = zk.CreateProtectedAsync(parent + "/lock-", "x"u8.ToArray(), mode);
            await created.Fired.Soon();
            await proxy.CutAsync();
            proxy.Heal();
            string path = await creating.Soon();
            Assert.Equal(path, parent + "/" + Assert.Single(await observer.GetChildrenAsync(parent)));
            Assert.StartsWith(parent + "/_c_", path);
            if (mode.IsEphemeral()) Assert.Equal(zk.SessionId, (await observer.ExistsAsync(path))!.Value.EphemeralOwner);
        }
    }

    [Fact]
    public async Task A_write_whose_reply_is_lost_says_that_its_outcome_is_unknown_and_a_read_is_sent_again()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient observer = await servers.ConnectAsync();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using OneShotWatch<NodeData> written = await observer.WatchDataAsync(root);
        proxy.HoldReplies();
        Task<Stat> write = zk.SetAsync(root, "x"u8.ToArray()).AsTask();
        Task<NodeData> read = zk.GetAsync(root).AsTask();
        await written.Fired.Soon();
        await proxy.CutAsync();
        proxy.Heal();
        ConnectionLossException lost = await Assert.ThrowsAsync<ConnectionLossException>(() => write.Soon());
        Assert.Equal((RequestOutcome.Unknown, root), (lost.Outcome, lost.Path));
        Assert.Equal("x"u8.ToArray(), (await read.Soon()).Data);
    }

    [Fact]
    public async Task What_was_not_sent_waits_for_the_next_connection()
    {
        await using Proxy proxy = servers.Proxy();
        await using ZooKeeperClient zk = await proxy.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        await using StateLog states = await StateLog.OpenAsync(zk);
        await proxy.BreakAsync();
        await states.UntilAsync(SessionState.Disconnected);
        Task<string>[] creates = [.. Enumerable.Range(0, 10).Select(_ => zk.CreateAsync(root + "/n-", mode: CreateMode.PersistentSequential).AsTask())];
        using var cancelled = new CancellationTokenSource();
        Task<string> never = zk.CreateAsync(root + "/never", cancellationToken: cancelled.Token).AsTask();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => never);
        proxy.Heal();
        string[] paths = await Task.WhenAll(creates).Soon();
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{root}/n-{i.ToString("D10", CultureInfo.InvariantCulture)}"), paths);
        Assert.Equal(10, (await zk.GetChildrenAsync(root)).Count);
    }
}
