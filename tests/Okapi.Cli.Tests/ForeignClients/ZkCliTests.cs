namespace Okapi.Cli.Tests;

/// <summary>Java's zkCli, and with it Apache's Java client.</summary>
public class ZkCliTests
{
    private const string Connected = "state:SyncConnected type:None";

    [Theory]
    [InlineData(ServerKind.Okapi)]
    [InlineData(ServerKind.Apache)]
    public async Task Znodes_of_all_kinds_live_and_die(ServerKind kind)
    {
        await using Target server = await Target.StartAsync(kind);
        await using Dialogue cli = ForeignClient.ZkCli(server.Address);
        await cli.ExpectAsync(Connected);
        await cli.SayAsync("create /a x", "^Created /a$");
        await cli.SayAsync("create /a y", "Node already exists: /a");
        await cli.SayAsync("create /none/b", "Node does not exist: /none/b");
        await cli.SayAsync("create -s /a/s-", "^Created /a/s-0000000000$");
        await cli.SayAsync("create -e /a/e mine", "^Created /a/e$");
        await cli.SayAsync("create -e -s /a/es-", "^Created /a/es-0000000002$");
        await cli.SayAsync("create /a/e/below", "Ephemerals cannot have children: /a/e/below");
        await cli.SayAsync("create -c /a/c", "^Created /a/c$");
        await cli.SayAsync("get /a", "^x$");
        await cli.SayAsync("get -s /a/e", "^mine$", "^ephemeralOwner = 0x[0-9a-f]{2,}$", "^dataLength = 4$");
        await cli.SayAsync("stat /a", "^cversion = 4$", "^dataVersion = 0$", "^ephemeralOwner = 0x0$", "^numChildren = 4$");
        await cli.SayAsync("set -s /a changed", "^dataVersion = 1$", "^dataLength = 7$");
        await cli.SayAsync("set -v 0 /a stale", "version No is not valid : /a");
        await cli.SayAsync("set -v 1 -s /a right", "^dataVersion = 2$");
        await cli.SayAsync("get /a", "^right$");
        await cli.SayAsync("ls /a", @"^\[c, e, es-0000000002, s-0000000000\]$");
        await cli.SayAsync("ls -R /a", "^/a$\n^/a/c$\n^/a/e$\n^/a/es-0000000002$\n^/a/s-0000000000$");
        await cli.SayAsync("getAllChildrenNumber /a", "^4$");
        await cli.SayAsync("getEphemerals /a", "/a/e[],]", "/a/es-0000000002[],]");
        await cli.SayAsync("getEphemerals /elsewhere", @"^\[\]$");
        await cli.SayAsync("delete /a", "Node not empty: /a");
        await cli.SayAsync("delete -v 7 /a/c", "version No is not valid : /a/c");
        await cli.SayAsync("delete /none", "Node does not exist: /none");
        await cli.SayAsync("sync /a", "Sync is OK");
        await cli.SayAsync("config");
        await cli.SayAsync("reconfig -remove 1", "KeeperErrorCode = Reconfig is disabled");
        await cli.SayAsync("deleteall /a");
        await cli.SayAsync("ls /", @"^\[zookeeper\]$");
        await cli.SayAsync("ls -R /zookeeper", "^/zookeeper$\n^/zookeeper/config$\n^/zookeeper/quota$");
        await cli.SayAsync("quit");
        Assert.Equal(0, await cli.EndAsync());
    }

    [Theory]
    [InlineData(ServerKind.Okapi)]
    [InlineData(ServerKind.Apache)]
    public async Task Watches_fire_and_are_removed(ServerKind kind)
    {
        await using Target server = await Target.StartAsync(kind);
        await using Dialogue cli = ForeignClient.ZkCli(server.Address);
        await cli.ExpectAsync(Connected);
        await cli.SayAsync("create /a x", "^Created /a$");
        await cli.SayAsync("get -w /a", "^x$");
        await cli.SayAsync("set /a y", "type:NodeDataChanged path:/a$");
        await cli.SayAsync("ls -w /a", @"^\[\]$");
        await cli.SayAsync("create /a/b", "^Created /a/b$", "type:NodeChildrenChanged path:/a$");
        await cli.SayAsync("stat -w /a/b", "^numChildren = 0$");
        await cli.SayAsync("delete /a/b", "type:NodeDeleted path:/a/b$");

        // Recursive is what addWatch does unless told otherwise; it stays.
        await cli.SayAsync("addWatch /a");
        await cli.SayAsync("create /a/c", "^Created /a/c$", "type:NodeCreated path:/a/c$");
        await cli.SayAsync("create /a/c/d", "^Created /a/c/d$", "type:NodeCreated path:/a/c/d$");
        await cli.SayAsync("set /a/c/d z", "type:NodeDataChanged path:/a/c/d$");
        await cli.SayAsync("delete /a/c/d", "type:NodeDeleted path:/a/c/d$");
        await cli.SayAsync("create /p", "^Created /p$");
        await cli.SayAsync("addWatch -m PERSISTENT /p");
        await cli.SayAsync("create /p/q", "^Created /p/q$", "type:NodeChildrenChanged path:/p$");
        await cli.SayAsync("set /p z", "type:NodeDataChanged path:/p$");
        await cli.SayAsync("removewatches -a /a", "type:PersistentWatchRemoved path:/a$");
        await cli.SayAsync("removewatches -a /a", "No such watcher|does not exist|no watch");

        // If the watch were still there, its event would come before the next.
        await cli.SayAsync("set /a/c unseen");
        await cli.SayAsync("set /p seen", "type:NodeDataChanged path:/p$");
        Assert.DoesNotContain("type:NodeDataChanged path:/a/c\n", cli.Transcript);
        await cli.SayAsync("quit");
        Assert.Equal(0, await cli.EndAsync());
    }

    [Theory]
    [InlineData(ServerKind.Okapi)]
    [InlineData(ServerKind.Apache)]
    public async Task Access_control_and_quotas_hold(ServerKind kind)
    {
        await using Target server = await Target.StartAsync(kind);
        await using Dialogue ann = ForeignClient.ZkCli(server.Address), stranger = ForeignClient.ZkCli(server.Address);
        await ann.ExpectAsync(Connected);
        await ann.SayAsync("addauth digest ann:secret");
        await ann.SayAsync("whoami", "^digest: ann$", "^ip: 127.0.0.1$");
        await ann.SayAsync("create /p private auth::cdrwa", "^Created /p$");
        await ann.SayAsync("getAcl -s /p", "^'digest,'ann:7RJfAeIvrl4zdj6sS2fXrQHDvHM=$", "^: cdrwa$", "^aclVersion = 0$");
        await ann.SayAsync("get /p", "^private$");

        await stranger.ExpectAsync(Connected);
        await stranger.SayAsync("get /p", "Insufficient permission : /p");
        await stranger.SayAsync("set /p mine", "Insufficient permission : /p");
        await stranger.SayAsync("create /p/q", "Insufficient permission : /p/q");
        await ann.SayAsync("setAcl -s /p auth:ann:cdrwa,world:anyone:r", "^aclVersion = 1$");
        await stranger.SayAsync("get /p", "^private$");
        await stranger.SayAsync("set /p mine", "Insufficient permission : /p");
        await ann.SayAsync("setAcl -s /p ip:127.0.0.1:rw", "^aclVersion = 2$");
        await stranger.SayAsync("set -s /p ours", "^dataVersion = 1$");
        await stranger.SayAsync("setAcl /p world:anyone:cdrwa", "Insufficient permission : /p");
        await ann.SayAsync("create /bad x digest:nobody", "is not valid|not in the format|does not have the form");

        await ann.SayAsync("create /a 12345678", "^Created /a$");
        await ann.SayAsync("listquota /a", "quota for /a does not exist");
        await ann.SayAsync("setquota -n 5 /a");
        await ann.SayAsync("create /a/b 1234", "^Created /a/b$");
        await ann.SayAsync("listquota /a", "^Output quota for /a count=5,bytes=-1", "^Output stat for /a count=2,bytes=12$");
        await ann.SayAsync("setquota -b 100 /a");
        await ann.SayAsync("listquota /a", "^Output quota for /a count=5,bytes=100");
        await ann.SayAsync("setquota -n 3 /a/b", "/a has a quota|has a parent|has quota");
        await ann.SayAsync("delquota -b /a");
        await ann.SayAsync("listquota /a", "^Output quota for /a count=5,bytes=-1");
        await ann.SayAsync("delquota /a");
        await ann.SayAsync("listquota /a", "quota for /a does not exist");
        await ann.SayAsync("quit");
        Assert.Equal(0, await ann.EndAsync());
    }

    [Fact]
    public async Task A_session_goes_on_when_the_server_was_killed_and_is_started_on_its_data()
    {
        using var folder = new TemporaryFolder();
        await using OkapiProcess first = await OkapiProcess.ServeAsync("--data", folder.Below("data"));
        await using Dialogue cli = ForeignClient.ZkCli(first.Address);
        await cli.ExpectAsync(Connected);
        await cli.SayAsync("create /a x", "^Created /a$");
        await cli.SayAsync("create -e /mine y", "^Created /mine$");
        await cli.SayAsync("get -w /a", "^x$");
        await first.KillAsync();
        await cli.ExpectAsync("state:Disconnected");

        await using OkapiProcess second = await OkapiProcess.ServeAsync("--data", folder.Below("data"), "--listen", first.Address);
        await cli.ExpectAsync(Connected);
        await cli.SayAsync("get /mine", "^y$");
        await cli.SayAsync("set /a z", "type:NodeDataChanged path:/a$"); // its watch was armed again
        await cli.SayAsync("quit");
        Assert.Equal(0, await cli.EndAsync());
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(second.Address);
        Assert.Null(await zk.ExistsAsync("/mine"));
    }

    [Fact]
    public async Task A_session_that_the_server_does_not_know_has_expired()
    {
        await using OkapiProcess first = await OkapiProcess.ServeAsync();
        await using Dialogue cli = ForeignClient.ZkCli(first.Address);
        await cli.ExpectAsync(Connected);
        await first.KillAsync();
        await cli.ExpectAsync("state:Disconnected");
        await using OkapiProcess second = await OkapiProcess.ServeAsync("--listen", first.Address);
        await cli.ExpectAsync("state:Expired");
    }
}
