using Okapi.Simulation.Tests.Model;
using Okapi.Simulation.Tests.Wire;

namespace Okapi.Simulation.Tests.Checks;

/// <summary>I6: the watches that the client holds, each with what it has told.</summary>
internal sealed class HeldWatches(Scene scene)
{
    private readonly List<WatchRecord> _watches = [];

    public IReadOnlyList<WatchRecord> All => _watches;

    private Simulator Simulator => scene.Simulator;

    public void Add(WatchRecord watch) => _watches.Add(watch);

    /// <summary>The client gives a watch up; until now it has told all.</summary>
    public void Remove(WatchRecord watch)
    {
        if (watch.Stream is not null) Drain(watch);
        Check(watch, atEnd: false);
        _watches.Remove(watch);
    }

    /// <summary>Reads what the streams have told.</summary>
    public void Read()
    {
        foreach (WatchRecord watch in _watches)
            if (watch.Stream is not null && (!watch.IsSlow || Simulator.Random.Next(64) == 0)) Drain(watch);
    }

    /// <summary>A one-shot watch ends with its session; a stream goes on in the next.</summary>
    public void OnExpired()
    {
        foreach (WatchRecord watch in _watches)
        {
            if (watch.Fired is { } fired) Simulator.Require(fired.IsCompleted, $"I6: the watch of {watch.Path} did not end with its session");
        }

        _watches.RemoveAll(watch => watch.Fired is not null);
    }

    /// <summary>All that happened was told.</summary>
    public void CheckAtEnd()
    {
        foreach (WatchRecord watch in _watches) Check(watch, atEnd: true);
    }

    /// <summary>Nobody waits any more.</summary>
    public void CheckClosed()
    {
        foreach (WatchRecord watch in _watches)
            Simulator.Require(watch.Fired is null || watch.Fired.IsCompleted, $"I6: the watch of {watch.Path} neither fired nor ended");
    }

    private void Drain(WatchRecord watch)
    {
        while (watch.Stream!.Events.TryRead(out WatchedEvent item))
        {
            if (item.Type == WatchedEventType.None)
            {
                Check(watch, atEnd: false);
                watch.EndSession();
                continue;
            }

            if (watch.IsBetweenSessions && scene.Session is { } session) watch.BeginSession(session);
            if (item.State == WatchBook.LateMark) continue; // meant for a one-shot watch; a stream sees it once more
            if (item.Path is not null) item = item with { Path = scene.ServerPath(item.Path) };
            // A gap of a lost connection ends when watches are armed on the next; all others end where they are marked.
            ClientStream connection = scene.Network.Streams[^1];
            bool isReconnect = !watch.IsSlow && connection.FirstReplyZxid is null;
            watch.Items.Add((item, isReconnect ? connection : null, scene.Ensemble.World.Zxid));
        }
    }

    private void Check(WatchRecord watch, bool atEnd)
    {
        long upTo = scene.Network.MaxReply(watch.Session.Id);
        if (watch.Stream is not null)
        {
            if (atEnd) Drain(watch);
            if (watch.IsBetweenSessions || (watch.IsSlow && !atEnd)) return;
            if (scene.HasSmallBuffers && watch.Session.Id != scene.Client.SessionId) return; // the change of sessions was behind a mark
            if (WatchChecks.CheckStream(watch, upTo) is { } fault) Simulator.Fail($"I6: the {watch.Kind} stream of {watch.Path}: {fault}");
            return;
        }

        Task<WatchedEvent> fired = watch.Fired!;
        if (fired.IsCompletedSuccessfully)
        {
            WatchedEvent told = fired.Result;
            Simulator.Require(told.Path is not null && scene.ServerPath(told.Path) == watch.Path, $"I6: the watch of {watch.Path} is told of {told.Path}");
            Simulator.Require(WatchChecks.IsJustified(watch, told.Type), $"I6: the {watch.Kind} watch of {watch.Path} fires with {told.Type} and nothing of the kind happened");
        }
        else if (!fired.IsCompleted)
        {
            Simulator.Require(watch.Session.Id == scene.Client.SessionId, $"I6: the watch of {watch.Path} did not end with its session");
            Simulator.Require(!WatchChecks.IsDue(watch, upTo), $"I6: the {watch.Kind} watch of {watch.Path}, set after 0x{watch.After:x}, has not fired by 0x{upTo:x}");
        }
    }
}
