using System.Globalization;

namespace Okapi.Chaos;

/// <summary>What the command line asks for.</summary>
internal sealed record RunOptions
{
    public const string Usage = """
        eng/chaos: three Apache ZooKeeper servers, 24 clients, one fault after another, and a judgement on what they saw.

          --minutes N      how long faults go on (default 3)
          --seed S         the seed of the schedule of faults and of the workload (default: drawn, and printed)
          --tick MS        the servers' tickTime (default 500); sessions last 8 ticks, and 4 s at the least
          --rate N         operations of one client in a second (default 12)
          --folder FOLDER  where histories, servers' data and the report go (default: a fresh one under artifacts/chaos)
          --loopback       no network namespaces, and so no partitions, even where they can be had
          --keep           keep the servers' data also when nothing was found; it is always kept when something was
          --check FOLDER   only judge again what an earlier run with --keep has left

        The last line says what was found. Exit code 0: no violation; 1: some; 2: the run itself went wrong; 130: interrupted.
        """;

    public double Minutes { get; private init; } = 3;

    public int Seed { get; private init; } = Random.Shared.Next(1, 1_000_000);

    public int TickMs { get; private init; } = 500;

    public double Rate { get; private init; } = 12;

    public string Folder { get; private init; } = "";

    public bool Loopback { get; private init; }

    public bool Keep { get; private init; }

    public string? Check { get; private init; }

    public TimeSpan Duration => TimeSpan.FromMinutes(Minutes);

    public TimeSpan SessionTimeout => TimeSpan.FromMilliseconds(Math.Max(4000, 8 * TickMs));

    /// <summary>What repeats the run's schedule.</summary>
    public string Command => string.Create(CultureInfo.InvariantCulture, $"eng/chaos --minutes {Minutes} --seed {Seed} --tick {TickMs} --rate {Rate}");

    /// <exception cref="FormatException">Something is not an option, or not its value.</exception>
    public static RunOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new RunOptions();
        for (int at = 0; at < arguments.Count; at++)
        {
            string Value() => ++at < arguments.Count ? arguments[at] : throw new FormatException($"{arguments[at - 1]} takes a value");
            options = arguments[at] switch
            {
                "--minutes" => options with { Minutes = Number(Value(), 0.1, 60 * 48) },
                "--seed" => options with { Seed = (int)Number(Value(), 0, int.MaxValue) },
                "--tick" => options with { TickMs = (int)Number(Value(), 100, 10_000) },
                "--rate" => options with { Rate = Number(Value(), 0.1, 1000) },
                "--folder" => options with { Folder = Value() },
                "--loopback" => options with { Loopback = true },
                "--keep" => options with { Keep = true },
                "--check" => options with { Check = Value() },
                string other => throw new FormatException($"unknown option {other}"),
            };
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyyMMdd-HHmmss}-seed-{options.Seed}");
        return options with { Folder = Path.GetFullPath(options.Folder is { Length: > 0 } given ? given : Path.Combine("artifacts", "chaos", name)) };
    }

    private static double Number(string text, double least, double most) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out double number) && number >= least && number <= most
            ? number
            : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"\"{text}\" is not a number from {least} to {most}"));
}
