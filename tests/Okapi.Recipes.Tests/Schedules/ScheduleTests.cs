using System.Globalization;

namespace Okapi.Recipes.Tests.Schedules;

/// <summary>
/// Every schedule of a few clients, within bounds (H61). In no state of any do more hold it than may, tokens rise, nobody waits for ever, a znode that goes wakes no herd, and whenever everybody
/// gives up, whatever they are doing, no znode and no watch is left.
/// </summary>
/// <remarks>
/// The bounds here take seconds. <c>OKAPI_SCHEDULES=4,6,cuts</c> (clients, operations, and whether connections are cut too) sets others for all of them; these three words take many minutes.
/// </remarks>
public sealed class ScheduleTests
{
    [Theory]
    [InlineData(4, 6, false)]
    [InlineData(4, 4, true)]
    public Task H61_No_schedule_of_a_lock_breaks_its_promises(int clients, int operations, bool withCuts) => HoldsAsync(Subject.Lock, new(clients, operations, withCuts));

    [Theory]
    [InlineData(4, 5, false)]
    [InlineData(3, 4, true)]
    public Task H61_No_schedule_of_a_reader_writer_lock_breaks_its_promises(int clients, int operations, bool withCuts) =>
        HoldsAsync(Subject.ReaderWriterLock, new(clients, operations, withCuts));

    [Theory]
    [InlineData(1, 3, 5, false)]
    [InlineData(1, 2, 4, true)]
    [InlineData(2, 3, 5, false)]
    [InlineData(2, 3, 3, true)]
    public Task H61_No_schedule_of_a_semaphore_breaks_its_promises(int leases, int clients, int operations, bool withCuts) =>
        HoldsAsync(Subject.Semaphore(leases), new(clients, operations, withCuts));

    private static async Task HoldsAsync(Subject subject, Bounds bounds)
    {
        if (Environment.GetEnvironmentVariable("OKAPI_SCHEDULES") is { Length: > 0 } wanted)
        {
            string[] words = wanted.Split(',');
            bounds = new(int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture), words.Contains("cuts"));
        }

        Findings found = await Explorer.ExploreAsync(subject, bounds);
        if (found.Violation is { } violation) Assert.Fail(violation);
        // It has really been everywhere that two clients, or one, can be.
        Assert.True(found.States > 100, $"Only {found.States} states.");
    }
}
