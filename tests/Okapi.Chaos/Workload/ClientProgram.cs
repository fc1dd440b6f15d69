using System.Globalization;
using Okapi.Chaos.Histories;

namespace Okapi.Chaos;

/// <summary>
/// A process with some of the clients: started by <see cref="ClientProcess"/>, told what to do by lines of its standard
/// input, each answered by a line when done. When the input ends, so does the process.
/// </summary>
internal static class ClientProgram
{
    public const string Subcommand = "client";

    public static string[] Arguments(WorkloadOptions options, string folder, string name, IReadOnlyList<int> numbers) =>
    [
        Subcommand, folder, name, options.ConnectString, Text(options.Seed), Text((int)options.SessionTimeout.TotalMilliseconds), Text(options.Clients),
        options.OperationsPerSecond.ToString(CultureInfo.InvariantCulture), .. numbers.Select(Text),
    ];

    public static async Task<int> RunAsync(string[] arguments)
    {
        // An interrupt typed at the terminal reaches the whole group; this process ends when the one that started it says so.
        Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;
        var options = new WorkloadOptions(
            arguments[3], Number(arguments[4]), TimeSpan.FromMilliseconds(Number(arguments[5])), Number(arguments[6]), double.Parse(arguments[7], CultureInfo.InvariantCulture));
        using var history = new HistoryWriter(arguments[1], arguments[2]);
        var group = new ClientGroup(options, history, [.. arguments[8..].Select(Number)], problem => Say("problem " + problem.ReplaceLineEndings(" | ")));
        while (await Console.In.ReadLineAsync() is string line)
        {
            Task? step = line switch
            {
                nameof(IClientGroup.BeginAsync) => group.BeginAsync(),
                nameof(IClientGroup.ProbeAsync) => group.ProbeAsync(),
                nameof(IClientGroup.QuietAsync) => group.QuietAsync(),
                nameof(IClientGroup.FinishAsync) => group.FinishAsync(),
                nameof(IClientGroup.CloseAsync) => group.CloseAsync(),
                _ => null,
            };
            if (step is null)
            {
                return 2;
            }

            await step;
            history.Flush();
            Say("done " + line);
        }

        return 0;
    }

    private static void Say(string line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
