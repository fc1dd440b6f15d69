using System.Net.Sockets;

namespace Okapi.Server.Tests.Proxies;

/// <summary>What nobody harms goes through a proxy as it is: bytes, ends and resets.</summary>
public class PassingTests
{
    [Fact]
    public async Task Without_faults_bytes_go_through_and_are_counted()
    {
        await using Proxied proxied = await Proxied.OpenAsync();
        byte[] much = Proxied.Bytes(3_000_000);
        Task sending = proxied.Client.SendAsync(much).InTime();
        Assert.Equal(much, await proxied.Server.ReceiveAsync(much.Length));
        await sending;
        await proxied.Server.SayAsync(1, 2, 3);
        Assert.Equal([1, 2, 3], await proxied.Client.ReceiveAsync(3));
        Assert.Equal((1L, 1), (proxied.Proxy.Accepted, proxied.Proxy.Open));
        await Proxied.UntilAsync(() => (proxied.Proxy.RequestBytes, proxied.Proxy.ReplyBytes) == (3_000_000L, 3L));
    }

    [Theory]
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
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
        await Proxied.UntilAsync(() => proxied.Proxy.Open == 0);
    }

    [Theory]
    [MemberData(nameof(Proxied.Ways), MemberType = typeof(Proxied))]
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
        await using FaultProxy before = FaultProxy.Start(Proxied.ClosedAddress());
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

        await Proxied.UntilAsync(() => before.Open == 0);
    }

    [Fact]
    public async Task A_client_of_the_embedded_server_is_none_the_wiser()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync();
        await using FaultProxy proxy = FaultProxy.Start(server.ConnectionString);
        using Fault split = proxy.Faults.Split();
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(proxy.ConnectionString);
        Assert.Equal("/a", await zk.CreateAsync("/a", Proxied.Bytes(5000)));
        Assert.Equal(Proxied.Bytes(5000), (await zk.GetAsync("/a")).Data);
    }
}
