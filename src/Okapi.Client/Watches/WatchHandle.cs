namespace Okapi.Watches;

/// <summary>What a watch waits for; decides which events concern it and how it is armed.</summary>
internal enum WatchKind
{
    /// <summary>One-shot, on a znode that was there: its data or its end.</summary>
    Data,

    /// <summary>One-shot, on a znode that was absent: its beginning.</summary>
    Exist,

    /// <summary>One-shot, on the list of children.</summary>
    Children,

    /// <summary>Persistent, on one znode.</summary>
    Persistent,

    /// <summary>Persistent, on a znode and all below it.</summary>
    Recursive,
}

/// <summary>One caller's watch on one path. Several of them can share what is armed on the server.</summary>
/// <param name="path">The path as the caller gave it.</param>
/// <param name="serverPath">The path as the server knows it.</param>
internal abstract class WatchHandle(string path, string serverPath)
{
    public string Path { get; } = path;

    public string ServerPath { get; } = serverPath;

    public WatchKind Kind { get; set; }

    /// <summary>Whether the server has answered; before that no event can concern it.</summary>
    public bool IsArmed { get; set; }

    /// <summary>Whether it was given up but is what the server still has; it says no more, and events are read as those of its kind.</summary>
    public bool IsRetiring { get; set; }

    public bool IsOneShot => Kind < WatchKind.Persistent;

    /// <summary>Whether the watch that it was to share the server's with went before its own request was answered.</summary>
    public bool IsStray { get; set; }

    /// <summary>Something happened. Must not block or run user code.</summary>
    /// <param name="type">What.</param>
    /// <param name="state">The session's state.</param>
    /// <param name="serverPath">Where, as the server knows it.</param>
    /// <param name="zxid">The transaction, or -1.</param>
    public abstract void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid);

    /// <summary>There will be no more events. Must not block or run user code.</summary>
    public abstract void End(Exception error);
}
