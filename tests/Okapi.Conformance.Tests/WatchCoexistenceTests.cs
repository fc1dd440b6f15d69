using System.Globalization;

namespace Okapi.Conformance.Tests;

/// <summary>
/// Watches of several kinds on one path of one client (H46). ZooKeeper up to 3.8 has one mode per path and connection; the client makes up for it, so
/// each watch sees exactly what it would see alone.
/// </summary>
public abstract class WatchCoexistenceTests(Servers servers)
{
    public sealed class OnApache(Standalone servers) : WatchCoexistenceTests(servers);

    public sealed class OnEmbedded(Embedded servers) : WatchCoexistenceTests(servers);

    public sealed class OnEmbedded39(Embedded39 servers) : WatchCoexistenceTests(servers);

    private static readonly byte[] One = "one"u8.ToArray();

    public enum Kind
    {
        Data,
        Exists,
        Children,
        Persistent,
        Recursive,
    }

    public static TheoryData<Kind, Kind> Pairs
    {
        get
        {
            var pairs = new TheoryData<Kind, Kind>();
            foreach (Kind first in Enum.GetValues<Kind>())
                foreach (Kind second in Enum.GetValues<Kind>()) pairs.Add(first, second);
            return pairs;
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task H46_Two_watches_on_one_path_see_each_its_own_events_and_one_outlives_the_other(Kind first, Kind second)
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        // One-shot watches see only the first change that concerns them, so each kind of change comes first once.
        string[] histories = ["set create remove set delete recreate create", "create remove set create remove delete recreate set", "delete recreate set create remove set"];
        foreach (string history in histories)
        {
            foreach (int disposed in (int[])[-1, 0, 1])
            {
                // A client for each case: what one case leaves on the server must not help the next.
                await using ZooKeeperClient zk = await servers.ConnectAsync(chroot: await whole.CreateAsync(root + "/case-", mode: CreateMode.PersistentSequential));
                await zk.CreateAsync("/n");
                Model[] watches = [await Model.SetAsync(zk, first), await Model.SetAsync(zk, second)];
                if (disposed >= 0) await watches[disposed].DisposeAsync();
                string what = $"{first} then {second}, {(disposed < 0 ? "none" : disposed == 0 ? "the first" : "the second")} disposed, {history}";
                foreach (string step in history.Split(' '))
                {
                    await Step.DoAsync(zk, step);
                    foreach (Model watch in watches) await watch.ExpectAsync(what);
                }

                foreach (Model watch in watches) await watch.DisposeAsync();
                Assert.False(await zk.CheckWatchesAsync("/n"), what);
            }
        }
    }

    [Fact]
    public async Task H46_Any_number_of_watches_come_and_go_and_each_sees_its_own_events()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        string root = await Servers.RootAsync(whole);
        for (int round = 0; round < 40; round++)
        {
            await using ZooKeeperClient zk = await servers.ConnectAsync(chroot: await whole.CreateAsync(root + "/round-", mode: CreateMode.PersistentSequential));
            await zk.CreateAsync("/n");
            var watches = new List<Model>();
            var history = new List<string>();
            bool exists = true, hasChild = false;
            for (int i = 0; i < 40; i++)
            {
                string[] steps = [.. new[] { "watch", "watch", "dispose", exists ? "set" : "recreate", !exists ? "recreate" : hasChild ? "remove" : "create", exists && !hasChild ? "delete" : "watch" }];
                string step = steps[random.Next(steps.Length)];
                if (step == "watch")
                {
                    Kind kind = (Kind)random.Next(5);
                    if (!exists && kind is Kind.Data or Kind.Children) continue;
                    history.Add($"watch {kind}");
                    watches.Add(await Model.SetAsync(zk, kind));
                    continue;
                }

                if (step == "dispose")
                {
                    if (watches.Count == 0) continue;
                    int which = random.Next(watches.Count);
                    history.Add($"dispose {watches[which].Kind}");
                    await watches[which].DisposeAsync();
                    watches.RemoveAt(which);
                    continue;
                }

                history.Add(step);
                await Step.DoAsync(zk, step);
                exists = step == "recreate" || (exists && step != "delete");
                hasChild = step == "create" || (hasChild && step != "remove");
                foreach (Model watch in watches) await watch.ExpectAsync($"seed {seed}, round {round}: {string.Join(", ", history)}");
            }

            foreach (Model watch in watches) await watch.DisposeAsync();
            Assert.False(await zk.CheckWatchesAsync("/n"), $"seed {seed}, round {round}: {string.Join(", ", history)}");
        }
    }

    [Fact]
    public async Task H46_A_watch_set_while_another_of_its_path_is_disposed_stays()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        using var start = new Barrier(2);
        for (int i = 0; i < 3_000; i++)
        {
            OneShotWatch<NodeData> old = await zk.WatchDataAsync(root);
            int spins = random.Next(200);
            Task disposing = Task.Run(() =>
            {
                start.SignalAndWait();
                return old.DisposeAsync().AsTask();
            });
            Task<OneShotWatch<NodeData>> setting = Task.Run(() =>
            {
                start.SignalAndWait();
                Thread.SpinWait(spins);
                return zk.WatchDataAsync(root);
            });
            await disposing.Soon();
            await using OneShotWatch<NodeData> stays = await setting.Soon();
            await zk.SetAsync(root, One);
            Assert.True(stays.Fired.IsCompletedSuccessfully, $"The watch was lost in round {i.ToString(CultureInfo.InvariantCulture)} (seed {seed}).");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task H46_A_persistent_watch_misses_nothing_while_a_recursive_one_comes_or_goes_beside_it(bool goes)
    {
        const int Creates = 60;
        await using ZooKeeperClient writer = await servers.ConnectAsync(), zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        for (int round = 0; round < 20; round++)
        {
            string path = await zk.CreateAsync(root + "/n-", mode: CreateMode.PersistentSequential);
            await using Watch persistent = await zk.WatchAsync(path);
            Watch? recursive = goes ? await zk.WatchAsync(path, WatchMode.PersistentRecursive) : null;
            Task creating = Task.WhenAll(Enumerable.Range(0, Creates).Select(_ => writer.CreateAsync(path + "/c-", mode: CreateMode.PersistentSequential).AsTask()));
            await persistent.NextAsync();
            if (recursive is not null) await recursive.DisposeAsync();
            else recursive = await zk.WatchAsync(path, WatchMode.PersistentRecursive);
            await creating.Soon();
            await zk.SyncAsync();
            Assert.Equal(Enumerable.Repeat("ChildrenChanged " + path, Creates - 1), await persistent.DrainTextAsync());
            await recursive.DisposeAsync();
        }
    }

    [Fact]
    public async Task H46_Nested_recursive_and_other_watches_do_not_disturb_each_other()
    {
        await using ZooKeeperClient whole = await servers.ConnectAsync();
        ZooKeeperClient zk = whole.WithChroot(await Servers.RootAsync(whole));
        await zk.EnsurePathAsync("/a/b");
        await using Watch top = await zk.WatchAsync("/", WatchMode.PersistentRecursive);
        await using Watch a = await zk.WatchAsync("/a", WatchMode.PersistentRecursive);
        await using Watch b = await zk.WatchAsync("/a/b");
        await using OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync("/a");
        await using OneShotWatch<NodeData> data = await zk.WatchDataAsync("/a/b");
        await zk.CreateAsync("/a/b/c");
        Assert.False(children.Fired.IsCompleted || data.Fired.IsCompleted);
        await zk.SetAsync("/a/b", One);
        await zk.CreateAsync("/a/d");
        Assert.Equal(["Created /a/b/c", "DataChanged /a/b", "Created /a/d"], await top.DrainTextAsync());
        Assert.Equal(["Created /a/b/c", "DataChanged /a/b", "Created /a/d"], await a.DrainTextAsync());
        Assert.Equal(["ChildrenChanged /a/b", "DataChanged /a/b"], await b.DrainTextAsync());
        Assert.Equal("DataChanged /a/b", (await data.Fired.Soon()).Text());
        Assert.Equal("ChildrenChanged /a", (await children.Fired.Soon()).Text());
        await a.DisposeAsync();
        await zk.DeleteAsync("/a/d");
        Assert.Equal(["Deleted /a/d"], await top.DrainTextAsync());
        Assert.Empty(await b.DrainTextAsync());
    }

    [Fact]
    public async Task H52_Watches_that_are_disposed_leave_nothing_on_the_server()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        for (int i = 0; i < 400; i++)
        {
            // Paths that come back, and kinds that meet.
            string path = $"{root}/{(i % 7).ToString(CultureInfo.InvariantCulture)}";
            if (i < 7) await zk.CreateAsync(path);
            await using OneShotWatch<NodeData> data = await zk.WatchDataAsync(path);
            await using OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync(path);
            await using OneShotWatch<Stat?> exists = await zk.WatchExistsAsync(path + "/none");
            await using Watch persistent = await zk.WatchAsync(i % 2 == 0 ? path : path + "/p");
            await using Watch recursive = await zk.WatchAsync(i % 3 == 0 ? path : path + "/r", WatchMode.PersistentRecursive);
        }

        for (int i = 0; i < 7; i++)
            foreach (string below in (string[])["", "/none", "/p", "/r"]) Assert.False(await zk.CheckWatchesAsync($"{root}/{i.ToString(CultureInfo.InvariantCulture)}{below}"));
        string list = await servers.WordAsync("wchp");
        Assert.DoesNotContain(root + "/", list);
    }

    private static class Step
    {
        public static async Task DoAsync(ZooKeeperClient zk, string step)
        {
            switch (step)
            {
                case "set": await zk.SetAsync("/n", One); break;
                case "create": await zk.CreateAsync("/n/c"); break;
                case "remove": await zk.DeleteAsync("/n/c"); break;
                case "delete": await zk.DeleteAsync("/n"); break;
                case "recreate": await zk.CreateAsync("/n"); break;
                default: throw new ArgumentException(step);
            }

            Model.Happened(zk, step);
        }
    }

    /// <summary>A watch on /n, and what it has to have seen.</summary>
    private sealed class Model : IAsyncDisposable
    {
        private static readonly System.Runtime.CompilerServices.ConditionalWeakTable<ZooKeeperClient, List<Model>> s_all = [];
        private readonly List<string> _expected = [];
        private readonly List<string> _seen = [];
        private Watch? _stream;
        private Task<WatchedEvent>? _fired;
        private Func<ValueTask> _dispose = () => default;
        private bool _isDisposed;

        public Kind Kind { get; private init; }

        private bool IsOneShot => Kind < Kind.Persistent;

        public static async Task<Model> SetAsync(ZooKeeperClient zk, Kind kind)
        {
            var model = new Model { Kind = kind };
            switch (kind)
            {
                case Kind.Data:
                    OneShotWatch<NodeData> data = await zk.WatchDataAsync("/n");
                    (model._fired, model._dispose) = (data.Fired, data.DisposeAsync);
                    break;
                case Kind.Exists:
                    OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/n");
                    (model._fired, model._dispose) = (exists.Fired, exists.DisposeAsync);
                    break;
                case Kind.Children:
                    OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync("/n");
                    (model._fired, model._dispose) = (children.Fired, children.DisposeAsync);
                    break;
                default:
                    model._stream = await zk.WatchAsync("/n", kind == Kind.Recursive ? WatchMode.PersistentRecursive : WatchMode.Persistent);
                    model._dispose = model._stream.DisposeAsync;
                    break;
            }

            s_all.GetOrCreateValue(zk).Add(model);
            return model;
        }

        /// <summary>Works out what every watch of a client has to see of a step.</summary>
        public static void Happened(ZooKeeperClient zk, string step)
        {
            if (!s_all.TryGetValue(zk, out List<Model>? all)) return;
            foreach (Model model in all)
            {
                string? expected = (step, model.Kind) switch
                {
                    ("set", Kind.Children) => null,
                    ("set", _) => "DataChanged /n",
                    ("create" or "remove", Kind.Children or Kind.Persistent) => "ChildrenChanged /n",
                    ("create", Kind.Recursive) => "Created /n/c",
                    ("remove", Kind.Recursive) => "Deleted /n/c",
                    ("delete", _) => "Deleted /n",
                    ("recreate", not Kind.Children) => "Created /n",
                    _ => null,
                };
                if (expected is not null && !model._isDisposed && !(model.IsOneShot && model._expected.Count > 0)) model._expected.Add(expected);
            }
        }

        public async Task ExpectAsync(string what)
        {
            if (_stream is not null && !_isDisposed) _seen.AddRange(await _stream.DrainTextAsync());
            else if (_fired is { IsCompletedSuccessfully: true } && _seen.Count == 0) _seen.Add((await _fired).Text());
            Assert.True(_expected.SequenceEqual(_seen), $"{Kind} expected [{string.Join(", ", _expected)}] and saw [{string.Join(", ", _seen)}]: {what}");
        }

        public async ValueTask DisposeAsync()
        {
            _isDisposed = true;
            await _dispose();
        }
    }
}
