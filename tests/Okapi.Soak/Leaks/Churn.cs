using System.Diagnostics;
using Okapi.Recipes;
using Okapi.Server;
using Okapi.Soak.Load;
using Okapi.Soak.Measures;
using static System.FormattableString;

namespace Okapi.Soak.Leaks;

/// <summary>How often each thing is done.</summary>
internal sealed record ChurnCounts(int LockCycles, int CancelledAcquires, int Reconnects, int Connects)
{
    public static ChurnCounts Full { get; } = new(1_000_000, 1_000_000, 100_000, 100_000);

    public ChurnCounts Share(int of) => new(LockCycles / of, CancelledAcquires / of, Reconnects / of, Connects / of);
}

/// <summary>
/// S2: things taken and given back, again and again, by clients that stay. Every other one has a socket, the others are connected in memory. Afterwards there is on both sides of the wire what is held, and no more.
/// </summary>
internal sealed class Churn : IAsyncDisposable
{
    private const int Clients = 8;
    private const int Locks = 4;

    /// <summary>Threads of the pool come and go with the work, and the client keeps some for a while.</summary>
    private const int SpareThreads = 16;

    /// <summary>How much more heap is no leak: what tables and pools have come to have room for.</summary>
    private const long HeapAllowed = 2 << 20;

    private readonly EmbeddedServer _server;
    private readonly Action<string> _say;
    private readonly Random _random;
    private readonly ZooKeeperClient[] _clients = new ZooKeeperClient[Clients];
    private readonly List<object> _standing = [];
    private readonly Census _census = new();
    private ServerCounts _atRest;

    private Churn(EmbeddedServer server, int seed, Action<string> say) => (_server, _random, _say) = (server, new Random(seed), say);

    public Census Census => _census;

    public static async Task<Churn> StartAsync(int seed, Action<string> say)
    {
        var churn = new Churn(await SoakServer.StartEmbeddedAsync(), seed, say);
        for (int i = 0; i < Clients; i++)
        {
            churn._clients[i] = await churn.ConnectAsync(i);
            await churn._clients[i].CreateAsync($"/here-{i}", null, CreateMode.Ephemeral);
            churn._standing.Add(await churn._clients[i].WatchAsync($"/here-{i}"));
            churn._standing.Add(await churn._clients[i].WatchExistsAsync($"/never-{i}"));
        }

        churn._atRest = await churn.CountAsync();
        return churn;
    }

    public async Task<IReadOnlyList<Check>> RunAsync(ChurnCounts counts)
    {
        // Once for the compiler, and for the room that tables and pools come to have.
        await AllAsync(counts.Share(50), isMeasured: false);
        long heap = Gauges.Heap();
        (int Descriptors, int Timers, int Threads) held = (Gauges.Descriptors(), Gauges.Timers, Gauges.Threads());
        List<Check> checks = [.. await AllAsync(counts, isMeasured: true)];

        IReadOnlyList<(string Type, int Count)> leaks = await _census.FindLeaksAsync([_server, .. _clients, .. _standing]);
        checks.Add(Check.That(leaks.Count == 0, "Okapi's objects", leaks.Count == 0 ? Invariant($"{_census.Seen} of those sampled are alive, and all are held") : string.Join(", ", leaks.Select(each => Invariant($"{each.Count} {each.Type}")))));
        long now = 0;
        bool isFlat = await Wait.UntilAsync(() => Task.FromResult((now = Gauges.Heap()) - heap < HeapAllowed), TimeSpan.FromSeconds(10));
        checks.Add(Check.That(isFlat, "heap", Invariant($"{heap} bytes before, {now} after")));
        Check descriptors = await BackToAsync("descriptors", held.Descriptors, Gauges.Descriptors);
        checks.Add(descriptors.Verdict == Verdict.Holds ? descriptors : descriptors with { Detail = $"{descriptors.Detail}: {Gauges.DescribeDescriptors()}" });
        checks.Add(await BackToAsync("timers", held.Timers, static () => Gauges.Timers));
        checks.Add(await BackToAsync("threads", held.Threads + SpareThreads, Gauges.Threads));
        return checks;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ZooKeeperClient client in _clients) await client.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static bool IsSampled(int i, int count) => i % Math.Max(1, count / 8) == 0;

    private static async Task<Check> BackToAsync(string name, int before, Func<int> gauge)
    {
        int now = 0;
        bool isBack = await Wait.UntilAsync(() => Task.FromResult((now = gauge()) <= before + 3), TimeSpan.FromSeconds(30));
        return Check.That(isBack, name, Invariant($"{now}, {before} before"));
    }

    private async Task<IReadOnlyList<Check>> AllAsync(ChurnCounts counts, bool isMeasured)
    {
        List<Check> checks =
        [
            await PhaseAsync("cycles of locks", counts.LockCycles, CycleAsync),
            await PhaseAsync("cancelled acquires", counts.CancelledAcquires, CancelAsync),
            await PhaseAsync("reconnects", counts.Reconnects, ReconnectAsync),
            await PhaseAsync("clients connected and disposed", counts.Connects, ComeAndGoAsync),
        ];
        return isMeasured ? checks : [];
    }

    /// <summary>Divides a number of things among the clients.</summary>
    private async Task<Check> PhaseAsync(string what, int count, Func<int, int, Random, Task> act)
    {
        int each = Math.Max(1, count / Clients);
        var clock = Stopwatch.StartNew();
        int seed = _random.Next();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(() => act(client, each, new Random(seed + client)))));
        bool isQuiet = await Wait.UntilAsync(async () => await CountAsync() == _atRest, TimeSpan.FromSeconds(20));
        if (count >= 1000) _say(Invariant($"{each * Clients} {what} in {clock.Elapsed.TotalSeconds:0.0} s"));
        return Check.That(isQuiet, what, Invariant($"{each * Clients} in {clock.Elapsed.TotalSeconds:0.0} s, then the server has {await CountAsync()}"));
    }

    private async Task CycleAsync(int client, int count, Random random)
    {
        await using DistributedLock mine = _clients[client].Lock($"/lock-{client % Locks}");
        for (int i = 0; i < count; i++)
        {
            await using LockHandle held = await mine.AcquireAsync();
            if (IsSampled(i, count))
            {
                _census.Take(mine);
                _census.Take(held);
            }
        }
    }

    /// <summary>The lock is held by another client all the while, so each has to be cancelled: before it begins, as it begins, a few steps later, or when it waits.</summary>
    private async Task CancelAsync(int client, int count, Random random)
    {
        ZooKeeperClient zk = _clients[client];
        string path = $"/taken-{client}";
        await using LockHandle held = await _clients[(client + 1) % Clients].Lock(path).AcquireAsync();
        for (int i = 0; i < count; i++)
        {
            using var cancellation = new CancellationTokenSource();
            int way = random.Next(8);
            if (way == 0) await cancellation.CancelAsync();
            await using DistributedLock wanted = zk.Lock(path);
            Task<LockHandle> waiting = wanted.AcquireAsync(cancellation.Token);
            for (int step = way; step > 1; step--) await (way > 5 ? zk.ExistsAsync("/").AsTask() : YieldAsync());
            if (IsSampled(i, count)) _census.Take(waiting);
            await cancellation.CancelAsync();
            try
            {
                await waiting;
                throw new InvalidOperationException("Two hold one lock.");
            }
            catch (OperationCanceledException)
            {
                // As asked for.
            }
        }

        static async Task YieldAsync() => await Task.Yield();
    }

    private async Task ReconnectAsync(int client, int count, Random random)
    {
        ZooKeeperClient zk = _clients[client];
        for (int i = 0; i < count; i++)
        {
            if (IsSampled(i, count)) _census.Take(zk);
            if (client == 0 && IsSampled(i, count)) _census.Take(_server);
            Task<Stat?> pending = zk.ExistsAsync("/").AsTask();
            await _server.Faults.CutAsync((CutKind)random.Next(2), zk.SessionId);
            await pending;
            // A read that is asked for after the cut is answered on the next connection.
            await zk.ExistsAsync("/");
        }
    }

    private async Task ComeAndGoAsync(int client, int count, Random random)
    {
        for (int i = 0; i < count; i++)
        {
            ZooKeeperClient zk = await ConnectAsync(client);
            await UseAsync(zk, random.Next(6));
            if (IsSampled(i, count)) _census.Take(zk);
            await zk.DisposeAsync();
        }

        static async Task UseAsync(ZooKeeperClient zk, int way)
        {
            switch (way)
            {
                case 0:
                    await zk.CreateAsync("/gone-", null, CreateMode.EphemeralSequential);
                    break;
                case 1:
                    await zk.WatchAsync("/", WatchMode.PersistentRecursive);
                    break;
                case 2:
                    _ = (await zk.WatchExistsAsync("/gone")).Fired;
                    break;
                case 3:
                    _ = zk.ExistsAsync("/").AsTask(); // its answer may come too late
                    break;
                case 4:
                    await zk.Lock($"/lock-of-many-{zk.SessionId & 63}").TryAcquireAsync(); // it goes with the session
                    break;
                default:
                    break;
            }
        }
    }

    private Task<ZooKeeperClient> ConnectAsync(int number)
    {
        var options = new ZooKeeperOptions { ConnectString = _server.ConnectionString, BackoffMinimum = TimeSpan.FromMilliseconds(1), BackoffMaximum = TimeSpan.FromMilliseconds(1), RandomSeed = number };
        if (number % 2 == 0) options.ConnectCallback = (to, token) => _server.ConnectAsync(to.Port, token);
        return ZooKeeperClient.ConnectAsync(options);
    }

    private async Task<ServerCounts> CountAsync() => SoakServer.Parse(await SoakServer.WordAsync(_server, "mntr"));
}
