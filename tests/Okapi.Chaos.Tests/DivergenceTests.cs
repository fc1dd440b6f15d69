using Okapi.Chaos.Checks;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

public class DivergenceTests
{
    private const string Noticed = "2026-11-21 21:44:51,167 WARN  [CommitProcessor:1:DataTree] Message:Digests are not matching. Value is Zxid. Value:377957122049";
    private const string NoticedAgain = "2026-11-21 21:45:00,000 WARN  [CommitProcessor:1:DataTree] Message:Digests are not matching. Value is Zxid. Value:377957122050";
    private const string WhileLoading = "2026-11-21 22:10:24,237 WARN  [main:DataTree] Message:Digests are not matching. Value is Zxid. Value:657129997339";
    private const string Replaced = "2026-11-21 22:13:06,706 INFO  [QuorumPeer[myid=1](plain=10.213.64.1:2181)(secure=disabled):Learner] Getting a snapshot from leader 0xa500000ad7";

    private static DateTimeOffset At(int hour, int minute, int second, int millisecond) => new DateTime(2026, 11, 21, hour, minute, second, millisecond, DateTimeKind.Local);

    [Fact]
    public void It_lasts_from_the_first_notice_to_the_next_snapshot() => Assert.Equal(
        [new Divergence(At(21, 44, 51, 167), At(22, 13, 6, 706))],
        Divergence.In([Replaced, Noticed, NoticedAgain, "something else", WhileLoading, Replaced, Replaced]));

    [Fact]
    public void It_lasts_until_the_end_if_there_is_no_snapshot() => Assert.Equal(
        [new Divergence(At(21, 44, 51, 167), DateTimeOffset.MaxValue)],
        Divergence.In([Noticed, WhileLoading]));

    [Fact]
    public void All_that_is_needed_is_kept_and_nothing_else() => Assert.Equal(
        [true, false, true, false],
        new[] { Noticed, WhileLoading, Replaced, "something else" }.Select(Divergence.IsToldBy));

    [Fact]
    public void Times_that_overlap_count_once()
    {
        var scenario = new Scenario();
        scenario.Wait(100 * Scenario.Second);
        scenario.Create(1, "/a");
        foreach ((int server, int from, int to) in ((int, int, int)[])[(1, 10, 30), (2, 20, 40), (3, 90, 5000)])
            scenario.Differing[server] = new ServerLog(server, [.. scenario.Log], [0], []) { Divergences = [new Divergence(Scenario.Started.AddSeconds(from), Scenario.Started.AddSeconds(to))] };
        Assert.InRange(scenario.Evidence.DivergedFor().TotalSeconds, 40, 41);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(3600, false)] // before
    public void What_servers_say_while_their_trees_differ_is_not_held_against_the_client(int after, bool isExcused)
    {
        var scenario = new Scenario();
        scenario.Create(2, "/a", "right");
        scenario.Read(1, OpCode.GetData, "/a", tag: "wrong");
        scenario.Differing[3] = new ServerLog(3, [.. scenario.Log], [0], []) { Divergences = [new Divergence(Scenario.Started.AddSeconds(after), DateTimeOffset.MaxValue)] };
        Findings findings = new ReadCheck().Run(scenario.Evidence);
        Assert.Equal(isExcused, findings.Count == 0);
        Assert.Equal(isExcused, findings.Facts.Values.Contains("1") && findings.Facts.Keys.Any(each => each.Contains("different trees", StringComparison.Ordinal)));
    }
}
