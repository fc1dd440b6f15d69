using System.Text.Json.Nodes;
using Okapi.Server;

namespace Okapi.State.Tests;

/// <summary>Replicas that update at random while their connections are cut.</summary>
public abstract class ReplayTests(Servers servers)
{
    private const int Replicas = 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public sealed class OnApache(Standalone servers) : ReplayTests(servers);

    public sealed class OnEmbedded(Embedded servers) : ReplayTests(servers);

    [Theory]
    [InlineData(UpdateMode.Exclusive)]
    [InlineData(UpdateMode.Optimistic)]
    public async Task The_changes_of_every_replica_lead_to_its_state_and_all_states_are_equal(UpdateMode mode)
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using Proxy proxy = servers.Proxy();
        var options = new SharedStateOptions { UpdateMode = mode, ChangeBufferSize = 4, CheckInterval = TimeSpan.FromMilliseconds(500) };
        await using ZooKeeperClient direct = await servers.ConnectAsync();
        string path = await Servers.RootAsync(direct);
        var replicas = new List<Replica>();
        for (int i = 0; i < Replicas; i++) replicas.Add(await Replica.OpenAsync(i % 2 == 0 ? await proxy.ConnectAsync(Patient()) : await servers.ConnectAsync(Patient()), path, options, seed + i));

        using var stop = new CancellationTokenSource();
        Task cutting = CutAsync(proxy, replicas, seed, stop.Token);
        (int Sure, int Perhaps)[] counts = await Task.WhenAll(replicas.Select(replica => replica.UpdateAsync(15))).WaitAsync(TimeSpan.FromMinutes(2), Token);
        await stop.CancelAsync();
        await cutting;

        await using SharedState<Tally> judge = await direct.OpenTallyAsync(path);
        Assert.Equal(0, counts.Sum(each => each.Perhaps)); // where no session ends, every outcome is found out
        await JudgeAsync(replicas, judge, counts, seed);

        await Waiting.UntilAsync(async () => (await direct.GetChildrenAsync(path + "/write_lock", Token)).Count == 0 && (await judge.GetListenersAsync(Token)).Count == 1, "all have gone");
    }

    internal static async Task JudgeAsync(List<Replica> replicas, SharedState<Tally> judge, (int Sure, int Perhaps)[] counts, int seed)
    {
        int count = (await judge.ReadLatestAsync(Token)).Count;
        Assert.InRange(count, counts.Sum(each => each.Sure), counts.Sum(each => each.Sure + each.Perhaps));
        foreach (Replica replica in replicas)
        {
            Assert.Equal(count, (await replica.State.ReadLatestAsync(Token).Soon()).Count);
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(judge.Known.Document.GetRawText()), JsonNode.Parse(replica.State.Known.Document.GetRawText())));
            await replica.CloseAsync($"seed {seed}");
        }
    }

    private static ZooKeeperOptions Patient() => new() { Recovery = SessionRecovery.NewSession, BackoffMinimum = TimeSpan.FromMilliseconds(10), BackoffMaximum = TimeSpan.FromMilliseconds(50) };

    private static async Task CutAsync(Proxy proxy, List<Replica> replicas, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        try
        {
            while (true)
            {
                Task progress = Replica.ProgressAsync(replicas, stop);
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(5, 120)), TimeProvider.System, stop);
                await progress; // or on a slow machine nobody would get anywhere
                if (random.Next(3) == 0) proxy.HoldReplies();
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(1, 30)), TimeProvider.System, stop);
                await proxy.CutAsync();
                proxy.Heal();
            }
        }
        catch (OperationCanceledException)
        {
            proxy.Heal();
        }
    }

    internal sealed class Replica
    {
        private readonly ZooKeeperClient _zk;
        private readonly Listening _listening;
        private readonly Random _random;
        private readonly JsonNode? _start;
        private TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);

        private Replica(ZooKeeperClient zk, SharedState<Tally> state, int seed)
        {
            (_zk, State, _random) = (zk, state, new Random(seed));
            Versioned<Tally> start = state.Known;
            _start = JsonNode.Parse(start.Document.GetRawText());
            _listening = Listening.To(state, start);
            Reading = _listening.ToEndAsync();
        }

        public SharedState<Tally> State { get; }

        private Task Reading { get; }

        public static async Task<Replica> OpenAsync(ZooKeeperClient zk, string path, SharedStateOptions options, int seed) => new(zk, await zk.OpenTallyAsync(path, options), seed);

        /// <summary>Completes when one of them has come to the end of one more update.</summary>
        public static Task ProgressAsync(List<Replica> replicas, CancellationToken stop) => Task.WhenAny(replicas.Select(replica => Volatile.Read(ref replica._tried).Task)).WaitAsync(stop);

        /// <returns>How many increments are sure to be in, and how many may be.</returns>
        public async Task<(int Sure, int Perhaps)> UpdateAsync(int times)
        {
            long last = 0;
            int perhaps = 0;
            for (int i = 0; i < times; i++)
            {
                try
                {
                    Versioned<Tally> committed = await State.UpdateAsync(tally => _random.Next(5) == 0 ? tally.Plus($"{_random.Next(3)}") : tally.Plus(State.Id[..4]), Token);
                    Assert.True(committed.Zxid > last);
                    Assert.True(State.Known.Zxid >= committed.Zxid);
                    last = committed.Zxid;
                }
                catch (UpdateOutcomeUnknownException)
                {
                    perhaps++;
                }

                Interlocked.Exchange(ref _tried, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
            }

            return (times - perhaps, perhaps);
        }

        public async Task CloseAsync(string about)
        {
            Versioned<Tally> end = State.Known;
            await State.DisposeAsync();
            await Reading.Soon();
            Assert.True(_listening.Seen.Zip(_listening.Seen.Skip(1)).All(pair => pair.First.Zxid <= pair.Second.Zxid), about);
            Assert.True(_listening.Seen.All(change => change is not { Old: { } before, New: { } after } || before.GetRawText() != after.GetRawText()), about);
            JsonNode? replayed = JsonDifference.Apply(_start, _listening.Seen);
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(end.Document.GetRawText()), replayed), $"{about}: {replayed} is not {end.Document}");
            await _zk.DisposeAsync();
        }
    }
}

/// <summary>The same with sessions that end, on a server that ends them when it is told to.</summary>
public sealed class ReplayAcrossSessionsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(UpdateMode.Exclusive)]
    [InlineData(UpdateMode.Optimistic)]
    public async Task No_update_is_lost_or_applied_twice_when_sessions_end(UpdateMode mode)
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient direct = await InMemory.ConnectAsync(server);
        var replicas = new List<ReplayTests.Replica>();
        for (int i = 0; i < 4; i++) replicas.Add(await ReplayTests.Replica.OpenAsync(await InMemory.ConnectAsync(server), "/s", new() { UpdateMode = mode, ChangeBufferSize = 4 }, seed + i));

        using var stop = new CancellationTokenSource();
        Task ending = EndSessionsAsync(server, replicas, direct.SessionId, seed, stop.Token);
        (int Sure, int Perhaps)[] counts = await Task.WhenAll(replicas.Select(replica => replica.UpdateAsync(30))).WaitAsync(TimeSpan.FromMinutes(2), Token);
        await stop.CancelAsync();
        await ending;
        await using SharedState<Tally> judge = await direct.OpenTallyAsync("/s");
        await ReplayTests.JudgeAsync(replicas, judge, counts, seed);
        Assert.True(counts.Sum(each => each.Perhaps) < 60, "most outcomes are found out");
        await Waiting.UntilAsync(async () => (await direct.GetChildrenAsync("/s/write_lock", Token)).Count == 0 && (await judge.GetListenersAsync(Token)).Count == 1, "all have gone");
    }

    private static async Task EndSessionsAsync(EmbeddedServer server, List<ReplayTests.Replica> replicas, long spared, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        try
        {
            while (true)
            {
                Task progress = ReplayTests.Replica.ProgressAsync(replicas, stop);
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(2, 25)), TimeProvider.System, stop);
                await progress; // or on a slow machine nobody would get anywhere
                long[] sessions = [.. (await server.GetSessionsAsync()).Where(session => session != spared)];
                if (sessions.Length == 0) continue;
                long one = sessions[random.Next(sessions.Length)];
                if (random.Next(2) == 0) await server.Faults.CutAsync(sessionId: one);
                if (random.Next(2) == 0) await server.ExpireSessionAsync(one);
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
    }
}
