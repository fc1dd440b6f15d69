using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>How long faults last that are a state of a server.</summary>
public class FaultLifetimeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_member_lags_until_every_fault_that_makes_it_lag_is_over()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using WireClient ahead = await InMemory.OpenAsync(server, member: 1);
        await using WireClient behind = await InMemory.OpenAsync(server, member: 2);
        Fault first = await server.Members[1].Faults.LagAsync();
        Fault second = await server.Members[1].Faults.LagAsync();
        await ahead.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest("/a", null, Acl.Open, CreateMode.Persistent).Write(ref writer));
        first.Dispose();
        Assert.Equal(ErrorCode.NoNode, (await behind.CallAsync(OpCode.Exists, Exists)).Error);
        second.Dispose();
        Assert.Equal(ErrorCode.Ok, (await behind.CallAsync(OpCode.Exists, Exists)).Error);

        static void Exists(ref JuteWriter writer) => new ReadRequest("/a", false).Write(ref writer);
    }

    [Fact]
    public async Task A_read_only_member_goes_on_showing_what_there_was_when_a_lag_is_over()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using WireClient ahead = await InMemory.OpenAsync(server, member: 1);
        using Fault readOnly = await server.Members[1].Faults.TurnReadOnlyAsync();
        Fault lag = await server.Members[1].Faults.LagAsync();
        lag.Dispose();
        await ahead.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest("/a", null, Acl.Open, CreateMode.Persistent).Write(ref writer));
        await using var reader = new WireClient(await server.ConnectAsync(2, Ct));
        await reader.HandshakeAsync(readOnly: true);
        Assert.Equal(ErrorCode.NoNode, (await reader.CallAsync(OpCode.Exists, (ref JuteWriter writer) => new ReadRequest("/a", false).Write(ref writer))).Error);
    }

    [Fact]
    public async Task A_lag_from_before_a_restart_does_not_end_one_from_after_it()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        Fault before = await server.Members[1].Faults.LagAsync();
        await server.RestartAsync();
        using Fault after = await server.Members[1].Faults.LagAsync();
        before.Dispose();
        await using WireClient ahead = await InMemory.OpenAsync(server, member: 1);
        await ahead.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest("/a", null, Acl.Open, CreateMode.Persistent).Write(ref writer));
        await using var late = new WireClient(await server.ConnectAsync(2, Ct));
        await late.SendFrameAsync(new ConnectRequest(0, 2, 10_000, 0, new byte[16], false).Write);
        await late.ExpectCloseAsync(); // it has seen more than that member
    }

    [Fact]
    public async Task An_alteration_that_fails_harms_its_own_connection_only_though_the_member_lagged()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.Members = 2);
        await using WireClient first = await InMemory.OpenAsync(server, member: 2), second = await InMemory.OpenAsync(server, member: 2);
        server.Faults.AlterReply(_ => throw new InvalidOperationException("A test has a fault of its own."), request => request.SessionId == first.SessionId && request.Type == OpCode.Sync);
        Fault lag = await server.Members[1].Faults.LagAsync();
        await first.SendAsync(OpCode.Sync, (ref JuteWriter writer) => writer.WriteString("/"));
        await server.GetSessionsAsync();
        int sync = await second.SendAsync(OpCode.Sync, (ref JuteWriter writer) => writer.WriteString("/"));
        while (!(await WordAsync(server, "srvr", 2)).Contains("Outstanding: 2", StringComparison.Ordinal)) await Task.Yield();
        lag.Dispose();
        Assert.Equal(sync, (await second.ReadReplyAsync()).Xid);
        await first.ExpectCloseAsync();
    }

    [Fact]
    public async Task A_client_that_is_refused_is_a_strike()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.UseSockets = true);
        using Fault refuse = server.Faults.Refuse();
        try
        {
            await using WireClient zk = await WireClient.ConnectAsync(server.Members[0].EndPoint!);
            await zk.ExpectCloseAsync();
        }
        catch (System.Net.Sockets.SocketException)
        {
            // It was refused before it knew that it was connected.
        }

        await refuse.Struck.InTime();
        Assert.Equal(1, refuse.Strikes);
        await Assert.ThrowsAsync<IOException>(async () => await server.ConnectAsync(cancellationToken: Ct));
        Assert.Equal(2, refuse.Strikes);
    }

    [Fact]
    public async Task A_fault_can_be_ended_though_the_server_has_failed()
    {
        var time = new TestTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        Fault lag = await server.Faults.LagAsync();
        time.IsBroken = true;
        time.Manual.Advance(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => server.Completion.InTime());
        lag.Dispose();
        await lag.Over.InTime();
    }

    private static async Task<string> WordAsync(EmbeddedServer server, string word, int member)
    {
        await using Stream stream = await server.ConnectAsync(member, Ct);
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(word), Ct);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Ct);
    }
}
