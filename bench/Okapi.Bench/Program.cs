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

var seconds = new Option<int>("--seconds") { Description = "How long the ensemble stays down", DefaultValueFactory = _ => 60 };
var outage = new Command("outage", "Kills a whole ensemble of its own under a client and prints what the client costs meanwhile") { seconds };
outage.SetAction(async (parsed, cancellationToken) =>
{
    Console.WriteLine(await Outage.RunAsync(TimeSpan.FromSeconds(parsed.GetValue(seconds)), cancellationToken));
    return 0;
});

return await new RootCommand("Measures Okapi") { drive, outage }.Parse(args).InvokeAsync();
