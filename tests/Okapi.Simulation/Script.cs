using System.Text;
using Okapi.Simulation.Checks;
using Okapi.Simulation.Network;
using Okapi.Simulation.Time;
using Okapi.Simulation.Work;

namespace Okapi.Simulation;

/// <summary>
/// The canonical script: forty operations of all kinds, all kinds of watches, credentials and transactions, by one client. It is run once for each byte that goes over the wire and each harm
/// that can be done there.
/// </summary>
internal static class Script
{
    /// <summary>The harms that are done at a byte, for each direction.</summary>
    public static readonly Harm[] Harms = [Harm.Reset, Harm.End, Harm.HalfClose, Harm.Stall, Harm.Corrupt];

    /// <summary>How many bytes go up and down when no harm is done.</summary>
    public static (long Up, long Down) Measure()
    {
        (long, long) bytes = default;
        var time = new VirtualTime();
        Stage.Run(time, async () => bytes = (await RunAsync(time, new Trace(time, null), harm: null)).Bytes);
        return bytes;
    }

    /// <summary>Runs the script with a harm, or none.</summary>
    public static async Task<(IReadOnlyList<string> Violations, (long Up, long Down) Bytes)> RunAsync(VirtualTime time, Trace trace, HarmAt? harm)
    {
        World world = await World.StartAsync(members: 2, time, new Luck(1), trace);
        world.IsLenient = harm is { Harm: Harm.Corrupt };
        await world.Observer.CreateAsync("/t");
        Player player = world.AddPlayer(options =>
        {
            options.Auth.Add(AuthInfo.Digest("user", "word"));
            options.ShuffleServers = false;
        });
        player.Access.Latency = (TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1));
        player.Access.Harm = harm;
        var states = world.IsLenient ? null : new States(world, player);
        var watching = new Watching(world, player);
        Task acts = ActAsync(world, player, watching);
        if (!await world.WaitAsync(acts, TimeSpan.FromMinutes(20)))
        {
            world.Fail("K7: the script has no end");
            return (world.Violations, default);
        }

        await acts;
        (long Up, long Down) bytes = player.Access.Bytes;
        player.Access.Harm = null;
        await Play.CalmAsync(world);
        await Play.TouchAsync(world);
        await watching.CheckAsync();
        await Play.EndAsync(world, states is null ? [] : [states], recipes: null);
        world.CheckAll();
        return (world.Violations, bytes);
    }

    private static async Task ActAsync(World world, Player player, Watching watching)
    {
        ZooKeeperClient zk = player.Zk;
        var checks = new OperationChecks(world, player);
        int number = 0;
        await watching.WatchAsync("/t", WatchMode.PersistentRecursive);
        await watching.WatchAsync("/t/a", WatchMode.Persistent);
        await watching.WatchExistsAsync("/t/d");
        await CreateAsync("/t/a", CreateMode.Persistent);
        await CreateAsync("/t/b", CreateMode.Ephemeral);
        await CreateAsync("/t/c", CreateMode.Container);
        await CreateAsync("/t/a/s-", CreateMode.PersistentSequential);
        await CreateAsync("/t/s-", CreateMode.EphemeralSequential);
        await CreateAsync("/t/d", CreateMode.PersistentWithTtl);
        await watching.WatchDataAsync("/t/a");
        await watching.WatchChildrenAsync("/t/a");
        await SetAsync("/t/a", null);
        await GetAsync("/t/a");
        await CreateAsync("/t/a/x", CreateMode.Persistent);
        await ChildrenAsync("/t/a");
        await watching.WatchDataAsync("/t/a/x");
        await watching.WatchChildrenAsync("/t");
        Task[] pipeline = [SetAsync("/t/a/x", null), GetAsync("/t/a/x"), SetAsync("/t/b", null), GetAsync("/t/b"), SetAsync("/t/a/x", null), ExistsAsync("/t/c"), DeleteAsync("/t/c")];
        await Task.WhenAll(pipeline);
        await MultiAsync(transaction => transaction.Check("/t/a").Set("/t/a", Data()).Create("/t/m", Data()).Delete("/t/m"));
        await MultiAsync(transaction => transaction.Set("/t/a", Data()).Check("/t/none"));
        await Attempts.MakeAsync(world, player, "multiread", async () => await zk.ReadBatch().Get("/t/a").GetChildren("/t").Get("/t/none").ReadAsync());
        await Attempts.MakeAsync(world, player, "addAuth", async () =>
        {
            await zk.AddAuthAsync(AuthInfo.Digest("another", "word"));
            return 0;
        }, TimeSpan.FromMinutes(1));
        Attempt<CreateResult> own = await Attempts.MakeAsync(world, player, "create /own", () => zk.TryCreateAsync("/own", Data(), acl: Acl.CreatorAll));
        Attempt<NodeData?> mine = await Attempts.MakeAsync(world, player, "get /own", () => zk.TryGetAsync("/own"));
        if (!world.IsLenient && (own.Error is InvalidAclException || mine.Error is NoAuthException)) world.Fail("H24: the client is refused what is its own");
        await Attempts.MakeAsync(world, player, "getAcl", () => zk.GetAclAsync("/own"));
        await Attempts.MakeAsync(world, player, "setAcl", () => zk.SetAclAsync("/t/a/x", Acl.Open));
        await Attempts.MakeAsync(world, player, "sync", async () =>
        {
            await zk.SyncAsync("/t");
            return 0;
        });
        await Attempts.MakeAsync(world, player, "whoami", () => zk.WhoAmIAsync());
        await Attempts.MakeAsync(world, player, "ephemerals", () => zk.GetEphemeralsAsync());
        await Attempts.MakeAsync(world, player, "count", () => zk.GetAllChildrenNumberAsync("/t"));
        await Attempts.MakeAsync(world, player, "checkWatches", () => zk.CheckWatchesAsync("/t/a", WatcherType.Any));
        await SetAsync("/t/a", 77);
        await SetAsync("/t/none", null);
        await DeleteAsync("/t/none");
        await DeleteAsync("/t/a/x");
        await ExistsAsync("/t/none");
        await SetAsync("/t/a", null);
        await GetAsync("/t/a");

        byte[] Data() => Encoding.ASCII.GetBytes($"1.{++number}.");

        async Task CreateAsync(string path, CreateMode mode)
        {
            byte[] data = Data();
            TimeSpan? ttl = mode == CreateMode.PersistentWithTtl ? TimeSpan.FromSeconds(9) : null;
            checks.OnCreate(path, data, mode, await Attempts.MakeAsync(world, player, $"create {path} {mode}", () => zk.CreateWithStatAsync(path, data, mode, ttl: ttl)));
        }

        async Task SetAsync(string path, int? version)
        {
            byte[] data = Data();
            checks.OnSet(path, data, version, await Attempts.MakeAsync(world, player, $"set {path}", () => zk.SetAsync(path, data, version)));
        }

        async Task GetAsync(string path)
        {
            watching.BeforeRead(path, out object? armed);
            Attempt<NodeData?> attempt = await Attempts.MakeAsync(world, player, $"get {path}", () => zk.TryGetAsync(path));
            if (attempt.IsDone && attempt.Value is { } read) watching.AfterRead(armed, read.Stat.Mzxid);
            checks.OnGet(path, attempt);
        }

        async Task ExistsAsync(string path) => checks.OnExists(path, await Attempts.MakeAsync(world, player, $"exists {path}", () => zk.ExistsAsync(path)));

        async Task ChildrenAsync(string path) => checks.OnChildren(path, await Attempts.MakeAsync(world, player, $"children {path}", () => zk.GetChildrenWithStatAsync(path)));

        async Task DeleteAsync(string path) => checks.OnDelete(path, await Attempts.MakeAsync(world, player, $"delete {path}", async () =>
        {
            await zk.DeleteAsync(path);
            return 0;
        }));

        async Task MultiAsync(Action<Transaction> fill)
        {
            Transaction transaction = zk.Transaction();
            fill(transaction);
            checks.OnMulti([], await Attempts.MakeAsync(world, player, "multi", async () => await transaction.TryCommitAsync()));
        }
    }
}
