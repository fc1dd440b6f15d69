using Okapi.Chaos.Truth;

namespace Okapi.Chaos.Tests;

public class TakeoverTests
{
    private const string Who = "2026-11-21 21:44:46,868 INFO  [QuorumPeer[myid=3](plain=10.213.64.3:2181)(secure=disabled):";

    private static string Leading => Who + "QuorumPeer] LEADING";

    private static string Synchronizing(long has) =>
        $"2026-11-21 21:44:46,928 INFO  [LearnerHandler-/10.213.64.2:54442:LearnerHandler] Synchronizing with Learner sid: 2 maxCommittedLog=0x{has:x} minCommittedLog=0x1 lastProcessedZxid=0x{has:x} peerLastZxid=0x2";

    private static string Established(long epoch) => Who + $"Leader] Have quorum of supporters, sids: [[2, 3]]; starting up and setting last processed zxid: 0x{epoch << 32:x}";

    [Fact]
    public void A_leader_tells_what_it_had_when_its_first_followers_joined() => Assert.Equal(
        [new Takeover(0x58, 0x560000062f), new Takeover(0x5a, 0x5800000001)],
        Takeover.In([
            Leading, Synchronizing(0x560000062f), Established(0x58), "something else", Synchronizing(0x58000000ff),
            Leading, Synchronizing(0x5800000001), Synchronizing(0x5800000001), Established(0x5a),
        ]));

    [Fact]
    public void A_leader_that_found_no_quorum_led_nothing() => Assert.Equal(
        [new Takeover(0x58, 0x560000062f)],
        Takeover.In([Leading, Synchronizing(0x5600000634), Leading, Synchronizing(0x560000062f), Established(0x58)]));

    [Fact]
    public void All_that_is_needed_is_kept() => Assert.Equal(
        [true, true, true, false],
        new[] { Leading, Synchronizing(1), Established(2), Who + "QuorumPeer] Peer state changed: leading" }.Select(Takeover.IsToldBy));
}
