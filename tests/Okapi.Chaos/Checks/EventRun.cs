using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;

namespace Okapi.Chaos.Checks;

/// <summary>Finds a run of a stream among the log's events: a piece without a hole.</summary>
internal static class EventRun
{
    /// <summary>The first place at which the run can begin.</summary>
    /// <returns>The place, or -1.</returns>
    public static int Find(List<ModelEvent> events, List<WatchEventEntry> run, int low, int high)
    {
        if (run.Count == 0) return Math.Min(low, events.Count);
        for (int start = low; start <= Math.Min(high, events.Count - run.Count); start++)
        {
            if (Matches(events, run, start) == run.Count) return start;
        }

        return -1;
    }

    /// <summary>Says where it goes wrong, at the place where the run ought to begin.</summary>
    public static string Explain(List<ModelEvent> events, List<WatchEventEntry> run, int low, int high)
    {
        if (high == int.MaxValue) return "it is found nowhere behind what was told before";
        int matched = Enumerable.Range(low, Math.Max(1, high - low + 1)).Select(start => Matches(events, run, start)).Max();
        string told = matched < run.Count ? $"{run[matched].Type} {run[matched].Path} was told" : "more was told";
        return low + matched < events.Count
            ? $"as number {matched} {told}, and the log has {events[low + matched].Type} {events[low + matched].Path} (zxid 0x{events[low + matched].Zxid:x})"
            : $"as number {matched} {told}, and the log has no more";
    }

    /// <summary>How many of the run's events are those of the log from a place on. What one session's end deletes comes in any order.</summary>
    private static int Matches(List<ModelEvent> events, List<WatchEventEntry> run, int start)
    {
        int count = 0;
        while (count < run.Count && start + count < events.Count)
        {
            ModelEvent next = events[start + count];
            if (!next.IsUnordered)
            {
                if (next.Type != run[count].Type || next.Path != run[count].Path) return count;
                count++;
                continue;
            }

            int group = 1;
            while (start + count + group < events.Count && events[start + count + group].Zxid == next.Zxid) group++;
            var expected = new HashSet<string>(events.Skip(start + count).Take(group).Select(each => each.Path), StringComparer.Ordinal);
            int children = events.Skip(start + count).Take(group).Count(each => each.Type == WatchedEventType.NodeChildrenChanged);
            for (int i = 0; i < group && count < run.Count; i++, count++)
            {
                // A parent of many of them is told of each: the same event many times.
                bool isExpected = run[count].Type == WatchedEventType.NodeChildrenChanged ? children-- > 0 : run[count].Type == WatchedEventType.NodeDeleted && expected.Remove(run[count].Path!);
                if (!isExpected) return count;
            }
        }

        return count;
    }
}
