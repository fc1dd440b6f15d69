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
/// Tries every order in which the steps of some clients can follow each other, with every operation at every place: a search that begins each schedule anew, and goes no further where an earlier one has been.
/// </summary>
internal static class Explorer
{
    public static async Task<Findings> ExploreAsync(Subject subject, Bounds bounds)
    {
        var clock = Stopwatch.StartNew();
        await using World world = await World.StartAsync(subject, bounds.Clients);
        var states = new HashSet<string>(StringComparer.Ordinal);
        var open = new Frontier();
        open.Add([], 0);
        int schedules = 0;
        try
        {
            while (open.Take() is { } path)
            {
                world.Begin();
                schedules++;
                foreach (Move move in path) await world.ApplyAsync(move);
                await FollowAsync(world, bounds, path, states, open);
                await world.EndAsync();
            }
        }
        catch (ViolationException violation)
        {
            return new(schedules, states.Count, $"{violation.Message}\nafter {string.Join("; ", world.Made)}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{subject.Name}, {bounds.Clients} clients, {bounds.Operations} operations{(bounds.WithCuts ? " with cuts" : "")}: {schedules} schedules, {states.Count} states, {clock.Elapsed.TotalSeconds:0.0} s");
        return new(schedules, states.Count, null);
    }

    /// <summary>Goes on from where a schedule has led for as long as that is new, and leaves what else could be done for later.</summary>
    private static async Task FollowAsync(World world, Bounds bounds, IReadOnlyList<Move> path, HashSet<string> states, Frontier open)
    {
        while (true)
        {
            world.Check();
            if (!states.Add(await world.StateAsync())) return;
            List<Move> moves = world.Moves(bounds.Operations - world.Used, bounds.WithCuts);
            Move? next = moves.Exists(static move => move.Cost == 0) ? moves.First(static move => move.Cost == 0) : null;
            foreach (Move move in moves)
                if (move != next) open.Add([.. path, move], world.Used + move.Cost);
            if (next is not { } own)
            {
                await world.DrainAsync();
                return;
            }

            path = [.. path, own];
            await world.ApplyAsync(own);
        }
    }

    /// <summary>What is still to be tried; those with the fewest operations first, so that each state is met with as many left as can be, and once only.</summary>
    private sealed class Frontier
    {
        private readonly PriorityQueue<IReadOnlyList<Move>, int> _paths = new();

        public void Add(IReadOnlyList<Move> path, int used) => _paths.Enqueue(path, used);

        public IReadOnlyList<Move>? Take() => _paths.TryDequeue(out IReadOnlyList<Move>? path, out _) ? path : null;
    }
}
