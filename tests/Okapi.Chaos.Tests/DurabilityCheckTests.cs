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
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.Where(each => each.Zxid != 4)], [0]);
        Expect(scenario, "Server 2 lost");
    }

    [Fact]
    public void The_newest_acknowledged_write_that_one_server_lacks_is_found()
    {
        Scenario scenario = Clean();
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.SkipLast(1)], [0]);
        Expect(scenario, "Server 2 lost");
    }

    [Fact]
    public void What_a_server_has_from_a_snapshot_it_need_not_have_in_its_log()
    {
        Scenario scenario = Clean();
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.Where(each => each.Zxid is not (3 or 4))], [0, 4]);
        Assert.Empty(new DurabilityCheck().Run(scenario.Evidence).Violations);
    }

    [Fact]
    public void A_snapshot_from_before_the_missing_part_is_no_excuse()
    {
        Scenario scenario = Clean();
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log.Where(each => each.Zxid is not (3 or 4))], [0, 3]);
        Expect(scenario, "Server 2 lost");
    }

    [Fact]
    public void Servers_that_disagree_are_found()
    {
        Scenario scenario = Clean();
        scenario.Differing[3] = new ServerLog(3, [.. scenario.Log.Select(each => each.Zxid == 4 ? each with { Cxid = 99 } : each)], [0]);
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

    [Fact]
    public void A_proposal_that_a_fallen_leader_left_behind_is_none_of_what_was_agreed_on()
    {
        Scenario scenario = Clean();
        var proposal = new LoggedTransaction(scenario.SessionOf(1), 50, scenario.Zxid + 1, 0, OpCode.Create, ErrorCode.Ok, [new LoggedChange(OpCode.Create, "/p", "p", 1, 4)], []);
        var next = new LoggedTransaction(scenario.SessionOf(2), 51, (1L << 32) + 1, 0, OpCode.Create, ErrorCode.Ok, [new LoggedChange(OpCode.Create, "/n", "n", 1, 4)], []);
        scenario.Differing[1] = new ServerLog(1, [.. scenario.Log, proposal, next], [0]);
        scenario.Differing[2] = new ServerLog(2, [.. scenario.Log, next], [0]);
        scenario.Differing[3] = new ServerLog(3, [.. scenario.Log, next], [0]);
        Evidence evidence = scenario.Evidence;
        Assert.Equal([proposal], evidence.Log.LeftBehind);
        Assert.Empty(new DurabilityCheck().Run(evidence).Violations);

        // Once a client has been told of it, it is what was agreed on, and the others have lost it.
        WireOperationEntry told = scenario.Unanswered(1, OpCode.Create, "/p", "p");
        (told.Answered, told.Zxid) = (true, proposal.Zxid);
        Assert.Contains(new DurabilityCheck().Run(scenario.Evidence).Violations, each => each.Text.Contains("lost", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(8, 0)] // the next write goes on from the proposal's version
    [InlineData(7, 1)] // the next write gives that version anew
    public void A_proposal_of_a_leader_that_led_on_was_agreed_on_though_others_have_it_by_a_snapshot(int nextVersion, int leftBehind)
    {
        Scenario scenario = Clean();
        var proposal = new LoggedTransaction(scenario.SessionOf(1), 50, scenario.Zxid + 1, 0, OpCode.SetData, ErrorCode.Ok, [new LoggedChange(OpCode.SetData, "/p", "p", 1, 7)], []);
        var next = new LoggedTransaction(scenario.SessionOf(2), 51, (1L << 32) + 1, 0, OpCode.SetData, ErrorCode.Ok, [new LoggedChange(OpCode.SetData, "/p", "n", 1, nextVersion)], []);
        TransactionLog log = TransactionLog.Merge(
            [new ServerLog(1, [.. scenario.Log, proposal, next], [0]), new ServerLog(2, [.. scenario.Log, next], [0]), new ServerLog(3, [.. scenario.Log, next], [0])],
            new Dictionary<long, long>());
        Assert.Equal(leftBehind, log.LeftBehind.Count);
        Assert.Equal(leftBehind == 0, log.Find(proposal.Zxid) is not null);
        Assert.Equal([.. log.Committed.OrderBy(each => each.Zxid)], log.Committed);
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
