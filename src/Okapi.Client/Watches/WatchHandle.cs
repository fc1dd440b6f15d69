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
/// <param name="rearm">Asks the server for the watch anew.</param>
internal abstract class WatchHandle(string path, string serverPath, Action<WatchHandle> rearm)
{
    public string Path { get; } = path;

    public string ServerPath { get; } = serverPath;

    public WatchKind Kind { get; set; }

    /// <summary>Whether the server has answered; before that no event can concern it.</summary>
    public bool IsArmed { get; set; }

    /// <summary>Whether its own request asks the server for what it needs; false: another watch on the path serves it.</summary>
    public bool IsAsked { get; set; }

    public bool IsOneShot => Kind < WatchKind.Persistent;

    /// <summary>Something happened. Must not block or run user code.</summary>
    /// <param name="type">What.</param>
    /// <param name="state">The session's state.</param>
    /// <param name="serverPath">Where, as the server knows it.</param>
    /// <param name="zxid">The transaction, or -1.</param>
    public abstract void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid);

    /// <summary>Nothing on the server serves it any more: it is to be armed on its own, relative to the reply that just came.</summary>
    public void ArmAlone() => rearm(this);

    /// <summary>There will be no more events. Must not block or run user code.</summary>
    public abstract void End(Exception error);
}
