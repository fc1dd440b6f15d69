using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Okapi.Client.Tests.Protocol;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Sessions;

/// <summary>A whole client against a scripted server. Where time matters it is the test's own.</summary>
public sealed class SessionTests : IAsyncDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ScriptedPeer _peer = new();
    private readonly ManualTime _time = new();
    private readonly List<ZooKeeperClient> _clients = [];

    public async ValueTask DisposeAsync()
    {
        foreach (ZooKeeperClient zk in _clients)
        {
            Task closing = zk.DisposeAsync().AsTask();
            await Scripts.EventuallyAsync(() =>
            {
                _time.Advance(Second); // a test that failed half-way has nobody who answers
                return closing.IsCompleted;
            });
        }
    }

    [Fact]
    public async Task H6_The_end_of_a_session_is_always_told_before_the_next_one_is_connected()
    {
        const int Sessions = 1_000;
        ZooKeeperOptions options = _peer.Options().InRealTime();
        options.Recovery = SessionRecovery.NewSession;
        ZooKeeperClient zk = Start(options);
        await using IAsyncEnumerator<SessionStateChange> states = zk.StateChangesAsync().GetAsyncEnumerator();
        async Task<SessionStateChange> NextAsync()
        {
            Assert.True(await states.MoveNextAsync().AsTask().WaitAsync(ScriptedPeer.Patience));
            return states.Current;
        }

        if (await NextAsync() is { State: not SessionState.Connecting } early) Assert.Fail($"{early}");
        for (long id = 1; id <= Sessions; id++)
        {
            PeerConnection connection = await _peer.AcceptSessionAsync(id);
            Assert.Equal(0, connection.Handshake.SessionId);
            Assert.Equal(0, connection.Handshake.LastZxidSeen); // H8: the new session has seen nothing
            Assert.Equal(new(SessionState.Connected, id), await NextAsync());
            CancellationToken lost = zk.SessionLost;
            ValueTask<Stat?> read = zk.ExistsAsync("/a");
            await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Exists), error: ErrorCode.NoNode, zxid: 500);
            await read;
            Assert.False(lost.IsCancellationRequested);
            connection.Close();
            await (await _peer.AcceptAsync()).ExpireAsync();
            Assert.Equal(new(SessionState.Disconnected, id), await NextAsync());
            Assert.Equal(new(SessionState.Expired, id), await NextAsync());
            Assert.True(lost.IsCancellationRequested);
            Assert.Equal(new(SessionState.Connecting, 0), await NextAsync());
        }

        (await _peer.AcceptAsync()).Close();
    }

    // Who learns of it by a call looks at the token next: the call must not be ahead of it. Inline, so that whoever waits for the call goes on in the very moment when it fails.
    [Fact]
    public async Task The_token_of_a_session_that_is_over_has_tripped_when_the_first_call_fails_by_it()
    {
        _peer.OnConnecting = static (_, token) => new(Task.Delay(Timeout.Infinite, token));
        ZooKeeperClient zk = ZooKeeperClient.Create("peer", _peer.Options(_time), new CallbackConnector(_peer.ConnectAsync), new Random(1), runsInline: true);
        zk.Core.Start();
        CancellationToken lost = zk.SessionLost;
        async Task<bool> FailAsync()
        {
            try
            {
                await zk.ExistsAsync("/a").ConfigureAwait(false);
                return false;
            }
            catch (SessionClosedException)
            {
                return lost.IsCancellationRequested;
            }
        }

        Task<bool> failing = FailAsync();
        await zk.DisposeAsync();
        Assert.True(await failing.WaitAsync(ScriptedPeer.Patience));
    }

    [Fact]
    public async Task H7_A_session_that_was_swapped_by_the_server_ends_its_watches_and_its_token()
    {
        ZooKeeperClient zk = ZooKeeperClient.Start(_peer.Options().InRealTime());
        PeerConnection connection = await _peer.AcceptSessionAsync(5);
        Watch watch = await WatchAsync(zk, connection, "/w");
        Task<Stat> write = zk.SetAsync("/a", new byte[1]).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        connection.Close();
        PeerConnection second = await _peer.AcceptAsync();
        Assert.Equal(5, (await second.ExpectHandshakeAsync()).SessionId);
        await second.SendFrameAsync(new ConnectResponse(0, 6000, 6, new byte[16], ReadOnly: false).Write);
        await Assert.ThrowsAsync<ConnectionLossException>(() => write);
        SessionExpiredException expired = await Assert.ThrowsAsync<SessionExpiredException>(async () =>
        {
            await foreach (WatchedEvent _ in watch)
            {
            }
        }).WaitAsync(ScriptedPeer.Patience);
        Assert.Equal(5, expired.SessionId);
        await Scripts.EventuallyAsync(() => zk.SessionLost.IsCancellationRequested);
        await zk.DisposeAsync();
    }

    [Fact]
    public async Task H9_A_negative_session_is_resumed_under_its_own_number()
    {
        ZooKeeperClient zk = Start(_peer.Options().InRealTime());
        (await _peer.AcceptSessionAsync(-2)).Close();
        PeerConnection second = await _peer.AcceptSessionAsync(-2);
        Assert.Equal(-2, second.Handshake.SessionId);
        await zk.WaitConnectedAsync(ScriptedPeer.Patience);
        Assert.Equal(-2, zk.SessionId);
        second.Close();
    }

    [Fact]
    public async Task H10_A_reply_header_in_answer_to_the_handshake_is_no_session_and_the_next_server_is_tried()
    {
        ZooKeeperOptions options = _peer.Options().InRealTime();
        options.ConnectString = "a,b";
        options.ShuffleServers = false;
        options.AllowReadOnly = true;
        ZooKeeperClient zk = Start(options);
        PeerConnection first = await _peer.AcceptAsync();
        await first.ExpectHandshakeAsync();
        await first.SendFrameAsync(new ReplyHeader(0, 0x1_0000_0007, (ErrorCode)(-119)).Write);
        PeerConnection second = await _peer.AcceptSessionAsync(9);
        Assert.Equal(("a", "b"), (first.Server.Host, second.Server.Host));
        Assert.Equal(0, second.Handshake.SessionId);
        await zk.WaitConnectedAsync(ScriptedPeer.Patience);
        Assert.Equal(9, zk.SessionId);
        second.Close();
    }

    [Fact]
    public async Task H12_Pings_go_on_while_a_probe_for_a_read_write_server_hangs()
    {
        ZooKeeperOptions options = _peer.Options(_time);
        options.AllowReadOnly = true;
        ZooKeeperClient zk = Start(options);
        PeerConnection connection = await _peer.AcceptSessionAsync(readOnly: true);
        await zk.SettleAsync();
        _time.Advance(TimeSpan.FromMilliseconds(150));
        PeerConnection probe = await _peer.AcceptAsync(); // and not a word on it
        for (int i = 0; i < 10; i++) await AnswerPingAsync(zk, connection);
        Assert.Equal(SessionState.ConnectedReadOnly, zk.State);
        probe.Close();
        connection.Close();
    }

    [Fact]
    public async Task H14_Evictions_time_and_again_are_logged()
    {
        var log = new LogCollector();
        ZooKeeperOptions options = _peer.Options().InRealTime();
        options.BackoffMaximum = 30 * Second; // whatever lives shorter than this is short-lived
        options.LoggerFactory = log;
        ZooKeeperClient zk = Start(options);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Math.Max(0, i - 1), log.Count(13));
            PeerConnection connection = await _peer.AcceptSessionAsync();
            await zk.WaitConnectedAsync(ScriptedPeer.Patience);
            connection.Close();
            await Scripts.EventuallyAsync(() => log.Count(4) == i + 1);
        }

        await Scripts.EventuallyAsync(() => log.Count(13) == 2);
    }

    [Fact]
    public async Task H15_Expired_is_heard_although_the_server_closes_on_what_the_client_sent()
    {
        // The server reads nothing of the handshake, so that closing resets the connection under the answer.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        byte[] expired = PeerConnection.Frame(new ConnectResponse(0, 0, 0, new byte[16], ReadOnly: false).Write);
        for (int i = 0; i < 200; i++)
        {
            var options = new ZooKeeperOptions { ConnectString = $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}", Resume = new(77, new byte[16]), SessionTimeout = 30 * Second };
            ZooKeeperClient zk = ZooKeeperClient.Start(options);
            using (TcpClient accepted = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken))
            {
                await Scripts.EventuallyAsync(() => accepted.Available >= 45);
                await accepted.GetStream().WriteAsync(expired, TestContext.Current.CancellationToken);
            }

            await Assert.ThrowsAsync<SessionExpiredException>(() => zk.WaitConnectedAsync(ScriptedPeer.Patience));
            await zk.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(24 * 365)]
    public async Task H16_A_jump_of_the_wall_clock_expires_nothing(int hours)
    {
        ZooKeeperClient zk = Start(_peer.Options(_time));
        PeerConnection connection = await _peer.AcceptSessionAsync();
        await zk.SettleAsync();
        Task<Stat?> pending = zk.ExistsAsync("/a").AsTask();
        PeerRequest request = await connection.ExpectAsync(OpCode.Exists);
        _time.JumpWallClock(TimeSpan.FromHours(hours));
        _time.Advance(Second);
        Assert.Equal(SessionState.Connected, zk.State);
        Assert.False(pending.IsCompleted);
        await connection.ReplyAsync(request, error: ErrorCode.NoNode);
        Assert.Null(await pending);
        await AnswerPingAsync(zk, connection);
        connection.Close();
    }

    [Fact]
    public async Task H17_Names_are_resolved_anew_for_each_attempt_and_one_that_fails_costs_only_its_own_server()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var asked = new List<string>();
        // "moved" has an old address first; "gone" has none; "both" has an IPv6 address that nobody listens on, and the right one.
        var connector = new TcpConnector(null, new Random(3), TimeProvider.System, (host, _) =>
        {
            lock (asked) asked.Add(host);
            return host switch
            {
                "gone" => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)),
                "moved" when asked.Count(name => name == "moved") == 1 => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.9")]),
                "both" => Task.FromResult<IPAddress[]>([IPAddress.IPv6Loopback, IPAddress.Loopback]),
                _ => Task.FromResult<IPAddress[]>([IPAddress.Loopback]),
            };
        });
        for (int i = 0; i < 10; i++) // in either order of the two addresses
            await using ((await connector.ConnectAsync(new("both", port), 10 * Second, TestContext.Current.CancellationToken)).Stream)
                (await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken)).Dispose();
        ZooKeeperOptions options = new ZooKeeperOptions { ShuffleServers = false }.InRealTime();
        ZooKeeperClient zk = ZooKeeperClient.Create($"gone:{port},moved:{port}", options, connector, new Random(4));
        zk.Core.Start();
        using TcpClient accepted = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["gone", "moved", "gone", "moved"], asked.Where(name => name != "both"));
        await zk.DisposeAsync();
    }

    [Fact]
    public async Task H24_A_reply_that_is_left_out_times_out_and_the_connection_is_not_trusted_again()
    {
        ZooKeeperClient zk = Start(Impatient());
        PeerConnection connection = await _peer.AcceptSessionAsync();
        await zk.SettleAsync();
        Task<Stat> swallowed = zk.SetAsync("/a", new byte[1]).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        await AnswerAsync(zk, connection);
        _time.Advance(3 * Second);
        Assert.Equal(RequestOutcome.Unknown, (await Assert.ThrowsAsync<RequestTimeoutException>(() => swallowed.WaitAsync(ScriptedPeer.Patience))).Outcome);
        await connection.ExpectClosedAsync();
        await ReconnectAsync(zk);

        async Task AnswerAsync(ZooKeeperClient client, PeerConnection open)
        {
            // A reply to what came after the swallowed one has the wrong number: it may not complete anything.
            Task<Stat?> next = client.ExistsAsync("/b").AsTask();
            await open.ExpectAsync(OpCode.Exists);
            Assert.False(next.IsCompleted);
        }
    }

    [Fact]
    public async Task H24_A_reply_out_of_turn_completes_nothing_and_ends_the_connection()
    {
        ZooKeeperClient zk = Start(_peer.Options().InRealTime());
        PeerConnection connection = await _peer.AcceptSessionAsync();
        Task<Stat> first = zk.SetAsync("/a", new byte[1]).AsTask(), second = zk.SetAsync("/b", new byte[1]).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.SetData), default(Stat).Write);
        await Assert.ThrowsAsync<ConnectionLossException>(() => first.WaitAsync(ScriptedPeer.Patience));
        await Assert.ThrowsAsync<ConnectionLossException>(() => second.WaitAsync(ScriptedPeer.Patience));
        await connection.ExpectClosedAsync();
        await ReconnectAsync(zk);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(700)]
    [InlineData(1_900)]
    public async Task I10_A_request_times_out_within_a_tenth_of_a_second_however_busy_the_session_is(int startMs)
    {
        ZooKeeperOptions options = Impatient();
        options.SessionTimeout = 30 * Second;
        ZooKeeperClient zk = Start(options);
        PeerConnection connection = await _peer.AcceptSessionAsync();
        await zk.SettleAsync();
        // What the session has to decide about sets its timer anew; that may not put the request off.
        void Pass(int ms)
        {
            for (; ms > 0; ms -= 10)
            {
                zk.UpdateServers("peer:2181");
                _time.Advance(TimeSpan.FromMilliseconds(10));
            }
        }

        Pass(startMs);
        Task<Stat> call = zk.SetAsync("/a", new byte[1]).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        Pass(2_990);
        Assert.Equal(1, zk.Core.Session.Outbox.Count);
        Assert.False(call.IsCompleted);
        Pass(110);
        await Assert.ThrowsAsync<RequestTimeoutException>(() => call.WaitAsync(ScriptedPeer.Patience / 4));
        connection.Close();
    }

    [Fact]
    public async Task H25_A_consumer_of_events_that_blocks_delays_nobody_and_may_call_the_client()
    {
        ZooKeeperClient zk = Start(_peer.Options().InRealTime());
        PeerConnection connection = await _peer.AcceptSessionAsync();
        Watch watch = await WatchAsync(zk, connection, "/w");
        using var blocked = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        Task<Stat?> reader = Task.Run(async () =>
        {
            await foreach (WatchedEvent _ in watch)
            {
                blocked.Set();
                release.Wait(ScriptedPeer.Patience);
                return await zk.ExistsAsync("/from-the-handler");
            }

            return null;
        });
        Task serving = connection.ServeAsync(request => connection.ReplyAsync(request, error: ErrorCode.NoNode));
        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/w");
        Assert.True(blocked.Wait(ScriptedPeer.Patience, TestContext.Current.CancellationToken));
        await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/w");
        for (int i = 0; i < 100; i++) Assert.Null(await zk.ExistsAsync("/other").AsTask().WaitAsync(ScriptedPeer.Patience));
        Assert.False(reader.IsCompleted);
        release.Set();
        Assert.Null(await reader.WaitAsync(ScriptedPeer.Patience));
        connection.Close();
        await serving;
    }

    [Fact]
    public async Task H26_A_stall_of_the_process_is_told_in_log_and_metric_and_a_session_the_server_kept_goes_on()
    {
        int starvations = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument is { Name: "zookeeper.client.starvations", Meter.Name: ZooKeeperTelemetry.SourceName }) self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref starvations, (int)value));
        listener.Start();
        var log = new LogCollector();
        ZooKeeperOptions options = _peer.Options(_time);
        options.LoggerFactory = log;
        ZooKeeperClient zk = Start(options);
        PeerConnection connection = await _peer.AcceptSessionAsync();
        await zk.SettleAsync();
        await AnswerPingAsync(zk, connection);
        Assert.Equal(0, log.Count(7));
        _time.Stall(5 * Second); // longer than the 4 s of silence after which a connection counts as dead
        Assert.Equal(1, log.Count(7));
        Assert.True(Volatile.Read(ref starvations) >= 1);
        await connection.ExpectClosedAsync();
        await ReconnectAsync(zk);
    }

    [Fact]
    public async Task H27_A_peer_that_reads_nothing_gets_one_ping_and_not_a_queue_of_them()
    {
        _peer.Capacity = 4_096;
        ZooKeeperOptions options = _peer.Options(_time);
        options.RequestTimeout = Timeout.InfiniteTimeSpan;
        ZooKeeperClient zk = Start(options);
        PeerConnection connection = await _peer.AcceptSessionAsync();
        await zk.SettleAsync();
        Task<Stat> large = zk.SetAsync("/a", new byte[100_000]).AsTask(); // stuck half-way
        for (int i = 0; i < 20; i++)
        {
            // The server talks all the time, and reads nothing.
            await connection.NotifyAsync(WatchedEventType.NodeCreated, "/n");
            await Scripts.EventuallyAsync(() => connection.Stream.IsDrained);
            _time.Advance(TimeSpan.FromMilliseconds(900));
        }

        PeerRequest set = await connection.ReadAnyAsync();
        Assert.Equal(OpCode.SetData, set.OpCode);
        Assert.Equal(OpCode.Ping, (await connection.ReadAnyAsync()).OpCode);
        Task<Stat?> next = zk.ExistsAsync("/b").AsTask();
        Assert.Equal(OpCode.Exists, (await connection.ReadAnyAsync()).OpCode);
        connection.Close();
        await Assert.ThrowsAsync<ConnectionLossException>(() => large);
        _ = next;
    }

    [Fact]
    public async Task H28_A_continuation_that_blocks_does_not_hold_up_the_next_reply()
    {
        ZooKeeperClient zk = Start(_peer.Options().InRealTime());
        PeerConnection connection = await _peer.AcceptSessionAsync();
        using var release = new ManualResetEventSlim();
        using var blocked = new ManualResetEventSlim();
        async Task BlockAfterAsync()
        {
            await zk.ExistsAsync("/a").ConfigureAwait(false);
            blocked.Set();
            release.Wait(ScriptedPeer.Patience);
        }

        Task blocking = BlockAfterAsync();
        Task<Stat?> second = zk.ExistsAsync("/b").AsTask();
        PeerRequest a = await connection.ExpectAsync(OpCode.Exists), b = await connection.ExpectAsync(OpCode.Exists);
        await connection.ReplyAsync(a, error: ErrorCode.NoNode);
        Assert.True(blocked.Wait(ScriptedPeer.Patience, TestContext.Current.CancellationToken));
        await connection.ReplyAsync(b, error: ErrorCode.NoNode);
        Assert.Null(await second.WaitAsync(ScriptedPeer.Patience / 2));
        release.Set();
        await blocking;
        connection.Close();
    }

    [Fact]
    public async Task H29_An_event_is_in_its_stream_before_the_reply_behind_it_completes()
    {
        ZooKeeperClient zk = Start(_peer.Options().InRealTime());
        PeerConnection connection = await _peer.AcceptSessionAsync();
        Watch watch = await WatchAsync(zk, connection, "/w");
        await using IAsyncEnumerator<WatchedEvent> events = watch.GetAsyncEnumerator();
        for (int i = 0; i < 1_000; i++)
        {
            Task<Stat?> read = zk.ExistsAsync("/w").AsTask();
            PeerRequest request = await connection.ExpectAsync(OpCode.Exists);
            byte[] notification = PeerConnection.Frame((ref JuteWriter writer) =>
            {
                new ReplyHeader(Xids.Notification, -1, ErrorCode.Ok).Write(ref writer);
                new WatcherEvent(WatchedEventType.NodeDataChanged, KeeperState.SyncConnected, "/w").Write(ref writer);
            });
            byte[] reply = PeerConnection.Frame(new ReplyHeader(request.Xid, 100, ErrorCode.NoNode).Write);
            await connection.SendRawAsync((byte[])[.. notification, .. reply]); // in one segment
            Assert.Null(await read);
            ValueTask<bool> next = events.MoveNextAsync();
            Assert.True(next.IsCompletedSuccessfully, $"the event was not there in round {i}");
            Assert.True(await next);
        }

        connection.Close();
    }

    private ZooKeeperClient Start(ZooKeeperOptions options)
    {
        ZooKeeperClient zk = ZooKeeperClient.Start(options);
        _clients.Add(zk);
        return zk;
    }

    private ZooKeeperOptions Impatient()
    {
        ZooKeeperOptions options = _peer.Options(_time);
        options.RequestTimeout = 3 * Second;
        return options;
    }

    private async Task ReconnectAsync(ZooKeeperClient zk)
    {
        Task<PeerConnection> accepting = _peer.AcceptSessionAsync();
        await _time.AdvanceUntilAsync(accepting, 60 * Second, TimeSpan.FromMilliseconds(1));
        PeerConnection connection = await accepting;
        Assert.Equal(0x1234, connection.Handshake.SessionId);
        await zk.WaitConnectedAsync(ScriptedPeer.Patience);
        connection.Close();
    }

    /// <summary>Lets time pass until a ping is due, answers it, and sees to it that the client has heard.</summary>
    private async Task AnswerPingAsync(ZooKeeperClient zk, PeerConnection connection)
    {
        Task<PeerRequest> reading = connection.ReadAnyAsync();
        await _time.AdvanceUntilAsync(reading, zk.SessionTimeout / 2); // whoever has just sent may note only now when that was
        PeerRequest ping = await reading;
        Assert.Equal(OpCode.Ping, ping.OpCode);
        await connection.ReplyAsync(ping);
        Task<Stat?> read = zk.ExistsAsync("/").AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Exists), error: ErrorCode.NoNode);
        await read.WaitAsync(ScriptedPeer.Patience);
    }

    private static async Task<Watch> WatchAsync(ZooKeeperClient zk, PeerConnection connection, string path)
    {
        Task<Watch> watching = zk.WatchAsync(path);
        PeerRequest request = await connection.ExpectAsync(OpCode.AddWatch);
        await connection.ReplyAsync(request, (ref JuteWriter writer) => writer.WriteInt(0));
        return await watching.WaitAsync(ScriptedPeer.Patience);
    }
}
