using System.Collections.Concurrent;
using System.Diagnostics;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>Runs the same scripts on two servers, several at once, and tells of the scripts on which they differ.</summary>
public sealed class Differential(string oneName, Target one, string otherName, Target other)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // Short, for a server that does not answer is met again and again; but only where it has been seen not to answer.
    private static readonly TimeSpan ShrinkingPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ShrinkingTime = TimeSpan.FromSeconds(60);

    /// <summary>Changes what the other server said, in tests of this class itself.</summary>
    public Func<Transcript, Transcript>? Corrupt { get; init; }

    /// <summary>How many scripts run at once.</summary>
    public int Parallel { get; init; } = 24;

    /// <summary>How many differing scripts are enough.</summary>
    public int MaximumFailures { get; init; } = 3;

    public int Steps { get; private set; }

    /// <summary>Runs scripts until all have run, or enough have failed.</summary>
    /// <returns>What there is to say of each script that failed.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(IEnumerable<(string Name, Script Script)> scripts)
    {
        var failed = new ConcurrentQueue<(string Name, Script Script, string Both)>();
        var rest = new ConcurrentQueue<(string Name, Script Script)>(scripts);
        await Task.WhenAll(Enumerable.Range(0, Parallel).Select(_ => Task.Run(async () =>
        {
            await using Janitor first = await Janitor.StartAsync(one), second = await Janitor.StartAsync(other);
            while (failed.Count < MaximumFailures && rest.TryDequeue(out (string Name, Script Script) next))
            {
                try
                {
                    (Transcript left, Transcript right) = await BothAsync(next.Script, first, second, Patience);
                    if (Transcript.FirstDifference(left, right) >= 0) failed.Enqueue((next.Name, next.Script, Transcript.SideBySide(oneName, left, otherName, right)));
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"{next.Name} came to no end: {e.Message}\n{next.Script}", e);
                }

                lock (rest) Steps += next.Script.Steps.Count;
            }
        })));
        var told = new List<string>();
        foreach ((string name, Script script, string both) in failed.Take(MaximumFailures)) told.Add(await TellAsync(name, script, both));
        return told;
    }

    private async Task<bool> DifferAsync(Script script, Janitor first, Janitor second, TimeSpan patience)
    {
        (Transcript left, Transcript right) = await BothAsync(script, first, second, patience);
        return Transcript.FirstDifference(left, right) >= 0;
    }

    private async Task<(Transcript Left, Transcript Right)> BothAsync(Script script, Janitor first, Janitor second, TimeSpan patience)
    {
        Task<Transcript> left = ScriptRun.RunAsync(script, one, first, patience), right = ScriptRun.RunAsync(script, other, second, patience);
        await Task.WhenAll(left, right);
        Transcript heard = await right;
        return (await left, KnownDifferences.Excuse(await left, Corrupt is null ? heard : Corrupt(heard)));
    }

    private async Task<string> TellAsync(string name, Script script, string both)
    {
        await using Janitor first = await Janitor.StartAsync(one), second = await Janitor.StartAsync(other);
        (Transcript left, Transcript right) = await BothAsync(script, first, second, Patience);
        if (Transcript.FirstDifference(left, right) < 0) return $"{name}: the servers differed among other scripts, and not alone:\n\n{script}\n\n{both}";
        var time = Stopwatch.StartNew();
        var shrinker = new Shrinker(async shorter => time.Elapsed < ShrinkingTime && await DifferAsync(shorter, first, second, ShrinkingPatience));
        Script least = await shrinker.ShrinkAsync(script);
        (left, right) = await BothAsync(least, first, second, Patience);
        return $"{name}: the servers differ. After {shrinker.Tried} tries, {least.Steps.Count} of {script.Steps.Count} steps are left:\n\n{least}\n\n"
            + Transcript.SideBySide(oneName, left, otherName, right);
    }
}
