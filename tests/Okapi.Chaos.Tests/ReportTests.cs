using System.Text.RegularExpressions;
using System.Xml.Linq;
using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Reports;

namespace Okapi.Chaos.Tests;

public class ReportTests
{
    private static Scenario Run()
    {
        var scenario = new Scenario();
        scenario.Add(new ServerModeEntry { Server = 1, Mode = "leader" });
        scenario.Create(1, "/a");
        scenario.Add(new FaultEntry { Fault = 1, Kind = "kill-<leader>", Target = "server \"1\" & more", Server = 1 });
        scenario.Add(new ServerModeEntry { Server = 1, Mode = "none" });
        scenario.Wait(2 * Scenario.Second);
        scenario.Add(new HealEntry { Fault = 1 });
        scenario.Add(new ServerModeEntry { Server = 2, Mode = "leader" });
        scenario.Connect(2);
        scenario.Create(2, "/b");
        scenario.Add(new OperationEntry { Client = 1, Id = 50, Kind = OperationKind.SetData, Path = "/<script>alert(1)</script>", Tag = "none", Invoked = scenario.Now, Outcome = Outcome.Ok });
        return scenario;
    }

    [Fact]
    public void A_report_says_what_was_run_what_was_broken_and_how_long_recovery_took()
    {
        string page = Report.Render(Verdict.Of(Run().Evidence));
        Assert.Contains("eng/chaos --seed 1", page, StringComparison.Ordinal);
        Assert.Contains("K1: the first violations", page, StringComparison.Ordinal);
        Assert.Contains("kill-&lt;leader&gt;", page, StringComparison.Ordinal);
        Assert.Contains("/&lt;script&gt;alert(1)&lt;/script&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        // All that it shows is in it: no address of anything else, but for the name of SVG's own namespace.
        Assert.DoesNotMatch(@"(src|href|url\()", page);
        Assert.Equal(1, Regex.Count(page, "https?://"));
        // The picture is well-formed, which a browser would forgive and a reader of another kind would not.
        XElement.Parse(page[page.IndexOf("<svg", StringComparison.Ordinal)..(page.IndexOf("</svg>", StringComparison.Ordinal) + 6)]);
    }

    [Fact]
    public void Recovery_is_the_time_without_a_leader_and_without_a_success()
    {
        RecoveryTimes times = Assert.Single(RecoveryTimes.Of(Run().Evidence));
        Assert.InRange(times.Servers[0].TotalSeconds, 2.0, 2.1);
        Assert.InRange(times.Clients[0].TotalSeconds, 2.0, 2.2);
    }

    [Fact]
    public void The_servers_own_measure_goes_before_what_their_modes_say()
    {
        Scenario scenario = Run();
        scenario.Add(new OutageEntry { Fault = 1, OutageMs = 1234 });
        Assert.Equal(1.234, Assert.Single(RecoveryTimes.Of(scenario.Evidence)).Servers[0].TotalSeconds);
    }

    [Fact]
    public void An_empty_history_has_a_report() => Assert.Contains("</html>", Report.Render(Verdict.Of(new Evidence(History.Of(), []))), StringComparison.Ordinal);
}
