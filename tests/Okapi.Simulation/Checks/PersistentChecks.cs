using Okapi.Simulation.Truth;

namespace Okapi.Simulation.Checks;

/// <summary>Holds what a persistent watch has told against the chronicle: all of it, in order, once, but for what a Resync stands for (I6).</summary>
internal static class PersistentChecks
{
    public static void Check(World world, Player player, string path, WatchMode mode, long before, long armedAtMost, IReadOnlyList<WatchedEvent> events, bool hasEnded)
    {
        if (world.HasLostData || world.IsLenient) return;
        List<(long Zxid, WatchedEventType Type, string Path)> truth = [.. Expected(world.Chronicle, path, mode, before)];
        int next = 0;
        bool mayMiss = true; // what came before it was armed
        bool isFirst = true;
        foreach (WatchedEvent told in events)
        {
            if (told.Type == WatchedEventType.Resync)
            {
                mayMiss = true;
                isFirst = false;
                // The next member may lag behind what an event has told, since only replies bind a session to what it has seen; then it tells it again.
                if (world.MemberCount > 1) next = 0;
                continue;
            }

            if (told.Type == WatchedEventType.None) continue; // the session has ended; a Resync tells of the next

            if (told.Zxid == -1)
            {
                // What a server says when a one-shot watch of the same path is armed again: it has no transaction, and goes to all watches of the path.
                if (!world.Chronicle.Of(told.Path!).Any()) Fail($"was told {told.Type} {told.Path}, to which nothing has happened");
                continue;
            }

            int at = truth.FindIndex(next, each => each.Type == told.Type && each.Path == told.Path && each.Zxid == told.Zxid);
            if (at < 0)
            {
                bool isRepeated = truth.FindIndex(each => each.Type == told.Type && each.Path == told.Path && each.Zxid == told.Zxid) >= 0;
                Fail($"was told {told.Type} {told.Path} 0x{told.Zxid:x}, which {(isRepeated ? "it was told before, or out of turn" : "has not happened")}");
                return;
            }

            if (at > next && (!mayMiss || (isFirst && truth[at - 1].Zxid > armedAtMost)))
            {
                Fail($"was not told {truth[at - 1].Type} {truth[at - 1].Path} 0x{truth[at - 1].Zxid:x} before {told.Type} {told.Path} 0x{told.Zxid:x}");
                return;
            }

            next = at + 1;
            mayMiss = false;
            isFirst = false;
        }

        if (!hasEnded && next < truth.Count && (!mayMiss || truth[^1].Zxid >= world.TouchedFrom)) Fail($"was not told {truth[next].Type} {truth[next].Path} 0x{truth[next].Zxid:x}, nor anything after it");

        void Fail(string violation) => world.Fail($"I6: the {mode} watch of {path} of client {player.Number} {violation}");
    }

    private static IEnumerable<(long Zxid, WatchedEventType Type, string Path)> Expected(Chronicle chronicle, string path, WatchMode mode, long after)
    {
        foreach (Entry entry in chronicle.All)
        {
            if (entry.Zxid <= after) continue;
            bool isBelow = entry.Path.StartsWith(path + "/", StringComparison.Ordinal) || path == "/";
            if (entry.Path == path || (isBelow && mode == WatchMode.PersistentRecursive))
                yield return (entry.Zxid, entry.Deed switch { Deed.Created => WatchedEventType.NodeCreated, Deed.Deleted => WatchedEventType.NodeDeleted, _ => WatchedEventType.NodeDataChanged }, entry.Path);
            if (mode == WatchMode.Persistent && entry.Deed != Deed.Changed && ZnodePath.GetParent(entry.Path) == path)
                yield return (entry.Zxid, WatchedEventType.NodeChildrenChanged, path);
        }
    }
}
