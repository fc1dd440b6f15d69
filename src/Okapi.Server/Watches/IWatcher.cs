namespace Okapi.Server.Watches;

/// <summary>Whoever wants to know of changes: a connection.</summary>
internal interface IWatcher
{
    long SessionId { get; }

    /// <summary>Tells of a change. One who may not read the znode is not told (B113).</summary>
    /// <param name="acl">The ACL that decides it; null: everybody may know.</param>
    void Notify(WatchedEventType type, string path, long zxid, IReadOnlyList<Acl>? acl);
}

/// <summary>How a watch was asked for; a table keeps them per connection and path.</summary>
[Flags]
internal enum WatchModes
{
    None = 0,
    OneShot = 1,
    Persistent = 2,
    Recursive = 4,
}
