namespace Okapi.Recipes.Tests.Schedules;

public sealed class ScheduleTests
{
    [Fact]
    public Task H61_No_schedule_of_a_lock_breaks_its_promises() => HoldsAsync(Subject.Lock);

    [Fact]
    public Task H61_No_schedule_of_a_reader_writer_lock_breaks_its_promises() => HoldsAsync(Subject.ReaderWriterLock);

    [Fact]
    public Task H61_No_schedule_of_a_semaphore_breaks_its_promises() => HoldsAsync(Subject.Semaphore(1));

    private static async Task HoldsAsync(Subject subject)
    {
        int clients = int.Parse(Environment.GetEnvironmentVariable("OKAPI_SCHEDULE_CLIENTS") ?? "2"), operations = int.Parse(Environment.GetEnvironmentVariable("OKAPI_SCHEDULE_OPERATIONS") ?? "3");
        bool cuts = Environment.GetEnvironmentVariable("OKAPI_SCHEDULE_CUTS") == "1";
        Findings found = await Explorer.ExploreAsync(subject, new(clients, operations, cuts));
        if (found.Violation is { } violation) Assert.Fail(violation);
    }
}
