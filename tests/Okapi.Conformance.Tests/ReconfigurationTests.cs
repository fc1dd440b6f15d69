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
        // A follower leaves, for with the leader every connection would go; and nobody here may be connected to it.
        int leaver = await ensemble.Server.FindAsync("follower");
        int[] stay = [.. ensemble.Server.Nodes.Select(node => node.Id).Where(node => node != leaver)];
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(string.Join(',', stay.Select(ensemble.AddressOf)), options, TestContext.Current.CancellationToken);
        await using ZooKeeperClient nobody = await ensemble.ConnectToAsync(stay[0], Options());
        NodeData before = await zk.GetConfigAsync();
        string[] members = [.. Text(before).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal))];
        Assert.Equal(3, members.Length);
        long version = Version(before);
        string itsLine = members.Single(line => line.StartsWith($"server.{leaver}=", StringComparison.Ordinal));
        await Assert.ThrowsAsync<NoAuthException>(() => nobody.ReconfigureAsync(leaving: [leaver]).AsTask());
        Assert.Equal(ErrorCode.BadVersion, (await Assert.ThrowsAsync<BadVersionException>(() => zk.ReconfigureAsync(leaving: [leaver], fromConfig: 1).AsTask())).Code);
        Assert.Equal(ErrorCode.BadArguments, (await Assert.ThrowsAsync<ZooKeeperException>(() => zk.ReconfigureAsync(joining: ["nonsense"]).AsTask())).Code);

        await using OneShotWatch<NodeData> watch = await nobody.WatchConfigAsync();
        Assert.Equal(version, Version(watch.Value));
        try
        {
            NodeData left = await zk.ReconfigureAsync(leaving: [leaver], fromConfig: version);
            Assert.DoesNotContain($"server.{leaver}=", Text(left));
            Assert.True(Version(left) > version);
            Assert.Equal("DataChanged /zookeeper/config", (await watch.Fired.Soon()).Text());
            await nobody.SyncAsync("/zookeeper/config");
            Assert.Equal(Text(left), Text(await nobody.GetConfigAsync()));
            NodeData joined = await zk.ReconfigureAsync(joining: [itsLine]);
            Assert.Equal(members.Order(), Text(joined).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal)).Order());
            Assert.True(Version(joined) > Version(left));
        }
        finally
        {
            // It learns of it and serves again, for the tests that come after.
            if (!Text(await zk.GetConfigAsync()).Contains($"server.{leaver}=", StringComparison.Ordinal)) await zk.ReconfigureAsync(joining: [itsLine]);
        }

        await Waiting.UntilAsync(async () => await ensemble.Server.ModeAsync(leaver) is "follower" or "leader", "it serves again");
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
