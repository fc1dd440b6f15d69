using System.Globalization;
using Okapi.Soak.Leaks;
using Okapi.Soak.Load;
using Okapi.Soak.Measures;
using Okapi.Soak.Reports;

namespace Okapi.Soak.Tests;

/// <summary>They look at the whole process, so nothing else runs beside them.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class AloneCollection;

/// <summary>The soak in short form; eng/soak has the long one.</summary>
[Collection<AloneCollection>]
public class SoakTests
{
    private static int Seed { get; } = int.TryParse(Environment.GetEnvironmentVariable("OKAPI_SOAK_SEED"), CultureInfo.InvariantCulture, out int seed) ? seed : Random.Shared.Next(1, 1_000_000);

    [Fact]
    public async Task S1_Clients_at_work_whose_connections_are_cut_leave_the_server_as_they_found_it()
    {
        Say($"OKAPI_SOAK_SEED={Seed}");
        var settings = new LoadSettings { Clients = 50, Rate = 1000, CutPeriod = TimeSpan.FromSeconds(2), Duration = TimeSpan.FromSeconds(6), SamplePeriod = TimeSpan.FromSeconds(0.25), Seed = Seed };
        IReadOnlyList<Check> checks = await new CutLoad(settings, Say).RunAsync(TestContext.Current.CancellationToken);
        // How level the process is cannot be seen in so short a time, and how often a busy machine gets round to cutting is not ours; what has to be back at the end can be seen.
        AssertHold(checks.Where(check => check.Name is not ("heap" or "descriptors" or "threads" or "timers" or "server sessions" or "cuts")));
        string cuts = Assert.Single(checks, check => check.Name == "cuts").Detail;
        Assert.True(int.Parse(cuts.Split(' ')[0], CultureInfo.InvariantCulture) >= settings.Clients, cuts); // once for each on average
    }

    [Fact]
    public async Task S2_What_is_taken_and_given_back_thousands_of_times_is_gone()
    {
        Say($"OKAPI_SOAK_SEED={Seed}");
        await using Churn churn = await Churn.StartAsync(Seed, Say);
        AssertHold(await churn.RunAsync(ChurnCounts.Full.Share(200)));
    }

    public static TheoryData<long> Boundaries => [.. Rollover.Boundaries];

    [Theory]
    [MemberData(nameof(Boundaries))]
    public async Task S3_Sessions_watches_and_locks_go_on_where_the_lower_half_of_a_zxid_ends(long boundary) => AssertHold([await Rollover.ZxidAsync(boundary)]);

    [Fact]
    public async Task S3_H31_Requests_go_on_where_their_numbers_end() => AssertHold([await Rollover.XidAsync()]);

    [Fact]
    public async Task S4_Sessions_that_are_idle_for_48_hours_live_and_ping_as_promised() => AssertHold(await Idle.RunVirtualAsync(TimeSpan.FromHours(48)));

    private static void AssertHold(IEnumerable<Check> checks)
    {
        Check[] all = [.. checks];
        Say(Report.Table(new("what was found", TimeSpan.Zero, all, [])));
        Assert.NotEmpty(all);
        Assert.All(all, check => Assert.True(check.Verdict != Verdict.Broken, $"{check.Name}: {check.Detail}"));
    }

    private static void Say(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
