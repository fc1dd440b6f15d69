using System.Net.Sockets;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Proxies;

/// <summary>A cut ends what it was asked to end, in the way it was asked for, after the very byte.</summary>
public class CutTests
{
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
        await Proxied.UntilAsync(() => proxied.Proxy.Open == 0);
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
        await Proxied.UntilAsync(() => proxied.Proxy.Open == 0);
    }

    [Theory]
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
    public async Task Half_a_close_ends_one_way_and_leaves_the_other(FaultDirection way)
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        (Socket from, Socket to) = proxied.Way(way);
        Assert.Equal(1, proxied.Proxy.Faults.HalfClose(way));
        Assert.Equal(Ending.InOrder, (await to.ReceiveToEndAsync()).Ending);
        await from.SayAsync(Proxied.Bytes(100_000)); // is not heard
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
        byte[] bytes = Proxied.Bytes(50_000);
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
}
