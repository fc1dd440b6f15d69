using System.CommandLine;

namespace Okapi.Bench;

/// <summary>The command line of <see cref="Cost"/>.</summary>
internal static class CostCommand
{
    public static Command Create()
    {
        var group = new Option<string[]>("--group") { Description = $"What to compare: {string.Join(", ", Cost.GroupNames)}; all of them unless given", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [.. Cost.GroupNames] };
        group.AcceptOnlyFromAmong([.. Cost.GroupNames]);
        var operations = new Option<int>("--ops") { Description = "Operations in each measurement", DefaultValueFactory = _ => Cost.DefaultOperations };
        var rounds = new Option<int>("--rounds") { Description = "How often each is measured; they take turns, and medians count", DefaultValueFactory = _ => 9 };
        var instructions = new Option<string>("--count") { Description = "What perf stat is to count besides, in processes of its own; empty: nothing", DefaultValueFactory = _ => "instructions:u" };
        var once = new Option<string?>("--once") { Description = "One row by its name and one measurement, for a profiler or a counter" };

        var command = new Command("cost", "Prints what an operation costs in CPU time against a peer in this process, and what adds to it") { group, operations, rounds, instructions, once };
        command.SetAction(async (parsed, _) =>
        {
            if (parsed.GetValue(once) is { } name)
            {
                Console.WriteLine(await Cost.RunOnceAsync(name, parsed.GetValue(operations)));
                return 0;
            }

            await foreach (string line in Cost.RunAsync(parsed.GetRequiredValue(group), parsed.GetValue(operations), parsed.GetValue(rounds), parsed.GetRequiredValue(instructions))) Console.WriteLine(line);
            return 0;
        });
        return command;
    }
}
