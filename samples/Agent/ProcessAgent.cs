using System.Diagnostics;
using System.IO.Enumeration;
using Okapi.State;

namespace Okapi.Samples.Agent;

/// <summary>Looks for processes by the globs in the shared state, and looks again whenever those change.</summary>
internal static class ProcessAgent
{
    public static async Task RunAsync(string connectString, CancellationToken cancellationToken)
    {
        // With a new session after an expired one, the state comes back by itself.
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(connectString, new ZooKeeperOptions { Recovery = SessionRecovery.NewSession }, cancellationToken);
        await using SharedState<Agents> agents = await SharedState.OpenAsync(zk, Agents.Path, Agents.Initial, Json.Default.Agents, cancellationToken: cancellationToken);

        Versioned<Agents> start = agents.Known;
        Report(start);
        await foreach (StateChange change in agents.Changes(since: start, cancellationToken))
        {
            Console.WriteLine($"changed: {change}");
            Versioned<Agents> now = agents.Known; // whoever hears of a change sees it
            if (now.Value.IsOver) return;
            Report(now);
        }
    }

    private static void Report(Versioned<Agents> state)
    {
        string[] found = [.. Process.GetProcesses().Select(each => each.ProcessName).Where(name => state.Value.Globs.Any(glob => FileSystemName.MatchesSimpleExpression(glob, name))).Distinct().Order(StringComparer.Ordinal)];
        Console.WriteLine($"version {state.Version}: looking for {string.Join(", ", state.Value.Globs)}; running: {(found.Length == 0 ? "none" : string.Join(", ", found))}");
    }
}
