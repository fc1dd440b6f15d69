using System.Net.Sockets;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Proxies;

/// <summary>Each fault of a proxy strikes when it is asked to, and nothing else.</summary>
public class FaultProxyTests
{
    public static TheoryData<FaultDirection> Ways => [FaultDirection.Requests, FaultDirection.Replies];

    [Fact]
    public async Task Without_faults_bytes_go_through_and_are_counted()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        byte[] much = Bytes(3_000_000);
        Task sending = proxied.Client.SendAsync(much).InTime();
        Assert.Equal(much, await proxied.Server.ReceiveAsync(much.Length));
        await sending;
        await proxied.Server.SayAsync(1, 2, 3);
        Assert.Equal([1, 2, 3], await proxied.Client.ReceiveAsync(3));
        Assert.Equal((1L, 1), (proxied.Proxy.Accepted, proxied.Proxy.Open));
        await UntilAsync(() => (proxied.Proxy.RequestBytes, proxied.Proxy.ReplyBytes) == (3_000_000L, 3L));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task The_end_goes_through_each_way_on_its_own_and_then_the_connection_is_gone(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        (Socket from, Socket to) = proxied.Way(way);
        from.Shutdown(SocketShutdown.Send);
        Assert.Equal(Ending.InOrder, (await to.ReceiveToEndAsync()).Ending);
        await to.SayAsync(1);
        Assert.Equal([1], await from.ReceiveAsync(1));
        to.Shutdown(SocketShutdown.Send);
        Assert.Equal(Ending.InOrder, (await from.ReceiveToEndAsync()).Ending);
        await UntilAsync(() => proxied.Proxy.Open == 0);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_reset_goes_through_as_a_reset(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        (Socket from, Socket to) = proxied.Way(way);
        from.Close(timeout: 0);
        Assert.Equal(Ending.Reset, (await to.ReceiveToEndAsync()).Ending);
    }

    [Fact]
    public async Task A_client_of_a_server_that_is_not_there_is_reset()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        await using FaultProxy before = FaultProxy.Start(ClosedAddress());
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await client.ConnectAsync(before.EndPoint).InTime();
            Assert.Equal(Ending.Reset, (await client.ReceiveToEndAsync()).Ending);
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            // So soon that the client had not even seen that it was connected.
        }

        await UntilAsync(() => before.Open == 0);
    }

    [Fact]
    public async Task A_reset_cuts_both_sides_and_the_next_connection_is_whole()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Assert.Equal(1, proxied.Proxy.Faults.Cut());
        Assert.Equal(Ending.Reset, (await proxied.Client.ReceiveToEndAsync()).Ending);
        Assert.Equal(Ending.Reset, (await proxied.Server.ReceiveToEndAsync()).Ending);
        (Socket client, Socket server) = await proxied.ConnectAsync();
        await client.SayAsync(1);
        Assert.Equal([1], await server.ReceiveAsync(1));
    }

    [Fact]
    public async Task A_close_ends_both_sides_in_good_order()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Assert.Equal(1, proxied.Proxy.Faults.Cut(CutKind.Close));
        Assert.Equal(Ending.InOrder, (await proxied.Client.ReceiveToEndAsync()).Ending);
        Assert.Equal(Ending.InOrder, (await proxied.Server.ReceiveToEndAsync()).Ending);
        proxied.Client.Dispose();
        proxied.Server.Dispose();
        await UntilAsync(() => proxied.Proxy.Open == 0);
    }

    [Fact]
    public async Task A_close_that_nobody_answers_becomes_a_reset()
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        proxied.Proxy.Faults.Cut(CutKind.Close);
        await proxied.Client.ReceiveToEndAsync();
        Assert.Equal(1, proxied.Proxy.Open);
        time.Advance(TimeSpan.FromSeconds(2));
        await UntilAsync(() => proxied.Proxy.Open == 0);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Half_a_close_ends_one_way_and_leaves_the_other(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        (Socket from, Socket to) = proxied.Way(way);
        Assert.Equal(1, proxied.Proxy.Faults.HalfClose(way));
        Assert.Equal(Ending.InOrder, (await to.ReceiveToEndAsync()).Ending);
        await from.SayAsync(Bytes(100_000)); // is not heard
        await to.SayAsync(7);
        Assert.Equal([7], await from.ReceiveAsync(1));
    }

    [Theory]
    [InlineData(CutKind.Reset, FaultDirection.Requests)]
    [InlineData(CutKind.Reset, FaultDirection.Replies)]
    [InlineData(CutKind.Close, FaultDirection.Requests)]
    [InlineData(CutKind.Close, FaultDirection.Replies)]
    [InlineData(CutKind.HalfClose, FaultDirection.Requests)]
    [InlineData(CutKind.HalfClose, FaultDirection.Replies)]
    public async Task A_connection_is_cut_after_the_very_byte_that_was_asked_for(CutKind kind, FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Fault cut = proxied.Proxy.Faults.CutAfter(20_001, way, kind);
        (Socket from, Socket to) = proxied.Way(way);
        byte[] bytes = Bytes(50_000);
        await from.SayAsync(bytes);
        (byte[] received, Ending ending) = await to.ReceiveToEndAsync();
        Assert.Equal(bytes[..20_001], received);
        Assert.Equal(kind == CutKind.Reset ? Ending.Reset : Ending.InOrder, ending);
        await cut.Struck.InTime();
        if (kind == CutKind.HalfClose)
        {
            await to.SayAsync(7);
            Assert.Equal([7], await from.ReceiveAsync(1));
        }

        // It strikes once.
        (Socket client, Socket server) = await proxied.ConnectAsync();
        (from, to) = way == FaultDirection.Requests ? (client, server) : (server, client);
        await from.SayAsync(bytes);
        Assert.Equal(bytes, await to.ReceiveAsync(bytes.Length));
    }

    [Fact]
    public async Task A_cut_after_no_byte_lets_none_through()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        proxied.Proxy.Faults.CutAfter(0, FaultDirection.Requests, CutKind.Close);
        await proxied.Client.SayAsync(1);
        Assert.Empty((await proxied.Server.ReceiveToEndAsync()).Bytes);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_stall_holds_one_way_and_what_it_held_goes_on(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        (Socket from, Socket to) = proxied.Way(way);
        Fault stall = proxied.Proxy.Faults.Stall(way);
        await from.SayAsync(1, 2, 3);
        await stall.Struck.InTime();
        await to.SayAsync(9);
        Assert.Equal([9], await from.ReceiveAsync(1));
        Assert.Equal(0, to.Available);
        stall.Dispose();
        Assert.Equal([1, 2, 3], await to.ReceiveAsync(3));
    }

    [Fact]
    public async Task A_stall_ends_by_itself_when_its_time_is_up()
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        Fault stall = proxied.Proxy.Faults.Stall(duration: TimeSpan.FromSeconds(5));
        await proxied.Client.SayAsync(1);
        await stall.Struck.InTime();
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal(0, proxied.Server.Available);
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal([1], await proxied.Server.ReceiveAsync(1));
        Assert.Equal(0, time.ActiveTimers);
    }

    [Fact]
    public async Task A_stall_after_some_bytes_lets_those_through_and_then_nothing()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Fault stall = proxied.Proxy.Faults.StallAfter(5, FaultDirection.Replies);
        await proxied.Server.SayAsync(1, 2, 3, 4, 5, 6, 7);
        Assert.Equal([1, 2, 3, 4, 5], await proxied.Client.ReceiveAsync(5));
        await stall.Struck.InTime();
        Assert.Equal(0, proxied.Client.Available);
        stall.Dispose();
        Assert.Equal([6, 7], await proxied.Client.ReceiveAsync(2));
    }

    [Fact]
    public async Task Who_sends_to_a_stalled_connection_has_to_wait_in_the_end()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        using Fault stall = proxied.Proxy.Faults.Stall();
        proxied.Client.SendBufferSize = 16 * 1024;
        proxied.Client.Blocking = false;
        byte[] chunk = new byte[64 * 1024];
        long sent = 0;
        // The system's own buffers have some megabytes; what the proxy holds comes on top of it. Nothing is read, so a proxy without a bound takes it all.
        const long Bound = 64 * 1024 * 1024;
        int silence = 0;
        while (sent < Bound && silence < 20)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
            try
            {
                sent += await proxied.Client.SendAsync(chunk, patience.Token);
                silence = 0;
            }
            catch (OperationCanceledException)
            {
                silence++;
            }
        }

        Assert.True(sent < Bound, $"{sent} bytes were taken.");
    }

    [Fact]
    public async Task The_end_of_a_stalled_connection_is_told_when_it_goes_on()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Fault stall = proxied.Proxy.Faults.Stall();
        await proxied.Client.SayAsync(1);
        proxied.Client.Shutdown(SocketShutdown.Send);
        await stall.Struck.InTime();
        Task<(byte[] Bytes, Ending Ending)> reading = proxied.Server.ReceiveToEndAsync();
        Assert.False(reading.IsCompleted);
        stall.Dispose();
        Assert.Equal([1], (await reading).Bytes);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task What_goes_into_a_black_hole_is_lost_and_the_connection_with_it_when_it_ends(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        (Socket from, Socket to) = proxied.Way(way);
        Fault hole = proxied.Proxy.Faults.Blackhole(way);
        Task sending = from.SayAsync(Bytes(20_000_000)); // more than all buffers have: it is taken nevertheless
        await hole.Struck.InTime();
        await sending;
        await to.SayAsync(9);
        Assert.Equal([9], await from.ReceiveAsync(1));
        hole.Dispose();
        (byte[] bytes, Ending ending) = await to.ReceiveToEndAsync();
        Assert.Empty(bytes);
        Assert.Equal(Ending.Reset, ending);
    }

    [Fact]
    public async Task A_black_hole_that_has_swallowed_nothing_leaves_the_connection_as_it_was()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        proxied.Proxy.Faults.Blackhole().Dispose();
        await proxied.Client.SayAsync(1);
        Assert.Equal([1], await proxied.Server.ReceiveAsync(1));
    }

    [Fact]
    public async Task A_black_hole_ends_a_connection_when_its_time_is_up()
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        using Fault hole = proxied.Proxy.Faults.Blackhole(FaultDirection.Requests, TimeSpan.FromSeconds(3));
        await proxied.Client.SayAsync(1);
        await hole.Struck.InTime();
        Task<(byte[] Bytes, Ending Ending)> reading = proxied.Client.ReceiveToEndAsync();
        await time.AdvanceUntilAsync(reading, TimeSpan.FromSeconds(10));
        Assert.Equal(Ending.Reset, (await reading).Ending);
        Assert.True(time.Now >= TimeSpan.FromSeconds(3));
        Assert.Equal(0, time.ActiveTimers);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_delay_lasts_as_long_as_it_says_and_those_behind_do_not_wait_twice(FaultDirection way)
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        (Socket from, Socket to) = proxied.Way(way);
        Fault delay = proxied.Proxy.Faults.Delay(TimeSpan.FromSeconds(3), way);
        await from.SayAsync(1);
        await delay.Struck.InTime();
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.Equal(0, to.Available);
        Task<byte[]> reading = to.ReceiveAsync(1);
        await time.AdvanceUntilAsync(reading, TimeSpan.FromSeconds(1));
        Assert.Equal([1], await reading);
        delay.Dispose();
        await from.SayAsync(2);
        Assert.Equal([2], await to.ReceiveAsync(1));
    }

    [Fact]
    public async Task Jitter_makes_a_delay_longer_or_shorter_and_keeps_the_order()
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time, Seed = 7 });
        using Fault delay = proxied.Proxy.Faults.Delay(TimeSpan.FromSeconds(1), FaultDirection.Requests, jitter: TimeSpan.FromSeconds(1));
        var took = new List<TimeSpan>();
        for (byte i = 0; i < 20; i++)
        {
            TimeSpan start = time.Now;
            await proxied.Client.SayAsync(i);
            await UntilAsync(() => delay.Strikes == i + 1);
            Task<byte[]> reading = proxied.Server.ReceiveAsync(1);
            await time.AdvanceUntilAsync(reading, TimeSpan.FromSeconds(5));
            Assert.Equal([i], await reading);
            took.Add(time.Now - start);
        }

        Assert.Contains(took, each => each < TimeSpan.FromSeconds(0.8));
        Assert.Contains(took, each => each > TimeSpan.FromSeconds(1.2));
    }

    [Fact]
    public async Task A_delay_that_ends_lets_what_it_held_go_at_once()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Fault delay = proxied.Proxy.Faults.Delay(TimeSpan.FromDays(1));
        await proxied.Client.SayAsync(1);
        await delay.Struck.InTime();
        delay.Dispose();
        Assert.Equal([1], await proxied.Server.ReceiveAsync(1));
    }

    [Fact]
    public async Task Bandwidth_lets_no_more_through_than_it_says()
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        using Fault limit = proxied.Proxy.Faults.LimitBandwidth(1000, FaultDirection.Requests);
        byte[] bytes = Bytes(5000);
        await proxied.Client.SayAsync(bytes);
        Task<byte[]> reading = proxied.Server.ReceiveAsync(5000);
        await limit.Struck.InTime();
        await time.AdvanceUntilAsync(reading, TimeSpan.FromSeconds(60));
        Assert.Equal(bytes, await reading);
        Assert.True(time.Now >= TimeSpan.FromSeconds(4.9), $"{time.Now}");
        await proxied.Server.SayAsync(1); // the other way has no limit
        Assert.Equal([1], await proxied.Client.ReceiveAsync(1));
    }

    [Fact]
    public async Task Split_bytes_come_in_pieces_and_whole()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        using Fault split = proxied.Proxy.Faults.Split(3, FaultDirection.Replies);
        byte[] bytes = Bytes(1000);
        await proxied.Server.SayAsync(bytes);
        Assert.Equal(bytes, await proxied.Client.ReceiveAsync(1000));
        Assert.Equal(334, split.Strikes);
    }

    [Fact]
    public async Task Split_bytes_have_pauses_between_them()
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        using Fault split = proxied.Proxy.Faults.Split(1, FaultDirection.Replies, pause: TimeSpan.FromSeconds(1));
        await proxied.Server.SayAsync(1, 2, 3);
        Assert.Equal([1], await proxied.Client.ReceiveAsync(1));
        Task<byte[]> rest = proxied.Client.ReceiveAsync(2);
        await time.AdvanceUntilAsync(rest, TimeSpan.FromSeconds(10));
        Assert.Equal([2, 3], await rest);
        Assert.True(time.Now >= TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task A_slow_close_tells_the_end_late_and_bytes_at_once()
    {
        var time = new ManualTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        Fault slow = proxied.Proxy.Faults.SlowClose(TimeSpan.FromSeconds(3));
        await proxied.Client.SayAsync(1);
        proxied.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal([1], await proxied.Server.ReceiveAsync(1));
        await slow.Struck.InTime();
        Task<(byte[] Bytes, Ending Ending)> end = proxied.Server.ReceiveToEndAsync();
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(end.IsCompleted);
        await time.AdvanceUntilAsync(end, TimeSpan.FromSeconds(1));
        Assert.Equal(Ending.InOrder, (await end).Ending);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task The_bits_that_were_asked_for_are_flipped_and_no_others(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Fault flip = proxied.Proxy.Faults.CorruptAt(17_000, way, mask: 0x81);
        (Socket from, Socket to) = proxied.Way(way);
        byte[] bytes = Bytes(40_000);
        await from.SayAsync(bytes);
        byte[] received = await to.ReceiveAsync(bytes.Length);
        bytes[17_000] ^= 0x81;
        Assert.Equal(bytes, received);
        Assert.Equal(1, flip.Strikes);
    }

    [Fact]
    public async Task Which_bits_are_flipped_at_random_follows_from_the_seed_however_the_bytes_are_cut()
    {
        byte[] first = await FlipAsync(seed: 1, split: 10_000), again = await FlipAsync(seed: 1, split: 7), other = await FlipAsync(seed: 2, split: 7);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        Assert.InRange(first.Sum(each => int.PopCount(each)), 50, 200); // 100 are to be expected

        static async Task<byte[]> FlipAsync(int seed, int split)
        {
            await using Proxied proxied = await Proxied.OpenAsync(new() { Seed = seed });
            using Fault pieces = proxied.Proxy.Faults.Split(split);
            using Fault corrupt = proxied.Proxy.Faults.Corrupt(0.01, FaultDirection.Requests);
            await proxied.Client.SayAsync(new byte[10_000]);
            byte[] received = await proxied.Server.ReceiveAsync(10_000);
            Assert.Equal(received.Count(each => each != 0), corrupt.Strikes);
            return received;
        }
    }

    [Fact]
    public async Task Every_byte_can_be_corrupt()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        using Fault corrupt = proxied.Proxy.Faults.Corrupt(1);
        await proxied.Client.SayAsync(new byte[1000]);
        Assert.All(await proxied.Server.ReceiveAsync(1000), each => Assert.Equal(1, int.PopCount(each)));
    }

    [Fact]
    public async Task Who_comes_is_reset_while_connections_are_refused_and_those_that_are_open_stay()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Fault refuse = proxied.Proxy.Faults.Refuse(times: 2);
        for (int i = 0; i < 2; i++) await proxied.ConnectInVainAsync();
        Assert.Equal(2, refuse.Strikes);
        await proxied.Client.SayAsync(1);
        Assert.Equal([1], await proxied.Server.ReceiveAsync(1));
        (Socket client, Socket server) = await proxied.ConnectAsync();
        await client.SayAsync(2);
        Assert.Equal([2], await server.ReceiveAsync(1));
        Assert.Equal(4, proxied.Proxy.Accepted);
    }

    [Fact]
    public async Task What_is_down_has_no_connections_and_refuses_new_ones_until_it_is_up_on_the_same_port()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        Socket client = proxied.Client;
        for (int i = 0; i < 3; i++)
        {
            Fault down = proxied.Proxy.Faults.Down(), twice = proxied.Proxy.Faults.Down();
            Assert.Equal(Ending.Reset, (await client.ReceiveToEndAsync()).Ending);
            SocketException refused = await Assert.ThrowsAnyAsync<SocketException>(proxied.ConnectClientAsync);
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
            down.Dispose();
            await Assert.ThrowsAnyAsync<SocketException>(proxied.ConnectClientAsync);
            twice.Dispose();
            (client, Socket server) = await proxied.ConnectAsync();
            await client.SayAsync(1);
            Assert.Equal([1], await server.ReceiveAsync(1));
        }
    }

    [Fact]
    public async Task A_fault_of_present_connections_spares_new_ones_and_the_other_way_round()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        using Fault old = proxied.Proxy.FaultsOfPresent.CorruptAt(0, FaultDirection.Requests, mask: 1, times: 9);
        using Fault later = proxied.Proxy.FaultsOfNew.CorruptAt(0, FaultDirection.Requests, mask: 2, times: 9);
        (Socket client, Socket server) = await proxied.ConnectAsync();
        await proxied.Client.SayAsync(0);
        await client.SayAsync(0);
        Assert.Equal([1], await proxied.Server.ReceiveAsync(1));
        Assert.Equal([2], await server.ReceiveAsync(1));
        Assert.Equal(2, proxied.Proxy.FaultsOfPresent.Cut());
        Assert.Equal(0, proxied.Proxy.FaultsOfNew.Cut());
    }

    [Fact]
    public async Task One_connection_too_many_is_reset()
    {
        await using Proxied proxied = await Proxied.OpenAsync(new() { MaxConnections = 1 });
        await proxied.ConnectInVainAsync();
        await proxied.Client.SayAsync(1);
        Assert.Equal([1], await proxied.Server.ReceiveAsync(1));
    }

    [Fact]
    public async Task Disposal_ends_all_connections_whatever_they_wait_for_and_leaves_no_timer()
    {
        var time = new ManualTime();
        var proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        List<Fault> faults =
        [
            proxied.Proxy.FaultsOfPresent.Stall(duration: TimeSpan.FromHours(1)),
            proxied.Proxy.FaultsOfNew.Delay(TimeSpan.FromHours(1)),
        ];
        (Socket client, _) = await proxied.ConnectAsync();
        await proxied.Client.SayAsync(1);
        await client.SayAsync(1);
        foreach (Fault fault in faults) await fault.Struck.InTime();
        await proxied.Proxy.DisposeAsync().AsTask().InTime();
        Assert.Equal((0, 0), (proxied.Proxy.Open, time.ActiveTimers));
        Assert.Equal(Ending.Reset, (await client.ReceiveToEndAsync()).Ending);
        Assert.Equal(Ending.Reset, (await proxied.Client.ReceiveToEndAsync()).Ending);
        await Assert.ThrowsAnyAsync<SocketException>(proxied.ConnectClientAsync);
        foreach (Fault fault in faults) fault.Dispose();
        await proxied.DisposeAsync();
    }

    [Fact]
    public async Task A_client_of_the_embedded_server_is_none_the_wiser()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync();
        await using FaultProxy proxy = FaultProxy.Start(server.ConnectionString);
        using Fault split = proxy.Faults.Split();
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(proxy.ConnectionString);
        Assert.Equal("/a", await zk.CreateAsync("/a", Bytes(5000)));
        Assert.Equal(Bytes(5000), (await zk.GetAsync("/a")).Data);
    }

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
        Refuses(() => FaultProxy.Start("a:1", new() { Listen = new(System.Net.IPAddress.Any, 0) }), "AllowNonLoopback");
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

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    private static string ClosedAddress()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return listener.LocalEndpoint.ToString()!;
    }

    /// <summary>Waits for what nothing tells of.</summary>
    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!isSo()) await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, limit.Token);
    }
}
