using System.Collections.Concurrent;
using System.Diagnostics;
using Okapi.Protocol;
using Okapi.Server;
using Okapi.Soak.Measures;
using Okapi.TestSupport;
using static System.FormattableString;

namespace Okapi.Soak;

/// <summary>S4: sessions that nobody uses for long.</summary>
internal static class Idle
{
    private static readonly TimeSpan[] s_timeouts = [TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(40)];

    /// <summary>Days in virtual time. It never runs ahead of a client: it waits for a ping that is due, and for the client to have read the answer.</summary>
    public static async Task<IReadOnlyList<Check>> RunVirtualAsync(TimeSpan duration)
    {
        var time = new ManualTime();
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { UseSockets = false, TimeProvider = time });
        List<IdleSession> sessions = [];
        foreach (TimeSpan timeout in s_timeouts) sessions.Add(await IdleSession.OpenAsync(server, time, timeout));

        await AdvanceAsync(time, sessions, TimeSpan.FromHours(1));
        long fired = time.Fired, heap = Gauges.Heap();
        int timers = time.ActiveTimers;
        TimeSpan start = time.Now;
        await AdvanceAsync(time, sessions, duration - TimeSpan.FromHours(1));
        long firedPerHour = (long)((time.Fired - fired) / (time.Now - start).TotalHours), grown = Gauges.Heap() - heap;

        // A tick of the server each 2 s, and for each ping of a client its timer, and one that looks whether the answer came.
        long wanted = 1800 + (long)(2.2 * sessions.Sum(each => 3600 / each.PingInterval.TotalSeconds));
        List<Check> checks =
        [
            Check.That(sessions.All(each => each.IsUnharmed), "sessions in virtual time", Invariant($"{sessions.Count} sessions idle for {duration.TotalHours} h, {sessions.Count(each => !each.IsUnharmed)} of them expired or reconnected")),
            Check.That(grown < 256 << 10, "heap", Invariant($"{grown} bytes more than after the first hour")),
            Check.That(time.ActiveTimers <= timers + 1, "timers", Invariant($"{time.ActiveTimers}, {timers} after the first hour")),
            Check.That(firedPerHour <= wanted, "timers fired in an hour", Invariant($"{firedPerHour}, at most {wanted}")),
        ];
        checks.AddRange(sessions.Select(each => each.CheckPings(duration)));
        foreach (IdleSession session in sessions) await session.DisposeAsync();
        return checks;
    }

    /// <summary>Sessions on sockets, with the shortest timeout that the server grants, in real time.</summary>
    public static async Task<IReadOnlyList<Check>> RunRealAsync(TimeSpan duration, CancellationToken cancel)
    {
        const int Sessions = 50;
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: cancel);
        var pings = new ConcurrentDictionary<long, (long Last, TimeSpan Longest, int Count)>();
        using Fault tap = server.Faults.AnswerError(ErrorCode.SystemError, request =>
        {
            if (request.Type != OpCode.Ping) return false;
            long now = Stopwatch.GetTimestamp();
            pings.AddOrUpdate(request.SessionId, (now, TimeSpan.Zero, 1), (_, seen) => (now, TimeSpan.FromTicks(Math.Max(seen.Longest.Ticks, Stopwatch.GetElapsedTime(seen.Last, now).Ticks)), seen.Count + 1));
            return false;
        });
        List<ZooKeeperClient> clients = [];
        for (int i = 0; i < Sessions; i++) clients.Add(await ZooKeeperClient.ConnectAsync(server.ConnectionString, new() { SessionTimeout = s_timeouts[0] }, cancel));
        long[] ids = [.. clients.Select(client => client.SessionId)];
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < duration && !cancel.IsCancellationRequested) await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None);

        int lost = clients.Where((client, i) => client.SessionLost.IsCancellationRequested || client.SessionId != ids[i] || !client.IsConnected).Count();
        TimeSpan longest = pings.IsEmpty ? TimeSpan.Zero : pings.Values.Max(each => each.Longest);
        List<Check> checks =
        [
            Check.That(lost == 0, "sessions in real time", Invariant($"{Sessions} sessions idle for {clock.Elapsed.TotalMinutes:0.0} min, {lost} lost")),
            // The promise is a third of the timeout; what a busy machine adds is not the client's.
            new("pings in real time", pings.Count < Sessions || longest > s_timeouts[0] * 2 / 3 ? Verdict.Broken : longest > s_timeouts[0] / 3 ? Verdict.Unclear : Verdict.Holds, Invariant($"{pings.Values.Sum(each => each.Count)} pings, the longest pause {longest.TotalSeconds:0.00} s, promised {s_timeouts[0].TotalSeconds / 3:0.00} s")),
        ];
        foreach (ZooKeeperClient client in clients) await client.DisposeAsync();
        return checks;
    }

    private static async Task AdvanceAsync(ManualTime time, List<IdleSession> sessions, TimeSpan by)
    {
        TimeSpan end = time.Now + by;
        while (time.Now < end)
        {
            TimeSpan next = sessions.Min(each => each.NoLaterThan);
            if (time.NextDue is { } due && due < next) next = due;
            if (next > end) next = end;
            time.Advance(next > time.Now ? next - time.Now : TimeSpan.Zero);
            var clock = Stopwatch.StartNew();
            for (int turn = 0; turn < 2 || !sessions.TrueForAll(each => each.IsSettled); turn++)
            {
                if (clock.Elapsed > Wait.Bound) throw new TimeoutException(string.Join("; ", sessions.Where(each => !each.IsSettled)));
                await Task.Factory.StartNew(static () => { }, CancellationToken.None, TaskCreationOptions.PreferFairness, TaskScheduler.Default);
            }
        }
    }
}
