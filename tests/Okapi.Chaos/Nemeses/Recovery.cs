using System.Globalization;
using System.Text;
using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>How long clients were without a success after each fault, beside how long the ensemble itself took no writes.</summary>
internal static class Recovery
{
    public static string Table(IReadOnlyList<Blow> blows, History history)
    {
        Dictionary<int, long[]> successes = history.Entries.OfType<OperationEntry>()
            .Where(entry => entry.Outcome == Outcome.Ok)
            .GroupBy(entry => entry.Client)
            .ToDictionary(group => group.Key, group => group.Select(entry => entry.Time).Order().ToArray());
        var text = new StringBuilder();
        text.AppendLine("kind                     faults   no writes at any server   slowest client without success   clients that were hit alone");
        text.AppendLine("                                     median       max            median       max                   max");
        foreach (IGrouping<string, (Blow Blow, TimeSpan Others, TimeSpan Hit)> kind in blows.Select(blow => Measure(blow, blows, successes)).GroupBy(measured => measured.Blow.Kind).OrderBy(kind => kind.Key, StringComparer.Ordinal))
        {
            TimeSpan[] servers = [.. kind.Select(one => one.Blow.Outage).Order()];
            TimeSpan[] clients = [.. kind.Select(one => one.Others).Order()];
            TimeSpan hit = kind.Max(one => one.Hit);
            text.AppendLine(string.Create(CultureInfo.InvariantCulture,
                $"{kind.Key,-24} {kind.Count(),6} {Seconds(Median(servers)),14} {Seconds(servers[^1]),9} {Seconds(Median(clients)),17} {Seconds(clients[^1]),9} {(hit > TimeSpan.Zero ? Seconds(hit) : "-"),21}"));
        }

        return text.ToString();
    }

    private static (Blow Blow, TimeSpan Others, TimeSpan Hit) Measure(Blow blow, IReadOnlyList<Blow> blows, Dictionary<int, long[]> successes)
    {
        // Until the next fault begins, or the load ends.
        long until = blow.Number < blows.Count ? blows[blow.Number].Started : blow.Ended;
        TimeSpan others = TimeSpan.Zero, hit = TimeSpan.Zero;
        foreach ((int client, long[] times) in successes)
        {
            if (client == 0)
            {
                continue;
            }

            TimeSpan gap = LongestGap(times, blow.Started, until);
            if (blow.Strike.Clients.Contains(client))
            {
                hit = gap > hit ? gap : hit;
            }
            else
            {
                others = gap > others ? gap : others;
            }
        }

        return (blow, others, hit);
    }

    private static TimeSpan LongestGap(long[] times, long from, long until)
    {
        int at = Array.BinarySearch(times, from);
        at = at < 0 ? ~at : at;
        long last = from, longest = 0;
        for (; at < times.Length && times[at] <= until; at++)
        {
            longest = Math.Max(longest, times[at] - last);
            last = times[at];
        }

        return TimeSpan.FromTicks(Math.Max(longest, at < times.Length ? until - last : 0) / 100);
    }

    private static TimeSpan Median(TimeSpan[] sorted) => sorted[sorted.Length / 2];

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture);
}
