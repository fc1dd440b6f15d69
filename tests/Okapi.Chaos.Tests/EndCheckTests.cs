using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

/// <summary>K7 and K8: what must hold in the end.</summary>
public class EndCheckTests
{
    private static Scenario Alive(Action<Scenario>? afterHeal = null, bool probe = true)
    {
        var scenario = new Scenario();
        scenario.Create(1, "/probe");
        scenario.Add(new FaultEntry { Fault = 1, Kind = "kill-leader", Target = "server 1", Server = 1 });
        scenario.Add(new SessionEntry { Client = 2, State = SessionState.Disconnected });
        scenario.Add(new HealEntry { Fault = 1 });
        afterHeal?.Invoke(scenario);
        scenario.Wait(Scenario.Second);
        scenario.Connect(2);
        if (probe)
        {
            scenario.Create(1, "/probe/1");
            scenario.Create(2, "/probe/2");
        }

        return scenario;
    }

    [Fact]
    public void Clients_that_come_back_pass()
    {
        Findings findings = new LivenessCheck().Run(Alive().Evidence);
        Assert.Empty(findings.Violations);
        Assert.Equal(2, findings.Looked);
    }

    [Fact]
    public void A_client_that_comes_back_too_late_is_found() =>
        Expect<LivenessCheck>(Alive(scenario => scenario.Wait(15 * Scenario.Second)), "Client 2 was Disconnected when");

    [Fact]
    public void A_client_that_does_not_write_is_found() => Expect<LivenessCheck>(Alive(probe: false), "wrote nothing below /probe");

    [Fact]
    public void A_call_that_never_returns_is_found()
    {
        Scenario scenario = Alive();
        scenario.Add(new OperationEntry { Client = 1, Id = 5, Kind = OperationKind.GetData, Path = "/a", Outcome = Outcome.Pending });
        Expect<LivenessCheck>(scenario, "never returned");
    }

    [Fact]
    public void A_fault_that_was_never_healed_is_found()
    {
        Scenario scenario = Alive();
        scenario.Add(new FaultEntry { Fault = 2, Kind = "pause-leader" });
        Expect<LivenessCheck>(scenario, "never healed");
    }

    [Fact]
    public void A_client_nobody_heard_of_is_found()
    {
        Scenario scenario = Alive();
        RunEntry was = (RunEntry)scenario.Entries[0];
        scenario.Entries[0] = new RunEntry { Time = was.Time, Clients = 3, Servers = 3, SessionTimeoutMs = 4000 };
        Expect<LivenessCheck>(scenario, "Client 3 was never heard of");
    }

    private static Scenario Tidy(string dump = "Sessions with Ephemerals (0):", string watches = "0 connections watching 0 paths\nTotal watches:0")
    {
        var scenario = new Scenario();
        scenario.Create(1, "/locks");
        scenario.Create(1, "/locks/x", mode: CreateMode.Container);
        scenario.Create(1, "/locks/x/lock-0", mode: CreateMode.EphemeralSequential);
        scenario.Delete(1, "/locks/x/lock-0");
        for (int server = 1; server <= 3; server++)
        {
            scenario.Add(new ServerWordEntry { Server = server, Word = "dump", Answer = server == 2 ? dump : "Sessions with Ephemerals (0):" });
            scenario.Add(new ServerWordEntry { Server = server, Word = "wchs", Answer = server == 3 ? watches : "0 connections watching 0 paths\nTotal watches:0" });
        }

        return scenario;
    }

    [Fact]
    public void A_tidy_end_passes() => Assert.Empty(new HygieneCheck().Run(Tidy().Evidence).Violations);

    [Fact]
    public void An_ephemeral_that_a_server_still_has_is_found() => Expect<HygieneCheck>(Tidy(dump: "Sessions with Ephemerals (1):\n0x1:\n\t/a"), "Server 2 answers \"dump\"");

    [Fact]
    public void A_watch_that_a_server_still_has_is_found() => Expect<HygieneCheck>(Tidy(watches: "1 connections watching 1 paths\nTotal watches:1"), "Server 3 answers \"wchs\"");

    [Fact]
    public void A_server_that_was_not_asked_is_found()
    {
        Scenario scenario = Tidy();
        scenario.Entries.RemoveAll(each => each is ServerWordEntry { Server: 1, Word: "wchs" });
        Expect<HygieneCheck>(scenario, "Server 1 was not asked");
    }

    [Fact]
    public void An_ephemeral_that_is_left_is_found()
    {
        Scenario scenario = Tidy();
        scenario.Create(1, "/left", mode: CreateMode.Ephemeral);
        Expect<HygieneCheck>(scenario, "/left is left, an ephemeral");
    }

    [Fact]
    public void What_a_recipe_leaves_is_found()
    {
        Scenario scenario = Tidy();
        scenario.Create(1, "/locks/x/lock-1");
        Expect<HygieneCheck>(scenario, "/locks/x/lock-1 is left of a recipe");
    }

    private static void Expect<T>(Scenario scenario, string what)
        where T : ICheck, new() => Assert.Contains(new T().Run(scenario.Evidence).Violations, each => each.Text.Contains(what, StringComparison.Ordinal));
}
