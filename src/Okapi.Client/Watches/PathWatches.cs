namespace Okapi.Watches;

/// <summary>The watches on one path, and what the server has of them on this connection. Guarded by the table that holds it.</summary>
internal sealed class PathWatches
{
    public List<WatchHandle> Handles { get; } = new(1);

    /// <summary>The persistent mode the server was asked for; null: none. Never narrower than <see cref="Answered"/>. It is widened when a recursive watch is added and goes when the last watch on the path does.</summary>
    public WatchMode? Asked { get; set; }

    /// <summary>The persistent mode the server has answered: how its events are to be read.</summary>
    public WatchMode? Answered { get; set; }

    /// <summary>Whether the server may have a one-shot data watch of its own beside no persistent one.</summary>
    public bool HasData { get; set; }

    /// <summary>Whether the server may have a one-shot child watch of its own beside no persistent one.</summary>
    public bool HasChildren { get; set; }

    /// <summary>Whether the server has something that no watch needs.</summary>
    public bool IsUnused => Handles.Count == 0 && (Asked is not null || HasData || HasChildren);

    public bool Has(WatchKind kind, bool armedOnly = false)
    {
        foreach (WatchHandle handle in Handles)
            if (handle.Kind == kind && (handle.IsArmed || !armedOnly)) return true;
        return false;
    }

    /// <summary>The server sent an event: its one-shot watches of that kind are spent.</summary>
    public void Spend(WatchedEventType type)
    {
        if (type is WatchedEventType.NodeCreated or WatchedEventType.NodeDataChanged or WatchedEventType.NodeDeleted) HasData = false;
        if (type is WatchedEventType.NodeChildrenChanged or WatchedEventType.NodeDeleted) HasChildren = false;
    }

    /// <summary>What to remove on the server because no watch needs it, and forgets it.</summary>
    public List<WatcherType> TakeUnused()
    {
        var unused = new List<WatcherType>();
        if (Asked is not null)
        {
            if (Handles.Count > 0) return unused; // it serves them
            unused.Add(WatcherType.Any);
            Asked = Answered = null;
            HasData = HasChildren = false;
            return unused;
        }

        if (HasData && !Handles.Exists(static handle => handle.Kind != WatchKind.Children))
        {
            unused.Add(WatcherType.Data);
            HasData = false;
        }

        if (HasChildren && !Has(WatchKind.Children))
        {
            unused.Add(WatcherType.Children);
            HasChildren = false;
        }

        return unused;
    }
}
