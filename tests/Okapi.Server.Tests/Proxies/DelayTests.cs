using System.Net.Sockets;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Proxies;

/// <summary>What is late, slow or in pieces comes whole, and no sooner than asked for.</summary>
public class DelayTests
{
    [Theory]
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
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

    // Whoever hears that it has struck moves the clock: a timer that is set after that would be late by as much.
    [Theory]
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
    public async Task A_delay_has_begun_when_it_tells_that_it_has_struck(FaultDirection way)
    {
        var time = new TimerTime();
        await using Proxied proxied = await Proxied.OpenAsync(new() { TimeProvider = time });
        (Socket from, Socket to) = proxied.Way(way);
        Fault delay = proxied.Proxy.Faults.Delay(TimeSpan.FromSeconds(3), way);
        await delay.BeginsBeforeItStrikesAsync(time, () => from.SayAsync(1));
        delay.Dispose();
        Assert.Equal([1], await to.ReceiveAsync(1));
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
            await Proxied.UntilAsync(() => delay.Strikes == i + 1);
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
        byte[] bytes = Proxied.Bytes(5000);
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
        byte[] bytes = Proxied.Bytes(1000);
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
}
