using System.Diagnostics;
using System.Globalization;

namespace Okapi.Fuzz.Tests;

/// <summary>An input was not met as it has to be.</summary>
/// <param name="message">What was wrong.</param>
/// <param name="input">The bytes, or null where the seed says all.</param>
public sealed class FuzzException(string message, byte[]? input = null) : Exception(message)
{
    public byte[]? Input { get; } = input;
}

/// <summary>Runs inputs until there were enough, tells how far it is, and gives of a failure what repeats it.</summary>
/// <param name="name">The kind of fuzzing: F1 to F4.</param>
/// <param name="inputs">How many inputs ./test runs.</param>
/// <param name="time">How long ./test takes at most; a longer run is asked for by its number of inputs.</param>
/// <param name="fixedSeed">The first seed in ./test; null: another one each time.</param>
/// <param name="isOneStory">Whether each input meets what all before it have left behind, so that only all of them again are the same.</param>
internal sealed class FuzzLoop(string name, long inputs, TimeSpan time, ulong? fixedSeed = null, bool isOneStory = false)
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(10);

    private readonly long _inputs = FuzzSettings.Inputs ?? inputs;
    private readonly ulong _first = FuzzSettings.Seed ?? (FuzzSettings.Inputs is null ? fixedSeed : null) ?? FuzzSettings.Chance;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _told;
    private long _count;
    private int _failed;

    /// <summary>How many inputs were run.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Runs inputs on both of two threads.</summary>
    /// <param name="begin">Makes what one thread needs, and gives what runs one input.</param>
    public void Run(Func<Action<ulong>> begin)
    {
        Exception?[] failures = new Exception?[2];
        Thread[] threads = [.. Enumerable.Range(0, failures.Length).Select(index => new Thread(() => failures[index] = RunLane(begin(), (ulong)index)) { Name = $"{name}-{index}" })];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (failures.FirstOrDefault(failure => failure is not null) is { } first) throw first;
        SayHowMany();
    }

    /// <summary>Runs inputs one after another on each of several subjects, side by side. The seed says which: seed n goes to the subject n modulo their number.</summary>
    public async Task RunAsync(params Func<ulong, Task>[] subjects)
    {
        await Task.WhenAll(subjects.Select((run, index) => Task.Run(async () =>
        {
            foreach (ulong seed in Seeds((ulong)index, (ulong)subjects.Length))
            {
                try
                {
                    await run(seed);
                }
                catch (Exception error)
                {
                    throw Explain(seed, error);
                }
            }
        })));
        SayHowMany();
    }

    private void SayHowMany() => Say($"{name}: {Count} inputs in {_watch.Elapsed.TotalSeconds:f1} s, first seed {_first}.");

    private IEnumerable<ulong> Seeds(ulong lane, ulong lanes)
    {
        for (ulong seed = _first + ((lane + lanes - (_first % lanes)) % lanes); seed - _first < (ulong)_inputs && Volatile.Read(ref _failed) == 0 && (FuzzSettings.Inputs is not null || _watch.Elapsed < time); seed += lanes)
        {
            Tell(Interlocked.Increment(ref _count));
            yield return seed;
        }
    }

    public static void Say(string line)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        if (FuzzSettings.Inputs is not null || FuzzSettings.Replay is not null) Console.WriteLine(line);
    }

    private Exception? RunLane(Action<ulong> run, ulong lane)
    {
        foreach (ulong seed in Seeds(lane, 2))
        {
            try
            {
                run(seed);
            }
            catch (Exception error)
            {
                return Explain(seed, error);
            }
        }

        return null;
    }

    private InvalidOperationException Explain(ulong seed, Exception error)
    {
        Volatile.Write(ref _failed, 1);
        string message = $"{name}, seed {seed}: {error.Message}{Environment.NewLine}It was found after {Count} inputs. Again: eng/fuzz {Replay(seed, error)}";
        Console.WriteLine(message);
        return new(message, error);
    }

    /// <summary>What repeats a failure: its bytes, for what was kept of earlier inputs may have a part in how they were made; its seed, where that says all.</summary>
    private string Replay(ulong seed, Exception error)
    {
        string? bytes = error is FuzzException { Input: { } input } ? $"--replay {Keep(seed, error.Message, input)}" : null;
        if (isOneStory) return $"--only {name} --seed {_first} --inputs {seed - _first + 1}{(bytes is null ? "" : $", and perhaps eng/fuzz {bytes}")}";
        return bytes ?? $"--only {name} --seed {seed} --inputs 1";
    }

    private string Keep(ulong seed, string message, byte[] input)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "failures");
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{seed}.hex"));
        HexFile.Write(file, $"{name}: {message}", input);
        return file;
    }

    private void Tell(long number)
    {
        if (FuzzSettings.Inputs is null || _watch.Elapsed - _told < ProgressEvery) return;
        _told = _watch.Elapsed;
        Console.WriteLine($"{name}: {number} of {_inputs} inputs, {number / _watch.Elapsed.TotalSeconds:f0}/s");
    }
}
