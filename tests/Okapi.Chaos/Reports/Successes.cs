using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Reports;

/// <summary>When each client's calls succeeded.</summary>
internal sealed class Successes(IEnumerable<OperationEntry> operations)
{
    private readonly Dictionary<int, long[]> _times = operations
        .Where(each => each.Outcome == Outcome.Ok && each.Client > 0)
        .GroupBy(each => each.Client)
        .ToDictionary(each => each.Key, each => each.Select(call => call.Time).Order().ToArray());

    public IReadOnlyCollection<int> Clients => _times.Keys;

    /// <summary>The longest time without a success, in nanoseconds.</summary>
    public long LongestGap(int client, long from, long until)
    {
        long[] times = _times[client];
        int at = Array.BinarySearch(times, from);
        at = at < 0 ? ~at : at;
        long last = from, longest = 0;
        for (; at < times.Length && times[at] <= until; at++)
        {
            longest = Math.Max(longest, times[at] - last);
            last = times[at];
        }

        // Behind a client's last success there is nothing to wait for if it had no more to do.
        return at < times.Length ? Math.Max(longest, until - last) : longest;
    }
}
