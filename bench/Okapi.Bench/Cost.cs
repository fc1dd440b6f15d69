using System.Text.Json.Nodes;

namespace Okapi.Bench;

/// <summary>
/// What one operation costs in CPU time, on a fixed number of operations against a peer in this process (<see cref="AnsweringStream"/>): no socket and no server take
/// part, so what is left is the client and about as little as a peer can take. Shapes are measured by turns, and ratios are taken within a round.
/// </summary>
internal static class Cost
{
    public const int DefaultOperations = 512_000;

    private static readonly TimeSpan DefaultTimeout = new ZooKeeperOptions().RequestTimeout;

    /// <summary>What can be asked for, and the shapes of each. Ratios are to the first.</summary>
    private static readonly Dictionary<string, CostShape[]> Groups = new()
    {
        ["extras"] =
        [
            new("plain"),
            new("time-out", RequestTimeout: DefaultTimeout),
            new("token", Token: CostToken.EachCaller),
            new("token-shared", Token: CostToken.Shared),
            new("time-out-and-token", Token: CostToken.EachCaller, RequestTimeout: DefaultTimeout),
            new("observed", IsObserved: true),
        ],
        // The same number of calls outstanding over ever more callers. With one call to each, every await suspends, which one caller's await of many calls does not.
        ["callers"] = [.. new[] { 1, 10, 100, 1_000 }.Select(callers => new CostShape($"callers-{callers}", callers, Pending: 1_000, Batch: 250, RequestTimeout: DefaultTimeout))],
        ["callers-awaiting"] = [.. new[] { 250, 1_000, 10_000 }.Select(callers => new CostShape($"callers-awaiting-{callers}", callers, Pending: callers, Batch: 250, RequestTimeout: DefaultTimeout))],
        ["pending"] =
        [
            .. new[] { 256, 1_024, 10_240, 102_400 }.Select(pending => new CostShape($"pending-{pending}", Callers: 256, Pending: pending, RequestTimeout: DefaultTimeout)),
            new("pending-102400-of-which-65536-sent", Callers: 256, Pending: 102_400, RequestTimeout: DefaultTimeout, MaxOutstanding: 65_536),
        ],
    };

    public static IEnumerable<string> GroupNames => Groups.Keys;

    public static async IAsyncEnumerable<string> RunAsync(IReadOnlyList<string> groups, int operations, int rounds, string instructions)
    {
        foreach (string group in groups)
        {
            CostShape[] shapes = Groups[group];
            CostRun[][] runs = await MeasureAsync(shapes, operations, rounds);
            var counts = new InstructionCount(instructions);
            for (int i = 0; i < shapes.Length; i++) yield return Row(group, shapes[i], operations, runs[i], runs[0], await counts.PerOperationAsync(shapes[i].Name, operations));
            if (counts.Unavailable is { } reason) yield return new JsonObject { ["op"] = "cost", ["group"] = group, ["instructions"] = reason }.ToJsonString();
        }
    }

    /// <summary>One shape, again and again for so many operations in all: the work that a counter outside of the process looks at.</summary>
    public static async Task<string> RunOnceAsync(string name, int operations)
    {
        CostShape shape = Groups.Values.SelectMany(shapes => shapes).First(shape => shape.Name == name);
        await using CostSubject subject = await CostSubject.OpenAsync(shape);
        CostRun run = await subject.RunAsync(operations);
        return new JsonObject { ["op"] = "cost", ["name"] = name, ["ops"] = operations, ["cpu_us_per_op"] = Math.Round(run.CpuMicroseconds, 4) }.ToJsonString();
    }

    private static async Task<CostRun[][]> MeasureAsync(CostShape[] shapes, int operations, int rounds)
    {
        var subjects = new List<CostSubject>();
        try
        {
            foreach (CostShape shape in shapes) subjects.Add(await CostSubject.OpenAsync(shape));
            // Code is compiled for good only after a while, and shares its compiled form with the other shapes.
            for (int i = 0; i < 2; i++)
                foreach (CostSubject subject in subjects) await subject.RunAsync(operations);
            var runs = subjects.Select(_ => new CostRun[rounds]).ToArray();
            for (int round = 0; round < rounds; round++)
            {
                for (int turn = 0; turn < subjects.Count; turn++)
                {
                    int i = (round + turn) % subjects.Count; // nobody is always first, or always behind the same other
                    runs[i][round] = await subjects[i].RunAsync(operations);
                }
            }

            return runs;
        }
        finally
        {
            foreach (CostSubject subject in subjects) await subject.DisposeAsync();
        }
    }

    private static string Row(string group, CostShape shape, int operations, CostRun[] runs, CostRun[] first, double? instructions)
    {
        double[] cpu = [.. runs.Select(run => run.CpuMicroseconds).Order()];
        double[] ratios = [.. runs.Zip(first, (run, reference) => run.CpuMicroseconds / reference.CpuMicroseconds).Order()];
        var row = new JsonObject
        {
            ["op"] = "cost",
            ["group"] = group,
            ["name"] = shape.Name,
            ["ops"] = operations,
            ["rounds"] = runs.Length,
            ["cpu_us_per_op"] = Math.Round(Median(cpu), 4),
            ["least"] = Math.Round(cpu[0], 4),
            ["greatest"] = Math.Round(cpu[^1], 4),
            ["added_us"] = Math.Round(Median([.. runs.Zip(first, (run, reference) => run.CpuMicroseconds - reference.CpuMicroseconds).Order()]), 4),
            ["ratio"] = Math.Round(Median(ratios), 3),
            ["ratio_least"] = Math.Round(ratios[0], 3),
            ["ratio_greatest"] = Math.Round(ratios[^1], 3),
            ["alloc_b_per_op"] = Math.Round(Median([.. runs.Select(run => run.Bytes).Order()]), 2),
            ["ops_per_write"] = Math.Round(1 / Median([.. runs.Select(run => run.Writes).Order()]), 1),
        };
        if (instructions is { } count) row["instructions_per_op"] = Math.Round(count);
        return row.ToJsonString();
    }

    private static double Median(double[] sorted) => sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
}
