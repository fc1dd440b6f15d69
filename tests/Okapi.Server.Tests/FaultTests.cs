using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>Each fault strikes when it is asked to, and nothing else.</summary>
public class FaultTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_is_answered_with_the_error_that_was_asked_for_and_not_carried_out()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        Fault fault = server.Faults.AnswerError(ErrorCode.QuotaExceeded, request => request is { Type: OpCode.Create, Path: "/a" });
        await zk.CreateAsync("/b", cancellationToken: Ct);
        Assert.False(fault.Struck.IsCompleted);
        ZooKeeperException refused = await Assert.ThrowsAnyAsync<ZooKeeperException>(async () => await zk.CreateAsync("/a", cancellationToken: Ct));
        Assert.Contains("quota", refused.Message, StringComparison.OrdinalIgnoreCase);
        await fault.Struck.InTime();
        Assert.Equal(1, fault.Strikes);
        Assert.Null(await zk.ExistsAsync("/a", Ct));
        await zk.CreateAsync("/a", cancellationToken: Ct); // it strikes once
    }

    [Theory]
    [InlineData(CutKind.Reset)]
    [InlineData(CutKind.Close)]
    public async Task A_connection_that_is_cut_for_a_reply_leaves_what_was_done(CutKind kind)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        server.Faults.CutInsteadOfReply(request => request.Type == OpCode.Create2 || request.Type == OpCode.Create, kind);
        ConnectionLossException lost = await Assert.ThrowsAsync<ConnectionLossException>(async () => await zk.CreateAsync("/a", cancellationToken: Ct));
        Assert.Equal("/a", lost.Path);
        Assert.NotNull(await zk.ExistsAsync("/a", Ct));
    }

    [Fact]
    public async Task A_connection_that_is_cut_for_a_request_leaves_nothing_done()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        server.Faults.CutInsteadOfRequest(request => request.Path == "/a");
        await Assert.ThrowsAsync<ConnectionLossException>(async () => await zk.CreateAsync("/a", cancellationToken: Ct));
        Assert.Null(await zk.ExistsAsync("/a", Ct));
    }

    [Fact]
    public async Task A_swallowed_reply_never_comes_and_the_next_one_is_out_of_order()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient zk = await InMemory.OpenAsync(server);
        Fault fault = server.Faults.SwallowReply(request => request.Type == OpCode.Exists);
        await zk.SendAsync(OpCode.Exists, (ref JuteWriter writer) => new ReadRequest("/", false).Write(ref writer));
        int next = await zk.SendAsync(OpCode.GetData, (ref JuteWriter writer) => new ReadRequest("/", false).Write(ref writer));
        Assert.Equal(next, (await zk.ReadReplyAsync()).Xid);
        Assert.Equal(1, fault.Strikes);
    }

    [Fact]
    public async Task A_reply_is_altered_as_asked()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient zk = await InMemory.OpenAsync(server);
        server.Faults.AlterReply(
            reply =>
            {
                reply[7] = 0x77; // the last byte of the xid
                return reply;
            },
            request => request.Type == OpCode.Ping);
        await zk.SendAsync(OpCode.Ping, xid: Xids.Ping);
        Assert.Equal(unchecked((int)0xffffff77), (await zk.ReadReplyAsync()).Xid);
    }

    [Fact]
    public async Task A_stalled_server_goes_on_where_it_stopped()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient zk = await InMemory.OpenAsync(server);
        Fault stall = server.Faults.Stall();
        await zk.SendAsync(OpCode.Ping, xid: Xids.Ping);
        await stall.Struck.InTime();
        Task<WireReply> reply = zk.ReadReplyAsync();
        Assert.False(reply.IsCompleted);
        stall.Dispose();
        Assert.Equal(Xids.Ping, (await reply.InTime()).Xid);
    }

    [Fact]
    public async Task A_delay_lasts_as_long_as_it_says()
    {
        var time = new ManualTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        await using WireClient zk = await InMemory.OpenAsync(server);
        using Fault delay = server.Faults.Delay(TimeSpan.FromSeconds(3), FaultDirection.Replies);
        await zk.SendAsync(OpCode.Ping, xid: Xids.Ping);
        await delay.Struck.InTime();
        Task<WireReply> reply = zk.ReadReplyAsync();
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(reply.IsCompleted);
        await time.AdvanceUntilAsync(reply, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_delay_has_begun_when_it_tells_that_it_has_struck()
    {
        var time = new TimerTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        await using WireClient zk = await InMemory.OpenAsync(server);
        using Fault delay = server.Faults.Delay(TimeSpan.FromSeconds(3), FaultDirection.Replies);
        await delay.BeginsBeforeItStrikesAsync(time, () => zk.SendAsync(OpCode.Ping, xid: Xids.Ping));
    }

    [Fact]
    public async Task Split_replies_come_byte_by_byte_and_whole()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        using Fault split = server.Faults.SplitReplies();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        byte[] data = Encoding.UTF8.GetBytes(new string('x', 5000));
        await zk.CreateAsync("/a", data, cancellationToken: Ct);
        Assert.Equal(data, (await zk.GetAsync("/a", Ct)).Data!);
        Assert.True(split.Strikes > 2);
    }

    [Theory]
    [InlineData(FaultDirection.Requests, CutKind.Reset)]
    [InlineData(FaultDirection.Requests, CutKind.Close)]
    [InlineData(FaultDirection.Replies, CutKind.Reset)]
    [InlineData(FaultDirection.Replies, CutKind.Close)]
    [InlineData(FaultDirection.Replies, CutKind.HalfClose)]
    public async Task A_connection_is_cut_after_just_so_many_bytes(FaultDirection direction, CutKind kind)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        using Fault cut = server.Faults.CutAfter(10, direction, kind);
        var zk = new WireClient(await server.ConnectAsync());
        await zk.SendFrameAsync(new ConnectRequest(0, 0, 10_000, 0, new byte[16], false).Write);
        await cut.Struck.InTime();
        int expected = direction == FaultDirection.Requests || kind == CutKind.Reset ? 0 : 10;
        byte[] buffer = new byte[100];
        int count = 0;
        try
        {
            for (int read; (read = await zk.Stream.ReadAsync(buffer, Ct).AsTask().InTime()) > 0;) count += read;
            Assert.NotEqual(CutKind.Reset, kind);
        }
        catch (IOException)
        {
            Assert.Equal(CutKind.Reset, kind);
        }

        if (kind != CutKind.Reset) Assert.Equal(expected, count);
        await using WireClient next = await InMemory.OpenAsync(server); // it strikes once
        Assert.NotEqual(0, next.SessionId);
    }

    [Fact]
    public async Task A_server_that_refuses_takes_no_connection_and_keeps_those_it_has()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        using (server.Faults.Refuse())
        {
            await Assert.ThrowsAsync<IOException>(async () => await server.ConnectAsync(cancellationToken: Ct));
            await zk.CreateAsync("/a", cancellationToken: Ct);
        }

        await using WireClient another = await InMemory.OpenAsync(server);
    }

    [Fact]
    public async Task A_session_that_is_expired_takes_its_ephemerals_along_and_its_client_learns_of_it()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server), other = await InMemory.ConnectAsync(server);
        await zk.CreateAsync("/e", mode: CreateMode.Ephemeral, cancellationToken: Ct);
        await using Watch watch = await other.WatchAsync("/e", cancellationToken: Ct);
        Assert.Contains(zk.SessionId, await server.GetSessionsAsync());
        Assert.True(await server.ExpireSessionAsync(zk.SessionId));
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator(Ct);
        Assert.True(await events.MoveNextAsync().AsTask().InTime());
        Assert.Equal(WatchedEventType.NodeDeleted, events.Current.Type);
        await Assert.ThrowsAsync<SessionExpiredException>(async () => await zk.GetAsync("/", Ct).AsTask().InTime());
        Assert.True(zk.SessionLost.IsCancellationRequested);
        Assert.False(await server.ExpireSessionAsync(zk.SessionId));
    }

    [Fact]
    public async Task A_member_that_lags_shows_what_there_was_and_turns_away_who_has_seen_more()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using WireClient ahead = await InMemory.OpenAsync(server, member: 1);
        await using WireClient behind = await InMemory.OpenAsync(server, member: 2);
        BodyWriter create = (ref JuteWriter writer) => new CreateRequest("/a", null, Acl.Open, CreateMode.Persistent).Write(ref writer);
        BodyWriter read = (ref JuteWriter writer) => new ReadRequest("/a", true).Write(ref writer);
        Fault lag = await server.Members[1].Faults.LagAsync();
        long zxid = (await ahead.CallAsync(OpCode.Create, create)).Zxid;
        Assert.Equal(ErrorCode.NoNode, (await behind.CallAsync(OpCode.Exists, read)).Error);
        Assert.Empty(await behind.EventsAsync());

        var refused = new WireClient(await server.ConnectAsync(2));
        await refused.SendFrameAsync(new ConnectRequest(0, zxid, 10_000, 0, new byte[16], false).Write);
        await refused.ExpectCloseAsync();

        int sync = await behind.SendAsync(OpCode.Sync, (ref JuteWriter writer) => writer.WriteString("/a"));
        lag.Dispose();
        Assert.Equal(WatchedEventType.NodeCreated, (await behind.ReadAsync())!.Event.Type); // before the answer to what came after it
        Assert.Equal(sync, (await behind.ReadReplyAsync()).Xid);
        Assert.Equal(ErrorCode.Ok, (await behind.CallAsync(OpCode.Exists, read)).Error);
    }

    [Fact]
    public async Task A_write_by_way_of_a_member_that_lags_is_answered_when_it_has_caught_up()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using ZooKeeperClient ahead = await InMemory.ConnectAsync(server, options => options.ConnectString = "memory:1");
        await using ZooKeeperClient behind = await InMemory.ConnectAsync(server, options => options.ConnectString = "memory:2");
        Fault lag = await server.Members[1].Faults.LagAsync();
        Task<string> write = behind.CreateAsync("/a", cancellationToken: Ct).AsTask();
        Task<NodeData?> readBehindIt = behind.TryGetAsync("/a", Ct).AsTask();
        await using (Watch watch = await ahead.WatchAsync("/a", cancellationToken: Ct))
        {
            if (await ahead.ExistsAsync("/a", Ct) is null)
            {
                await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator(Ct);
                Assert.True(await events.MoveNextAsync().AsTask().InTime());
            }
        }

        Assert.False(write.IsCompleted);
        lag.Dispose();
        Assert.Equal("/a", await write.InTime());
        Assert.NotNull(await readBehindIt.InTime()); // a session sees its own writes
    }

    [Fact]
    public async Task H13_a_session_that_has_moved_is_served_where_it_went_and_its_old_connection_ends_at_its_next_write()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using WireClient a = await InMemory.OpenAsync(server, member: 1);
        await using WireClient b = await InMemory.OpenAsync(server, member: 2, resume: a.Session);
        Assert.Equal(a.SessionId, b.SessionId);
        BodyWriter set = (ref JuteWriter writer) => new SetDataRequest("/", null, -1).Write(ref writer);
        await a.SendAsync(OpCode.SetData, set);
        await a.ExpectCloseAsync();
        Assert.Equal(ErrorCode.Ok, (await b.CallAsync(OpCode.SetData, set)).Error);
    }

    [Fact]
    public async Task A_read_only_server_lets_clients_read_that_allow_it()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server);
        await zk.CreateAsync("/a", cancellationToken: Ct);
        Fault fault = await server.Faults.TurnReadOnlyAsync();
        await using ZooKeeperClient reader = await InMemory.ConnectAsync(server, options => options.AllowReadOnly = true);
        Assert.Equal(SessionState.ConnectedReadOnly, reader.State);
        Assert.NotNull(await reader.ExistsAsync("/a", Ct));
        await Assert.ThrowsAnyAsync<ZooKeeperException>(async () => await reader.SetAsync("/a", null, cancellationToken: Ct));
        fault.Dispose();
        await zk.SetAsync("/a", null, cancellationToken: Ct).AsTask().InTime(); // waits until it is connected again
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public async Task A_fault_that_never_strikes_is_refused(int times)
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        Assert.Throws<ArgumentOutOfRangeException>(() => server.Faults.SwallowReply(times: times));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.Faults.CutAfter(-1, FaultDirection.Both));
        Assert.Throws<ArgumentOutOfRangeException>(() => server.Faults.Delay(TimeSpan.FromSeconds(-1)));
    }
}
