using Okapi.State;

namespace Okapi.Samples.Agent;

/// <summary>Directs the agents: takes commands from standard input, and shows what changes, whoever changes it.</summary>
internal static class DirectorConsole
{
    public static async Task RunAsync(string connectString, CancellationToken cancellationToken)
    {
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(connectString, new ZooKeeperOptions { Recovery = SessionRecovery.NewSession }, cancellationToken);
        // There is no initial value here: some agent makes the state.
        await using SharedState<Agents> agents = await SharedState.ExpectAsync(zk, Agents.Path, Json.Default.Agents, cancellationToken: cancellationToken);
        await using ChangeSubscription showing = agents.Subscribe(static (change, _) =>
        {
            Console.WriteLine($"changed: {change}");
            return default;
        });

        Console.WriteLine("add GLOB, remove GLOB, list, who, end (ends the agents), quit");
        // Reading from a console cannot be cancelled; the waiting for it can.
        while (await Task.Run(Console.In.ReadLine, cancellationToken).WaitAsync(cancellationToken) is { } line && line.Trim() != "quit")
        {
            try
            {
                Console.WriteLine(await DoAsync(agents, line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), cancellationToken));
            }
            catch (Exception error) when (error is StateException or ZooKeeperException)
            {
                Console.WriteLine(error.Message);
            }
        }
    }

    private static async Task<string> DoAsync(SharedState<Agents> agents, string[] command, CancellationToken cancellationToken)
    {
        switch (command)
        {
            case ["add", string glob]:
                return Tell(await agents.UpdateAsync(state => state.Globs.Contains(glob) ? state : state with { Globs = [.. state.Globs, glob] }, cancellationToken));
            case ["remove", string glob]:
                return Tell(await agents.UpdateAsync(state => state with { Globs = [.. state.Globs.Where(each => each != glob)] }, cancellationToken));
            case ["end"]:
                return Tell(await agents.UpdateAsync(state => state with { IsOver = true }, cancellationToken));
            case ["list"]:
                return string.Join(", ", (await agents.ReadLatestAsync(cancellationToken)).Globs);
            case ["who"]:
                return string.Join(", ", (await agents.GetListenersAsync(cancellationToken)).Select(id => id == agents.Id ? $"{id} (this)" : id));
            default:
                return $"unknown: {string.Join(' ', command)}";
        }
    }

    private static string Tell(Versioned<Agents> committed) => $"committed: version {committed.Version}";
}
