using System.Net.Sockets;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Proxies;

/// <summary>Which connections a proxy takes, which of them a fault strikes, and that none outlives it.</summary>
public class AdmissionTests
{
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
}
