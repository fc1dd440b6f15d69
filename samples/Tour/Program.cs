// A tour of Okapi on the console:
//
//   dotnet run --project samples/Tour                              with a server of its own, in this process
//   dotnet run --project samples/Tour -- --connect host:port       with yours; everything happens below one znode, which is removed again
//
// Exit codes: 0 all went as told, 1 something did not, 2 bad usage, 130 interrupted. The tour itself is in Tour.cs.
using System.Runtime.InteropServices;
using Okapi;
using Okapi.Samples;
using Okapi.Server;

string? connectString = null;
switch (args)
{
    case []: break;
    case ["--connect", string given]: connectString = given; break;
    default:
        Console.Error.WriteLine("usage: dotnet run --project samples/Tour [-- --connect host:port]");
        return 2;
}

using var interrupted = new CancellationTokenSource();
using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
using var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupted.Token);
limit.CancelAfter(TimeSpan.FromMinutes(2));

try
{
    if (connectString is not null)
    {
        await Tour.RunAsync(connectString, limit.Token);
    }
    else
    {
        // A ZooKeeper in this process: there is nothing to install, and nothing is left behind.
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: limit.Token);
        await Tour.RunAsync(server.ConnectionString, limit.Token);
        await FaultTour.RunAsync(server, limit.Token);
        await RecipeTour.RunAsync(server, limit.Token);
    }

    Console.WriteLine();
    Console.WriteLine("Everything went as told.");
    return 0;
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    Console.Error.WriteLine("Interrupted.");
    return 130;
}
catch (OperationCanceledException) when (limit.IsCancellationRequested)
{
    Console.Error.WriteLine("The tour failed: it did not end within two minutes.");
    return 1;
}
catch (Exception error) when (error is ZooKeeperException or ArgumentException or DifferentException)
{
    Console.Error.WriteLine($"The tour failed: {error.Message}");
    return 1;
}

// Taken as a wish to end in good order: the server is stopped on the way out.
void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = true;
    interrupted.Cancel();
}
