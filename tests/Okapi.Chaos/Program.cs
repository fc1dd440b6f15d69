using System.Runtime.InteropServices;
using Okapi.Chaos;
using Okapi.Chaos.Histories;

if (args is [ClientProgram.Subcommand, ..])
{
    return await ClientProgram.RunAsync(args);
}

if (args is ["--help" or "-h"])
{
    Console.WriteLine(RunOptions.Usage);
    return 0;
}

RunOptions options;
try
{
    options = RunOptions.Parse(args);
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n\n{RunOptions.Usage}");
    return 2;
}

using var interrupted = new CancellationTokenSource();
using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
try
{
    return options.Check is string folder ? await Judgement.OfAsync(folder) : await RunAsync();
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    Console.WriteLine("Interrupted.");
    return 130;
}
catch (Exception e)
{
    // The first process of its namespace cannot be ended by a signal to itself, and so not by an exception either.
    Console.WriteLine($"The run went wrong: {e}");
    return 2;
}

async Task<int> RunAsync()
{
    string? whyLoopback = options.Loopback ? "as asked for" : Enclosure.IsInside ? null : await Enclosure.EnterAsync(args);
    INetwork network = whyLoopback is null ? await Namespaces.CreateAsync() : new Loopback(whyLoopback);
    var run = new Run(options, network);
    run.Say($"{options.Command}   into {options.Folder}");
    await run.DriveAsync(interrupted.Token);

    Console.WriteLine();
    string recovery = Recovery.Table(run.Blows, History.Load(options.Folder));
    await File.WriteAllTextAsync(Path.Combine(options.Folder, "recovery.txt"), recovery);
    await File.WriteAllLinesAsync(Path.Combine(options.Folder, Judgement.ProblemsFile), run.Problems);
    Console.WriteLine(recovery);
    int code = await Judgement.OfAsync(options.Folder);
    if (code == 0 && !options.Keep)
    {
        Directory.Delete(run.ServersFolder, recursive: true);
    }

    return code;
}

void Interrupt(PosixSignalContext context)
{
    context.Cancel = true;
    interrupted.Cancel();
}
