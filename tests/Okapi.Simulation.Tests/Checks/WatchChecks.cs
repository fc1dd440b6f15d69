using Okapi.Simulation.Tests.Model;
using Okapi.Simulation.Tests.Wire;

namespace Okapi.Simulation.Tests.Checks;

/// <summary>I6: what a watch told, held against the log.</summary>
internal static class WatchChecks
{
    /// <summary>What a watch of this kind is told of a transaction, in order.</summary>
    private static void Expect(List<(WatchedEventType Type, string Path, long Zxid)> into, WatchRecord watch, Txn txn)
    {
        foreach (Change change in txn.Changes)
        {
            bool isOwn = change.Path == watch.Path;
            if (watch.Kind == WatchKind.Recursive ? ZnodePath.IsSameOrBelow(change.Path, watch.Path) : isOwn) into.Add((change.Type, change.Path, txn.Zxid));
            if (watch.Kind == WatchKind.Persistent && change.Type != WatchedEventType.NodeDataChanged && change.Path != "/" && ModelTree.Parent(change.Path) == watch.Path)
                into.Add((WatchedEventType.NodeChildrenChanged, watch.Path, txn.Zxid));
        }
    }

    /// <summary>
    /// Between two gap marks a stream has to be a piece of the log without holes; the first piece begins with the watch, the last one goes on to the newest transaction
    /// that a reply has told of, and after a mark nothing is missing that happened after watches were armed again.
    /// </summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? CheckStream(WatchRecord watch, long upTo)
    {
        World world = watch.Session.World;
        var expected = new List<(WatchedEventType Type, string Path, long Zxid)>();
        foreach (Txn txn in world.Log)
            if (txn.Zxid > watch.After) Expect(expected, watch, txn);
        int end = IndexAfter(expected, upTo);
        List<WatchedEvent> piece = [];
        List<(List<WatchedEvent> Events, int Latest)> pieces = [];
        int latest = IndexAfter(expected, watch.ArmedBy);
        foreach ((WatchedEvent each, ClientStream? connection, long seen) in watch.Items)
        {
            if (each.Type != WatchedEventType.Resync)
            {
                piece.Add(each);
                continue;
            }

            pieces.Add((piece, latest));
            piece = [];
            // Watches are armed before the first reply to a call; a mark for a full buffer has no connection, and ends where it is read.
            latest = IndexAfter(expected, connection is null ? seen : connection.FirstReplyZxid ?? long.MaxValue);
        }

        pieces.Add((piece, latest));
        int next = 0;
        for (int i = 0; i < pieces.Count; i++)
        {
            (List<WatchedEvent> events, int mustStartBy) = pieces[i];
            bool isLast = i == pieces.Count - 1;
            if (events.Count == 0)
            {
                // No events: nothing may have happened since the watch stood. A gap mark that follows covers the rest.
                if (isLast && Math.Max(mustStartBy, next) < end) return $"the events #{Math.Max(mustStartBy, next)} to #{end - 1} of {Show(expected)} are missing at the end";
                continue;
            }

            // After a gap a server that lags may tell of things again.
            int start = -1;
            for (int at = 0; at <= Math.Max(mustStartBy, next) && at + events.Count <= expected.Count; at++)
                if (Matches(events, at) && (!isLast || at + events.Count >= end)) start = at;
            if (start < 0) return $"piece {i} of {pieces.Count}, {Show(events)}, is not in the log before #{Math.Max(mustStartBy, next)}{(isLast ? $" and up to #{end}" : "")}: {Show(expected)}";
            next = Math.Max(next, start + events.Count);
        }

        return null;

        bool Matches(List<WatchedEvent> events, int start)
        {
            for (int i = 0; i < events.Count; i++)
            {
                (WatchedEventType type, string path, long zxid) = expected[start + i];
                if (events[i].Type != type || events[i].Path != path || (events[i].Zxid >= 0 && events[i].Zxid != zxid)) return false;
            }

            return true;
        }
    }

    /// <summary>Whether something happened that a one-shot watch waits for.</summary>
    public static bool IsDue(WatchRecord watch, long upTo)
    {
        World world = watch.Session.World;
        // Created and deleted again while the client was away does not show (H51): only what is still there counts.
        if (watch.Kind == WatchKind.Absent) return upTo >= world.Zxid && world.Tree[watch.Path] is not null;
        foreach (Txn txn in world.Log)
        {
            if (txn.Zxid <= watch.After || txn.Zxid > upTo) continue;
            foreach (Change change in txn.Changes)
                if (Concerns(watch, change)) return true;
        }

        return false;
    }

    /// <summary>Whether something happened that a one-shot watch of this kind tells of in this way.</summary>
    public static bool IsJustified(WatchRecord watch, WatchedEventType told)
    {
        foreach (Txn txn in watch.Session.World.Log)
        {
            if (txn.Zxid <= watch.After) continue;
            foreach (Change change in txn.Changes)
                if (Justifies(watch, change, told)) return true;
        }

        return false;
    }

    // Deleted and created again while the client was away is told as a change by the server that arms the watch again: it looks at what is there now.
    private static bool Justifies(WatchRecord watch, in Change change, WatchedEventType told)
    {
        bool isOwn = change.Path == watch.Path;
        return (watch.Kind, told) switch
        {
            (WatchKind.Absent, WatchedEventType.NodeCreated) => isOwn && change.Type == WatchedEventType.NodeCreated,
            (WatchKind.Data, WatchedEventType.NodeDataChanged) => isOwn && change.Type != WatchedEventType.NodeDeleted,
            (WatchKind.Data or WatchKind.Children, WatchedEventType.NodeDeleted) => isOwn && change.Type == WatchedEventType.NodeDeleted,
            (WatchKind.Children, WatchedEventType.NodeChildrenChanged) => isOwn ? change.Type == WatchedEventType.NodeCreated : Concerns(watch, change),
            _ => false,
        };
    }

    private static bool Concerns(WatchRecord watch, in Change change)
    {
        bool isOwn = change.Path == watch.Path;
        if (watch.Kind != WatchKind.Children) return isOwn;
        return change.Type != WatchedEventType.NodeDataChanged && (isOwn ? change.Type == WatchedEventType.NodeDeleted : change.Path != "/" && ModelTree.Parent(change.Path) == watch.Path);
    }

    private static int IndexAfter(List<(WatchedEventType Type, string Path, long Zxid)> events, long zxid)
    {
        int index = events.FindIndex(each => each.Zxid > zxid);
        return index < 0 ? events.Count : index;
    }

    private static string Show(IEnumerable<(WatchedEventType Type, string Path, long Zxid)> events) => "[" + string.Join(", ", events.Select(each => $"{each.Type} {each.Path} {each.Zxid:x}")) + "]";

    private static string Show(IEnumerable<WatchedEvent> events) => Show(events.Select(each => (each.Type, each.Path ?? "-", each.Zxid)));
}
