using System.Text;

namespace Okapi.Server.Tests;

/// <summary>
/// D1: the connection is cut at every byte of a session, in both directions and in every way. Whatever the byte, each call ends once and says what is so; what was acknowledged is
/// there, what was refused is not, and the session goes on.
/// </summary>
public class EveryByteTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<FaultDirection, CutKind> Ways { get; } = new()
    {
        { FaultDirection.Requests, CutKind.Reset },
        { FaultDirection.Requests, CutKind.Close },
        { FaultDirection.Replies, CutKind.Reset },
        { FaultDirection.Replies, CutKind.Close },
        { FaultDirection.Replies, CutKind.HalfClose },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Whatever_byte_the_connection_is_cut_at_nothing_is_lost_and_nothing_is_untrue(FaultDirection direction, CutKind kind)
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using ZooKeeperClient judge = await InMemory.ConnectAsync(server, options => options.ConnectString = "memory:2");
        int at = 0, lost = 0;
        for (bool wasCut = true; wasCut; at++)
        {
            using Fault cut = server.Members[0].Faults.CutAfter(at, direction, kind);
            try
            {
                lost += await new Round(server, judge, $"/{at}").RunAsync().InTime();
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"{kind} of {direction} at byte {at}: {error.Message}", error);
            }

            wasCut = cut.Strikes > 0;
        }

        Assert.True(at > 400, $"Only {at} bytes went over the connection.");
        Assert.True(lost > 0, "No call was ever lost, so nothing was put to the test.");
        TestContext.Current.TestOutputHelper?.WriteLine($"{at} bytes, {lost} calls lost.");
    }

    /// <summary>One session that makes calls of every kind at once, and a judge, whose connection is never cut, who compares what they said with what there is.</summary>
    private sealed class Round(EmbeddedServer server, ZooKeeperClient judge, string root)
    {
        private static readonly byte[] New = Encoding.UTF8.GetBytes("new");

        private int _lost;

        public async Task<int> RunAsync()
        {
            await judge.CreateAsync(root, cancellationToken: Ct);
            foreach (string name in (string[])["set", "delete", "both"]) await judge.CreateAsync($"{root}/{name}", "old"u8.ToArray(), cancellationToken: Ct);
            await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options =>
            {
                options.ConnectString = "memory:1";
                options.BackoffMinimum = options.BackoffMaximum = TimeSpan.FromMilliseconds(1);
            });
            await using Watch watch = await zk.WatchAsync(root, WatchMode.PersistentRecursive, Ct);
            await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator(Ct);

            Task<bool> first = Try(zk.CreateAsync(root + "/first", New, cancellationToken: Ct).AsTask());
            Task<bool> set = Try(zk.SetAsync(root + "/set", New, expectedVersion: 0, Ct).AsTask());
            Task<NodeData> read = zk.GetAsync(root, Ct).AsTask();
            Task<bool> delete = Try(zk.DeleteAsync(root + "/delete", cancellationToken: Ct).AsTask());
            Task<bool> both = Try(zk.Transaction().Set(root + "/both", New).Create(root + "/part", New).CommitAsync(Ct));
            Task<bool> ephemeral = Try(zk.CreateAsync(root + "/e-", New, CreateMode.EphemeralSequential, cancellationToken: Ct).AsTask());
            Task<IReadOnlyList<string>> children = zk.GetChildrenAsync(root, Ct).AsTask();

            await read; // reads are sent again
            await children;
            await IsAsync("first", await first, exists: true);
            await IsAsync("delete", await delete, exists: false);
            NodeData now = await judge.GetAsync(root + "/set", Ct);
            Assert.True(!await set || now.Stat.Version == 1, "A set that was acknowledged is not there.");
            Assert.Equal(now.Stat.Version == 1 ? "new" : "old", Encoding.UTF8.GetString(now.Data!));
            bool part = await judge.ExistsAsync(root + "/part", Ct) is not null;
            Assert.Equal(part, (await judge.GetAsync(root + "/both", Ct)).Stat.Version == 1); // both or none
            Assert.True(!await both || part, "A transaction that was acknowledged is not there.");
            if (await ephemeral) Assert.Single(await judge.GetChildrenAsync(root, Ct), name => name.StartsWith("e-", StringComparison.Ordinal));
            await SeenAsync(zk, events);
            return _lost;
        }

        /// <summary>Each change is in the stream, or a mark that some may be missing.</summary>
        private async Task SeenAsync(ZooKeeperClient zk, IAsyncEnumerator<WatchedEvent> events)
        {
            string end = root + "/end";
            while (!await Try(zk.CreateAsync(end, cancellationToken: Ct).AsTask())) end += "x";
            var seen = new List<WatchedEvent>();
            do
            {
                Assert.True(await events.MoveNextAsync(), "The stream has ended.");
                seen.Add(events.Current);
            }
            while (events.Current.Path != end);
            if (seen.Exists(change => change.Type == WatchedEventType.Resync)) return;
            IReadOnlyList<string> there = await judge.GetChildrenAsync(root, Ct);
            foreach (string name in there.Where(name => name is not ("set" or "delete" or "both")))
                Assert.Contains(seen, change => change.Path == $"{root}/{name}" && change.Type == WatchedEventType.NodeCreated);
        }

        private async Task IsAsync(string name, bool acknowledged, bool exists) =>
            Assert.True(!acknowledged || (await judge.ExistsAsync($"{root}/{name}", Ct) is not null) == exists, $"What was acknowledged of {name} is not so.");

        /// <summary>Whether a call was acknowledged; the only other thing that it may say is that it does not know.</summary>
        private async Task<bool> Try(Task call)
        {
            try
            {
                await call;
                return true;
            }
            catch (ConnectionLossException)
            {
                _lost++;
                return false;
            }
        }
    }
}
