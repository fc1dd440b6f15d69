using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>What a watch waits for; decides which events concern it and how it is armed.</summary>
internal enum WatchKind : byte
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

/// <summary>
/// One caller's watch on one path. Several of them can share what is armed on the server. There may be a million of these, so each keeps one string, and no object that it
/// can do without.
/// </summary>
/// <param name="path">The path as the caller gave it.</param>
/// <param name="serverPath">The path as the server knows it: the same one, or below a chroot.</param>
internal abstract class WatchHandle(string path, string serverPath)
{
    private readonly int _chrootLength = path.Length == 1 ? serverPath.Length - (serverPath.Length == 1 ? 1 : 0) : serverPath.Length - path.Length;
    private byte _wireMode;

    /// <summary>The path as the caller knows it.</summary>
    public string Path => _chrootLength == 0 ? ServerPath : _chrootLength == ServerPath.Length ? "/" : ServerPath[_chrootLength..];

    public string ServerPath { get; } = serverPath;

    /// <summary>The next older watch on the path; kept by <see cref="PathWatches"/>.</summary>
    public WatchHandle? Older { get; set; }

    public WatchKind Kind { get; set; }

    /// <summary>Whether its request asks the server for a watch; not if a persistent one on the path serves it.</summary>
    public bool IsAsked { get; set; }

    /// <summary>Whether the server has answered; before that no event can concern it.</summary>
    public bool IsArmed { get; set; }

    /// <summary>For a one-shot watch: the transaction whose state was read; what happens to the path after it fires the watch.</summary>
    public long Since { get; set; }

    /// <summary>For a persistent watch: the mode that its request asks for, which serves wider watches on the path too.</summary>
    public WatchMode WireMode
    {
        get => (WatchMode)_wireMode;
        set => _wireMode = (byte)value;
    }

    public bool IsOneShot => Kind < WatchKind.Persistent;

    /// <summary>Something happened. Must not block or run user code.</summary>
    /// <param name="type">What.</param>
    /// <param name="state">The session's state.</param>
    /// <param name="serverPath">Where, as the server knows it.</param>
    /// <param name="zxid">The transaction, or -1.</param>
    /// <param name="sink">Lets whoever waits for it go on.</param>
    public abstract void Notify(WatchedEventType type, KeeperState state, string serverPath, long zxid, ICompletionSink sink);

    /// <summary>There will be no more events. Must not block or run user code.</summary>
    /// <param name="error">Why; null: it was given up.</param>
    /// <param name="sink">Lets whoever waits for it go on.</param>
    public abstract void End(Exception? error, ICompletionSink sink);
}
