using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

public class WriteCheckTests
{
    private static Scenario Clean()
    {
        var scenario = new Scenario();
        scenario.Create(1, "/a", "1-1");
        scenario.Set(2, "/a", "2-1");
        scenario.Write(1, OpCode.Delete, "/b", error: ErrorCode.NoNode);
        scenario.Create(2, "/b", "2-2");
        scenario.Delete(1, "/b");
        return scenario;
    }

    [Fact]
    public void A_clean_history_passes()
    {
        Findings findings = new WriteCheck().Run(Clean().Evidence);
        Assert.Empty(findings.Violations);
        Assert.True(findings.Looked > 0);
    }

    [Fact]
    public void An_answer_without_a_transaction_is_found()
    {
        Scenario scenario = Clean();
        scenario.Create(1, "/lost", "1-9");
        scenario.Log.RemoveAt(scenario.Log.Count - 1);
        scenario.Create(2, "/next", "2-9");
        Expect(scenario, "the log has no transaction of it");
    }

    [Fact]
    public void An_answer_with_another_zxid_is_found()
    {
        Scenario scenario = Clean();
        scenario.Create(1, "/c", "1-9").Zxid++;
        Expect(scenario, "its transaction has");
    }

    [Fact]
    public void A_write_that_took_effect_before_one_that_was_answered_before_it_was_sent_is_found()
    {
        Scenario scenario = Clean();
        WireOperationEntry first = scenario.Create(1, "/c", "1-9");
        WireOperationEntry second = scenario.Create(2, "/d", "2-9");
        // By real time the second was over when the first began.
        (second.Time, long then) = (first.Sent - 5, second.Time);
        scenario.Entries.Remove(second);
        scenario.Entries.Add(new WireOperationEntry
        {
            Client = 2, Connection = second.Connection, Xid = second.Xid, Type = second.Type, Path = second.Path, Tag = second.Tag, Sent = first.Sent - 10,
            Time = second.Time, Answered = true, Zxid = second.Zxid, ResultPath = second.ResultPath, Stat = second.Stat,
        });
        Assert.NotEqual(0, then);
        Expect(scenario, "though it was sent after");
    }

    [Fact]
    public void Requests_of_one_session_that_changed_places_are_found()
    {
        Scenario scenario = Clean();
        scenario.Commit(scenario.SessionOf(1), 999, OpCode.Create, changes: new LoggedChange(OpCode.Create, "/x", "x", 1, -1));
        scenario.Commit(scenario.SessionOf(1), 998, OpCode.Create, changes: new LoggedChange(OpCode.Create, "/y", "y", 1, -1));
        Expect(scenario, "changed places");
    }

    [Fact]
    public void A_wrong_version_in_an_answer_is_found()
    {
        Scenario scenario = Clean();
        scenario.Write(1, OpCode.SetData, "/a", "1-9", answer: stat => stat with { Version = 7 });
        Expect(scenario, "by the log it is");
    }

    [Theory]
    [InlineData("/a", ErrorCode.NodeExists, false)]
    [InlineData("/new", ErrorCode.NodeExists, true)]
    [InlineData("/no/parent", ErrorCode.NoNode, false)]
    [InlineData("/new", ErrorCode.NoNode, true)]
    public void A_refusal_that_the_tree_gives_no_reason_for_is_found(string path, ErrorCode error, bool isWrong)
    {
        Scenario scenario = Clean();
        scenario.Write(1, OpCode.Create, path, "1-9", error: error);
        Assert.Equal(isWrong, new WriteCheck().Run(scenario.Evidence).Count > 0);
    }

    [Fact]
    public void A_call_that_succeeded_and_is_not_in_the_log_is_found()
    {
        Scenario scenario = Clean();
        scenario.Add(new OperationEntry { Client = 1, Id = 77, Kind = OperationKind.SetData, Path = "/a", Tag = "1-77", Invoked = scenario.Now, Outcome = Outcome.Ok });
        Expect(scenario, "0 transactions in the log write 1-77");
    }

    [Fact]
    public void A_delete_that_succeeded_and_no_server_confirmed_is_found()
    {
        Scenario scenario = Clean();
        scenario.Add(new OperationEntry { Client = 2, Id = 78, Kind = OperationKind.Delete, Path = "/a", Invoked = scenario.Now, Outcome = Outcome.Ok });
        Expect(scenario, "no server ever said so");
    }

    [Fact]
    public void A_hole_in_the_history_is_found()
    {
        Scenario scenario = Clean();
        scenario.Add(new WireEndedEntry { Client = 1, Connection = 1, Undecoded = "from the server: what is this?" });
        Expect(scenario, "hole");
    }

    private static void Expect(Scenario scenario, string what) => Assert.Contains(new WriteCheck().Run(scenario.Evidence).Violations, each => each.Text.Contains(what, StringComparison.Ordinal));
}
