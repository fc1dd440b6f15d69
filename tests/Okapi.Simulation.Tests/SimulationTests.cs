using System.Globalization;

namespace Okapi.Simulation.Tests;

/// <summary>
/// The whole client against model servers in virtual time. OKAPI_SIM_SEED=n runs one seed and prints its trace; OKAPI_SIM_COUNT=n sets how many are run.
/// </summary>
public class SimulationTests(ITestOutputHelper output)
{
    private const int DefaultCount = 10_000;

    private static int? Setting(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : null;

    [Fact]
    public void Every_schedule_of_faults_keeps_the_invariants() => OnOwnThread(() =>
    {
        if (Setting("OKAPI_SIM_SEED") is { } seed)
        {
            (_, long steps, IReadOnlyList<string>? trace) = SimulatedRun.Run(seed, isTraced: true);
            output.WriteLine(string.Join(Environment.NewLine, trace!));
            output.WriteLine($"Seed {seed} holds, {steps} steps.");
            return;
        }

        long all = 0;
        var failures = new List<string>();
        int count = Setting("OKAPI_SIM_COUNT") ?? DefaultCount;
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (int i = 1; i <= count && failures.Count < 10; i++)
        {
            try
            {
                all += SimulatedRun.Run(i).Steps;
            }
            catch (SimulationException breach)
            {
                failures.Add(breach.Message);
            }
        }

        output.WriteLine($"{count} seeds, {all} steps, {watch.Elapsed.TotalSeconds:0.0} s.");
        Assert.True(failures.Count == 0, string.Join(Environment.NewLine, failures));
    });

    [Fact]
    public void A_seed_takes_the_same_steps_again() => OnOwnThread(() =>
    {
        for (int seed = 1; seed <= 30; seed++) Assert.Equal(SimulatedRun.Run(seed).Digest, SimulatedRun.Run(seed).Digest);
    });

    /// <summary>A thread without a synchronization context: continuations run in place.</summary>
    private static void OnOwnThread(Action action)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception caught)
            {
                error = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(caught);
            }
        }, 16 << 20);
        thread.Start();
        thread.Join();
        error?.Throw();
    }
}
