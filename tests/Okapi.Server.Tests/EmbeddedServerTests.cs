using System.Net;
using System.Net.Sockets;
using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.TestSupport;

namespace Okapi.Server.Tests;

public class EmbeddedServerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_is_served_over_tcp_with_nothing_but_the_connection_string()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: Ct);
        Assert.Equal(IPAddress.Loopback, server.Members[0].EndPoint!.Address);
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: Ct);
        await zk.CreateAsync("/a", new byte[] { 1 }, cancellationToken: Ct);
        Assert.Equal([1], (await zk.GetAsync("/a", Ct)).Data!);
    }

    [Fact]
    public async Task A_restart_that_keeps_its_data_keeps_sessions_ephemerals_and_addresses()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: Ct);
        string address = server.ConnectionString;
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: Ct);
        await zk.CreateAsync("/e", mode: CreateMode.Ephemeral, cancellationToken: Ct);
        long session = zk.SessionId;
        await server.RestartAsync();
        Assert.Equal(address, server.ConnectionString);
        Assert.Equal(session, (await zk.ExistsAsync("/e", Ct).AsTask().InTime())!.Value.EphemeralOwner);
        Assert.Equal(session, zk.SessionId);
    }

    [Fact]
    public async Task A_restart_without_its_data_has_forgotten_all()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient before = await InMemory.OpenAsync(server);
        await before.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest("/a", null, Acl.Open, CreateMode.Persistent).Write(ref writer));
        await server.RestartAsync(keepData: false);
        await using WireClient resumed = await InMemory.OpenAsync(server, resume: before.Session);
        Assert.Equal(0, resumed.SessionId); // nobody knows it
        await using WireClient after = await InMemory.OpenAsync(server);
        Assert.Equal(ErrorCode.NoNode, (await after.CallAsync(OpCode.Exists, (ref JuteWriter writer) => new ReadRequest("/a", false).Write(ref writer))).Error);
    }

    [Fact]
    public async Task A_data_folder_outlives_the_server_with_its_sessions()
    {
        string folder = Directory.CreateTempSubdirectory("okapi-server-").FullName;
        try
        {
            ConnectResponse session;
            await using (EmbeddedServer server = await InMemory.StartAsync(options => options.DataFolder = folder))
            {
                await using WireClient zk = await InMemory.OpenAsync(server);
                session = zk.Session;
                await zk.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest("/e", new byte[] { 7 }, Acl.Open, CreateMode.Ephemeral).Write(ref writer));
            }

            await using (EmbeddedServer server = await InMemory.StartAsync(options => options.DataFolder = folder))
            {
                await using WireClient zk = await InMemory.OpenAsync(server, resume: session);
                Assert.Equal(session.SessionId, zk.SessionId);
                DataReply read = (await zk.CallAsync(OpCode.GetData, (ref JuteWriter writer) => new ReadRequest("/e", false).Write(ref writer))).Read(DataReply.Read);
                Assert.Equal([7], read.Data!);
                Assert.Equal(session.SessionId, read.Stat.EphemeralOwner);
                await server.RestartAsync(keepData: false);
                await using WireClient after = await InMemory.OpenAsync(server);
                Assert.Equal(ErrorCode.NoNode, (await after.CallAsync(OpCode.Exists, (ref JuteWriter writer) => new ReadRequest("/e", false).Write(ref writer))).Error);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_session_expires_by_the_clock_between_its_timeout_and_one_tick_later()
    {
        var time = new ManualTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        await using WireClient zk = await InMemory.OpenAsync(server, timeoutMs: 2_000);
        Assert.Equal(2_000, zk.Session.TimeoutMs);
        // Never beyond the next tick: the server looks at the clock while it may go on, and sets its timer by what it has seen.
        foreach (int ms in (int[])[501, 500, 500, 489])
        {
            time.Advance(TimeSpan.FromMilliseconds(ms));
            Assert.Single(await server.GetSessionsAsync());
        }

        time.Advance(TimeSpan.FromMilliseconds(11)); // 2.001 s
        Assert.Single(await server.GetSessionsAsync());
        time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Empty(await server.GetSessionsAsync());
        await zk.ExpectCloseAsync();
    }

    [Fact]
    public async Task A_connection_without_a_session_is_cut_by_the_clock()
    {
        var time = new ManualTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        var silent = new WireClient(await server.ConnectAsync(cancellationToken: Ct));
        await server.GetSessionsAsync(); // it has arrived
        Task closed = silent.ExpectCloseAsync();
        time.Advance(TimeSpan.FromSeconds(9));
        await server.GetSessionsAsync();
        Assert.False(closed.IsCompleted);
        await time.AdvanceUntilAsync(closed, TimeSpan.FromSeconds(2)); // not at once: the server sets the timer of each tick in the tick before
    }

    [Fact]
    public async Task A_client_that_does_not_read_its_replies_is_read_no_further()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient zk = await InMemory.OpenAsync(server);
        byte[] data = new byte[1 << 19];
        await zk.CallAsync(OpCode.SetData, (ref JuteWriter writer) => new SetDataRequest("/", data, -1).Write(ref writer));
        // 100 replies of half a megabyte: more than the server may keep for one who does not take them.
        int answered = 0;
        var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using Fault seen = server.Faults.AlterReply(
            reply =>
            {
                if (Interlocked.Increment(ref answered) == Outgoing.Pause / data.Length) full.SetResult();
                return reply;
            },
            request => request.Type == OpCode.GetData,
            times: int.MaxValue);
        for (int i = 0; i < 100; i++) await zk.SendAsync(OpCode.GetData, (ref JuteWriter writer) => new ReadRequest("/", false).Write(ref writer));
        await full.Task.InTime();
        await using WireClient other = await InMemory.OpenAsync(server);
        for (int i = 0; i < 100; i++) await other.CallAsync(OpCode.Ping, xid: Xids.Ping);
        // What waits, and what is being sent, which the pipe holds; a reply is a little longer than its data, so in each the last of so many goes over the limit.
        Assert.InRange(Volatile.Read(ref answered), 1, 2 * (Outgoing.Pause / data.Length));
        for (int i = 0; i < 100; i++) Assert.Equal(ErrorCode.Ok, (await zk.ReadReplyAsync()).Error);
    }

    [Fact]
    public async Task A_stream_in_memory_that_was_reset_can_be_disposed_of()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        WireClient zk = await InMemory.OpenAsync(server);
        await server.Faults.CutAsync();
        await zk.DisposeAsync();
    }

    [Fact]
    public async Task Two_servers_cannot_have_one_address()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: Ct);
        await Assert.ThrowsAsync<SocketException>(() => EmbeddedServer.StartAsync(new() { Listen = server.Members[0].EndPoint! }, Ct));
    }

    [Fact]
    public async Task A_server_that_is_over_says_so()
    {
        EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient zk = await InMemory.OpenAsync(server);
        await server.DisposeAsync();
        await server.DisposeAsync();
        await zk.ExpectCloseAsync();
        await Assert.ThrowsAsync<IOException>(async () => await server.ConnectAsync(cancellationToken: Ct));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => server.RestartAsync());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => server.ExpireSessionAsync(1));
    }

    [Fact]
    public async Task A_bad_option_is_refused_by_its_name()
    {
        (Action<EmbeddedServerOptions> Spoil, string Names)[] table =
        [
            (options => options.Listen = new(IPAddress.Any, 0), "0.0.0.0"),
            (options => options.Members = 0, "Members 0"),
            (options => options.Members = 10, "Members 10"),
            (options => options.DataFolder = " ", "DataFolder"),
            (options => options.SnapshotCount = 1, "SnapshotCount 1"),
            (options => options.Version = (ServerVersion)7, "Version 7"),
            (options => options.TickTime = TimeSpan.Zero, "TickTime 00:00:00"),
            (options => options.MaxSessionTimeout = TimeSpan.FromMilliseconds(2), "MaxSessionTimeout"),
            (options => options.MaxClientConnections = -1, "MaxClientConnections -1"),
            (options => options.MaxRequestSize = 10, "MaxRequestSize 10"),
            (options => options.FourLetterWords.Add("words"), "\"words\""),
            (options => options.RequireSasl = true, "RequireSasl"),
            (options => options.Tls = new(), "Certificate"),
        ];
        foreach ((Action<EmbeddedServerOptions> spoil, string names) in table)
        {
            var options = new EmbeddedServerOptions();
            spoil(options);
            ArgumentException refused = await Assert.ThrowsAnyAsync<ArgumentException>(() => EmbeddedServer.StartAsync(options, Ct));
            Assert.Contains(names, refused.Message);
        }
    }

    [Theory]
    [InlineData(ServerVersion.V34, OpCode.Create2)]
    [InlineData(ServerVersion.V34, OpCode.AddWatch)]
    [InlineData(ServerVersion.V35, OpCode.AddWatch)]
    [InlineData(ServerVersion.V35, OpCode.SetWatches2)]
    [InlineData(ServerVersion.V39, OpCode.Check)]
    public async Task An_older_server_does_not_know_later_operations(ServerVersion version, OpCode type)
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Version = version);
        await using WireClient zk = await InMemory.OpenAsync(server);
        int xid = await zk.SendAsync(type, (ref JuteWriter writer) => writer.WriteString("/"));
        Assert.Equal(new ReplyHeader(xid, -1, ErrorCode.Unimplemented), (await zk.ReadReplyAsync()).Header);
        await zk.ExpectCloseAsync();
    }

    [Theory]
    [InlineData(ServerVersion.V34)]
    [InlineData(ServerVersion.V35)]
    public async Task The_client_gets_along_with_an_older_server(ServerVersion version)
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Version = version);
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await zk.CreateAsync("/a", new byte[] { 1 }, cancellationToken: Ct);
        Assert.Equal(0, (await zk.CreateWithStatAsync("/b", cancellationToken: Ct).AsTask().InTime()).Stat.Version);
        await using (OneShotWatch<Stat?> exists = await zk.WatchExistsAsync("/a", Ct))
        {
            await zk.SetAsync("/a", null, cancellationToken: Ct);
            Assert.Equal(WatchedEventType.NodeDataChanged, (await exists.Fired.InTime()).Type);
        }

        // What the server cannot do is told, and does no harm to the session.
        ZooKeeperException refused = await Assert.ThrowsAnyAsync<ZooKeeperException>(async () => await zk.WatchAsync("/a", cancellationToken: Ct).InTime());
        Assert.IsType<UnimplementedException>(refused);
        Assert.Single(await zk.GetChildrenAsync("/", Ct), name => name == "a");
    }

    [Fact]
    public async Task Local_sessions_are_sessions_and_can_be_expired()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.LocalSessions = LocalSessions.Always);
        await using WireClient zk = await InMemory.OpenAsync(server);
        Assert.Equal([zk.SessionId], await server.GetSessionsAsync());
        Assert.True(await server.ExpireSessionAsync(zk.SessionId));
        await zk.ExpectCloseAsync();
        Assert.Empty(await server.GetSessionsAsync());
    }

    [Fact]
    public async Task A_session_id_is_not_given_again_after_a_restart_though_the_clock_stands_still()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => (options.TimeProvider, options.LocalSessions) = (new ManualTime(), LocalSessions.Always));
        await using WireClient before = await InMemory.OpenAsync(server);
        await server.RestartAsync();
        await using WireClient after = await InMemory.OpenAsync(server);
        Assert.NotEqual(before.SessionId, after.SessionId);
    }

    [Fact]
    public async Task Sessions_expire_though_the_first_tick_comes_at_once()
    {
        var time = new TestTime { IsEager = true };
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        await using WireClient zk = await InMemory.OpenAsync(server, timeoutMs: 1000);
        await time.Manual.AdvanceUntilAsync(zk.ExpectCloseAsync(), TimeSpan.FromSeconds(100), TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task Auth_stands_for_what_has_been_proven_and_not_for_the_rights_of_super()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.SuperPassword = "hush");
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options => options.Auth.Add(AuthInfo.Digest("super", "hush")));
        await zk.CreateAsync("/a", acl: Acl.CreatorAll, cancellationToken: Ct);
        Assert.Equal(["digest"], (await zk.GetAclAsync("/a", Ct)).Acl.Select(each => each.Scheme));
    }
}
