using Okapi.Client.Tests.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Watches;

public class CoexistenceTests(ITestOutputHelper output)
{
    private static readonly string[] Paths = ["/", "/a", "/a/b", "/a/b/c", "/d"];

    private enum Kind
    {
        Exists,
        Data,
        Children,
        Persistent,
        Recursive,
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task H46_Watches_on_one_path_never_disturb_each_other(bool is39)
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        for (int run = 0; run < 100; run++)
        {
            var story = new List<string>();
            try
            {
                await RunAsync(is39, new Random(unchecked(seed + run)), story);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"new Random({unchecked(seed + run)}) of seed {seed}, 3.{(is39 ? 9 : 8)}: {error.Message}\n{string.Join('\n', story)}", error);
            }
        }
    }

    private static async Task RunAsync(bool is39, Random random, List<string> story)
    {
        var peer = new ScriptedPeer();
        var server = new ModelServer(is39);
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task serving = server.ServeAsync(connection);
        var live = new List<Handle>();
        for (int step = 0; step < 50; step++)
        {
            int what = random.Next(20);
            if (what < 7)
            {
                if (await AddAsync(zk, server, random, story) is { } handle) live.Add(handle);
            }
            else if (what < 11 && live.Count > 0)
            {
                await RemoveAsync(Take(live, random), story);
            }
            else if (what < 13 && live.Count > 0)
            {
                // At the same moment, most often on the same path: whoever comes first, the watch that stays must be whole.
                Handle leaving = Take(live, random);
                Task removing = Task.Run(() => RemoveAsync(leaving, story));
                Task<Handle?> adding = Task.Run(() => AddAsync(zk, server, random, story, random.Next(4) > 0 ? leaving.Path : null));
                await Task.WhenAll(removing, adding).Soon();
                if (await adding is { } added) live.Add(added);
                await zk.SyncAsync().AsTask().Soon();
            }
            else if (what == 13)
            {
                story.Add("cut");
                connection.Reset();
                await serving.Soon();
                connection = await peer.AcceptSessionAsync();
                serving = server.ServeAsync(connection);
                await zk.SyncAsync().AsTask().Soon();
                foreach (Handle handle in live.Where(handle => handle.IsPersistent)) handle.Expected.Add(new(WatchedEventType.Resync, KeeperState.SyncConnected, handle.Path));
            }
            else
            {
                await ChangeAsync(server, random, live, is39, story);
                await zk.SyncAsync().AsTask().Soon(); // events come before the reply
            }
        }

        while (live.Count > 0) await RemoveAsync(Take(live, random), story);
        Assert.Equal(0, zk.Core.Watches.Count);
        await zk.SyncAsync().AsTask().Soon();
        Assert.Equal(string.Empty, server.Armed);
    }

    private static Handle Take(List<Handle> live, Random random)
    {
        Handle handle = live[random.Next(live.Count)];
        live.Remove(handle);
        return handle;
    }

    private static async Task<Handle?> AddAsync(ZooKeeperClient zk, ModelServer server, Random random, List<string> story, string? path = null)
    {
        path ??= Paths[random.Next(Paths.Length)];
        var kind = (Kind)random.Next(5);
        lock (story) story.Add($"{kind} watch on {path}");
        switch (kind)
        {
            case Kind.Exists:
                OneShotWatch<Stat?> exists = await zk.WatchExistsAsync(path).Soon();
                return new(kind, path, exists, exists.Fired);
            case Kind.Data:
                OneShotWatch<NodeData>? data = await zk.TryWatchDataAsync(path).Soon();
                Assert.Equal(server.Exists(path), data is not null);
                return data is null ? null : new(kind, path, data, data.Fired);
            case Kind.Children:
                OneShotWatch<NodeChildren>? children = await zk.TryWatchChildrenAsync(path).Soon();
                return children is null ? null : new(kind, path, children, children.Fired);
            default:
                Watch watch = await zk.WatchAsync(path, kind == Kind.Recursive ? WatchMode.PersistentRecursive : WatchMode.Persistent).Soon();
                return new(kind, path, watch, null);
        }
    }

    /// <summary>Disposes a watch and compares what it saw with what it had to see.</summary>
    private static async Task RemoveAsync(Handle handle, List<string> story)
    {
        lock (story) story.Add($"{handle.Kind} watch on {handle.Path} goes");
        await handle.Watch.DisposeAsync().AsTask().Soon();
        List<WatchedEvent> seen = [];
        if (handle.Watch is Watch persistent) seen = await persistent.ToListAsync();
        else if (!handle.Fired!.IsCanceled) seen.Add(await handle.Fired.Soon());
        Assert.True(handle.Expected.SequenceEqual(seen), $"{handle.Kind} watch on {handle.Path}: expected [{string.Join(", ", handle.Expected)}], saw [{string.Join(", ", seen)}]");
    }

    private static async Task ChangeAsync(ModelServer server, Random random, List<Handle> live, bool is39, List<string> story)
    {
        string path = Paths[random.Next(1, Paths.Length)];
        WatchedEventType change = !server.Exists(path) ? WatchedEventType.NodeCreated : server.HasChildren(path) || random.Next(2) == 0 ? WatchedEventType.NodeDataChanged : WatchedEventType.NodeDeleted;
        if (!server.Exists(ModelServer.Parent(path))) return;
        story.Add($"{change} {path}");
        long zxid = await server.ChangeAsync(change, path);
        foreach (Handle handle in live) handle.Expect(change, path, is39 ? zxid : -1);
    }

    private sealed record Handle(Kind Kind, string Path, IAsyncDisposable Watch, Task<WatchedEvent>? Fired)
    {
        public List<WatchedEvent> Expected { get; } = [];

        public bool IsPersistent => Kind >= Kind.Persistent;

        /// <summary>What ZooKeeper promises for a change, kind by kind.</summary>
        public void Expect(WatchedEventType change, string path, long zxid)
        {
            if (!IsPersistent && Expected.Count > 0) return;
            bool isOwn = path == Path;
            bool changesList = change != WatchedEventType.NodeDataChanged && ModelServer.Parent(path) == Path;
            switch (Kind)
            {
                case Kind.Exists or Kind.Data when isOwn:
                case Kind.Children when isOwn && change == WatchedEventType.NodeDeleted:
                case Kind.Persistent when isOwn:
                case Kind.Recursive when isOwn || ZnodePath.IsSameOrBelow(path, Path):
                    Expected.Add(new(change, KeeperState.SyncConnected, path, zxid));
                    break;
                case Kind.Children or Kind.Persistent when changesList:
                    Expected.Add(new(WatchedEventType.NodeChildrenChanged, KeeperState.SyncConnected, Path, zxid));
                    break;
                default:
                    break;
            }
        }
    }
}
