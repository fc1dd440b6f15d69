using System.Net;
using System.Net.Sockets;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Security;

/// <summary>What a server lets in when nobody has said anything.</summary>
public sealed class DefaultsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_this_machine_reaches_it_and_nobody_is_above_the_ACLs()
    {
        var options = new EmbeddedServerOptions();
        Assert.Equal(TimeSpan.FromSeconds(10), options.HandshakeTimeout);
        Assert.Equal(0xfffff, options.MaxRequestSize);
        Assert.Equal(["srvr"], options.FourLetterWords);
        Assert.Null(options.SuperPassword);
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: Cancel);
        ServerMember member = Assert.Single(server.Members);
        Assert.Equal(IPAddress.Loopback, member.EndPoint!.Address);
        Assert.Null(member.SecureEndPoint);
        await using ZooKeeperClient ann = await ZooKeeperClient.ConnectAsync(server.ConnectionString, new() { Auth = { AuthInfo.Digest("ann", "of-ann") } }, Cancel);
        await ann.CreateAsync("/a", acl: Acl.CreatorAll, cancellationToken: Cancel);
        foreach (string password in new[] { "", "super", "admin" })
        {
            await using ZooKeeperClient super = await ZooKeeperClient.ConnectAsync(server.ConnectionString, new() { Auth = { AuthInfo.Digest("super", password) } }, Cancel);
            await Assert.ThrowsAsync<NoAuthException>(() => super.GetAsync("/a", Cancel).AsTask());
        }
    }

    [Fact]
    public async Task One_address_has_60_connections_and_not_one_more()
    {
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(cancellationToken: Cancel);
        var clients = new List<WireClient>();
        try
        {
            for (int i = 0; i < 60; i++) clients.Add(await WireClient.OpenAsync(server.Members[0].EndPoint!));
            Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => WireClient.OpenAsync(server.Members[0].EndPoint!));
            Assert.True(refused is IOException or SocketException, refused.ToString()); // a reset may come before the client knows that it is connected
            foreach (WireClient client in clients) await client.CallAsync(OpCode.Ping, xid: Xids.Ping); // those that are there stay
        }
        finally
        {
            foreach (WireClient client in clients) await client.DisposeAsync();
        }
    }

    // Apache's servers make it from the session's id and a constant.
    [Fact]
    public async Task A_sessions_password_cannot_be_guessed_from_its_id()
    {
        var time = new ManualTime();
        await using EmbeddedServer one = await InMemory.StartAsync(options => options.TimeProvider = time), other = await InMemory.StartAsync(options => options.TimeProvider = time);
        await using WireClient here = await InMemory.OpenAsync(one), there = await InMemory.OpenAsync(other);
        Assert.Equal(here.SessionId, there.SessionId); // one clock, one id
        Assert.NotEqual(here.Session.Password, there.Session.Password);
        await using WireClient thief = await InMemory.OpenAsync(one, resume: there.Session);
        Assert.Equal(0, thief.SessionId);
        await using WireClient owner = await InMemory.OpenAsync(one, resume: here.Session); // whoever knows the id cuts a connection, here as with Apache's, and gets nothing
        Assert.Equal(here.SessionId, owner.SessionId);
    }

    [Fact]
    public async Task The_network_is_let_in_only_when_somebody_says_so()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => EmbeddedServer.StartAsync(new() { Listen = new(IPAddress.Any, 0) }, Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => EmbeddedServer.StartAsync(new() { Listen = new(IPAddress.IPv6Any, 0) }, Cancel));
        Assert.Throws<ArgumentException>(() => FaultProxy.Start("localhost:1", new() { Listen = new(IPAddress.Any, 0) }));
        if (!Socket.OSSupportsIPv6) return;
        await using EmbeddedServer server = await EmbeddedServer.StartAsync(new() { Listen = new(IPAddress.IPv6Loopback, 0) }, Cancel);
        Assert.Equal(IPAddress.IPv6Loopback, server.Members[0].EndPoint!.Address);
    }
}
