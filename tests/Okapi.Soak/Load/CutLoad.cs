using System.Diagnostics;
using Okapi.Soak.Measures;
using static System.FormattableString;

namespace Okapi.Soak.Load;

/// <summary>How much load, and for how long.</summary>
internal sealed record LoadSettings
{
    public int Clients { get; init; } = 200;

    /// <summary>Operations of all clients in a second.</summary>
    public double Rate { get; init; } = 2000;

    public TimeSpan CutPeriod { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>What is not judged at first: a fifth, and not more than five minutes.</summary>
    public TimeSpan WarmUp => TimeSpan.FromTicks(Math.Min(Duration.Ticks / 5, TimeSpan.FromMinutes(5).Ticks));

    public TimeSpan SamplePeriod { get; init; } = TimeSpan.FromSeconds(5);

    public int Seed { get; init; }

    public bool IsApache { get; init; }
}

/// <summary>S1: many clients at work, each connection cut again and again, and nothing may grow.</summary>
internal sealed class CutLoad(LoadSettings settings, Action<string> say)
{
    private readonly Series _heap = new("heap", static bytes => Invariant($"{bytes / (1 << 20):0.00} MiB"));
    private readonly Series _descriptors = new("descriptors");
    private readonly Series _threads = new("threads");
    private readonly Series _timers = new("timers");
    private readonly Series _watches = new("server watches");
    private readonly Series _ephemerals = new("server ephemerals");
    private readonly Series _sessions = new("server sessions");
    private readonly Series _rate = new("operations per second");
    private readonly Tally _tally = new();

    public IReadOnlyList<Series> All => [_heap, _descriptors, _threads, _timers, _watches, _ephemerals, _sessions, _rate];

    public async Task<IReadOnlyList<Check>> RunAsync(CancellationToken cancel)
    {
        await using SoakServer server = await SoakServer.StartAsync(settings.IsApache);
        await PrepareAsync(server);
        Gauges.Collect();
        (int Descriptors, int Timers) bare = (Gauges.Descriptors(), Gauges.Timers);
        var checks = new List<Check>();
        await using (var cutter = new Cutter(server.Address))
        {
            List<LoadClient> clients = [];
            for (int i = 0; i < settings.Clients; i++) clients.Add(await LoadClient.ConnectAsync(cutter.AddressFor(i), i, _tally, settings.Seed));
            ServerCounts before = await server.CountAsync();
            say(Invariant($"{clients.Count} clients; the server has {before}"));
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            TimeSpan period = TimeSpan.FromSeconds(settings.Clients / settings.Rate);
            Task load = Task.WhenAll(clients.Select(client => Task.Run(() => client.RunAsync(period, stop.Token))));
            Task cutting = cutter.RunAsync(settings.CutPeriod, stop.Token);
            await SampleAsync(server, cancel);
            await stop.CancelAsync();
            await Task.WhenAll(load, cutting).WaitAsync(Wait.Bound * 2, CancellationToken.None);
            await Task.WhenAll(clients.Select(client => client.RestAsync())).WaitAsync(Wait.Bound, CancellationToken.None);

            ServerCounts after = default;
            await Wait.UntilAsync(async () => (after = await server.CountAsync()) == before);
            checks.AddRange(JudgeSeries());
            checks.Add(Check.Equal("server watches at rest", before.Watches, after.Watches));
            checks.Add(Check.Equal("server ephemerals at rest", before.Ephemerals, after.Ephemerals));
            checks.Add(Check.Equal("server sessions at rest", before.Sessions, after.Sessions));
            checks.Add(Check.That(cutter.Cuts >= Math.Floor(settings.Duration / settings.CutPeriod) * settings.Clients * 0.8, "cuts", Invariant($"{cutter.Cuts} connections cut, {_tally.Lost} operations lost theirs")));
            await Task.WhenAll(clients.Select(client => client.DisposeAsync().AsTask())).WaitAsync(Wait.Bound, CancellationToken.None);
        }

        ServerCounts none = default;
        await Wait.UntilAsync(async () => (none = await server.CountAsync()) is { Watches: 0, Ephemerals: 0, Sessions: 0 });
        checks.Add(Check.That(none is { Watches: 0, Ephemerals: 0, Sessions: 0 }, "the server after all have gone", none.ToString()));
        checks.Add(await BackToAsync("descriptors after all have gone", bare.Descriptors, Gauges.Descriptors));
        checks.Add(await BackToAsync("timers after all have gone", bare.Timers, static () => Gauges.Timers));
        string failures = string.Join("; ", _tally.Failures.Select(each => $"{each.Value} times {each.Key}"));
        checks.Add(Check.That(_tally.Failures.Count == 0, "operations", _tally.Failures.Count == 0 ? Invariant($"{_tally.Done} done, {_tally.Events} events, nothing but lost connections failed") : failures));
        return checks;
    }

    /// <summary>What was there before is what is left; a few may be the runtime's own.</summary>
    private static async Task<Check> BackToAsync(string name, int before, Func<int> gauge)
    {
        int now = 0;
        bool isBack = await Wait.UntilAsync(() => Task.FromResult((now = gauge()) <= before + 3), TimeSpan.FromSeconds(30));
        return Check.That(isBack, name, Invariant($"{now}, {before} before"));
    }

    private static async Task PrepareAsync(SoakServer server)
    {
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.Address);
        await zk.CreateAsync(LoadClient.Root);
        for (int i = 0; i < LoadClient.SharedNodes; i++) await zk.CreateAsync($"{LoadClient.Root}/shared-{i}");
    }

    private async Task SampleAsync(SoakServer server, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        using var pace = new PeriodicTimer(settings.SamplePeriod);
        (long done, TimeSpan at) = (0, TimeSpan.Zero);
        int turn = 0;
        while (clock.Elapsed < settings.Duration && !cancel.IsCancellationRequested)
        {
            await pace.WaitForNextTickAsync(CancellationToken.None);
            (int descriptors, int threads, int timers) = (Gauges.Descriptors(), Gauges.Threads(), Gauges.Timers);
            ServerCounts counts = await server.CountAsync();
            TimeSpan now = clock.Elapsed;
            double rate = (_tally.Done - done) / (now - at).TotalSeconds;
            (done, at) = (_tally.Done, now);
            if (turn % 12 == 0) say(Invariant($"{now:hh\\:mm\\:ss}  {rate:0} operations/s, heap {GC.GetTotalMemory(false) >> 20} MiB, {descriptors} descriptors, {threads} threads, {timers} timers, {counts}"));
            if (now < settings.WarmUp)
            {
                turn++;
                continue;
            }

            _descriptors.Add(now, descriptors);
            _threads.Add(now, threads);
            _timers.Add(now, timers);
            _watches.Add(now, counts.Watches);
            _ephemerals.Add(now, counts.Ephemerals);
            _sessions.Add(now, counts.Sessions);
            _rate.Add(now, rate);
            // A full collection holds everybody up, so not each time.
            if (turn++ % 2 == 0) _heap.Add(now, Gauges.Heap());
        }
    }

    /// <summary>Watches and ephemerals come and go with the load; those are judged at rest.</summary>
    private IEnumerable<Check> JudgeSeries() =>
    [
        Judge.Growth(_heap.Name, _heap.Samples),
        Judge.Level(_descriptors.Name, _descriptors.Samples),
        Judge.Level(_threads.Name, _threads.Samples),
        Judge.Level(_timers.Name, _timers.Samples),
        Judge.Level(_sessions.Name, _sessions.Samples),
    ];
}
