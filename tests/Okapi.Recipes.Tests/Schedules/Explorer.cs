using System.Diagnostics;

namespace Okapi.Recipes.Tests.Schedules;

/// <summary>How much is searched.</summary>
/// <param name="Clients">How many clients take part.</param>
/// <param name="Operations">How many operations there are in a schedule: acquire, release, cancel, session expiry, cut.</param>
/// <param name="WithCuts">Whether connections are cut.</param>
internal sealed record Bounds(int Clients, int Operations, bool WithCuts);

/// <summary>What a search has found.</summary>
/// <param name="Schedules">How many schedules were run.</param>
/// <param name="States">How many different states they led to.</param>
/// <param name="Violation">What is wrong and how it comes about; null: nothing.</param>
internal sealed record Findings(int Schedules, int States, string? Violation);

/// <summary>
/// Tries every order in which the steps of some clients can follow each other, with every operation at every place: a search in depth that begins each schedule anew, and goes no further where an
/// earlier one has been with as many operations left.
/// </summary>
internal static class Explorer
{
    public static async Task<Findings> ExploreAsync(Subject subject, Bounds bounds)
    {
        var clock = Stopwatch.StartNew();
        await using World world = await World.StartAsync(subject, bounds.Clients);
        var usedByState = new Dictionary<string, int>(StringComparer.Ordinal);
        var frames = new Stack<(List<Move> Moves, int Chosen)>();
        var path = new List<Move>();
        int schedules = 0;
        try
        {
            do
            {
                world.Begin();
                schedules++;
                foreach (Move move in path) await world.ApplyAsync(move);
                while (true)
                {
                    world.Check();
                    string state = await world.StateAsync();
                    if (usedByState.TryGetValue(state, out int used) && used <= world.Used) break;
                    usedByState[state] = world.Used;
                    List<Move> moves = world.Moves(bounds.Operations - world.Used, bounds.WithCuts);
                    if (moves.Count == 0)
                    {
                        await world.DrainAsync();
                        break;
                    }

                    frames.Push((moves, 0));
                    path.Add(moves[0]);
                    await world.ApplyAsync(moves[0]);
                }

                await world.EndAsync();
            }
            while (Backtrack(frames, path));
        }
        catch (ViolationException violation)
        {
            return new(schedules, usedByState.Count, $"{violation.Message}\nafter {string.Join("; ", world.Made)}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{subject.Name}, {bounds.Clients} clients, {bounds.Operations} operations{(bounds.WithCuts ? " with cuts" : "")}: {schedules} schedules, {usedByState.Count} states, {clock.Elapsed.TotalSeconds:0.0} s");
        return new(schedules, usedByState.Count, null);
    }

    private static bool Backtrack(Stack<(List<Move> Moves, int Chosen)> frames, List<Move> path)
    {
        while (frames.TryPop(out (List<Move> Moves, int Chosen) frame))
        {
            path.RemoveAt(path.Count - 1);
            if (frame.Chosen + 1 == frame.Moves.Count) continue;
            frames.Push((frame.Moves, frame.Chosen + 1));
            path.Add(frame.Moves[frame.Chosen + 1]);
            return true;
        }

        return false;
    }
}
