using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

public class ExclusionCheckTests
{
    /// <summary>Client 1 holds a lock and writes, then client 2 does.</summary>
    private static (Scenario Scenario, long First, long Second) Clean()
    {
        var scenario = new Scenario();
        scenario.Create(1, "/locks", mode: CreateMode.Container);
        scenario.Create(1, "/locks/x", mode: CreateMode.Container);
        long first = scenario.Create(1, "/locks/x/lock-0", mode: CreateMode.EphemeralSequential).Zxid;
        long second = scenario.Create(2, "/locks/x/lock-1", mode: CreateMode.EphemeralSequential).Zxid;
        scenario.Read(1, OpCode.GetChildren, "/locks/x");
        Grant(scenario, 1, first);
        Fenced(scenario, 1, first, Outcome.Ok, order: 1);
        End(scenario, 1, first);
        scenario.Delete(1, "/locks/x/lock-0");
        scenario.Read(2, OpCode.GetChildren, "/locks/x");
        Grant(scenario, 2, second);
        Fenced(scenario, 2, second, Outcome.Ok, order: 2);
        return (scenario, first, second);
    }

    [Fact]
    public void A_clean_history_passes()
    {
        (Scenario scenario, _, long second) = Clean();
        End(scenario, 2, second);
        Assert.Empty(new ExclusionCheck().Run(scenario.Evidence).Violations);
    }

    [Fact]
    public void A_write_with_an_older_token_that_the_fence_accepted_is_found()
    {
        (Scenario scenario, long first, _) = Clean();
        Fenced(scenario, 1, first, Outcome.Ok, order: 3);
        Expect(scenario, "was accepted after");
    }

    [Fact]
    public void A_write_with_an_older_token_that_the_fence_refused_is_as_it_should_be()
    {
        (Scenario scenario, long first, _) = Clean();
        Fenced(scenario, 1, first, Outcome.Error, order: 3);
        Findings findings = new ExclusionCheck().Run(scenario.Evidence);
        Assert.Empty(findings.Violations);
        Assert.Equal("1", findings.Facts["writes refused by a fence"]);
    }

    [Fact]
    public void A_token_that_was_never_granted_is_found()
    {
        (Scenario scenario, _, _) = Clean();
        Fenced(scenario, 1, 12345, Outcome.Ok, order: 3);
        Expect(scenario, "never granted");
    }

    [Fact]
    public void A_token_that_is_no_contenders_is_found()
    {
        (Scenario scenario, _, _) = Clean();
        Grant(scenario, 1, 12345);
        Expect(scenario, "czxid of no contender");
    }

    [Fact]
    public void A_token_of_somebody_elses_znode_is_found()
    {
        (Scenario scenario, long first, long second) = Clean();
        End(scenario, 2, second);
        Grant(scenario, 2, first);
        Expect(scenario, "belongs to session");
    }

    [Fact]
    public void A_grant_while_an_earlier_contender_is_in_line_is_found()
    {
        (Scenario scenario, _, long second) = Clean();
        End(scenario, 2, second);
        long third = scenario.Create(1, "/locks/x/lock-2", mode: CreateMode.EphemeralSequential).Zxid;
        Grant(scenario, 1, third);
        Expect(scenario, "one who came before left never");
    }

    [Fact]
    public void A_grant_before_its_session_could_know_is_found()
    {
        (Scenario scenario, _, long second) = Clean();
        End(scenario, 2, second);
        long third = scenario.Create(1, "/locks/x/lock-2", mode: CreateMode.EphemeralSequential).Zxid;
        scenario.Delete(2, "/locks/x/lock-1");
        Grant(scenario, 1, third); // nothing has told client 1 of it yet
        Expect(scenario, "one who came before left at");
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Two_who_believe_to_hold_at_once_are_found_unless_the_first_was_paused(int paused, bool isWrong)
    {
        var scenario = new Scenario();
        scenario.Create(1, "/locks");
        long first = scenario.Create(1, "/locks/a-0", mode: CreateMode.EphemeralSequential).Zxid;
        long second = scenario.Create(2, "/locks/a-1", mode: CreateMode.EphemeralSequential).Zxid;
        Grant(scenario, 1, first, "/locks");
        if (paused > 0) scenario.Add(new FaultEntry { Fault = 1, Kind = "pause-client", PausedClients = [paused] });
        scenario.Expire(1);
        scenario.Read(2, OpCode.GetChildren, "/locks");
        Grant(scenario, 2, second, "/locks");
        if (paused > 0) scenario.Add(new HealEntry { Fault = 1 });
        End(scenario, 1, first, "/locks");
        End(scenario, 2, second, "/locks");
        Findings findings = new ExclusionCheck().Run(scenario.Evidence);
        Assert.Equal(isWrong, findings.Violations.Any(each => each.Text.Contains("was not paused", StringComparison.Ordinal)));
        Assert.Equal(isWrong ? "0" : "1", findings.Facts["overlaps explained by a pause"]);
    }

    private static void Grant(Scenario scenario, int client, long token, string path = "/locks/x") =>
        scenario.Add(new GrantEntry { Client = client, Path = path, Token = token, Session = scenario.SessionOf(client) });

    private static void End(Scenario scenario, int client, long token, string path = "/locks/x") =>
        scenario.Add(new GrantEndedEntry { Client = client, Path = path, Token = token });

    private static void Fenced(Scenario scenario, int client, long token, Outcome outcome, long order) =>
        scenario.Add(new FencedWriteEntry { Client = client, Path = "/locks/x", Token = token, Outcome = outcome, Order = order });

    private static void Expect(Scenario scenario, string what) => Assert.Contains(new ExclusionCheck().Run(scenario.Evidence).Violations, each => each.Text.Contains(what, StringComparison.Ordinal));
}
