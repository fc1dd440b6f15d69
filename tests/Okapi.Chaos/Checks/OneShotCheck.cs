using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Checks;

/// <summary>The half of K5 that looks at one-shot watches.</summary>
internal sealed class OneShotCheck(Evidence evidence, WatchedEvents events, SeenZxids seen, Findings findings)
{
    private const long UnreadEvents = 5_000_000_000;

    private int _fired;
    private int _unplaced;

    public void Check(WatchHistory watch)
    {
        WatchEventEntry[] fired = [.. watch.Events.Where(each => each.Type != WatchedEventType.Resync)];
        if (fired.Length > 1) findings.Add($"{watch} fired {fired.Length} times: {string.Join(", ", fired.Select(each => $"{each.Type} {each.Path}"))}.", fired[1].Time);
        if (PlaceOf(watch) is not { } armed)
        {
            _unplaced++;
            return;
        }

        List<ModelEvent> all = events.Of(watch.Armed.Kind, watch.Armed.Path);
        int next = all.FindIndex(each => each.Zxid > armed.Zxid);
        if (fired.Length > 0)
        {
            _fired++;
            bool stayed = StayedConnected(watch, fired[0].Time);
            // On a new connection the server goes by what it finds then: a znode that was deleted and made again has changed.
            if (next < 0 || (stayed && !IsFirst(all, next, fired[0])))
                findings.Add($"{watch}, armed at zxid 0x{armed.Zxid:x}, told of {fired[0].Type} {fired[0].Path}; the log has {(next < 0 ? "nothing" : $"{all[next].Type} (zxid 0x{all[next].Zxid:x})")}.", fired[0].Time);
            return;
        }

        if (next < 0 || watch.Ended is { WithSession: true }) return;
        long until = Math.Min(watch.EndTime, LastTime(watch)) - UnreadEvents;
        // On a new connection what was made and deleted again in between is never told of (H51).
        if (!StayedConnected(watch, until)) return;
        long reached = seen.At(watch.Armed.Client, until);
        if (all[next].Zxid <= reached)
            findings.Add($"{watch}, armed at zxid 0x{armed.Zxid:x}, never told of {all[next].Type} (zxid 0x{all[next].Zxid:x}), though the client had seen 0x{reached:x}.", watch.Armed.Time);
    }

    public void Conclude()
    {
        findings.Fact("one-shot watches that fired", _fired);
        findings.Fact("one-shot watches whose arming is not found on the wire", _unplaced);
    }

    private static bool IsFirst(List<ModelEvent> all, int next, WatchEventEntry fired) =>
        all.Skip(next).TakeWhile(each => each.Zxid == all[next].Zxid).Any(each => each.Type == fired.Type && each.Path == fired.Path);

    private WireOperationEntry? PlaceOf(WatchHistory watch) =>
        evidence.AnswersTo(watch.Armed.Client, watch.Armed.Path, watch.Armed.Invoked, watch.Armed.Time).LastOrDefault(each => each.Watch && watch.Armed.Kind switch
        {
            WatchKind.Data => each.Type == OpCode.GetData && each.Error == ErrorCode.Ok,
            WatchKind.Exists => each.Type == OpCode.Exists,
            _ => each.Type is OpCode.GetChildren or OpCode.GetChildren2 && each.Error == ErrorCode.Ok,
        });

    private bool StayedConnected(WatchHistory watch, long until) =>
        evidence.Connections.Where(each => each.Client == watch.Armed.Client).All(each => each.Opened.Time < watch.Armed.Invoked ? each.Ended < watch.Armed.Invoked || each.Ended > until : each.Opened.Time > until);

    private long LastTime(WatchHistory watch) =>
        evidence.Connections.LastOrDefault(each => each.Client == watch.Armed.Client)?.Received.LastOrDefault()?.Time ?? 0;
}
