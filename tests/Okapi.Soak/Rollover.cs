using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using Okapi.Recipes;
using Okapi.Server;
using Okapi.Soak.Leaks;
using Okapi.Soak.Measures;
using static System.FormattableString;

namespace Okapi.Soak;

/// <summary>S3: numbers past their ends. Both take years to get there, so they are set just before.</summary>
internal static class Rollover
{
    /// <summary>Where the lower half of a transaction number changes its sign, where it is full, and the same with an epoch.</summary>
    public static IReadOnlyList<long> Boundaries { get; } = [0x7fff_ffff, 0xffff_ffff, 0x7_ffff_ffff];

    public static async Task<IReadOnlyList<Check>> RunAsync()
    {
        List<Check> checks = [];
        foreach (long boundary in Boundaries) checks.Add(await ZxidAsync(boundary));
        checks.Add(await XidAsync());
        return checks;
    }

    /// <summary>Writes, watches, a lock, reconnects and restarts across a boundary of transaction numbers.</summary>
    public static async Task<Check> ZxidAsync(long boundary)
    {
        string name = Invariant($"zxid past 0x{boundary:x}");
        string folder = Directory.CreateTempSubdirectory("okapi-rollover-").FullName;
        try
        {
            await BeginAtAsync(folder, boundary - 30);
            List<string> wrong = [];
            await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { DataFolder = folder, Members = 2, UseSockets = false });
            await using ZooKeeperClient writer = await ConnectAsync(server, 1), reader = await ConnectAsync(server, 2);
            await using Watch all = await reader.WatchAsync("/", WatchMode.PersistentRecursive);
            await writer.CreateAsync("/n");
            await writer.CreateAsync("/away");
            long tokenBefore = await TokenAsync(writer);
            await using OneShotWatch<NodeData> held = await reader.WatchDataAsync("/n"), missed = await reader.WatchDataAsync("/away");

            // Up to the last one before the boundary, and the reader is cut off across it.
            while (writer.LastZxid < boundary - 1) await writer.CreateAsync("/before-", null, CreateMode.PersistentSequential);
            List<long> zxids = [];
            using (server.Members[1].Faults.Refuse())
            {
                await server.Members[1].Faults.CutAsync();
                for (int i = 0; i < 4; i++) zxids.Add((await writer.SetAsync("/away", new byte[] { (byte)i })).Mzxid);
            }

            if (!zxids.SequenceEqual([boundary, boundary + 1, boundary + 2, boundary + 3])) wrong.Add($"writes had {Hex(zxids)}");
            WatchedEvent told = await missed.Fired.WaitAsync(Wait.Bound);
            if (told.Type != WatchedEventType.NodeDataChanged) wrong.Add($"a change across the boundary was told as {told}");
            await reader.SyncAsync();
            if (held.Fired.IsCompleted) wrong.Add("a watch fired of what did not change");

            // What is there outlives a kill, and sessions that saw the boundary go on.
            await server.RestartAsync();
            await writer.SyncAsync();
            await reader.SyncAsync();
            long last = (await writer.SetAsync("/n", new byte[] { 9 })).Mzxid;
            if (last != boundary + 4) wrong.Add($"after a restart a write had {Hex([last])}");
            if ((await held.Fired.WaitAsync(Wait.Bound)).Zxid != last) wrong.Add("a watch from before the boundary fired of something else");
            long tokenAfter = await TokenAsync(writer);
            if (tokenAfter <= tokenBefore || tokenAfter <= boundary) wrong.Add($"fencing tokens went from {Hex([tokenBefore])} to {Hex([tokenAfter])}");
            string end = await writer.CreateAsync("/end");
            long previous = 0;
            await foreach (WatchedEvent each in all)
            {
                // What a server tells of the time of a cut has no number.
                if (each.Zxid < 0) continue;
                if (each.Zxid <= previous) wrong.Add($"an event of {Hex([each.Zxid])} came after one of {Hex([previous])}");
                previous = each.Zxid;
                if (each.Path == end) break;
            }

            await reader.SyncAsync();
            if (reader.LastZxid != writer.LastZxid || writer.LastZxid <= boundary) wrong.Add($"clients have seen {Hex([reader.LastZxid, writer.LastZxid])}");
            return Check.That(wrong.Count == 0, name, wrong.Count == 0 ? $"{Hex([boundary - 30])} to {Hex([writer.LastZxid])}" : string.Join("; ", wrong));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Requests, many at a time and with cuts, past the last number that a request can have.</summary>
    public static async Task<Check> XidAsync()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { UseSockets = false });
        await using ZooKeeperClient zk = await ConnectAsync(server, 1);
        await zk.CreateAsync("/n");
        var xids = new ConcurrentQueue<int>();
        using Fault tap = server.Faults.AnswerError(ErrorCode.SystemError, request =>
        {
            if (request.Type != Protocol.OpCode.Ping) xids.Enqueue(request.Xid);
            return false;
        });
        List<string> wrong = [];

        SetXid(zk, int.MaxValue - 500);
        Stat[] stats = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => zk.SetAsync("/n", null).AsTask()));
        if (!stats.Select(stat => stat.Version).SequenceEqual(Enumerable.Range(1, 1000))) wrong.Add("replies went to other calls");
        int[] sent = [.. xids];
        if (!sent.SequenceEqual(Enumerable.Range(int.MaxValue - 499, 500).Concat(Enumerable.Range(1, 500)))) wrong.Add($"numbers went from {sent[0]} to {sent[^1]}");
        xids.Clear();

        for (int round = 0; round < 20; round++)
        {
            SetXid(zk, int.MaxValue - 50);
            Task<Stat?>[] reads = [.. Enumerable.Range(0, 100).Select(_ => zk.ExistsAsync("/n").AsTask())];
            await server.Faults.CutAsync();
            if ((await Task.WhenAll(reads)).Any(stat => stat?.Version != 1000)) wrong.Add("a read was wrong");
        }

        if (xids.Any(xid => xid <= 0)) wrong.Add("a request had a number with another meaning");
        return Check.That(wrong.Count == 0, "xid past 2^31-1", wrong.Count == 0 ? Invariant($"{sent.Length} writes at once and 20 rounds of reads with a cut") : string.Join("; ", wrong));
    }

    /// <summary>A data folder whose last transaction has a number: an empty one's snapshot under another name.</summary>
    private static async Task BeginAtAsync(string folder, long zxid)
    {
        await using (await EmbeddedServer.StartAsync(new() { DataFolder = folder, UseSockets = false }))
        {
        }

        string files = Path.Combine(folder, "version-2");
        File.Move(Path.Combine(files, "snapshot.0"), Path.Combine(files, string.Create(CultureInfo.InvariantCulture, $"snapshot.{zxid:x}")));
    }

    private static async Task<long> TokenAsync(ZooKeeperClient zk)
    {
        await using DistributedLock mine = zk.Lock("/lock");
        await using LockHandle held = await mine.AcquireAsync();
        return held.FencingToken;
    }

    private static Task<ZooKeeperClient> ConnectAsync(EmbeddedServer server, int member) => ZooKeeperClient.ConnectAsync(new ZooKeeperOptions
    {
        ConnectString = server.Members[member - 1].ConnectionString,
        ConnectCallback = (to, token) => server.ConnectAsync(member, token),
        BackoffMinimum = TimeSpan.FromMilliseconds(10),
        BackoffMaximum = TimeSpan.FromMilliseconds(100),
    });

    private static void SetXid(ZooKeeperClient zk, int xid)
    {
        object outbox = ObjectGraph.From([zk], each => each is not EmbeddedServer).First(each => each.GetType().FullName == "Okapi.Requests.Outbox");
        outbox.GetType().GetField("_xid", BindingFlags.Instance | BindingFlags.NonPublic)!.SetValue(outbox, xid);
    }

    private static string Hex(IEnumerable<long> zxids) => string.Join(", ", zxids.Select(zxid => Invariant($"0x{zxid:x}")));
}
