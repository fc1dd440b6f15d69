using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

public class DurabilityCheckTests
{
    private static Scenario Clean()
    {
        var scenario = new Scenario();
        scenario.Create(1, "/a", "1-1");
        scenario.Set(2, "/a", "2-1");
        scenario.Create(2, "/b", "2-2");
        scenario.Create(1, "/c", "1-2");
        return scenario;
    }

    [Fact]
    public void A_clean_history_passes() => Assert.Empty(new DurabilityCheck().Run(Clean().Evidence).Violations);

    [Fact]
    public void An_acknowledged_write_that_one_server_lacks_is_found()
    {
        Scenario scenario = Clean();
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.Where(each => each.Zxid != 4)], [0], []);
        Expect(scenario, "Server 2 lost");
    }

    [Fact]
    public void The_newest_acknowledged_write_that_one_server_lacks_is_found()
    {
        Scenario scenario = Clean();
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.SkipLast(1)], [0], []);
        Expect(scenario, "Server 2 lost");
    }

    [Fact]
    public void What_a_server_has_from_a_snapshot_it_need_not_have_in_its_log()
    {
        Scenario scenario = Clean();
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.Where(each => each.Zxid is not (3 or 4))], [0, 4], []);
        Assert.Empty(new DurabilityCheck().Run(scenario.Evidence).Violations);
    }

    [Fact]
    public void A_snapshot_from_before_the_missing_part_is_no_excuse()
    {
        Scenario scenario = Clean();
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.Where(each => each.Zxid is not (3 or 4))], [0, 3], []);
        Expect(scenario, "Server 2 lost");
    }

    [Fact]
    public void Servers_that_disagree_are_found()
    {
        Scenario scenario = Clean();
        scenario.Differing[3] = new ServerLog(3, [.. scenario.Log.Select(each => each.Zxid == 4 ? each with { Cxid = 99 } : each)], [0], []);
        Expect(scenario, "where another has");
    }

    [Fact]
    public void A_request_that_was_done_twice_is_found()
    {
        Scenario scenario = Clean();
        scenario.Commit(scenario.SessionOf(1), scenario.Log[^1].Cxid, OpCode.SetData, changes: new LoggedChange(OpCode.SetData, "/a", "1-2", 3, 2));
        Expect(scenario, "done twice");
    }

    [Theory]
    [InlineData(Outcome.Error, true)]
    [InlineData(Outcome.NotSent, true)]
    [InlineData(Outcome.Unknown, false)]
    public void A_write_that_is_there_though_the_call_says_it_is_not_is_found(Outcome outcome, bool isWrong)
    {
        Scenario scenario = Clean();
        WireOperationEntry sent = scenario.Unanswered(1, OpCode.SetData, "/a", "1-9");
        scenario.Commit(scenario.SessionOf(1), sent.Xid, OpCode.SetData, changes: new LoggedChange(OpCode.SetData, "/a", "1-9", 3, 2));
        scenario.Add(new OperationEntry { Client = 1, Id = 9, Kind = OperationKind.SetData, Path = "/a", Tag = "1-9", Invoked = scenario.Now, Outcome = outcome });
        Findings findings = new DurabilityCheck().Run(scenario.Evidence);
        Assert.Equal(isWrong, findings.Count > 0);
        Assert.Equal("1", findings.Facts["unanswered requests: done"]);
    }

    [Theory]
    [InlineData(0, true)] // the next leader did not have the proposal, however many others wrote it down
    [InlineData(1, false)] // it had it
    public void What_the_next_leader_had_was_agreed_on_and_nothing_else(int had, bool isLeftBehind)
    {
        Scenario scenario = Clean();
        LoggedTransaction proposal = ProposeThenFall(scenario, scenario.Zxid + had);
        WireOperationEntry unanswered = scenario.Unanswered(1, OpCode.SetData, "/a", "1-3");
        Evidence evidence = scenario.Evidence;
        Assert.Equal(isLeftBehind ? [proposal] : [], evidence.Log.LeftBehind);
        Assert.Equal(isLeftBehind, evidence.Log.Find(proposal.Zxid) is null);
        Assert.Equal([.. evidence.Log.Committed.OrderBy(each => each.Zxid)], evidence.Log.Committed);
        Assert.Empty(new DurabilityCheck().Run(evidence).Violations);

        // Once a client has been told of it, it has been agreed on: then the servers have lost it.
        (unanswered.Answered, unanswered.Zxid) = (true, proposal.Zxid);
        Findings findings = new DurabilityCheck().Run(scenario.Evidence);
        Assert.Empty(findings.Violations);
        Assert.Equal(isLeftBehind, findings.Facts.Keys.Any(each => each.Contains("the servers lost", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_leader_that_proposed_nothing_leaves_behind_as_well()
    {
        Scenario scenario = Clean();
        LoggedTransaction proposal = ProposeThenFall(scenario, scenario.Zxid + 1);
        scenario.Differing[3] = scenario.Differing[3] with { Takeovers = [new Takeover(1, proposal.Zxid - 1)] };
        Assert.Equal([proposal], scenario.Evidence.Log.LeftBehind);
    }

    [Fact]
    public void An_epoch_that_nobody_says_to_have_led_is_found()
    {
        Scenario scenario = Clean();
        ProposeThenFall(scenario, scenario.Zxid);
        scenario.Differing[2] = scenario.Differing[2] with { Takeovers = [] };
        Expect(scenario, "No server says that it led epoch 0x2");
    }

    [Fact]
    public void An_epoch_with_two_beginnings_is_found()
    {
        Scenario scenario = Clean();
        ProposeThenFall(scenario, scenario.Zxid);
        scenario.Differing[3] = scenario.Differing[3] with { Takeovers = [new Takeover(2, scenario.Zxid - 1)] };
        Expect(scenario, "Epoch 0x2 was led from 0x6 and from 0x5");
    }

    /// <summary>Server 1 leads, proposes what server 3 has written down, too, and falls; server 2 leads on from where it says.</summary>
    private static LoggedTransaction ProposeThenFall(Scenario scenario, long from)
    {
        var proposal = new LoggedTransaction(scenario.SessionOf(1), 50, scenario.Zxid + 1, 0, OpCode.SetData, ErrorCode.Ok, [new LoggedChange(OpCode.SetData, "/a", "1-3", 3, 2)], []);
        var next = new LoggedTransaction(scenario.SessionOf(2), 51, (2L << 32) + 1, 0, OpCode.Create, ErrorCode.Ok, [new LoggedChange(OpCode.Create, "/n", "n", 1, 4)], []);
        scenario.Differing[1] = new ServerLog(1, [.. scenario.Log, proposal, next], [0], []);
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log, next], [0, from], [new Takeover(2, from)]);
        scenario.Differing[3] = new ServerLog(3, [.. scenario.Log, proposal, next], [0], []);
        return proposal;
    }

    [Theory]
    [InlineData("/a", "2-1", false, null)]
    [InlineData("/a", "other", false, "by the log it is")]
    [InlineData("/ghost", "x", false, "does not exist")]
    [InlineData(null, null, true, "lacks /c")]
    public void A_servers_tree_that_is_not_the_logs_is_found(string? path, string? tag, bool leaveOut, string? finding)
    {
        Scenario scenario = Clean();
        var tree = new ModelTree();
        foreach (LoggedTransaction each in scenario.Log) tree.Apply(each);
        foreach ((string each, ModelNode node) in tree.Nodes)
        {
            if (each == path || (leaveOut && each == "/c")) continue;
            scenario.Add(new TreeNodeEntry { Server = 1, Path = each, Tag = node.Tag, Stat = node.Stat });
        }

        if (path is not null) scenario.Add(new TreeNodeEntry { Server = 1, Path = path, Tag = tag, Stat = tree.Find(path)?.Stat });
        Findings findings = new DurabilityCheck().Run(scenario.Evidence);
        if (finding is null) Assert.Empty(findings.Violations);
        else Assert.Contains(findings.Violations, each => each.Text.Contains(finding, StringComparison.Ordinal));
    }

    private static void Expect(Scenario scenario, string what) => Assert.Contains(new DurabilityCheck().Run(scenario.Evidence).Violations, each => each.Text.Contains(what, StringComparison.Ordinal));
}
