using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Protocol;

namespace Okapi.Chaos.Tests;

public class StateCheckTests
{
    private readonly Scenario _scenario = new();
    private readonly List<long> _zxids = [];

    public StateCheckTests()
    {
        _zxids.Add(_scenario.Create(1, "/s", "v0").Zxid);
        for (int i = 1; i <= 3; i++)
        {
            _zxids.Add(_scenario.Set(1, "/s", $"v{i}").Zxid);
            _scenario.Wait(Scenario.Second);
        }
    }

    [Fact]
    public void A_clean_history_passes()
    {
        See(0);
        See(2);
        See(3);
        See(3, isFinal: true);
        Read(StateReadKind.Near, 2, staleness: 2000);
        Read(StateReadKind.Latest, 3);
        Findings findings = new StateCheck().Run(_scenario.Evidence);
        Assert.Empty(findings.Violations);
        Assert.Equal(6, findings.Looked);
    }

    [Fact]
    public void Versions_out_of_order_are_found()
    {
        See(2);
        See(1);
        Expect("after 0x");
    }

    [Fact]
    public void A_version_twice_is_found()
    {
        See(2);
        See(2);
        Expect("after 0x");
    }

    [Fact]
    public void A_version_that_was_never_written_is_found()
    {
        _scenario.Add(new StateSeenEntry { Client = 2, Replica = 1, Path = "/s", Version = 9, Zxid = 999 });
        Expect("which the log does not have");
    }

    [Fact]
    public void A_version_with_other_content_is_found()
    {
        _scenario.Add(new StateSeenEntry { Client = 2, Replica = 1, Path = "/s", Version = 1, Zxid = _zxids[1], Tag = "v2" });
        Expect("in the log it is 1 v1");
    }

    [Fact]
    public void A_replica_that_ends_before_the_last_version_is_found()
    {
        See(2, isFinal: true);
        Expect("ended with");
    }

    [Fact]
    public void Differences_that_do_not_add_up_are_found()
    {
        _scenario.Add(new StateSeenEntry { Client = 2, Replica = 1, Path = "/s", Version = 1, Zxid = _zxids[1], ContentTag = "c1", AppliedTag = "c0" });
        Expect("add up to c0");
    }

    [Fact]
    public void A_read_that_is_older_than_its_bound_is_found()
    {
        Read(StateReadKind.Near, 1, staleness: 500);
        Expect("had been acknowledged more than 500 ms before");
    }

    [Fact]
    public void A_latest_read_that_is_not_the_latest_is_found()
    {
        Read(StateReadKind.Latest, 2);
        Expect("had been acknowledged before the call");
    }

    [Fact]
    public void A_read_that_goes_back_is_found()
    {
        Read(StateReadKind.Near, 3, staleness: 60_000);
        Read(StateReadKind.Near, 2, staleness: 60_000);
        Expect("went back");
    }

    [Fact]
    public void Documents_have_one_tag_however_they_are_laid_out()
    {
        using var one = System.Text.Json.JsonDocument.Parse("""{ "b": [1, "x\u00e9"], "a": null }""");
        using var same = System.Text.Json.JsonDocument.Parse("""{"a":null,"b":[1,"xé"]}""");
        using var other = System.Text.Json.JsonDocument.Parse("""{"a":null,"b":[2,"xé"]}""");
        Assert.Equal(DataTag.OfJson(one.RootElement), DataTag.OfJson(same.RootElement));
        Assert.NotEqual(DataTag.OfJson(one.RootElement), DataTag.OfJson(other.RootElement));
    }

    private void See(int version, bool isFinal = false) => _scenario.Add(new StateSeenEntry
    {
        Client = 2, Replica = 1, Path = "/s", Version = version, Zxid = _zxids[version], Tag = $"v{version}", ContentTag = $"c{version}", AppliedTag = $"c{version}", IsFinal = isFinal,
    });

    private void Read(StateReadKind kind, int version, int staleness = 0) => _scenario.Add(new StateReadEntry
    {
        Client = 2, Replica = 1, Path = "/s", Kind = kind, Invoked = _scenario.Now, Zxid = _zxids[version], Version = version, MaxStalenessMs = staleness,
    });

    private void Expect(string what) => Assert.Contains(new StateCheck().Run(_scenario.Evidence).Violations, each => each.Text.Contains(what, StringComparison.Ordinal));
}
