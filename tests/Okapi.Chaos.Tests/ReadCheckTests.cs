using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

public class ReadCheckTests
{
    private static Scenario Clean()
    {
        var scenario = new Scenario();
        scenario.Create(1, "/a", "1-1");
        scenario.Read(2, OpCode.GetData, "/a");
        scenario.Create(1, "/a/x", "1-2");
        scenario.Read(2, OpCode.GetChildren2, "/a");
        scenario.Read(2, OpCode.GetChildren, "/a");
        scenario.Set(2, "/a", "2-1");
        scenario.Read(1, OpCode.Exists, "/a");
        scenario.Delete(1, "/a/x");
        scenario.Read(1, OpCode.Exists, "/a/x");
        scenario.Connect(2);
        scenario.Read(2, OpCode.GetData, "/a");
        return scenario;
    }

    [Fact]
    public void A_clean_history_passes()
    {
        Findings findings = new ReadCheck().Run(Clean().Evidence);
        Assert.Empty(findings.Violations);
        Assert.Equal("1", findings.Facts["times a session moved to another connection"]);
    }

    [Fact]
    public void A_session_that_goes_back_in_time_on_another_server_is_found()
    {
        Scenario scenario = Clean();
        scenario.Connect(2);
        scenario.Read(2, OpCode.Exists, "/nothing", zxid: scenario.Zxid - 2);
        Expect(scenario, "saw zxid");
    }

    [Fact]
    public void A_stale_value_at_a_newer_zxid_is_found()
    {
        Scenario scenario = Clean();
        scenario.Read(2, OpCode.GetData, "/a", tag: "1-1");
        Expect(scenario, "1-1; by the log it was 2-1");
    }

    [Fact]
    public void A_wrong_Stat_is_found()
    {
        Scenario scenario = Clean();
        scenario.Read(2, OpCode.Exists, "/a", answer: stat => stat with { ChildVersion = stat.ChildVersion - 1 });
        Expect(scenario, "by the log it was");
    }

    [Fact]
    public void An_absent_znode_that_was_there_is_found()
    {
        Scenario scenario = Clean();
        scenario.Read(2, OpCode.GetData, "/b");
        scenario.Create(1, "/b", "1-8");
        scenario.Entries.OfType<WireOperationEntry>().Last(each => each is { Type: OpCode.GetData, Error: ErrorCode.NoNode }).Zxid = scenario.Zxid;
        Expect(scenario, "NoNode, though it existed");
    }

    [Fact]
    public void A_child_too_many_is_found()
    {
        Scenario scenario = Clean();
        WireOperationEntry list = scenario.Read(2, OpCode.GetChildren2, "/a");
        list.Children += ChildrenDigest.Of("ghost");
        Expect(scenario, "children; by the log");
    }

    [Fact]
    public void A_zxid_beyond_the_log_is_found()
    {
        Scenario scenario = Clean();
        scenario.Read(1, OpCode.Exists, "/a", zxid: scenario.Zxid + 1);
        Expect(scenario, "which the log does not reach");
    }

    [Fact]
    public void A_call_that_returns_what_no_server_said_is_found()
    {
        Scenario scenario = Clean();
        scenario.Add(new OperationEntry { Client = 1, Id = 99, Kind = OperationKind.GetData, Path = "/a", Invoked = scenario.Now - 100, ResultTag = "made up" });
        Expect(scenario, "no server said so");
    }

    private static void Expect(Scenario scenario, string what) => Assert.Contains(new ReadCheck().Run(scenario.Evidence).Violations, each => each.Text.Contains(what, StringComparison.Ordinal));
}
