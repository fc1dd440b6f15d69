using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>
/// K5: watches tell of all there is to tell. A persistent stream is cut into runs by its Resync marks; each run must be a piece of the log's
/// events without a hole, in order, that begins where the watch was armed and reaches as far as its connection did.
/// </summary>
public sealed class WatchCheck : ICheck
{
    // An answer that came just before the client gave its connection up may have been dropped with it, unseen.
    private const long UnseenAnswers = 100_000_000;

    // A reader that ends a watch may not have read what had just come.
    private const long UnreadEvents = 5_000_000_000;

    private Evidence _evidence = null!;
    private WatchedEvents _events = null!;
    private ILookup<int, WireConnection> _connections = null!;
    private SeenZxids _seen = null!;
    private Findings _findings = null!;
    private int _runs;
    private int _unaligned;

    public string Name => "K5";

    public string Promise => "A persistent watch tells every event of the log once and in order, or says where it has a gap; a one-shot watch fires if and only if there was something to tell.";

    public Findings Run(Evidence evidence)
    {
        _evidence = evidence;
        _findings = new Findings();
        _events = new WatchedEvents(evidence.Log);
        _connections = evidence.Connections.ToLookup(each => each.Client);
        _seen = new SeenZxids(evidence);
        (_runs, _unaligned) = (0, 0);
        var oneShots = new OneShotCheck(evidence, _events, _seen, _findings);
        foreach (WatchHistory watch in WatchHistory.All(evidence, _findings))
        {
            _findings.Look(1 + watch.Events.Count);
            if (watch.Armed.Kind is WatchKind.Persistent or WatchKind.PersistentRecursive) CheckStream(watch);
            else oneShots.Check(watch);
        }

        _findings.Fact("runs of events between gaps", _runs);
        _findings.Fact("streams whose gaps are not those of their connections", _unaligned);
        oneShots.Conclude();
        return _findings;
    }

    private static int FirstAfter(List<ModelEvent> events, long zxid)
    {
        int low = 0, high = events.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (events[middle].Zxid <= zxid) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private void CheckStream(WatchHistory watch)
    {
        List<ModelEvent> events = _events.Of(watch.Armed.Kind, watch.Armed.Path);
        List<List<WatchEventEntry>> runs = [[]];
        foreach (WatchEventEntry each in watch.Events)
        {
            if (each.Type == WatchedEventType.Resync) runs.Add([]);
            else runs[^1].Add(each);
        }

        // The connection it was armed on, and those after it.
        List<WireConnection> connections = [.. _connections[watch.Armed.Client].Where(each => each.Ended > watch.Armed.Time && each.Opened.Time < watch.EndTime)];
        bool isAligned = connections.Count == runs.Count;
        if (!isAligned) _unaligned++;
        int position = 0;
        for (int i = 0; i < runs.Count; i++)
        {
            _runs++;
            WireConnection? connection = isAligned ? connections[i] : null;
            (int low, int high) = i == 0 ? Armed(watch, events) : Rearmed(watch, connection, events, position);
            int start = EventRun.Find(events, runs[i], Math.Max(low, position), high);
            if (start < 0)
            {
                string told = runs[i].Count > 0 ? $"{runs[i][0].Type} {runs[i][0].Path}" : "nothing";
                _findings.Add($"{watch}: the {runs[i].Count} events from {told} on, after {i} gaps, are no piece of the log's events: {EventRun.Explain(events, runs[i], Math.Max(low, position), high)}.", runs[i].Count > 0 ? runs[i][0].Time : watch.Armed.Time);
                return;
            }

            int end = start + runs[i].Count;
            position = end;
            bool isLast = i == runs.Count - 1;
            // Without knowing which connection a run is of, only the last can be said to reach as far as was seen.
            if (connection is null && !isLast) continue;
            if (connection is not null && high == int.MaxValue) continue; // never armed again on that connection, as far as is known
            if (connection is null && high == int.MaxValue) continue;
            CheckReach(watch, runs[i], events, end, connection, isLast);
        }
    }

    private void CheckReach(WatchHistory watch, List<WatchEventEntry> run, List<ModelEvent> events, int end, WireConnection? connection, bool isLast)
    {
        long until = isLast ? Math.Min(watch.EndTime, LastTime(watch.Armed.Client)) - UnreadEvents : long.MaxValue;
        if (connection is not null) until = Math.Min(until, connection.Ended == long.MaxValue ? long.MaxValue : connection.Ended - UnseenAnswers);
        long reached = connection is null ? _seen.At(watch.Armed.Client, until) : NewestOn(connection, until);
        int wanted = FirstAfter(events, reached);
        if (end >= wanted) return;
        ModelEvent missed = events[end];
        _findings.Add($"{watch}: {missed.Type} {missed.Path} (zxid 0x{missed.Zxid:x}) was never told, and {wanted - end - 1} after it, though the client had seen 0x{reached:x} and no gap is marked{(run.Count > 0 ? $" after {run[^1].Type} {run[^1].Path}" : "")}.", run.Count > 0 ? run[^1].Time : watch.Armed.Time);
    }

    private static long NewestOn(WireConnection connection, long until)
    {
        long newest = 0;
        foreach (WireEntry each in connection.Received)
        {
            if (each.Time > until) break;
            if (each is WireOperationEntry { Zxid: > 0 } operation) newest = Math.Max(newest, operation.Zxid);
        }

        return newest;
    }

    private long LastTime(int client) => _connections[client].LastOrDefault()?.Received.LastOrDefault()?.Time ?? 0;

    /// <summary>Where the first run may begin: right behind the zxid at which the server answered, or, where another watch of the client had it armed already, somewhere in the time of the call.</summary>
    private (int Low, int High) Armed(WatchHistory watch, List<ModelEvent> events)
    {
        int mode = (int)(watch.Armed.Kind == WatchKind.PersistentRecursive ? WatchMode.PersistentRecursive : WatchMode.Persistent);
        WireOperationEntry[] answers = [.. _evidence.AnswersTo(watch.Armed.Client, watch.Armed.Path, watch.Armed.Invoked, watch.Armed.Time).Where(each => each.Type == OpCode.AddWatch && each.Argument == mode && each.Error == ErrorCode.Ok)];
        return answers.Length > 0
            ? (FirstAfter(events, answers[0].Zxid), FirstAfter(events, answers[^1].Zxid))
            : (FirstAfter(events, _seen.At(watch.Armed.Client, watch.Armed.Invoked)), FirstAfter(events, _seen.At(watch.Armed.Client, watch.Armed.Time)));
    }

    /// <summary>Where a run after a gap may begin: right behind the zxid at which it was armed again on its connection; anywhere, if that is not known.</summary>
    private static (int Low, int High) Rearmed(WatchHistory watch, WireConnection? connection, List<ModelEvent> events, int position)
    {
        WireOperationEntry? again = connection?.Received.OfType<WireOperationEntry>().FirstOrDefault(each => each.Error == ErrorCode.Ok && Arms(each, watch.Armed));
        if (again is null) return (position, int.MaxValue);
        int start = FirstAfter(events, again.Zxid);
        return (start, start);
    }

    private static bool Arms(WireOperationEntry operation, WatchArmedEntry watch) => operation.Type switch
    {
        OpCode.SetWatches2 => (watch.Kind == WatchKind.PersistentRecursive ? operation.Watches!.PersistentRecursive : operation.Watches!.Persistent).Contains(watch.Path),
        OpCode.AddWatch => operation.Path == watch.Path && operation.Argument == (int)(watch.Kind == WatchKind.PersistentRecursive ? WatchMode.PersistentRecursive : WatchMode.Persistent),
        _ => false,
    };
}
