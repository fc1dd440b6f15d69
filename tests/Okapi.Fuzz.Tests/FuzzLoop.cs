using System.Diagnostics;
using System.Globalization;

namespace Okapi.Fuzz.Tests;

/// <summary>An input was not met as it has to be.</summary>
/// <param name="message">What was wrong.</param>
/// <param name="input">The bytes, or null where the seed says all.</param>
public sealed class FuzzFailure(string message, byte[]? input = null) : Exception(message)
{
    public byte[]? Input { get; } = input;
}

/// <summary>Runs inputs until there were enough, tells how far it is, and gives of a failure what repeats it.</summary>
/// <param name="name">The kind of fuzzing: F1 to F4.</param>
/// <param name="inputs">How many inputs ./test runs.</param>
/// <param name="time">How long ./test takes at most; a longer run is asked for by its number of inputs.</param>
internal sealed class FuzzLoop(string name, long inputs, TimeSpan time)
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(10);

    private readonly long _inputs = FuzzSettings.Inputs ?? inputs;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _told;
    private long _next;
    private int _failed;

    /// <summary>How many inputs have been begun.</summary>
    public long Count => Math.Min(Interlocked.Read(ref _next), _inputs);

    /// <summary>Takes the seed of the next input.</summary>
    public bool TryNext(out ulong seed)
    {
        long number = Interlocked.Increment(ref _next) - 1;
        seed = FuzzSettings.Seed + (ulong)number;
        if (number < _inputs && Volatile.Read(ref _failed) == 0 && (FuzzSettings.Inputs is not null || _watch.Elapsed < time))
        {
            Tell(number);
            return true;
        }

        Interlocked.Decrement(ref _next);
        return false;
    }

    /// <summary>Runs inputs on both of two threads.</summary>
    /// <param name="begin">Makes what one thread needs, and gives what runs one input.</param>
    public void Run(Func<Action<ulong>> begin)
    {
        Exception?[] failures = new Exception?[2];
        Thread[] threads = [.. Enumerable.Range(0, failures.Length).Select(index => new Thread(() => failures[index] = RunOne(begin())) { Name = $"{name}-{index}" })];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (failures.FirstOrDefault(failure => failure is not null) is { } first) throw first;
        Say($"{name}: {Count} inputs in {_watch.Elapsed.TotalSeconds:f1} s, first seed {FuzzSettings.Seed}.");
    }

    /// <summary>Runs inputs one after another.</summary>
    public Task RunAsync(Func<ulong, Task> run) => RunTwoAsync(run, null);

    /// <summary>Runs the inputs of even seeds on one and those of odd seeds on the other.</summary>
    public async Task RunTwoAsync(Func<ulong, Task> even, Func<ulong, Task>? odd)
    {
        // The two go side by side; one waits a little for the other where one is quicker.
        await Task.Run(() => RunAllAsync(async seed =>
        {
            if (odd is null)
            {
                await even(seed);
                return;
            }

            Task other = _other;
            Task own = seed % 2 == 0 ? Task.Run(() => even(seed)) : Task.Run(() => odd(seed));
            _other = own;
            await other;
        }));
        Say($"{name}: {Count} inputs in {_watch.Elapsed.TotalSeconds:f1} s, first seed {FuzzSettings.Seed}.");
    }

    private async Task RunAllAsync(Func<ulong, Task> run)
    {
        while (TryNext(out ulong seed))
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
    }

    public static void Say(string line)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        if (FuzzSettings.Inputs is not null || FuzzSettings.Replay is not null) Console.WriteLine(line);
    }

    private Exception? RunOne(Action<ulong> run)
    {
        while (TryNext(out ulong seed))
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
        string how = $"eng/fuzz --only {name} --seed {seed} --inputs 1";
        if (error is FuzzFailure { Input: { } bytes })
        {
            string folder = Path.Combine(AppContext.BaseDirectory, "failures");
            Directory.CreateDirectory(folder);
            string file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{seed}.hex"));
            HexFile.Write(file, $"{name}: {error.Message}", bytes);
            how += $", or eng/fuzz --only {name} --replay {file}";
        }

        Console.WriteLine($"{name}: seed {seed} fails: {error.Message}");
        return new($"{name}, seed {seed}: {error.Message}{Environment.NewLine}Again: {how}", error);
    }

    private void Tell(long number)
    {
        if (FuzzSettings.Inputs is null || _watch.Elapsed - _told < ProgressEvery) return;
        _told = _watch.Elapsed;
        Console.WriteLine($"{name}: {number} of {_inputs} inputs, {number / _watch.Elapsed.TotalSeconds:f0}/s");
    }
}
