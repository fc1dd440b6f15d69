// Agents that look for processes, and a console that tells them which ones, through one shared record:
//
//   dotnet run --project samples/Agent -- --demo                a server, an agent and a console, as three processes; ends by itself
//
//   dotnet run --project samples/Agent -- serve                 a server, which says where it listens
//   dotnet run --project samples/Agent -- agent host:port       an agent; start as many as you like
//   dotnet run --project samples/Agent -- console host:port     the console
//
// Exit codes: 0 all went well, 1 something did not, 2 bad usage, 130 interrupted.
using System.Runtime.InteropServices;
using Okapi;
using Okapi.Samples.Agent;
using Okapi.Server;
using Okapi.State;

using var interrupted = new CancellationTokenSource();
using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
using var limit = new CancellationTokenSource();
using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted.Token, limit.Token);

try
{
    switch (args)
    {
        case ["--demo"]:
            limit.CancelAfter(TimeSpan.FromMinutes(2));
            await Demo.RunAsync(stop.Token);
            Console.WriteLine("Everything went as told.");
            return 0;
        case ["serve"]:
            await using (EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: stop.Token))
            {
                Console.WriteLine($"listening on {server.ConnectionString}");
                await server.Completion.WaitAsync(stop.Token);
            }

            return 0;
        case ["agent", string connectString]:
            await ProcessAgent.RunAsync(connectString, stop.Token);
            return 0;
        case ["console", string connectString]:
            await DirectorConsole.RunAsync(connectString, stop.Token);
            return 0;
        default:
            Console.Error.WriteLine("usage: dotnet run --project samples/Agent -- --demo | serve | agent host:port | console host:port");
            return 2;
    }
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    return 130;
}
catch (OperationCanceledException) when (limit.IsCancellationRequested)
{
    Console.Error.WriteLine("The demo did not end within two minutes.");
    return 1;
}
catch (Exception error) when (error is ZooKeeperException or StateException or ArgumentException or DemoFailedException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = true;
    interrupted.Cancel();
}
