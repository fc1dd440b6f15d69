using Okapi.Recipes.Locks;

namespace Okapi.Recipes.Tests.Schedules;

/// <summary>The search is worth what it finds: each test plants a mistake that somebody has made, or could make, and it has to come out.</summary>
public sealed class PlantedBugTests
{
    private const string Write = "__WRIT__";
    private const string Read = "__READ__";

    [Fact]
    public Task Who_is_woken_takes_it_for_granted_that_it_is_his_turn() => IsFoundAsync(
        "2 hold it at once",
        Subject.Lock with
        {
            Open = static (zk, options) =>
            {
                var line = new Line(zk, Subject.Path, options, ["lock-"]);
                return async (_, ct) =>
                {
                    int looks = 0;
                    return (await line.EnterAsync("lock-", default, (all, mine) => mine == 0 || looks++ > 0 ? null : all[mine - 1], null, ct))!;
                };
            },
        });

    [Fact]
    public Task Who_waits_for_the_first_wakes_with_all_others() => IsFoundAsync("a herd", Locked(static (line, mine) => mine == 0 ? null : line[0]));

    [Fact]
    public Task Who_comes_last_goes_first() => IsFoundAsync("2 hold it at once", Locked(static (line, mine) => mine + 1 == line.Count ? null : line[^1]));

    [Fact]
    public Task A_writer_does_not_mind_readers() => IsFoundAsync("2 hold it at once", Shared(static (line, mine) =>
        line[mine].Marker == Write ? line.Take(mine).LastOrDefault(static each => each.Marker == Write) is { Name: not null } writer ? writer : null : LastWriter(line, mine)));

    [Fact]
    public Task A_reader_behind_a_reader_does_not_look_further() => IsFoundAsync("2 hold it at once", Shared(static (line, mine) =>
        mine == 0 || (line[mine].Marker == Read && line[mine - 1].Marker == Read) ? null : line[mine - 1]));

    /// <summary>kazoo#649, CURATOR-621: readers who wait for writers that have come after them.</summary>
    [Fact]
    public Task A_reader_waits_for_any_writer_there_is() => IsFoundAsync("a deadlock", Shared(static (line, mine) =>
        line[mine].Marker == Read ? LastWriter(line, line.Count) : mine == 0 ? null : line[mine - 1]));

    [Fact]
    public Task A_writer_waits_for_the_first_contender_of_all() => IsFoundAsync("a herd", Shared(static (line, mine) =>
        mine == 0 || (line[mine].Marker == Read && LastWriter(line, mine) is null) ? null : line[0]));

    [Fact]
    public Task One_lease_too_many_is_given() => IsFoundAsync("2 hold it at once", Subject.Semaphore(1, real: 2));

    [Fact]
    public Task Leases_are_looked_for_by_all_at_once() => IsFoundAsync(
        "a deadlock",
        Subject.Leased("leases without a line", 1, static (zk, options) =>
        {
            // Each in a line of his own.
            var line = new Line(zk, $"{Subject.Path}/locks/{options.Identity}", options, ["lock-"]);
            var leases = new Leases(zk, Subject.Path + "/leases", 1, options);
            return async (_, ct) => (await leases.TakeAsync(
                limit => line.EnterAsync("lock-", default, static (all, mine) => mine == 0 ? null : all[mine - 1], null, limit.Token), default, null, ct))!;
        }) with { Folders = [Subject.Path + "/locks/0", Subject.Path + "/locks/1", Subject.Path + "/locks/2", Subject.Path + "/leases"] });

    private static Subject Locked(FindBlocker findBlocker) => Subject.Lock with
    {
        Open = (zk, options) =>
        {
            var line = new Line(zk, Subject.Path, options, ["lock-"]);
            return async (_, ct) => (await line.EnterAsync("lock-", default, findBlocker, null, ct))!;
        },
    };

    private static Subject Shared(FindBlocker findBlocker) => Subject.ReadersAndWriters("planted", (zk, options) =>
    {
        var line = new Line(zk, Subject.Path, options, [Read, Write]);
        return async (want, ct) => (await line.EnterAsync(want == "write" ? Write : Read, default, findBlocker, null, ct))!;
    });

    private static Contender? LastWriter(IReadOnlyList<Contender> line, int before)
    {
        for (int i = before - 1; i >= 0; i--)
            if (line[i].Marker == Write) return line[i];
        return null;
    }

    private static async Task IsFoundAsync(string what, Subject subject)
    {
        Findings found = await Explorer.ExploreAsync(subject, new(3, 5, WithCuts: false));
        TestContext.Current.TestOutputHelper?.WriteLine($"{found.Schedules} schedules until: {found.Violation}");
        Assert.StartsWith(what, found.Violation, StringComparison.Ordinal);
    }
}
