using System.CommandLine;

namespace Okapi.Bench;

/// <summary>The command lines of <see cref="ManyClients"/>.</summary>
internal static class ManyClientsCommands
{
    public static Command CreateIdle()
    {
        Option<string?> connect = Connect();
        var clients = Clients([1, 100, 1_000]);
        var seconds = new Option<int>("--seconds") { Description = "How long each number of clients is left alone", DefaultValueFactory = _ => 30 };
        var sessionTimeout = new Option<int>("--session-timeout") { Description = "The session timeout in seconds; a ping goes out every three tenths of it, at least every 10 s", DefaultValueFactory = _ => 30 };
        var command = new Command("idle", "Opens clients and prints the threads, memory and CPU time that each takes while nobody calls it") { connect, clients, seconds, sessionTimeout };
        command.SetAction(async (parsed, _) =>
        {
            await foreach (string line in ManyClients.IdleAsync(parsed.GetValue(connect), parsed.GetRequiredValue(clients), TimeSpan.FromSeconds(parsed.GetValue(seconds)), TimeSpan.FromSeconds(parsed.GetValue(sessionTimeout)))) Console.WriteLine(line);
            return 0;
        });
        return command;
    }

    public static Command CreateTogether()
    {
        Option<string?> connect = Connect();
        var clients = Clients([1, 10, 100, 1_000]);
        var window = new Option<int>("--window") { Description = "Outstanding operations over all clients; at least one to each", DefaultValueFactory = _ => 256 };
        var operations = new Option<int>("--ops") { Description = "Operations in each measurement", DefaultValueFactory = _ => 200_000 };
        var rounds = new Option<int>("--rounds") { Description = "How often each is measured; they take turns, and medians count", DefaultValueFactory = _ => 3 };
        var command = new Command("together", "Drives many clients in one process and prints what an operation costs") { connect, clients, window, operations, rounds };
        command.SetAction(async (parsed, _) =>
        {
            await foreach (string line in ManyClients.TogetherAsync(parsed.GetValue(connect), parsed.GetRequiredValue(clients), parsed.GetValue(window), parsed.GetValue(operations), parsed.GetValue(rounds))) Console.WriteLine(line);
            return 0;
        });
        return command;
    }

    private static Option<string?> Connect() => new("--connect") { Description = "The server: host:port; an okapi serve, a process of its own, unless given" };

    private static Option<int[]> Clients(int[] counts) => new("--clients") { Description = "How many clients", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => counts };
}
