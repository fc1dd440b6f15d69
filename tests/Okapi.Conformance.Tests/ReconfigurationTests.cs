using System.Text;

namespace Okapi.Conformance.Tests;

/// <summary>
/// Members leave and join. On Apache's servers alone: an embedded server has the members that it was started with, and says so as a standalone server does (B124).
/// </summary>
[Collection(nameof(Ensemble))]
public class ReconfigurationTests(Ensemble ensemble)
{
    private static ZooKeeperOptions Options() => new() { SessionTimeout = TimeSpan.FromMinutes(1), BackoffMinimum = TimeSpan.FromMilliseconds(50), BackoffMaximum = TimeSpan.FromMilliseconds(500) };

    [Fact]
    public async Task Members_leave_and_join_by_reconfiguration_and_a_watch_on_the_configuration_tells()
    {
        ZooKeeperOptions options = Options();
        options.Auth.Add(AuthInfo.Digest("super", "okapi-super"));
        // Node 3 leaves, so nobody here may be connected to it.
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync($"{ensemble.AddressOf(1)},{ensemble.AddressOf(2)}", options, TestContext.Current.CancellationToken);
        await using ZooKeeperClient nobody = await ensemble.ConnectToAsync(1, Options());
        NodeData before = await zk.GetConfigAsync();
        string[] members = [.. Text(before).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal))];
        Assert.Equal(3, members.Length);
        long version = Version(before);
        string third = members.Single(line => line.StartsWith("server.3=", StringComparison.Ordinal));
        await Assert.ThrowsAsync<NoAuthException>(() => nobody.ReconfigureAsync(leaving: [3]).AsTask());
        Assert.Equal(ErrorCode.BadVersion, (await Assert.ThrowsAsync<BadVersionException>(() => zk.ReconfigureAsync(leaving: [3], fromConfig: 1).AsTask())).Code);
        Assert.Equal(ErrorCode.BadArguments, (await Assert.ThrowsAsync<ZooKeeperException>(() => zk.ReconfigureAsync(joining: ["nonsense"]).AsTask())).Code);

        await using OneShotWatch<NodeData> watch = await nobody.WatchConfigAsync();
        Assert.Equal(version, Version(watch.Value));
        try
        {
            NodeData left = await zk.ReconfigureAsync(leaving: [3], fromConfig: version);
            Assert.DoesNotContain("server.3=", Text(left));
            Assert.True(Version(left) > version);
            Assert.Equal("DataChanged /zookeeper/config", (await watch.Fired.Soon()).Text());
            await nobody.SyncAsync("/zookeeper/config");
            Assert.Equal(Text(left), Text(await nobody.GetConfigAsync()));
            NodeData joined = await zk.ReconfigureAsync(joining: [third]);
            Assert.Equal(members.Order(), Text(joined).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal)).Order());
            Assert.True(Version(joined) > Version(left));
        }
        finally
        {
            // Server 3 learns of it and serves again, for the tests that come after.
            if (!Text(await zk.GetConfigAsync()).Contains("server.3=", StringComparison.Ordinal)) await zk.ReconfigureAsync(joining: [third]);
        }

        await Waiting.UntilAsync(async () => await ensemble.Server.ModeAsync(3) is "follower" or "leader", "node 3 serves again");
    }

    [Fact]
    public async Task All_members_are_replaced_at_once_where_the_ensemble_allows_it()
    {
        ZooKeeperOptions options = Options();
        options.Auth.Add(AuthInfo.Digest("super", "okapi-super"));
        await using ZooKeeperClient zk = await ensemble.ConnectAsync(options);
        NodeData before = await zk.GetConfigAsync();
        string[] members = [.. Text(before).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal))];
        NodeData after = await zk.ReplaceMembersAsync(members, Version(before));
        Assert.Equal(members.Order(), Text(after).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal)).Order());
        Assert.True(Version(after) > Version(before));
        Assert.Equal(ErrorCode.BadVersion, (await Assert.ThrowsAsync<BadVersionException>(() => zk.ReplaceMembersAsync(members, Version(before)).AsTask())).Code);
    }

    private static string Text(NodeData config) => Encoding.UTF8.GetString(config.Data);

    private static long Version(NodeData config)
    {
        string text = Text(config);
        return Convert.ToInt64(text[(text.LastIndexOf("version=", StringComparison.Ordinal) + "version=".Length)..].Trim(), 16);
    }
}
