using System.Globalization;
using System.Text;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Reports;

namespace Okapi.Chaos;

/// <summary>How long clients were without a success after each fault, beside how long the ensemble itself took no writes.</summary>
internal static class Recovery
{
    public static string Table(IReadOnlyList<Blow> blows, History history)
    {
        var successes = new Successes(history.Entries.OfType<OperationEntry>());
        var text = new StringBuilder();
        text.AppendLine("kind                     faults   no writes at any server   slowest client without success   clients that were hit alone");
        text.AppendLine("                                     median       max            median       max                   max");
        foreach (IGrouping<string, (Blow Blow, TimeSpan Others, TimeSpan Hit)> kind in blows.Select(blow => Measure(blow, blows, successes)).GroupBy(measured => measured.Blow.Kind).OrderBy(kind => kind.Key, StringComparer.Ordinal))
        {
            TimeSpan[] servers = [.. kind.Select(one => one.Blow.Outage).Order()];
            TimeSpan[] clients = [.. kind.Select(one => one.Others).Order()];
            TimeSpan hit = kind.Max(one => one.Hit);
            text.AppendLine(string.Create(CultureInfo.InvariantCulture,
                $"{kind.Key,-24} {kind.Count(),6} {Seconds(RecoveryTimes.Median(servers)),14} {Seconds(servers[^1]),9} {Seconds(RecoveryTimes.Median(clients)),17} {Seconds(clients[^1]),9} {(hit > TimeSpan.Zero ? Seconds(hit) : "-"),21}"));
        }

        return text.ToString();
    }

    private static (Blow Blow, TimeSpan Others, TimeSpan Hit) Measure(Blow blow, IReadOnlyList<Blow> blows, Successes successes)
    {
        // Until the next fault begins, or the load ends.
        long until = blow.Number < blows.Count ? blows[blow.Number].Started : blow.Ended;
        TimeSpan others = TimeSpan.Zero, hit = TimeSpan.Zero;
        foreach (int client in successes.Clients)
        {
            TimeSpan gap = TimeSpan.FromTicks(successes.LongestGap(client, blow.Started, until) / 100);
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

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture);
}
