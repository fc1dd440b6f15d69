using System.Globalization;
using Okapi.Simulation.Network;
using Okapi.Simulation.Time;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace Okapi.Simulation;

/// <summary>Many runs, one after another, and what became of them.</summary>
internal sealed class Campaign
{
    private const int MostFailures = 50;
    private int _failed;
    private long _runs;
    private long _events;

    public long From { get; set; } = 1;

    public long Count { get; set; }

    public bool IsTraced { get; set; }

    public bool TellsDigests { get; set; }

    /// <summary>Of each so many bytes of the script one is harmed; 0: none.</summary>
    public long EachByte { get; set; }

    public long FirstByte { get; set; }

    /// <summary>One harm, as a failed run names it.</summary>
    public string? Byte { get; set; }

    public int Run()
    {
        var watch = Stopwatch.StartNew();
        for (long seed = From; seed < From + Count && _failed < MostFailures; seed++)
        {
            long its = seed;
            Run($"seed {seed}", $"--seed {seed}", (time, trace) => Play.RunAsync(time, new Luck(its), trace));
        }

        if (Byte is { } one) RunByte(Parse(one));
        if (EachByte > 0) RunBytes();
        double seconds = watch.Elapsed.TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_runs} runs, {_failed} failed, {_events} events, {seconds:0.0} s, {_runs / seconds:0} runs/s"));
        return _failed == 0 ? 0 : 1;
    }

    private static HarmAt Parse(string text) => text.Split('/') is [var direction, var at, var harm]
        ? new(direction == "up", long.Parse(at, CultureInfo.InvariantCulture), Enum.Parse<Harm>(harm))
        : throw new ArgumentException($"{text} is not direction/byte/harm.");

    private void RunBytes()
    {
        (long up, long down) = Script.Measure();
        long number = 0;
        foreach (bool isUp in (bool[])[true, false])
        {
            for (long at = 0; at < (isUp ? up : down); at++)
            {
                foreach (Harm harm in Script.Harms)
                    if (number++ % EachByte == FirstByte % EachByte && _failed < MostFailures) RunByte(new(isUp, at, harm));
            }
        }

        Console.WriteLine($"The script sends {up} bytes and receives {down}: {number} ways to harm it.");
    }

    private void RunByte(HarmAt harm)
    {
        string name = $"{(harm.Up ? "up" : "down")}/{harm.Byte}/{harm.Harm}";
        Run($"byte {name}", $"--byte {name}", async (time, trace) => (await Script.RunAsync(time, trace, harm)).Violations);
    }

    private void Run(string name, string replay, Func<VirtualTime, Trace, Task<IReadOnlyList<string>>> play)
    {
        var time = new VirtualTime();
        var trace = new Trace(time, IsTraced ? Console.Out : null);
        IReadOnlyList<string> violations = [];
        try
        {
            Stage.Run(time, async () => violations = await play(time, trace));
        }
        catch (Exception error)
        {
            violations = [error.ToString()];
        }

        _runs++;
        _events += trace.Count;
        if (TellsDigests || IsTraced) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: digest {trace.Digest:x16}, {trace.Count} events, {time.Now.TotalSeconds:0.000} s of virtual time"));
        if (violations.Count == 0) return;
        _failed++;
        Console.WriteLine($"{name} FAILED; replay it with: eng/simulate {replay}");
        foreach (string violation in violations.Take(5)) Console.WriteLine($"    {violation}");
    }
}
