using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

/// <summary>Servers that lose what they have acknowledged: clients had it, saw it and were told of it, and it is gone in the next epoch.</summary>
public class LostWritesTests
{
    /// <summary>Writes /a twice; the second is lost, as the next leader says, who goes on with something else.</summary>
    private static Scenario Lose(bool isOwned = true)
    {
        var scenario = new Scenario();
        scenario.Create(1, "/a", "1-1");
        scenario.Arm(2, 1, WatchKind.Persistent, "/a");
        long kept = scenario.Zxid;
        scenario.Set(1, "/a", "1-2");
        scenario.Read(2, OpCode.GetData, "/a");
        scenario.Tell(2, 1, WatchedEventType.NodeDataChanged, "/a");
        LoggedTransaction lost = scenario.Log[^1];
        var next = new LoggedTransaction(scenario.SessionOf(2), 51, (1L << 32) + 1, 0, OpCode.Create, ErrorCode.Ok, [new LoggedChange(OpCode.Create, "/n", "2-9", 3, 2)], []);
        scenario.Differing[1] = new ServerLog(1, [.. scenario.Log, next], [0], []);
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.Where(each => each != lost), next], [0], isOwned ? [new Takeover(1, kept)] : []);
        scenario.Differing[3] = scenario.Differing[2] with { Server = 3, Takeovers = [] };
        return scenario;
    }

    public static TheoryData<string> Checks { get; } = [.. Verdict.Checks.Select(each => each.Name).Where(each => each is "K1" or "K2" or "K3" or "K5")];

    [Theory]
    [MemberData(nameof(Checks))]
    public void They_are_not_held_against_the_client(string check)
    {
        Evidence evidence = Lose().Evidence;
        Assert.Single(evidence.Log.Lost);
        Assert.Empty(Run(check, evidence).Violations);
    }

    [Theory]
    [InlineData("K1")]
    [InlineData("K2")]
    public void They_are_counted(string check) => Assert.Contains(Run(check, Lose().Evidence).Facts.Keys, each => each.Contains("lost", StringComparison.Ordinal));

    [Fact]
    public void A_server_without_them_that_has_no_leaders_word_for_it_is_found() => Assert.NotEmpty(Run("K2", Lose(isOwned: false).Evidence).Violations);

    [Fact]
    public void What_is_read_of_them_in_the_next_epoch_is_found()
    {
        Scenario scenario = Lose();
        scenario.Read(2, OpCode.GetData, "/a", zxid: (1L << 32) + 1);
        Assert.Contains(Run("K3", scenario.Evidence).Violations, each => each.Text.Contains("by the log it was", StringComparison.Ordinal));
    }

    private static Findings Run(string check, Evidence evidence) => Verdict.Checks.Single(each => each.Name == check).Run(evidence);
}
