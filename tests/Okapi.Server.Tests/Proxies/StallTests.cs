using System.Net.Sockets;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Proxies;

/// <summary>What is stalled goes on, and what has gone into a black hole never comes.</summary>
public class StallTests
{
    [Theory]
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
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
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
    public async Task What_goes_into_a_black_hole_is_lost_and_the_connection_with_it_when_it_ends(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        (Socket from, Socket to) = proxied.Way(way);
        Fault hole = proxied.Proxy.Faults.Blackhole(way);
        Task sending = from.SayAsync(Proxied.Bytes(20_000_000)); // more than all buffers have: it is taken nevertheless
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
}
