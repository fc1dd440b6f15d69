using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Checks;

/// <summary>One watch of the API from its arming to its end.</summary>
internal sealed class WatchHistory(WatchArmedEntry armed)
{
    public WatchArmedEntry Armed { get; } = armed;

    /// <summary>What came out of it, in order.</summary>
    public List<WatchEventEntry> Events { get; } = [];

    public WatchEndedEntry? Ended { get; private set; }

    public long EndTime => Ended?.Time ?? long.MaxValue;

    public override string ToString() => $"Client {Armed.Client}'s watch {Armed.Watch} ({Armed.Kind} {Armed.Path})";

    public static IReadOnlyList<WatchHistory> All(Evidence evidence, Findings findings)
    {
        var all = new List<WatchHistory>();
        var open = new Dictionary<(int, long), WatchHistory>();
        foreach (HistoryEntry each in evidence.History.Entries)
        {
            switch (each)
            {
                case WatchArmedEntry armed:
                    all.Add(open[(armed.Client, armed.Watch)] = new WatchHistory(armed));
                    break;
                case WatchEventEntry told when open.TryGetValue((told.Client, told.Watch), out WatchHistory? watch):
                    watch.Events.Add(told);
                    break;
                case WatchEventEntry told:
                    findings.Add($"Client {told.Client} was told of {told.Type} {told.Path} by watch {told.Watch}, which was not armed.", told.Time);
                    break;
                case WatchEndedEntry ended when open.TryGetValue((ended.Client, ended.Watch), out WatchHistory? watch):
                    watch.Ended = ended;
                    break;
                default:
                    break;
            }
        }

        return all;
    }
}
