using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;

namespace Okapi.Chaos.Checks;

/// <summary>What each watch should tell of, by the log.</summary>
internal sealed class WatchedEvents
{
    private readonly List<ModelEvent> _all = [];
    private readonly Dictionary<(WatchKind, string), List<ModelEvent>> _known = [];

    public WatchedEvents(TransactionLog log) => new Replay(log) { OnEvent = _all.Add }.At(long.MaxValue);

    /// <summary>The events of a watch by zxid. A one-shot watch tells of the first.</summary>
    public List<ModelEvent> Of(WatchKind kind, string path)
    {
        if (!_known.TryGetValue((kind, path), out List<ModelEvent>? events)) _known.Add((kind, path), events = [.. Find(kind, path)]);
        return events;
    }

    private static bool IsBelow(string path, string root) =>
        path == root || root == "/" || (path.Length > root.Length && path[root.Length] == '/' && path.StartsWith(root, StringComparison.Ordinal));

    private static bool IsChild(string path, string parent) =>
        path.LastIndexOf('/') is var slash && path != "/" && (slash == 0 ? parent == "/" : slash == parent.Length && path.StartsWith(parent, StringComparison.Ordinal));

    private IEnumerable<ModelEvent> Find(WatchKind kind, string path)
    {
        foreach (ModelEvent each in _all)
        {
            if (kind == WatchKind.PersistentRecursive)
            {
                if (IsBelow(each.Path, path)) yield return each;
                continue;
            }

            bool isOwn = each.Path == path;
            if (isOwn && (kind != WatchKind.Children || each.Type == WatchedEventType.NodeDeleted)) yield return each;
            if (!isOwn && kind is WatchKind.Persistent or WatchKind.Children && each.Type is WatchedEventType.NodeCreated or WatchedEventType.NodeDeleted && IsChild(each.Path, path))
                yield return each with { Type = WatchedEventType.NodeChildrenChanged, Path = path };
        }
    }
}
