using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;
using Okapi.Watches;

namespace Okapi.Simulation.Tests;

/// <summary>What the simulation has found, each in its smallest form.</summary>
public class RegressionTests
{
    private readonly WatchTable _table = new();
    private readonly List<WatchHandle> _alone = [];

    [Fact]
    public void A_child_event_reaches_a_persistent_watch_while_a_recursive_one_on_its_path_is_still_asked_for()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        Persistent(Watches.WatchKind.Recursive, isArmed: false);
        _table.Dispatch(new WatcherEvent(WatchedEventType.NodeChildrenChanged, KeeperState.SyncConnected, "/a"), 7);
        Assert.True(persistent.Events.TryRead(out WatchedEvent told));
        Assert.Equal(WatchedEventType.NodeChildrenChanged, told.Type);
    }

    [Fact]
    public void A_one_shot_watch_whose_persistent_watch_goes_before_its_reply_is_armed_by_itself_and_not_before()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        OneShotHandle handle = OneShot();
        Assert.False(_table.Add(handle));
        WatchRelease release = _table.Remove(persistent, lastZxid: 5);
        Assert.Null(release.Rearm);
        Assert.Equal(WatcherType.Persistent, release.Remove);
        Assert.Empty(_alone);
        _table.Arm(handle, Watches.WatchKind.Exist);
        Assert.Same(handle, Assert.Single(_alone));
    }

    [Fact]
    public void A_persistent_watch_that_was_asked_for_as_recursive_is_armed_by_itself_when_the_recursive_one_has_gone()
    {
        PersistentHandle recursive = Persistent(Watches.WatchKind.Recursive, isArmed: false);
        var persistent = new PersistentHandle("/a", "/a", string.Empty, 16, _alone.Add) { Kind = Watches.WatchKind.Persistent };
        Assert.True(_table.Add(persistent));
        _table.Remove(recursive, lastZxid: 5);
        _table.Arm(persistent, Watches.WatchKind.Persistent);
        Assert.Same(persistent, Assert.Single(_alone));
    }

    [Fact]
    public void H52_A_persistent_watch_that_goes_before_a_recursive_one_on_its_path_is_removed_from_servers_that_hold_both()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        Persistent(Watches.WatchKind.Recursive, isArmed: true);
        Assert.Equal(WatcherType.Persistent, _table.Remove(persistent, lastZxid: 5).Remove);
    }

    [Fact]
    public void H52_What_no_watch_needs_any_more_is_found_after_a_one_shot_watch_has_fired_on_being_armed_again()
    {
        PersistentHandle persistent = Persistent(Watches.WatchKind.Persistent, isArmed: true);
        OneShotHandle handle = OneShot();
        _table.Add(handle);
        _table.Arm(handle, Watches.WatchKind.Data);
        WatchRelease release = _table.Remove(persistent, lastZxid: 5);
        Assert.True(release.LeavesOneShots);
        Assert.Equal("/a", Assert.Single(release.Rearm!.Value.Data));
        Assert.Equal(WatcherType.Children, _table.FindUnused("/a"));
        _table.Dispatch(new WatcherEvent(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, "/a"), 7);
        Assert.Equal(WatcherType.Any, _table.FindUnused("/a"));
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
        var handle = new PersistentHandle("/a", "/a", string.Empty, 16, _alone.Add) { Kind = kind };
        _table.Add(handle);
        if (isArmed) _table.Arm(handle, kind);
        return handle;
    }

    private OneShotHandle OneShot() => new("/a", "/a", _alone.Add) { Kind = Watches.WatchKind.Data };

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
