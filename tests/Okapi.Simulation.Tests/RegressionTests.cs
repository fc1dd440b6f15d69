using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;
using Okapi.Watches;

namespace Okapi.Simulation.Tests;

/// <summary>What the simulation has found, each in its smallest form.</summary>
public class RegressionTests
{
    private readonly WatchTable _table = new(PoolCompletions.Instance);

    [Fact]
    public void A_child_event_reaches_a_persistent_watch_while_a_recursive_one_on_its_path_is_still_asked_for()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        Persistent(Watches.WatchKind.Recursive, isArmed: false);
        _table.Dispatch(new WatcherEvent(WatchedEventType.NodeChildrenChanged, KeeperState.SyncConnected, "/a"), 7, PoolCompletions.Instance);
        Assert.True(persistent.Events.TryRead(out WatchedEvent told));
        Assert.Equal(WatchedEventType.NodeChildrenChanged, told.Type);
    }

    [Fact]
    public void A_one_shot_watch_beside_a_persistent_one_is_served_until_both_are_gone()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        var handle = new OneShotHandle("/a", "/a") { Kind = Watches.WatchKind.Data };
        Assert.False(_table.Add(handle));
        _table.Remove(persistent);
        Assert.Empty(_table.TakeUnused("/a"));
        _table.Arm(handle, Watches.WatchKind.Data, wasAsked: false, since: 5);
        Assert.Null(_table.TakeStray(handle));
        Assert.Equal("/a", Assert.Single(_table.Dispatch(new WatcherEvent(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, "/a"), 7, PoolCompletions.Instance)!));
        Assert.True(handle.Fired.IsCompletedSuccessfully);
        Assert.Equal(WatcherType.Any, Assert.Single(_table.TakeUnused("/a")));
        Assert.Equal(0, _table.Count);
    }

    [Fact]
    public void A_one_shot_watch_that_counts_on_a_persistent_one_of_a_lost_connection_is_served_on_the_next()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        var handle = new OneShotHandle("/a", "/a") { Kind = Watches.WatchKind.Data };
        Assert.False(_table.Add(handle));
        _table.Remove(persistent);
        Assert.Equal("/a", Assert.Single(Assert.Single(_table.BuildRearm(5)).Persistent)); // before the read, so that nothing newer is read before the watch tells of it
        _table.Arm(handle, Watches.WatchKind.Exist, wasAsked: false, since: 0);
        Assert.Null(_table.TakeStray(handle));
        Assert.Equal("/a", Assert.Single(_table.Dispatch(new WatcherEvent(WatchedEventType.NodeCreated, KeeperState.SyncConnected, "/a"), 7, PoolCompletions.Instance)!));
        Assert.True(handle.Fired.IsCompletedSuccessfully);
        Assert.Equal(WatcherType.Any, Assert.Single(_table.TakeUnused("/a")));
        Assert.Equal(0, _table.Count);
    }

    [Fact]
    public void A_one_shot_watch_that_counted_on_a_persistent_one_that_is_refused_is_armed_by_itself()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: false);
        var handle = new OneShotHandle("/a", "/a") { Kind = Watches.WatchKind.Data };
        Assert.False(_table.Add(handle));
        _table.Refuse(persistent);
        _table.Remove(persistent);
        _table.Arm(handle, Watches.WatchKind.Exist, wasAsked: false, since: 0);
        Assert.Equal("/a", Assert.Single(_table.TakeStray(handle)!.Value.Exist));
        Assert.Null(_table.TakeStray(handle)); // once is enough
    }

    [Fact]
    public void A_persistent_watch_beside_a_recursive_one_that_has_gone_still_hears_of_children()
    {
        PersistentHandle recursive = Persistent(Watches.WatchKind.Recursive, isArmed: true);
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        _table.Remove(recursive);
        Assert.Empty(_table.TakeUnused("/a"));
        _table.Dispatch(new WatcherEvent(WatchedEventType.NodeCreated, KeeperState.SyncConnected, "/a/b"), 7, PoolCompletions.Instance);
        Assert.True(persistent.Events.TryRead(out WatchedEvent told));
        Assert.Equal((WatchedEventType.NodeChildrenChanged, "/a"), (told.Type, told.Path));
        Assert.False(recursive.Events.TryRead(out _));
    }

    [Fact]
    public void A_child_watch_beside_a_recursive_one_fires_when_it_is_armed_again_and_something_was_missed()
    {
        Persistent(Watches.WatchKind.Recursive, isArmed: true);
        var handle = new OneShotHandle("/a", "/a") { Kind = Watches.WatchKind.Children };
        _table.Add(handle);
        _table.Arm(handle, Watches.WatchKind.Children, wasAsked: false, since: 5);
        Assert.Equal(["/a"], _table.BuildRearm(5)[0].Children);
        _table.Dispatch(new WatcherEvent(WatchedEventType.NodeChildrenChanged, KeeperState.SyncConnected, "/a"), -1, PoolCompletions.Instance);
        Assert.True(handle.Fired.IsCompletedSuccessfully);
    }

    [Fact]
    public void H24_An_overdue_reply_to_a_cancelled_request_shows_that_the_connection_is_dead()
    {
        var time = new ManualTime();
        using var outbox = new Outbox(new(Requests: 10, UnsentBytes: 1000, RequestBytes: 1000), time);
        var target = new Sink(outbox);
        outbox.Attach(target);
        outbox.Open();
        using var cancel = new CancellationTokenSource();
        ValueTask<bool> call = outbox.SendAsync<SyncOperation, bool>(new("/a"), cancel.Token);
        cancel.Cancel();
        Assert.True(call.IsCanceled);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(outbox.ExpireDue(time.GetTimestamp(), TimeSpan.FromSeconds(1), static (_, _) => new TimeoutException(), out _));
    }

    private PersistentHandle Persistent(Watches.WatchKind kind, bool isArmed)
    {
        var handle = new PersistentHandle("/a", "/a", string.Empty, 16) { Kind = kind };
        _table.Add(handle);
        if (isArmed) _table.Arm(handle);
        return handle;
    }

    /// <summary>Sends what there is, nowhere.</summary>
    private sealed class Sink(Outbox outbox) : IFlushTarget
    {
        private JuteBuffer _batch = new();

        public void Flush(bool atOnce)
        {
            while (outbox.TakeBatch(this, ref _batch))
            {
            }
        }
    }
}
