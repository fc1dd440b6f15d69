using Okapi.Simulation.Faults;
using Okapi.Simulation.Network;
using Okapi.Simulation.Recipes;
using Okapi.Simulation.Time;
using Okapi.Simulation.Work;

namespace Okapi.Simulation;

/// <summary>What one seed leads to: clients that work, a nemesis that harms them, a quiet time in which all must come right, and the checks.</summary>
internal static class Play
{
    private static readonly string[] s_canaries = ["/t", "/t/a", "/t/b", "/t/c", "/t/d", "/t/a/x", "/t/a/y", "/t/b/x"];

    public static async Task<IReadOnlyList<string>> RunAsync(VirtualTime time, Luck luck, Trace trace)
    {
        World world = await World.StartAsync(luck.Between(1, 3), time, luck, trace);
        await world.Observer.CreateAsync("/t");
        await world.Observer.CreateAsync("/r");
        int players = luck.Of(1, 2, 2, 3, 4);
        for (int i = 0; i < players; i++)
        {
            world.AddPlayer(options =>
            {
                options.Auth.Add(AuthInfo.Digest($"user{world.Players.Count}", "word"));
                options.AllowReadOnly = luck.OneIn(4);
                options.ShuffleServers = luck.OneIn(2);
                if (luck.OneIn(4)) options.RequestTimeout = luck.Ms(500, 5000);
                if (luck.OneIn(4)) options.MaxOutstandingRequests = luck.Between(1, 3);
            });
        }

        var states = world.Players.Select(player => new States(world, player)).ToList();
        var watchings = world.Players.Select(player => new Watching(world, player)).ToList();
        var work = new List<(string What, Task Task)>();
        int operations = luck.Between(40, 200) / players;
        for (int i = 0; i < players; i++)
        {
            if (luck.OneIn(2)) work.Add(("a watch", watchings[i].WatchAsync(luck.Of("/t", "/t/a", "/t/b"), WatchMode.PersistentRecursive)));
            if (luck.OneIn(2)) work.Add(("a watch", watchings[i].WatchAsync(luck.Of("/t", "/t/a", "/t/b"), WatchMode.Persistent)));
            work.Add(($"the operations of client {i + 1}", new Operations(world, world.Players[i], luck.Fork(), watchings[i]).RunAsync(operations)));
        }

        var recipes = new RecipeWorks(world, luck.Fork());
        work.AddRange(recipes.Run());
        await new Nemesis(world, luck.Fork()).RunAsync(luck.Between(0, 12));
        Task all = Task.WhenAll(work.Select(each => each.Task));
        await world.WaitAsync(all, TimeSpan.FromMinutes(5));
        foreach ((string what, Task task) in work.Where(each => !each.Task.IsCompleted)) world.Fail($"K7: five minutes after the last fault, this still goes on: {what}");
        if (world.Violations.Count > 0) return world.Violations;
        await all;
        await CalmAsync(world);
        await recipes.CheckAsync();
        await TouchAsync(world);
        foreach (Watching watching in watchings) await watching.CheckAsync();
        await EndAsync(world, states, recipes);
        world.CheckAll();
        return world.Violations;
    }

    /// <summary>No fault any more: within the session timeout and ten seconds each client works again.</summary>
    public static async Task CalmAsync(World world)
    {
        foreach (Player player in world.Players) player.Access.LoseReplyIn = null;
        await world.PauseAsync(TimeSpan.FromSeconds(14));
        long fired = world.Time.Fired;
        await world.PauseAsync(TimeSpan.FromSeconds(1));
        if (world.Time.Fired - fired > 10_000) world.Fail($"I12: {world.Time.Fired - fired} timers fire in a second in which nothing happens");
        foreach (Player player in world.Players)
        {
            if (player.Zk.IsConnected || world.IsLenient) continue;
            world.Fail($"K7: client {player.Number} is {player.Zk.State}, 14 s after the last fault");
        }
    }

    public static async Task TouchAsync(World world)
    {
        world.TouchedFrom = world.LastZxid + 1;
        foreach (string path in s_canaries)
        {
            await world.Observer.CreateAsync(path);
            await world.Observer.SetAsync(path);
        }

        foreach (string path in s_canaries[..3])
        {
            await world.Observer.CreateAsync(path + "/canary");
            await world.Observer.DeleteAsync(path + "/canary");
        }

        await world.PauseAsync(TimeSpan.FromSeconds(1));
    }

    public static async Task EndAsync(World world, List<States> states, RecipeWorks? recipes)
    {
        if (recipes is not null) await recipes.EndAsync();
        foreach (Player player in world.Players) await player.Zk.DisposeAsync();
        foreach (States each in states) await each.EndAsync();
        await world.PauseAsync(TimeSpan.FromSeconds(2));
        if (world.Calls != world.CallsEnded) world.Fail($"I1: {world.Calls - world.CallsEnded} calls have no end");
        foreach (Player player in world.Players)
            if (player.Access.OpenStreams > 0) world.Fail($"I9: client {player.Number} is disposed and has {player.Access.OpenStreams} open connections");
        // Whoever had lost its connection could not close its session, which has to run out: members may find out late that a session has moved on, and cut its connection then.
        if (!world.Players.All(player => player.Access.HasClosed)) await world.PauseAsync(TimeSpan.FromSeconds(8));
        await CheckTreeAsync(world);
        await world.Observer.CloseAsync();
        await world.Server.DisposeAsync();
        await world.PauseAsync(TimeSpan.FromSeconds(30));
        if (world.Time.ActiveTimers > 0) world.Fail($"I9: {world.Time.ActiveTimers} timers are set though all is disposed");
    }

    /// <summary>I11: nothing ephemeral outlives the clients, whose sessions are closed; nor does a session.</summary>
    private static async Task CheckTreeAsync(World world)
    {
        if (world.HasLostData || world.IsLenient) return;
        foreach ((string path, (_, Stat stat)) in await world.Observer.ReadTreeAsync())
            if (stat.EphemeralOwner != 0) world.Fail($"I11: {path} of session 0x{stat.EphemeralOwner:x} is left");
        IReadOnlyList<long> sessions = await world.Server.GetSessionsAsync();
        foreach (long session in sessions)
            if (session != world.Observer.Session) world.Fail($"I11: session 0x{session:x} is left though its client was disposed");
    }
}
