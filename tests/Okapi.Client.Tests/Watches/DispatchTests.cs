using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;
using Okapi.Watches;

namespace Okapi.Client.Tests.Watches;

public class DispatchTests
{
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H49_An_event_in_the_same_segment_as_the_reply_that_arms_its_watch_is_never_missed()
    {
        const int rounds = 200, batch = 500;
        var peer = new ScriptedPeer { Capacity = 1 << 20 };
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        var watching = new Task<OneShotWatch<Stat?>>[batch];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < batch; i++) watching[i] = zk.WatchExistsAsync("/n");
            var segment = new List<byte>();
            for (int i = 0; i < batch; i++)
            {
                PeerRequest request = await connection.ExpectAsync(OpCode.Exists);
                segment.AddRange(PeerConnection.Frame((ref JuteWriter writer) =>
                {
                    new ReplyHeader(request.Xid, 100, ErrorCode.NoNode).Write(ref writer);
                }));
                segment.AddRange(PeerConnection.Frame((ref JuteWriter writer) =>
                {
                    new ReplyHeader(Xids.Notification, -1, ErrorCode.Ok).Write(ref writer);
                    new WatcherEvent(WatchedEventType.NodeCreated, KeeperState.SyncConnected, "/n").Write(ref writer);
                }));
            }

            await connection.SendRawAsync(segment.ToArray());
            for (int i = 0; i < batch; i++) Assert.Equal(WatchedEventType.NodeCreated, (await (await watching[i].Soon()).Fired.Soon()).Type);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("ab")]
    [InlineData("ab/c")]
    [InlineData("//")]
    public void H34_An_event_whose_path_is_none_concerns_no_watch(string path)
    {
        var table = new WatchTable(PoolCompletions.Instance);
        Recorder watch = Recorder.On("/", WatchKind.Recursive, table);
        foreach (WatchedEventType type in Enum.GetValues<WatchedEventType>()) table.Dispatch(new(type, KeeperState.SyncConnected, path), 5, PoolCompletions.Instance);
        Assert.DoesNotContain(watch.Seen, seen => seen.Path == path && path != "//");
    }

    [Theory]
    [InlineData(WatchedEventType.NodeCreated, "Data Exist Persistent Recursive")]
    [InlineData(WatchedEventType.NodeDeleted, "Data Exist Children Persistent Recursive")]
    [InlineData(WatchedEventType.NodeDataChanged, "Data Exist Persistent Recursive")]
    [InlineData(WatchedEventType.NodeChildrenChanged, "Children Persistent")]
    [InlineData(WatchedEventType.DataWatchRemoved, "Data Exist")]
    [InlineData(WatchedEventType.ChildWatchRemoved, "Children")]
    [InlineData(WatchedEventType.PersistentWatchRemoved, "Persistent Recursive")]
    [InlineData(WatchedEventType.None, "")]
    [InlineData((WatchedEventType)77, "")]
    public void H50_Each_event_concerns_certain_kinds_of_watches_and_no_others(WatchedEventType type, string kinds)
    {
        var told = new List<string>();
        foreach (WatchKind kind in Enum.GetValues<WatchKind>())
        {
            var table = new WatchTable(PoolCompletions.Instance);
            Recorder watch = Recorder.On("/a", kind, table);
            Recorder unarmed = Recorder.On("/a", kind, table, isArmed: false);
            table.Dispatch(new(type, KeeperState.SyncConnected, "/a"), 5, PoolCompletions.Instance);
            table.Dispatch(new(type, KeeperState.SyncConnected, "/a"), 6, PoolCompletions.Instance);
            if (watch.Seen.Count > 0) told.Add($"{kind}");
            Assert.True(watch.Seen.Count is 0 || watch.Seen.Count == (watch.IsOneShot ? 1 : 2), $"{kind} saw {watch.Seen.Count} events");
            Assert.All(watch.Seen, seen => Assert.Equal((type, "/a"), seen));
            Assert.Empty(unarmed.Seen);
        }

        Assert.Equal(kinds, string.Join(' ', told));
    }

    [Theory]
    [InlineData(WatchedEventType.NodeCreated, "NodeCreated /a/b", "NodeChildrenChanged /a", "NodeChildrenChanged /a")]
    [InlineData(WatchedEventType.NodeDeleted, "NodeDeleted /a/b", "NodeChildrenChanged /a", "NodeChildrenChanged /a")]
    [InlineData(WatchedEventType.NodeDataChanged, "NodeDataChanged /a/b", "", "")]
    [InlineData(WatchedEventType.NodeChildrenChanged, "", "", "")]
    public void H50_A_childs_event_reaches_the_recursive_watches_above_and_stands_for_the_list_beside_them(WatchedEventType type, string recursive, string persistent, string children)
    {
        var table = new WatchTable(PoolCompletions.Instance);
        Recorder root = Recorder.On("/", WatchKind.Recursive, table);
        Recorder sibling = Recorder.On("/a/bc", WatchKind.Recursive, table);
        Recorder[] beside = [.. ((WatchKind[])[WatchKind.Recursive, WatchKind.Persistent, WatchKind.Children, WatchKind.Data]).Select(kind => Recorder.On("/a", kind, table))];
        table.Dispatch(new(type, KeeperState.SyncConnected, "/a/b"), 5, PoolCompletions.Instance);
        Assert.Equal([recursive, recursive, persistent, children, ""], new[] { root }.Concat(beside).Select(watch => string.Join(',', watch.Seen.Select(seen => $"{seen.Type} {seen.Path}"))));
        Assert.Empty(sibling.Seen);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task RemoveWatchesAsync_tells_each_watch_that_its_own_kind_was_removed()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = new ModelServer(is39: true).ServeAsync(connection);
        OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/").Soon();
        OneShotWatch<NodeChildren> children = await zk.WatchChildrenAsync("/").Soon();
        Watch persistent = await zk.WatchAsync("/").Soon();
        Assert.Equal(3, await zk.RemoveWatchesAsync("/").Soon());
        Assert.Equal(WatchedEventType.DataWatchRemoved, (await exists.Fired.Soon()).Type);
        Assert.Equal(WatchedEventType.ChildWatchRemoved, (await children.Fired.Soon()).Type);
        Assert.Equal([WatchedEventType.PersistentWatchRemoved], (await persistent.ToListAsync()).Select(each => each.Type));
    }

    private sealed class Recorder(string path) : WatchHandle(path, path)
    {
        public List<(WatchedEventType Type, string Path)> Seen { get; } = [];

        public static Recorder On(string path, WatchKind kind, WatchTable table, bool isArmed = true)
        {
            var recorder = new Recorder(path) { Kind = kind };
            table.Add(recorder);
            if (!isArmed) return recorder;
            if (recorder.IsOneShot) table.Arm(recorder, kind, wasAsked: true, since: 1);
            else table.Arm(recorder);
            return recorder;
        }

        public override void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid, ICompletionSink sink) => Seen.Add((type, serverPath));

        public override void End(Exception? error, ICompletionSink sink) => throw new InvalidOperationException("Nothing ends here.", error);
    }
}
