using System.Globalization;

namespace Okapi.Soak;

/// <summary>What the command line asks for.</summary>
internal sealed record SoakOptions
{
    public const string Usage = """
        eng/soak: work that goes on, and nothing that may grow with it.

          S1  200 clients, 2,000 operations per second, each connection cut every 30 s: heap, descriptors, threads, timers, and what the server holds
          S2  1,000,000 cycles of locks and as many cancelled acquires, 100,000 reconnects, 100,000 clients connected and disposed: what is alive is what is held
          S3  request numbers and transaction numbers past their ends
          S4  idle sessions: 48 hours in virtual time, and --minutes in real time

          --minutes N      how long S1 takes, and S4 in real time (default 10)
          --seed S         what chance begins with (default: drawn, and printed)
          --only S1,S3     not all four
          --share N        S2 does one Nth of it
          --server NAME    embedded (default) or apache: what S1 is run on
          --folder FOLDER  where the report goes (default: a fresh one under artifacts/soak)

        The last line says what was found. Exit code 0: nothing was broken; 1: something was; 2: the run itself went wrong; 130: interrupted.
        """;

    private static readonly string[] s_parts = ["S1", "S2", "S3", "S4"];

    public double Minutes { get; private init; } = 10;

    public int Seed { get; private init; } = Random.Shared.Next(1, 1_000_000);

    public IReadOnlyList<string> Only { get; private init; } = s_parts;

    public int Share { get; private init; } = 1;

    public bool IsApache { get; private init; }

    public string Folder { get; private init; } = "";

    public TimeSpan Duration => TimeSpan.FromMinutes(Minutes);

    /// <summary>What repeats the run.</summary>
    public string Command => string.Create(CultureInfo.InvariantCulture, $"eng/soak --minutes {Minutes} --seed {Seed} --only {string.Join(',', Only)} --share {Share} --server {(IsApache ? "apache" : "embedded")}");

    /// <exception cref="FormatException">Something is not an option, or not its value.</exception>
    public static SoakOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new SoakOptions();
        for (int at = 0; at < arguments.Count; at++)
        {
            string Value() => ++at < arguments.Count ? arguments[at] : throw new FormatException($"{arguments[at - 1]} takes a value");
            options = arguments[at] switch
            {
                "--minutes" => options with { Minutes = Number(Value(), 0.1, 60 * 48) },
                "--seed" => options with { Seed = (int)Number(Value(), 0, int.MaxValue) },
                "--share" => options with { Share = (int)Number(Value(), 1, 1000) },
                "--only" => options with { Only = PartsOf(Value()) },
                "--server" => options with { IsApache = Value() switch { "apache" => true, "embedded" => false, string other => throw new FormatException($"--server is embedded or apache, not {other}") } },
                "--folder" => options with { Folder = Value() },
                string other => throw new FormatException($"unknown option {other}"),
            };
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyyMMdd-HHmmss}-seed-{options.Seed}");
        return options with { Folder = Path.GetFullPath(options.Folder is { Length: > 0 } given ? given : Path.Combine("artifacts", "soak", name)) };
    }

    private static string[] PartsOf(string text)
    {
        string[] parts = text.Split(',');
        return parts.FirstOrDefault(part => !s_parts.Contains(part)) is { } wrong ? throw new FormatException($"--only takes some of {string.Join(',', s_parts)}, not {wrong}") : parts;
    }

    private static double Number(string text, double least, double most) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out double number) && number >= least && number <= most
            ? number
            : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"\"{text}\" is not a number from {least} to {most}"));
}
