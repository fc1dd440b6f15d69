using System.Net;

namespace Okapi.Server.Tests.Proxies;

/// <summary>A bad argument is refused, and named with the rule that it breaks.</summary>
public class ProxyArgumentsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("2181")]
    [InlineData("localhost")]
    [InlineData("localhost:0")]
    [InlineData("localhost:65536")]
    [InlineData("::1:2181")]
    [InlineData("[zk1]:2181")]
    [InlineData("zk1:2181,zk2:2181")]
    [InlineData("zk1:2181/chroot")]
    public void A_server_that_is_not_one_is_named_with_the_rule(string server)
    {
        ArgumentException refused = Assert.Throws<ArgumentException>(() => FaultProxy.Start(server));
        Assert.Contains($"\"{server}\" is not host:port of one server", refused.Message);
    }

    [Theory]
    [InlineData("localhost:2181", "localhost:2181")]
    [InlineData("[::1]:2181", "[::1]:2181")]
    [InlineData("127.0.0.1:1", "127.0.0.1:1")]
    public async Task A_server_is_named_as_it_was_given(string server, string name)
    {
        await using FaultProxy proxy = FaultProxy.Start(server);
        Assert.Equal(name, proxy.Server);
    }

    [Fact]
    public async Task A_bad_value_is_named_with_the_rule()
    {
        Refuses(() => FaultProxy.Start("a:1", new() { Listen = new(IPAddress.Any, 0) }), "AllowNonLoopback");
        Refuses(() => FaultProxy.Start("a:1", new() { MaxConnections = 0 }), "MaxConnections 0 is not between 1 and 65535");
        Refuses(() => FaultProxy.Start("a:1", new() { ConnectTimeout = TimeSpan.Zero }), "ConnectTimeout");
        await using FaultProxy proxy = FaultProxy.Start("a:1");
        ProxyFaults faults = proxy.Faults;
        Refuses(() => faults.Delay(TimeSpan.FromSeconds(-1)), "by");
        Refuses(() => faults.Delay(TimeSpan.FromDays(2)), "by 2.00:00:00 is not between 00:00:00 and 1.00:00:00");
        Refuses(() => faults.Delay(TimeSpan.Zero, jitter: TimeSpan.FromSeconds(-1)), "jitter");
        Refuses(() => faults.LimitBandwidth(0), "bytesPerSecond");
        Refuses(() => faults.Split(0), "size");
        Refuses(() => faults.Stall(duration: TimeSpan.Zero), "duration");
        Refuses(() => faults.Blackhole(cutAfter: TimeSpan.Zero), "cutAfter");
        Refuses(() => faults.CutAfter(-1, FaultDirection.Requests), "bytes");
        Refuses(() => faults.CutAfter(1, FaultDirection.Requests, times: 0), "times");
        Refuses(() => faults.CutAfter(1, 0), "direction 0 is not one of");
        Refuses(() => faults.Cut((CutKind)9), "kind 9 is not a way to cut");
        Refuses(() => faults.Corrupt(0), "share 0 is not above 0 and up to 1");
        Refuses(() => faults.Corrupt(double.NaN), "share NaN");
        Refuses(() => faults.CorruptAt(0, FaultDirection.Requests, mask: 0), "mask");

        static void Refuses(Action act, string part) => Assert.Contains(part, Assert.ThrowsAny<ArgumentException>(act).Message);
    }
}
