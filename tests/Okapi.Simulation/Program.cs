using Okapi;
using Okapi.Simulation;
using Okapi.Simulation.Network;
using Okapi.Simulation.Time;

long from = long.Parse(args[0]);
long count = long.Parse(args[1]);
bool says = args.Length > 2;
var watch = System.Diagnostics.Stopwatch.StartNew();
for (long seed = from; seed < from + count; seed++)
{
    var time = new VirtualTime();
    var luck = new Luck(seed);
    var trace = new Trace(time, says ? Console.Out : null);
    Stage.Run(time, async () =>
    {
        World world = await World.StartAsync(3, time, luck, trace);
        Player a = world.AddPlayer(), b = world.AddPlayer();
        await a.Zk.CreateAsync("/a");
        await using Watch w = await b.Zk.WatchAsync("/", WatchMode.PersistentRecursive);
        for (int i = 0; i < 50; i++)
        {
            if (luck.OneIn(10)) foreach (Wire wire in a.Access.Open) wire.Break("cut");
            try
            {
                await a.Zk.SetAsync("/a", new byte[i]);
                await b.Zk.GetAsync("/a");
            }
            catch (ConnectionLossException)
            {
                trace.Note(100);
            }
        }

        await a.Zk.DisposeAsync();
        await b.Zk.DisposeAsync();
        await world.Observer.CloseAsync();
        await world.Server.DisposeAsync();
        foreach (string v in world.Violations) Console.WriteLine(v);
    });
    if (count < 20) Console.WriteLine($"{seed} {trace.Digest:x} {trace.Count} {time.Now} timers {time.ActiveTimers}");
}

Console.WriteLine($"{watch.Elapsed.TotalMilliseconds / count} ms each");
