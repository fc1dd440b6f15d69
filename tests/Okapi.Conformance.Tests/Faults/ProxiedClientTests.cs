using System.Globalization;
using Okapi.Server;

namespace Okapi.Conformance.Tests.Faults;

/// <summary>
/// The client through a proxy that fails at random. A seed gives a plan of faults, but not the moments at which threads meet it. OKAPI_D3_RUNS=n sets how many seeds are run on each server, OKAPI_D3_SEED=n which is the first.
/// </summary>
public abstract class ProxiedClientTests(Servers servers, ITestOutputHelper output)
{
    private const int Workers = 3;

    private int _nodes;
    private int _unknown;
    private int _gaps;

    /// <summary>How many znodes a worker has at most; the plan is over before, unless it waits for a machine that does much else.</summary>
    private const int MostNodes = 300;

    [Collection(nameof(Fragile))]
    public sealed class OnApache(Fragile servers, ITestOutputHelper output) : ProxiedClientTests(servers, output);

    public sealed class OnEmbedded(FragileEmbedded servers, ITestOutputHelper output) : ProxiedClientTests(servers, output), IClassFixture<FragileEmbedded>;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static int Runs => Setting("OKAPI_D3_RUNS") ?? 20;

    /// <summary>Another one each day, so that the days add up.</summary>
    private static int FirstSeed => Setting("OKAPI_D3_SEED") ?? (int)(TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalDays * 10_000;

    [Fact]
    public async Task Every_operation_completes_and_what_is_definite_is_so_and_no_event_is_missed_unsaid()
    {
        await ForEachSeedAsync(Runs, RunAsync);
        output.WriteLine($"{_nodes} znodes, {_unknown} outcomes unknown, {_gaps} gaps of the watch.");
        if (Runs >= 10) Assert.True(_unknown > 0 && _gaps > 0, "No fault has struck."); // or nothing was put to the test
    }

    [Fact]
    public Task Garbled_bytes_let_no_operation_hang_and_no_client_either() => ForEachSeedAsync(Math.Max(1, Runs / 4), RunGarbledAsync);

    [Theory]
    [InlineData("a b c", "a b c", null)]
    [InlineData("a b c", "a Resync c", null)]
    [InlineData("a b c", "a b Resync", null)]
    [InlineData("a b c", "Resync b c", null)]
    [InlineData("a b c", "a c", "b is missing before c")]
    [InlineData("a b c", "a b", "c is missing at the end")]
    [InlineData("a b c", "a b b c", "b came again")]
    [InlineData("a b c", "a Resync c b", "b came again")]
    [InlineData("a b", "a x", "x did not happen")]
    public void The_checker_finds_what_is_wrong_with_events(string truth, string seen, string? violation)
    {
        string? found = EventGaps.Find(truth.Split(' '), seen.Split(' '));
        if (violation is null) Assert.Null(found);
        else Assert.StartsWith(violation, found);
    }

    [Fact]
    public async Task The_checker_finds_a_state_that_cannot_be()
    {
        await using ZooKeeperClient zk = await servers.ConnectAsync();
        string root = await Servers.RootAsync(zk);
        var node = new PossibleStates(root + "/n");
        await node.CreateAsync(zk, "1");
        await zk.SetAsync(node.Path, "2"u8.ToArray(), cancellationToken: Ct); // behind its back
        InvalidOperationException found = await Assert.ThrowsAsync<InvalidOperationException>(() => node.ReadAsync(zk));
        Assert.Contains("may hold \"1\": it holds \"2\"", found.Message);
        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await zk.DeleteAsync(node.Path, cancellationToken: Ct);
            await node.SetAsync(zk, "3");
        });
    }

    private static int? Setting(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : null;

    /// <summary>A client that is quick to try again, and finds out about silence within seconds.</summary>
    private static ZooKeeperOptions Impatient(FaultProxy proxy) => new()
    {
        ConnectString = proxy.ConnectionString,
        SessionTimeout = TimeSpan.FromSeconds(10),
        BackoffMinimum = TimeSpan.FromMilliseconds(1),
        BackoffMaximum = TimeSpan.FromMilliseconds(10),
        Recovery = SessionRecovery.NewSession,
    };

    private async Task ForEachSeedAsync(int count, Func<int, List<string>, Task> run)
    {
        int first = FirstSeed;
        output.WriteLine($"Seeds {first} to {first + count - 1}.");
        for (int seed = first; seed < first + count; seed++)
        {
            List<string> done = [];
            try
            {
                await run(seed, done);
            }
            catch (Exception failure) when (failure is not Xunit.Sdk.IAssertionException || !Ct.IsCancellationRequested)
            {
                throw new InvalidOperationException($"Seed {seed} (OKAPI_D3_SEED={seed} OKAPI_D3_RUNS=1). Faults: {string.Join("; ", done)}. {failure.Message}", failure);
            }
        }
    }

    private async Task RunAsync(int seed, List<string> done)
    {
        var random = new Random(seed);
        await using ZooKeeperClient direct = await servers.ConnectAsync();
        string root = await Servers.RootAsync(direct);
        await using Watch truth = await direct.WatchAsync(root, WatchMode.PersistentRecursive, Ct);
        await using FaultProxy proxy = FaultProxy.Start(servers.AddressOf(1), new() { Seed = seed });
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(Impatient(proxy), Ct);
        await using Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive, Ct);

        var plan = new FaultPlan(proxy, random);
        Task faults = plan.RunAsync(Ct);
        var nodes = new List<PossibleStates>[Workers];
        Task[] working = [.. Enumerable.Range(0, Workers).Select(worker => WorkAsync(zk, root + "/w" + worker.ToString(CultureInfo.InvariantCulture) + "-", nodes[worker] = [], new Random(seed + worker), faults))];
        try
        {
            await faults.Soon();
            await Task.WhenAll(working).Soon(); // each operation completes
        }
        finally
        {
            done.AddRange(plan.Done);
        }

        // The client works, and its watch as well.
        await new PossibleStates(root + "/last").CreateAsync(zk, "last");
        await zk.SyncAsync(root, Ct).AsTask().Soon();
        await direct.SyncAsync(root, Ct).AsTask().Soon();
        await Task.WhenAll(nodes.SelectMany(each => each).Select(node => node.ReadAsync(direct))).Soon();
        await zk.SetAsync(root + "/last", "end"u8.ToArray(), cancellationToken: Ct).AsTask().Soon();
        await direct.SyncAsync(root, Ct).AsTask().Soon();
        string[] seen = await watch.DrainTextAsync();
        string? gap = EventGaps.Find(await truth.DrainTextAsync(), seen);
        _nodes += nodes.Sum(each => each.Count);
        _unknown += nodes.Sum(each => each.Sum(node => node.Unknown));
        _gaps += seen.Count(each => each.StartsWith("Resync", StringComparison.Ordinal));
        if (gap is not null) throw new InvalidOperationException(gap);
    }

    /// <summary>Creates, sets, reads and deletes znodes, each of them once, until the faults are over.</summary>
    private static async Task WorkAsync(ZooKeeperClient zk, string prefix, List<PossibleStates> nodes, Random random, Task faults)
    {
        while (!faults.IsCompleted && nodes.Count < MostNodes)
        {
            var node = new PossibleStates(prefix + nodes.Count.ToString(CultureInfo.InvariantCulture));
            nodes.Add(node);
            await node.CreateAsync(zk, "created");
            if (random.Next(2) == 0) await node.SetAsync(zk, "set" + new string('x', random.Next(500)));
            if (random.Next(2) == 0) await node.ReadAsync(zk);
            if (random.Next(3) == 0) await node.DeleteAsync(zk);
        }
    }

    private async Task RunGarbledAsync(int seed, List<string> done)
    {
        var random = new Random(seed);
        await using ZooKeeperClient direct = await servers.ConnectAsync();
        string root = await Servers.RootAsync(direct);
        await using FaultProxy proxy = FaultProxy.Start(servers.AddressOf(1), new() { Seed = seed });
        ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(Impatient(proxy), Ct);
        await using (Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive, Ct))
        {
            var direction = (FaultDirection)random.Next(1, 4);
            double share = Math.Pow(10, -1 - (2 * random.NextDouble()));
            done.Add($"{share:g3} of the bytes of {direction}");
            using Fault corrupt = proxy.Faults.Corrupt(share, direction);
            Task[] calls = [.. Enumerable.Range(0, 50).Select(i => AnyOutcomeAsync(zk, root + "/n" + i.ToString(CultureInfo.InvariantCulture)))];
            await corrupt.Struck.Soon();
            corrupt.Dispose();
            proxy.Faults.Cut(); // a reply whose number was garbled may be waited for until the connection ends
            await zk.DisposeAsync().AsTask().Soon();
            await Task.WhenAll(calls).Soon();
        }

        await direct.SyncAsync(root, Ct).AsTask().Soon(); // the server has survived it
        await using ZooKeeperClient next = await ZooKeeperClient.ConnectAsync(Impatient(proxy), Ct);
        await next.CreateAsync(root + "/next", cancellationToken: Ct).AsTask().Soon();
    }

    private static async Task AnyOutcomeAsync(ZooKeeperClient zk, string path)
    {
        try
        {
            await zk.CreateAsync(path);
            await zk.SetAsync(path, new byte[100]);
            await zk.TryGetAsync(path);
        }
        catch (ZooKeeperException)
        {
            // Garbled bytes may become any error; what counts is that there is an end.
        }
    }
}
