using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

public class WatchCheckTests
{
    /// <summary>Client 2 watches all below /w, misses something while it changes servers, and goes on. What is told, a test may change.</summary>
    private static Scenario Stream(Action<List<(WatchedEventType Type, string Path)>>? change = null)
    {
        List<(WatchedEventType Type, string Path)> told =
        [
            (WatchedEventType.NodeCreated, "/w/a"), (WatchedEventType.NodeDataChanged, "/w/a"), (WatchedEventType.NodeCreated, "/w/b"),
            (WatchedEventType.Resync, "/w"),
            (WatchedEventType.NodeDataChanged, "/w/b"), (WatchedEventType.NodeDeleted, "/w/a"),
        ];
        change?.Invoke(told);
        var scenario = new Scenario();
        scenario.Create(1, "/w");
        scenario.Create(1, "/wide");
        scenario.Arm(2, 1, WatchKind.PersistentRecursive, "/w");
        scenario.Create(1, "/w/a");
        scenario.Set(1, "/wide", "not below");
        scenario.Set(1, "/w/a", "1-1");
        scenario.Create(1, "/w/b");
        scenario.Read(2, OpCode.Exists, "/w");
        scenario.Wait(Scenario.Second);
        scenario.Connect(2);
        scenario.Set(1, "/w/a", "missed");
        scenario.Rearm(2, "/w");
        scenario.Set(1, "/w/b", "1-2");
        scenario.Delete(1, "/w/a");
        scenario.Read(2, OpCode.Exists, "/w");
        foreach ((WatchedEventType type, string path) in told) scenario.Tell(2, 1, type, path);
        scenario.Wait(10 * Scenario.Second);
        scenario.Read(2, OpCode.Exists, "/w");
        scenario.Add(new WatchEndedEntry { Client = 2, Watch = 1 });
        return scenario;
    }

    [Fact]
    public void A_clean_stream_passes()
    {
        Findings findings = new WatchCheck().Run(Stream().Evidence);
        Assert.Empty(findings.Violations);
        Assert.Equal("0", findings.Facts["streams whose gaps are not those of their connections"]);
    }

    public static TheoryData<string> Plants => ["lost", "lost at the end of a connection", "lost after a gap", "lost at the end", "twice", "made up", "out of order", "no gap", "of before it was armed", "of the gap"];

    [Theory]
    [MemberData(nameof(Plants))]
    public void A_wrong_stream_is_found(string plant)
    {
        Scenario scenario = Stream(told =>
        {
            switch (plant)
            {
                case "lost": told.RemoveAt(1); break;
                case "lost at the end of a connection": told.RemoveAt(2); break;
                case "lost after a gap": told.RemoveAt(4); break;
                case "lost at the end": told.RemoveAt(5); break;
                case "twice": told.Insert(1, told[1]); break;
                case "made up": told.Add((WatchedEventType.NodeCreated, "/w/ghost")); break;
                case "out of order": (told[0], told[1]) = (told[1], told[0]); break;
                case "no gap": told.RemoveAt(3); break;
                case "of before it was armed": told.Insert(0, (WatchedEventType.NodeCreated, "/w")); break;
                default: told.Insert(4, (WatchedEventType.NodeDataChanged, "/w/a")); break;
            }
        });
        Assert.NotEqual(0, new WatchCheck().Run(scenario.Evidence).Count);
    }

    [Fact]
    public void What_the_end_of_a_session_deletes_may_be_told_in_any_order_but_all_of_it()
    {
        Assert.Equal(0, Run("/w/2", "/w/1", "/w/3"));
        Assert.Equal(0, Run("/w/3", "/w/2", "/w/1"));
        Assert.NotEqual(0, Run("/w/3", "/w/1"));
        Assert.NotEqual(0, Run("/w/3", "/w/3", "/w/1"));

        static int Run(params string[] told)
        {
            var scenario = new Scenario();
            scenario.Create(2, "/w");
            for (int i = 1; i <= 3; i++) scenario.Create(1, $"/w/{i}", mode: CreateMode.Ephemeral);
            scenario.Arm(2, 1, WatchKind.PersistentRecursive, "/w");
            scenario.Expire(1);
            foreach (string path in told) scenario.Tell(2, 1, WatchedEventType.NodeDeleted, path);
            scenario.Read(2, OpCode.Exists, "/w");
            scenario.Wait(10 * Scenario.Second);
            scenario.Read(2, OpCode.Exists, "/w");
            return new WatchCheck().Run(scenario.Evidence).Count;
        }
    }

    [Fact]
    public void A_stream_with_a_gap_of_its_own_need_not_fit_the_connections()
    {
        // It read too slowly: one gap more than there were connections.
        Scenario scenario = Stream(told => told[1] = (WatchedEventType.Resync, "/w"));
        Findings findings = new WatchCheck().Run(scenario.Evidence);
        Assert.Empty(findings.Violations);
        Assert.Equal("1", findings.Facts["streams whose gaps are not those of their connections"]);
    }

    [Theory]
    [InlineData(WatchKind.Data, WatchedEventType.NodeDataChanged, true)]
    [InlineData(WatchKind.Data, WatchedEventType.NodeDeleted, false)]
    [InlineData(WatchKind.Data, null, false)]
    [InlineData(WatchKind.Children, WatchedEventType.NodeChildrenChanged, true)]
    [InlineData(WatchKind.Children, WatchedEventType.NodeDataChanged, false)]
    [InlineData(WatchKind.Children, null, false)]
    [InlineData(WatchKind.Exists, WatchedEventType.NodeDataChanged, true)]
    [InlineData(WatchKind.Exists, WatchedEventType.NodeCreated, false)]
    [InlineData(WatchKind.Exists, null, false)]
    public void A_one_shot_watch_fires_with_the_first_event_and_no_other(WatchKind kind, WatchedEventType? fired, bool isRight)
    {
        Scenario scenario = OneShot(kind);
        scenario.Set(1, "/p", "1-1");
        scenario.Create(1, "/p/c");
        if (fired is { } type) scenario.Tell(2, 1, type, "/p");
        Finish(scenario);
        Assert.Equal(isRight, new WatchCheck().Run(scenario.Evidence).Count == 0);
    }

    [Fact]
    public void A_one_shot_watch_that_fires_for_nothing_is_found()
    {
        Scenario scenario = OneShot(WatchKind.Data);
        scenario.Tell(2, 1, WatchedEventType.NodeDataChanged, "/p");
        Finish(scenario);
        Assert.Equal(1, new WatchCheck().Run(scenario.Evidence).Count);
    }

    [Fact]
    public void A_one_shot_watch_that_fires_twice_is_found()
    {
        Scenario scenario = OneShot(WatchKind.Data);
        scenario.Set(1, "/p", "1-1");
        scenario.Tell(2, 1, WatchedEventType.NodeDataChanged, "/p");
        scenario.Tell(2, 1, WatchedEventType.NodeDataChanged, "/p");
        Finish(scenario);
        Assert.Equal(1, new WatchCheck().Run(scenario.Evidence).Count);
    }

    [Fact]
    public void A_one_shot_watch_with_nothing_to_tell_stays_silent()
    {
        Scenario scenario = OneShot(WatchKind.Data);
        scenario.Create(1, "/p/c");
        Finish(scenario);
        Assert.Equal(0, new WatchCheck().Run(scenario.Evidence).Count);
    }

    private static Scenario OneShot(WatchKind kind)
    {
        var scenario = new Scenario();
        scenario.Create(1, "/p");
        scenario.Arm(2, 1, kind, "/p");
        return scenario;
    }

    private static void Finish(Scenario scenario)
    {
        scenario.Read(2, OpCode.Exists, "/p");
        scenario.Wait(10 * Scenario.Second);
        scenario.Read(2, OpCode.Exists, "/p");
        scenario.Add(new WatchEndedEntry { Client = 2, Watch = 1 });
    }
}
