using System.Globalization;
using Okapi.Simulation;
using Okapi.Simulation.Network;
using Okapi.Simulation.Time;
using Stopwatch = System.Diagnostics.Stopwatch;

long from = 1, count = 100;
bool isTraced = false, tellsDigests = false;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--from":
            from = long.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--seeds":
            count = long.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--seed":
            from = long.Parse(args[++i], CultureInfo.InvariantCulture);
            count = 1;
            isTraced = true;
            break;
        case "--digests":
            tellsDigests = true;
            break;
        default:
            Console.Error.WriteLine($"What is {args[i]}?");
            return 2;
    }
}

int failed = 0;
long events = 0;
var watch = Stopwatch.StartNew();
for (long seed = from; seed < from + count; seed++)
{
    var time = new VirtualTime();
    var trace = new Trace(time, isTraced ? Console.Out : null);
    IReadOnlyList<string> violations;
    try
    {
        violations = [];
        Stage.Run(time, async () => violations = await Play.RunAsync(time, new Luck(seed), trace));
    }
    catch (Exception error)
    {
        violations = [error.ToString()];
    }

    events += trace.Count;
    if (tellsDigests || isTraced) Console.WriteLine($"seed {seed} digest {trace.Digest:x16} events {trace.Count} time {time.Now.TotalSeconds:0.000}");
    if (violations.Count == 0) continue;
    failed++;
    Console.WriteLine($"seed {seed} FAILED, replay with: eng/simulate --seed {seed}");
    foreach (string violation in violations.Take(5)) Console.WriteLine($"    {violation}");
    if (failed == 50) break;
}

Console.WriteLine($"{count} seeds, {failed} failed, {events} events, {watch.Elapsed.TotalSeconds:0.0} s, {count / watch.Elapsed.TotalSeconds:0} seeds/s");
return failed == 0 ? 0 : 1;
