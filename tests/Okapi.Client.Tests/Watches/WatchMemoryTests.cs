using Okapi.Client.Tests.Sessions;
using Okapi.Requests;
using Okapi.Watches;

namespace Okapi.Client.Tests.Watches;

/// <summary>What watches keep on the heap. Beside no other test: they share one heap.</summary>
[Collection<AloneCollection>]
public class WatchMemoryTests
{
    private const int Count = 20_000;

    private readonly WatchTable _table = new(PoolCompletions.Instance);

    [Fact]
    public void A_one_shot_watch_keeps_at_most_200_bytes_its_path_included()
    {
        Watch(0, 1);
        long heap = Heap();
        Watch(1, Count);
        Assert.InRange((Heap() - heap) / (double)Count, 100, 200);
        Assert.Equal(Count + 1, _table.Count);
    }

    [Fact]
    public void A_one_shot_watch_whose_task_is_held_keeps_at_most_120_bytes_more()
    {
        var fired = new Task[Count];
        OneShotHandle[] handles = Watch(0, Count);
        long heap = Heap();
        for (int i = 0; i < Count; i++) fired[i] = handles[i].Fired;
        Assert.InRange((Heap() - heap) / (double)Count, 80, 121); // something else of the process may add a little
        Assert.All(fired, static task => Assert.False(task.IsCompleted));
    }

    [Fact]
    public void A_persistent_watch_keeps_at_most_360_bytes_while_nothing_happens()
    {
        Persistent(0, 1);
        long heap = Heap();
        Persistent(1, Count);
        Assert.InRange((Heap() - heap) / (double)Count, 100, 360);
        Assert.Equal(Count + 1, _table.Count);
    }

    [Fact]
    public void Watches_that_fired_leave_nothing_behind_whether_they_are_disposed_or_not()
    {
        FireAll(0);
        long heap = Heap(); // with the room that the table has come to have
        for (int round = 1; round <= 3; round++) FireAll(round * Count);
        Assert.InRange(Heap() - heap, long.MinValue, 1 << 20);
        Assert.Equal(0, _table.Count);
    }

    [Fact]
    public void A_persistent_watch_passes_its_znodes_events_on_without_allocating()
    {
        PersistentHandle handle = Persistent(0, 1)[0];
        var changed = new Okapi.Protocol.WatcherEvent(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, handle.Path);
        void Pass(int events)
        {
            for (int i = 0; i < events; i++)
            {
                _table.Dispatch(changed, i, PoolCompletions.Instance);
                if (!handle.Events.TryRead(out WatchedEvent read) || read.Zxid != i) throw new InvalidOperationException($"Read {read}.");
            }
        }

        Pass(1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Pass(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_watch_below_a_chroot_keeps_one_string_and_tells_the_callers_path()
    {
        string server = "/" + new string('c', 400) + "/path";
        OneShotHandle handle = new(server[401..], server);
        Assert.Equal(("/path", server), (handle.Path, handle.ServerPath));
        Assert.Equal(("/", "/app"), (new OneShotHandle("/", "/app").Path, new OneShotHandle("/", "/app").ServerPath));
        Assert.Equal(("/", "/"), (new OneShotHandle("/", "/").Path, new OneShotHandle("/", "/").ServerPath));
        Assert.Same(server, handle.ServerPath);
    }

    private static long Heap() => GC.GetTotalMemory(forceFullCollection: true);

    private static string Path(int i) => $"/b/w/{i}";

    private OneShotHandle[] Watch(int from, int count)
    {
        var handles = new OneShotHandle[count];
        for (int i = 0; i < count; i++)
        {
            string path = Path(from + i);
            handles[i] = new(path, path) { Kind = WatchKind.Data };
            Assert.True(_table.Add(handles[i]));
            _table.Arm(handles[i], WatchKind.Data, wasAsked: true, since: 1);
        }

        return handles;
    }

    private PersistentHandle[] Persistent(int from, int count)
    {
        var handles = new PersistentHandle[count];
        for (int i = 0; i < count; i++)
        {
            string path = Path(from + i);
            handles[i] = new(path, path, string.Empty, capacity: 4096) { Kind = WatchKind.Persistent };
            _table.Add(handles[i]);
            _table.Arm(handles[i]);
        }

        return handles;
    }

    private void FireAll(int from)
    {
        foreach (OneShotHandle handle in Watch(from, Count))
        {
            Assert.Null(_table.Dispatch(new(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, handle.Path), 5, PoolCompletions.Instance));
            Assert.True(handle.Fired.IsCompletedSuccessfully);
        }
    }
}
