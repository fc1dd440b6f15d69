namespace Okapi.Watches;

/// <summary>The watches on one path, newest first, and what the server has of them on this connection. Guarded by the table that holds it.</summary>
internal sealed class PathWatches
{
    private const sbyte None = -1;

    private WatchHandle? _newest;
    private sbyte _asked = None;
    private sbyte _answered = None;

    public bool IsEmpty => _newest is null;

    /// <summary>The persistent mode the server was asked for; null: none. Never narrower than <see cref="Answered"/>. It is widened when a recursive watch is added and goes when the last watch on the path does.</summary>
    public WatchMode? Asked
    {
        get => _asked == None ? null : (WatchMode)_asked;
        set => _asked = value is { } mode ? (sbyte)mode : None;
    }

    /// <summary>The persistent mode the server has answered: how its events are to be read.</summary>
    public WatchMode? Answered
    {
        get => _answered == None ? null : (WatchMode)_answered;
        set => _answered = value is { } mode ? (sbyte)mode : None;
    }

    /// <summary>
    /// Whether the persistent mode is asked for again on a new connection, and not answered yet. Events can come that other watches have caused, on this path or another; to
    /// persistent watches here they belong to the gap, for what happens after them can still go unnoticed.
    /// </summary>
    public bool IsRearming { get; set; }

    /// <summary>Whether the server may have a one-shot data watch of its own beside no persistent one.</summary>
    public bool HasData { get; set; }

    /// <summary>Whether the server may have a one-shot child watch of its own beside no persistent one.</summary>
    public bool HasChildren { get; set; }

    /// <summary>Whether the server has something that no watch needs.</summary>
    public bool IsUnused => IsEmpty && (Asked is not null || HasData || HasChildren);

    /// <summary>Whether there is nothing, here or on the server.</summary>
    public bool IsForgotten => IsEmpty && !IsUnused;

    public Enumerator GetEnumerator() => new(_newest);

    public void Add(WatchHandle handle)
    {
        handle.Older = _newest;
        _newest = handle;
    }

    /// <summary>Takes a watch out; that may be the one at which an enumeration stands.</summary>
    public bool Remove(WatchHandle handle)
    {
        if (handle == _newest)
        {
            _newest = handle.Older;
        }
        else
        {
            WatchHandle? newer = _newest;
            while (newer is not null && newer.Older != handle) newer = newer.Older;
            if (newer is null) return false;
            newer.Older = handle.Older;
        }

        handle.Older = null;
        return true;
    }

    public bool Contains(WatchHandle handle)
    {
        foreach (WatchHandle each in this)
            if (each == handle) return true;
        return false;
    }

    public bool Has(WatchKind kind, bool armedOnly = false)
    {
        foreach (WatchHandle handle in this)
            if (handle.Kind == kind && (handle.IsArmed || !armedOnly)) return true;
        return false;
    }

    /// <summary>Whether the answer to a persistent watch's request is still to come.</summary>
    public bool AwaitsPersistent()
    {
        foreach (WatchHandle handle in this)
            if (handle is { IsOneShot: false, IsArmed: false }) return true;
        return false;
    }

    /// <summary>
    /// Whether the answer to a read is still to come that asks for no watch of its own, as the persistent mode was to serve it. Its request stays as it is when it is sent again, so that the mode has to be there before it, although
    /// the persistent watch may have gone meanwhile: armed after its answer, it would tell of a change behind the replies that show it.
    /// </summary>
    public bool AwaitsServed()
    {
        foreach (WatchHandle handle in this)
            if (handle is { IsOneShot: true, IsArmed: false, IsAsked: false }) return true;
        return false;
    }

    /// <summary>The server sent an event: its one-shot watches of that kind are spent.</summary>
    public void Spend(WatchedEventType type)
    {
        if (type is WatchedEventType.NodeCreated or WatchedEventType.NodeDataChanged or WatchedEventType.NodeDeleted) HasData = false;
        if (type is WatchedEventType.NodeChildrenChanged or WatchedEventType.NodeDeleted) HasChildren = false;
    }

    /// <summary>What to remove on the server because no watch needs it, and forgets it.</summary>
    public IReadOnlyList<WatcherType> TakeUnused()
    {
        if (Asked is not null)
        {
            if (!IsEmpty) return []; // it serves them
            Asked = Answered = null;
            HasData = HasChildren = false;
            return [WatcherType.Any];
        }

        bool data = HasData && !HasAnyBut(WatchKind.Children);
        bool children = HasChildren && !Has(WatchKind.Children);
        if (data) HasData = false;
        if (children) HasChildren = false;
        return (data, children) switch
        {
            (true, true) => [WatcherType.Data, WatcherType.Children],
            (true, false) => [WatcherType.Data],
            (false, true) => [WatcherType.Children],
            _ => [],
        };
    }

    private bool HasAnyBut(WatchKind kind)
    {
        foreach (WatchHandle handle in this)
            if (handle.Kind != kind) return true;
        return false;
    }

    /// <summary>Goes from the newest watch to the oldest.</summary>
    public struct Enumerator(WatchHandle? next)
    {
        private WatchHandle? _next = next;

        public WatchHandle Current { get; private set; } = null!;

        public bool MoveNext()
        {
            if (_next is null) return false;
            Current = _next;
            _next = Current.Older;
            return true;
        }
    }
}
