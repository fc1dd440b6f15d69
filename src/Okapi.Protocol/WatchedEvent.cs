namespace Okapi;

/// <summary>What a watch, or the client's stream of events, has to tell.</summary>
/// <param name="Type">What happened.</param>
/// <param name="State">The session's state when it happened.</param>
/// <param name="Path">The znode, or null for an event of the session.</param>
/// <param name="Zxid">The transaction that caused it; -1 from servers before 3.9, which do not tell, and for events of the session.</param>
public readonly record struct WatchedEvent(WatchedEventType Type, KeeperState State, string? Path, long Zxid = -1);

/// <summary>What happened. The numbers up to <see cref="PersistentWatchRemoved"/> are the wire's; unknown ones are kept.</summary>
public enum WatchedEventType
{
    /// <summary>The session's state changed.</summary>
    None = -1,

    /// <summary>The znode was created.</summary>
    NodeCreated = 1,

    /// <summary>The znode was deleted.</summary>
    NodeDeleted = 2,

    /// <summary>The znode's data was set, to the same bytes or others.</summary>
    NodeDataChanged = 3,

    /// <summary>A child of the znode was created or deleted.</summary>
    NodeChildrenChanged = 4,

    /// <summary>A data watch was removed.</summary>
    DataWatchRemoved = 5,

    /// <summary>A child watch was removed.</summary>
    ChildWatchRemoved = 6,

    /// <summary>A persistent watch was removed.</summary>
    PersistentWatchRemoved = 7,

    /// <summary>
    /// Events may be missing here: the connection was away (servers do not replay what persistent watches missed, ZOOKEEPER-4698),
    /// or the reader was slower than its buffer. Read again whatever is derived from the events. Made by the client, never by a server.
    /// </summary>
    Resync = 1000,
}

/// <summary>A session's state, as events carry it. The numbers are the wire's; unknown ones are kept.</summary>
public enum KeeperState
{
    /// <summary>Not connected to any server.</summary>
    Disconnected = 0,

    /// <summary>Connected to a server that takes reads and writes.</summary>
    SyncConnected = 3,

    /// <summary>Authentication failed.</summary>
    AuthFailed = 4,

    /// <summary>Connected to a server that takes only reads.</summary>
    ConnectedReadOnly = 5,

    /// <summary>Authenticated by SASL.</summary>
    SaslAuthenticated = 6,

    /// <summary>The session has expired.</summary>
    Expired = -112,

    /// <summary>The client was closed.</summary>
    Closed = 7,
}

/// <summary>How far a persistent watch sees. The numbers are the wire's (<c>AddWatchMode</c>).</summary>
public enum WatchMode
{
    /// <summary>The znode itself: created, deleted, its data, its list of children.</summary>
    Persistent = 0,

    /// <summary>The znode and all below it: created, deleted, data. A change to a list of children shows as the child's own event.</summary>
    PersistentRecursive = 1,
}

/// <summary>Kinds of watches to check or remove. The numbers are the wire's (<c>Watcher.WatcherType</c>).</summary>
public enum WatcherType
{
    /// <summary>Child watches.</summary>
    Children = 1,

    /// <summary>Data watches, those of exists included.</summary>
    Data = 2,

    /// <summary>Watches of every kind.</summary>
    Any = 3,

    /// <summary>Persistent watches (3.9).</summary>
    Persistent = 4,

    /// <summary>Persistent recursive watches (3.9).</summary>
    PersistentRecursive = 5,
}
