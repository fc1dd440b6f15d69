using Microsoft.Extensions.Logging.Abstractions;
using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.Server.Faults;
using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>Connections that are slow, full, failing or ending.</summary>
public class ConnectionTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_reader_that_waits_for_replies_to_go_learns_that_they_cannot()
    {
        var gone = new TaskCompletionSource();
        using var outgoing = new Outgoing(
            async _ =>
            {
                await gone.Task;
                throw new IOException("The client has gone.");
            },
            whenEnded: () => { });
        outgoing.WriteRaw(new byte[10]);
        outgoing.Flush();
        outgoing.WriteRaw(new byte[Outgoing.Pause + 1]);
        Task drained = outgoing.WhenDrainedAsync();
        Assert.False(drained.IsCompleted);
        gone.SetResult();
        await drained.InTime();
        await outgoing.WhenDrainedAsync().InTime();
    }

    [Fact]
    public async Task Requests_that_come_together_are_answered_no_faster_than_their_replies_are_read()
    {
        const int Requests = 400;
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient zk = await InMemory.OpenAsync(server);
        await zk.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest("/a", new byte[500_000], Acl.Open, CreateMode.Persistent).Write(ref writer));
        int largest = 0, answered = 0;
        using Fault seen = server.Faults.AlterReply(
            reply =>
            {
                Interlocked.Increment(ref answered);
                return reply;
            },
            request => request.Type == OpCode.GetData,
            times: int.MaxValue);
        using var requests = new JuteBuffer();
        for (int i = 1; i <= Requests; i++)
        {
            var writer = new JuteWriter(requests);
            int start = writer.BeginFrame();
            new RequestHeader(i, OpCode.GetData).Write(ref writer);
            new ReadRequest("/a", false).Write(ref writer);
            writer.EndFrame(start);
            writer.Commit();
        }

        await zk.SendBytesAsync(requests.Written);
        for (int i = 1; i <= Requests; i++)
        {
            WireReply reply = await zk.ReadReplyAsync();
            Assert.Equal(i, reply.Xid);
            largest = Math.Max(largest, Volatile.Read(ref answered) - i);
        }

        // What waits, what is being sent, and what the pipe holds.
        Assert.InRange(largest, 0, (2 * (Outgoing.Pause / 500_000)) + 5);
    }

    [Fact]
    public async Task A_connection_that_is_to_end_ends_though_its_client_reads_nothing()
    {
        var time = new ManualTime();
        EmbeddedServerOptions options = new EmbeddedServerOptions { UseSockets = false, TimeProvider = time }.CloneValidated();
        Incarnation server = Incarnation.Start(options, new FaultBook(), [], memory: null, NullLogger.Instance);
        (MemoryStreamEnd near, MemoryStreamEnd far) = MemoryStreamEnd.Create();
        var connection = new ServerConnection(far, remote: null, server.Leader.Members[0], server.Loop, options.MaxRequestSize, time.GetUtcNow());
        Task served = connection.ServeAsync();
        await using var zk = new WireClient(near);
        await zk.HandshakeAsync();
        await zk.CallAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest("/a", new byte[500_000], Acl.Open, CreateMode.Persistent).Write(ref writer));
        await zk.SendAsync(OpCode.GetData, (ref JuteWriter writer) => new ReadRequest("/a", false).Write(ref writer));
        await near.ReadExactlyAsync(new byte[1], Ct); // the reply is on its way
        await server.Loop.InvokeAsync(() => server.Leader.Expire(server.Leader.Sessions.Find(zk.SessionId)!));
        Assert.False(served.IsCompleted); // it may still read what it is owed
        await time.AdvanceUntilAsync(served, options.HandshakeTimeout + TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(100));
        await server.StopAsync();
    }

    [Fact]
    public async Task A_server_that_has_half_closed_says_nothing_more_and_goes_on_doing_what_it_is_asked()
    {
        await using EmbeddedServer server = await InMemory.StartAsync();
        await using WireClient judge = await InMemory.OpenAsync(server), zk = await InMemory.OpenAsync(server);
        await server.Faults.CutAsync(CutKind.HalfClose, zk.SessionId);
        await zk.ExpectCloseAsync();
        foreach (string path in (string[])["/a", "/b", "/c"])
        {
            await zk.SendAsync(OpCode.Create, (ref JuteWriter writer) => new CreateRequest(path, null, Acl.Open, CreateMode.Persistent).Write(ref writer));
            await judge.SendAsync(OpCode.Exists, (ref JuteWriter writer) => new ReadRequest(path, true).Write(ref writer));
            if ((await judge.ReadReplyAsync()).Error == ErrorCode.NoNode) Assert.Equal(WatchedEventType.NodeCreated, (await judge.ReadEventAsync()).Type);
        }
    }

    [Fact]
    public async Task Connections_that_have_ended_can_be_half_closed_along_with_others()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.UseSockets = true);
        await using WireClient zk = await WireClient.OpenAsync(server.Members[0].EndPoint!);
        Task closed = server.Faults.CutAsync(CutKind.Reset);
        await server.Faults.CutAsync(CutKind.HalfClose);
        await closed;
    }

    [Fact]
    public async Task Calls_that_wait_for_a_server_which_fails_end_with_it()
    {
        var failed = new TaskCompletionSource<Exception>();
        var loop = new ServerLoop(settle: () => { }, failed.SetResult);
        using var go = new ManualResetEventSlim();
        Assert.True(loop.Post(new Failing(go)));
        Task<int> call = loop.InvokeAsync(() => 1);
        go.Set();
        await failed.Task.InTime();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => call.InTime());
    }

    [Fact]
    public async Task A_connection_has_no_watches_any_more_when_its_client_can_see_its_end()
    {
        EmbeddedServerOptions options = new EmbeddedServerOptions { UseSockets = false }.CloneValidated();
        Incarnation server = Incarnation.Start(options, new FaultBook(), [], memory: null, NullLogger.Instance);
        (MemoryStreamEnd near, MemoryStreamEnd far) = MemoryStreamEnd.Create();
        Member member = server.Leader.Members[0];
        var connection = new ServerConnection(far, remote: null, member, server.Loop, options.MaxRequestSize, options.TimeProvider.GetUtcNow());
        Task served = connection.ServeAsync();
        await using var zk = new WireClient(near);
        await zk.HandshakeAsync();
        await zk.CallAsync(OpCode.GetChildren, (ref JuteWriter writer) => new ReadRequest("/", true).Write(ref writer));
        await server.Loop.InvokeAsync(() =>
        {
            Assert.Single(member.Watches.Children.ByPath);
            server.Leader.Expire(server.Leader.Sessions.Find(zk.SessionId)!); // its end is sent when the round is over
            Assert.Empty(member.Watches.Children.ByPath);
        });
        await zk.ExpectCloseAsync();
        await served.InTime();
        await server.StopAsync();
    }

    private sealed class Failing(ManualResetEventSlim go) : IWork
    {
        public void Run()
        {
            go.Wait(Ct);
            throw new InvalidOperationException("The server can go on no longer.");
        }
    }
}
