using System.Diagnostics;
using System.Runtime.InteropServices;
using Okapi.Soak;
using Okapi.Soak.Leaks;
using Okapi.Soak.Load;
using Okapi.Soak.Measures;
using Okapi.Soak.Reports;

if (args is ["--help" or "-h"])
{
    Console.WriteLine(SoakOptions.Usage);
    return 0;
}

SoakOptions options;
try
{
    options = SoakOptions.Parse(args);
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n\n{SoakOptions.Usage}");
    return 2;
}

using var interrupted = new CancellationTokenSource();
using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
Console.WriteLine($"{options.Command}   into {options.Folder}");
Directory.CreateDirectory(options.Folder);
var parts = new List<Part>();
try
{
    foreach (string name in options.Only)
    {
        var clock = Stopwatch.StartNew();
        IReadOnlyList<Series> series = [];
        IReadOnlyList<Check> checks = name switch
        {
            "S1" => await LoadAsync(),
            "S2" => await ChurnAsync(),
            "S3" => await Rollover.RunAsync(),
            _ => [.. await Idle.RunVirtualAsync(TimeSpan.FromHours(48)), .. await Idle.RunRealAsync(options.Duration, interrupted.Token)],
        };
        var part = new Part(name, clock.Elapsed, checks, series);
        parts.Add(part);
        Console.WriteLine(Report.Table(part));
        await File.WriteAllTextAsync(Path.Combine(options.Folder, "report.html"), Report.Page(options.Command, parts));
        await File.WriteAllTextAsync(Path.Combine(options.Folder, "report.txt"), $"{options.Command}\n{string.Concat(parts.Select(Report.Table))}");
        if (interrupted.IsCancellationRequested) break;

        async Task<IReadOnlyList<Check>> LoadAsync()
        {
            var load = new CutLoad(new() { Duration = options.Duration, Seed = options.Seed, IsApache = options.IsApache }, Console.WriteLine);
            series = load.All;
            return await load.RunAsync(interrupted.Token);
        }
    }
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    // Said below.
}
catch (Exception e)
{
    Console.WriteLine($"The run went wrong: {e}");
    return 2;
}

if (interrupted.IsCancellationRequested)
{
    Console.WriteLine("Interrupted.");
    return 130;
}

int broken = parts.Sum(part => part.Checks.Count(check => check.Verdict == Verdict.Broken)), unclear = parts.Sum(part => part.Checks.Count(check => check.Verdict == Verdict.Unclear));
Console.WriteLine($"{parts.Sum(part => part.Checks.Count)} checks, {broken} broken, {unclear} unclear");
return broken == 0 ? 0 : 1;

async Task<IReadOnlyList<Check>> ChurnAsync()
{
    await using Churn churn = await Churn.StartAsync(options.Seed, Console.WriteLine);
    return await churn.RunAsync(ChurnCounts.Full.Share(options.Share)).WaitAsync(interrupted.Token);
}

void Interrupt(PosixSignalContext context)
{
    context.Cancel = true;
    interrupted.Cancel();
}
