namespace Okapi.Conformance.Tests;

/// <summary>The caller's mistakes: each is told before anything is sent, by an exception that names the value and the rule.</summary>
public abstract class BadInputTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : BadInputTests(servers);

    public sealed class OnEmbedded(Embedded servers) : BadInputTests(servers);

    private static readonly string[] BadPaths = ["", "a", "a/b", "/a/", "//", "//a", "/a//b", "/./a", "/a/..", "/a/../b", "/\0", "/a\u0001", "/\u007f", "/\u009f", "/\ud800", "/\ue000", "/\ufff0"];

    [Fact]
    public async Task Bad_paths_are_refused_by_every_operation_and_nothing_is_sent()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        Func<string, Task>[] operations =
        [
            path => zk.CreateAsync(path).AsTask(),
            path => zk.CreateWithStatAsync(path).AsTask(),
            path => zk.TryCreateAsync(path).AsTask(),
            path => zk.DeleteAsync(path).AsTask(),
            path => zk.TryDeleteAsync(path).AsTask(),
            path => zk.ExistsAsync(path).AsTask(),
            path => zk.GetAsync(path).AsTask(),
            path => zk.TryGetAsync(path).AsTask(),
            path => zk.SetAsync(path, null).AsTask(),
            path => zk.TrySetAsync(path, null).AsTask(),
            path => zk.GetChildrenAsync(path).AsTask(),
            path => zk.TryGetChildrenAsync(path).AsTask(),
            path => zk.GetChildrenWithStatAsync(path).AsTask(),
            path => zk.GetAclAsync(path).AsTask(),
            path => zk.SetAclAsync(path, Acl.Open).AsTask(),
            path => zk.SyncAsync(path).AsTask(),
            path => zk.GetAllChildrenNumberAsync(path).AsTask(),
            path => zk.CheckWatchesAsync(path).AsTask(),
            path => zk.RemoveWatchesAsync(path),
            path => zk.WatchAsync(path),
            path => zk.WatchExistsAsync(path),
            path => zk.WatchDataAsync(path),
            path => zk.TryWatchDataAsync(path),
            path => zk.WatchChildrenAsync(path),
            path => zk.TryWatchChildrenAsync(path),
            path => zk.EnsurePathAsync(path),
            path => zk.DeleteRecursiveAsync(path),
            path => zk.CreateProtectedAsync(path, mode: CreateMode.Ephemeral),
            async path => { await foreach (WalkedNode _ in zk.WalkAsync(path)); },
            path => Task.FromResult(zk.Transaction().Create(path)),
            path => Task.FromResult(zk.Transaction().Set(path, null)),
            path => Task.FromResult(zk.Transaction().Delete(path)),
            path => Task.FromResult(zk.Transaction().Check(path)),
            path => Task.FromResult(zk.ReadBatch().Get(path)),
            path => Task.FromResult(zk.ReadBatch().GetChildren(path)),
            path => Task.FromResult(zk.WithChroot(path)),
        ];
        await ExpectNothingSentAsync(zk, async () =>
        {
            foreach (Func<string, Task> operation in operations)
            {
                foreach (string path in BadPaths)
                {
                    ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(async () => await operation(path));
                    Assert.Equal("path", refused.ParamName);
                    Assert.Contains("is not a znode path: it ", refused.Message);
                    if (path.All(c => c is >= ' ' and <= '~')) Assert.Contains($"\"{path}\"", refused.Message);
                    Assert.DoesNotContain(refused.Message, char.IsControl);
                }

                await Assert.ThrowsAsync<ArgumentNullException>(async () => await operation(null!));
            }
        });
    }

    [Fact]
    public async Task Bad_arguments_are_refused_and_nothing_is_sent()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        TimeSpan second = TimeSpan.FromSeconds(1);
        (Func<Task> Call, string Names)[] table =
        [
            (() => zk.CreateAsync("/a", acl: []).AsTask(), "ACL is empty"),
            (() => zk.CreateAsync("/a", acl: [null!]).AsTask(), "is null"),
            (() => zk.CreateAsync("/a", acl: [new(Permissions.None, "world", "anyone")]).AsTask(), "permissions 0"),
            (() => zk.CreateAsync("/a", acl: [new((Permissions)32, "world", "anyone")]).AsTask(), "permissions 32"),
            (() => zk.CreateAsync("/a", acl: [new(Permissions.All, "", "anyone")]).AsTask(), "no scheme"),
            (() => zk.CreateAsync("/a", acl: [new(Permissions.All, "ip", null!)]).AsTask(), "no id"),
            (() => zk.CreateAsync("/a", acl: [new(Permissions.All, "world", "ann")]).AsTask(), "world:ann"),
            (() => zk.CreateAsync("/a", acl: [new(Permissions.All, "digest", "ann")]).AsTask(), "scheme digest"), // and not the id, which may be a password
            (() => zk.SetAclAsync("/a", []).AsTask(), "ACL is empty"),
            (() => zk.SetAclAsync("/a", null!).AsTask(), "acl"),
            (() => zk.CreateAsync("/a", mode: (CreateMode)7).AsTask(), "7 is not a create mode"),
            (() => zk.CreateAsync("/a", mode: (CreateMode)(-1)).AsTask(), "-1 is not a create mode"),
            (() => zk.CreateAsync("/a", ttl: second).AsTask(), "00:00:01"),
            (() => zk.CreateAsync("/a", mode: CreateMode.PersistentWithTtl).AsTask(), "needs a time to live"),
            (() => zk.CreateAsync("/a", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.Zero).AsTask(), "from 1 ms"),
            (() => zk.CreateAsync("/a", mode: CreateMode.PersistentWithTtl, ttl: -second).AsTask(), "from 1 ms"),
            (() => zk.CreateAsync("/a", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromMilliseconds(1L << 40)).AsTask(), "1099511627775"),
            (() => zk.CreateWithStatAsync("/a", mode: CreateMode.PersistentSequentialWithTtl).AsTask(), "needs a time to live"),
            (() => zk.CreateProtectedAsync("/a", mode: CreateMode.PersistentWithTtl), "PersistentWithTtl"),
            (() => zk.CreateProtectedAsync("/", mode: CreateMode.Persistent), "root"),
            (() => zk.DeleteAsync("/a", -1).AsTask(), "-1"),
            (() => zk.TryDeleteAsync("/a", -2).AsTask(), "-2"),
            (() => zk.SetAsync("/a", null, -1).AsTask(), "-1"),
            (() => zk.TrySetAsync("/a", null, int.MinValue).AsTask(), "-2147483648"),
            (() => zk.SetAclAsync("/a", Acl.Open, -1).AsTask(), "-1"),
            (() => Task.FromResult(zk.Transaction().Check("/a", -1)), "-1"),
            (() => Task.FromResult(zk.Transaction().Set("/a", null, -1)), "-1"),
            (() => Task.FromResult(zk.Transaction().Delete("/a", -1)), "-1"),
            (() => Task.FromResult(zk.Transaction().Create("/a", mode: CreateMode.PersistentWithTtl)), "needs a time to live"),
            (() => Task.FromResult(zk.Transaction().Create("/a", acl: [])), "ACL is empty"),
            (() => zk.DeleteRecursiveAsync("/"), "\"/\""),
            (() => zk.WatchAsync("/a", (WatchMode)9), "9"),
            (() => zk.RemoveWatchesAsync("/a", (WatcherType)9), "9"),
            (() => zk.CheckWatchesAsync("/a", (WatcherType)9).AsTask(), "9"),
            (() => zk.ReconfigureAsync().AsTask(), "joining"),
            (() => zk.ReconfigureAsync([], []).AsTask(), "joining"),
            (() => zk.ReplaceMembersAsync([]).AsTask(), "empty"),
            (() => zk.AddAuthAsync(null!), "credential"),
            (() => { zk.UpdateServers("a:1/other"); return Task.CompletedTask; }, "/other"),
            (() => { zk.UpdateServers(","); return Task.CompletedTask; }, "no server"),
        ];
        await ExpectNothingSentAsync(zk, async () =>
        {
            foreach ((Func<Task> call, string names) in table)
            {
                ArgumentException refused = await Assert.ThrowsAnyAsync<ArgumentException>(async () => await call());
                Assert.Contains(names, refused.Message);
            }
        });
    }

    [Fact]
    public async Task A_request_over_the_limit_is_refused_and_the_session_goes_on()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        byte[] tooLarge = new byte[0x100000], justTooLarge = new byte[0xfffff];
        await ExpectNothingSentAsync(zk, async () =>
        {
            (Func<Task> Call, string Size)[] table =
            [
                (() => zk.CreateAsync(root + "/a", tooLarge).AsTask(), "1048576"),
                (() => zk.SetAsync(root, tooLarge).AsTask(), "1048576"),
                (() => Task.FromResult(zk.Transaction().Set(root, tooLarge)), "1048576"),
                (() => zk.CreateAsync(root + "/a", justTooLarge).AsTask(), root + "/a"),
                (() => zk.SetAsync(root, justTooLarge).AsTask(), root),
                (() => zk.Transaction().Set(root, justTooLarge).CommitAsync(), "Multi"),
            ];
            foreach ((Func<Task> call, string names) in table)
            {
                ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(async () => await call());
                Assert.Contains(names, refused.Message);
                Assert.Contains(nameof(ZooKeeperOptions.MaxRequestSize), refused.Message);
            }
        });
        byte[] largest = new byte[0xfffff - 200];
        await zk.SetAsync(root, largest);
        Assert.Equal(largest.Length, (await zk.GetAsync(root)).Data.Length);
    }

    /// <summary>The server counts what it receives from a connection.</summary>
    private async Task ExpectNothingSentAsync(ZooKeeperClient zk, Func<Task> calls)
    {
        await zk.SyncAsync();
        int before = await CountReceivedAsync(zk);
        await calls();
        await zk.SyncAsync();
        Assert.InRange(await CountReceivedAsync(zk) - before, 1, 2); // the sync, and perhaps a ping
    }

    private async Task<int> CountReceivedAsync(ZooKeeperClient zk)
    {
        string answer = await servers.WordAsync("cons");
        string line = Assert.Single(answer.Split('\n'), each => each.Contains($"sid=0x{zk.SessionId:x},", StringComparison.Ordinal));
        int start = line.IndexOf("recved=", StringComparison.Ordinal) + "recved=".Length;
        return int.Parse(line[start..line.IndexOf(',', start)]);
    }
}
