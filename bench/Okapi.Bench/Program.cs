using System.CommandLine;
using Okapi.Bench;

var connect = new Option<string>("--connect") { Description = "The server: host:port", Required = true };
var op = new Option<DriveOperation>("--op") { Description = "What to do", DefaultValueFactory = _ => DriveOperation.Get };
var payload = new Option<int>("--payload") { Description = "Bytes of data per znode", DefaultValueFactory = _ => 128 };
var window = new Option<int>("--window") { Description = "Outstanding operations on the one connection", DefaultValueFactory = _ => 256 };
var ops = new Option<int>("--ops") { Description = "Operations to measure", DefaultValueFactory = _ => 200_000 };
var warmUp = new Option<int?>("--warm-up") { Description = "Operations before the measurement; a quarter of --ops and at least 100,000 unless given" };

var drive = new Command("drive", "Drives one connection and prints one line of JSON") { connect, op, payload, window, ops, warmUp };
drive.SetAction(async (parsed, cancellationToken) =>
{
    var settings = new DriveSettings(
        parsed.GetRequiredValue(connect),
        parsed.GetValue(op),
        parsed.GetValue(payload),
        parsed.GetValue(window),
        parsed.GetValue(ops),
        parsed.GetValue(warmUp) ?? Math.Max(100_000, parsed.GetValue(ops) / 4));
    Console.WriteLine(await Driver.RunAsync(settings, cancellationToken));
    return 0;
});

var number = new Option<int>("--count") { Description = "Sessions to open, one after another", DefaultValueFactory = _ => 100 };
var connecting = new Command("connect", "Opens sessions and prints how long it takes until each has its first reply") { connect, number };
connecting.SetAction(async (parsed, cancellationToken) =>
{
    Console.WriteLine(await Connecting.RunAsync(parsed.GetRequiredValue(connect), parsed.GetValue(number), cancellationToken));
    return 0;
});

var watches = new Option<int>("--count") { Description = "Watches, one to a znode", DefaultValueFactory = _ => 100_000 };
var watchingMode = new Option<WatchingMode>("--mode") { Description = "Data: one-shot data watches. Persistent: persistent ones. Recursive: one watch above all znodes", DefaultValueFactory = _ => WatchingMode.Data };
var gets = new Option<int>("--gets") { Description = "Reads to measure without the watches and beside them; 0: none", DefaultValueFactory = _ => 0 };
var watching = new Command("watches", "Sets watches, has an event for each znode, and prints what both cost") { connect, window, watches, watchingMode, gets };
watching.SetAction(async (parsed, cancellationToken) =>
{
    await foreach (string line in Watching.RunAsync(parsed.GetRequiredValue(connect), parsed.GetValue(watches), parsed.GetValue(window), parsed.GetValue(watchingMode), parsed.GetValue(gets), cancellationToken)) Console.WriteLine(line);
    return 0;
});

var cuts = new Option<int>("--cuts") { Description = "How often the connection is cut", DefaultValueFactory = _ => 10 };
var persistent = new Option<bool>("--persistent") { Description = "Persistent watches in place of one-shot ones" };
var reconnecting = new Command("reconnect", "Sets data watches, cuts the connection time and again, and prints how long it takes until all are armed again and a request is answered") { connect, watches, cuts, persistent };
reconnecting.SetAction(async (parsed, cancellationToken) =>
{
    Console.WriteLine(await Reconnecting.RunAsync(parsed.GetRequiredValue(connect), parsed.GetValue(watches), parsed.GetValue(cuts), parsed.GetValue(persistent), cancellationToken));
    return 0;
});

var seconds = new Option<int>("--seconds") { Description = "How long the ensemble stays down", DefaultValueFactory = _ => 60 };
var outage = new Command("outage", "Kills a whole ensemble of its own under a client and prints what the client costs meanwhile") { seconds };
outage.SetAction(async (parsed, cancellationToken) =>
{
    Console.WriteLine(await Outage.RunAsync(TimeSpan.FromSeconds(parsed.GetValue(seconds)), cancellationToken));
    return 0;
});

var starts = new Option<int>("--starts") { Description = "How many starts of each kind", DefaultValueFactory = _ => 1000 };
var serveStart = new Command("serve-start", "Starts embedded servers in this process, one after another, and prints how long it takes until a client has its first reply") { starts };
serveStart.SetAction(async (parsed, _) =>
{
    await foreach (string line in ServeStart.RunAsync(parsed.GetValue(starts))) Console.WriteLine(line);
    return 0;
});

var sessions = new Option<int>("--sessions") { Description = "Idle sessions, a connection each", DefaultValueFactory = _ => 10_000 };
var znodes = new Option<int>("--znodes") { Description = "Znodes, a thousand to a parent", DefaultValueFactory = _ => 1_000_000 };
var serveMemory = new Command("serve-memory", "Fills an okapi serve, a process of its own, and prints how much memory that has in use") { sessions, znodes, payload };
serveMemory.SetAction(async (parsed, _) =>
{
    Console.WriteLine(await ServeMemory.RunAsync(parsed.GetValue(sessions), parsed.GetValue(znodes), parsed.GetValue(payload)));
    return 0;
});

var rounds = new Option<int>("--rounds") { Description = "How often each server is measured; they take turns, and medians count", DefaultValueFactory = _ => 3 };
var durable = new Option<bool>("--durable") { Description = "Both servers keep data in a folder and have them on the disk before they acknowledge" };
var serveThroughput = new Command("serve-throughput", "Drives an okapi serve and an Apache ZooKeeper by turns, each a process of its own, and prints how they compare") { payload, window, ops, rounds, durable };
serveThroughput.SetAction(async (parsed, cancellationToken) =>
{
    await foreach (string line in ServeThroughput.RunAsync(parsed.GetValue(payload), parsed.GetValue(window), parsed.GetValue(ops), parsed.GetValue(rounds), parsed.GetValue(durable), cancellationToken)) Console.WriteLine(line);
    return 0;
});

return await new RootCommand("Measures Okapi") { drive, connecting, watching, reconnecting, outage, CostCommand.Create(), ManyClientsCommands.CreateIdle(), ManyClientsCommands.CreateTogether(), serveStart, serveMemory, serveThroughput }.Parse(args).InvokeAsync();
