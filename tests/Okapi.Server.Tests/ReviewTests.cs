using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.Server.Trees;
using Okapi.Server.Transactions;
using Okapi.TestSupport;

namespace Okapi.Server.Tests;

/// <summary>What a review of the server found.</summary>
public class ReviewTests
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
    public void Subtrees_are_counted_however_deep_they_are()
    {
        const int Depth = 3000;
        var tree = new Tree();
        string path = string.Empty;
        for (int i = 1; i <= Depth; i++)
        {
            path += "/a";
            tree.Apply(new(1, i, i, 0, OpCode.Create), new CreateTransaction(OpCode.Create, path, [1], Acl.Open, false, 1, 0), null);
        }

        // On a thread whose stack is small: what overflows a large one takes a gigabyte to build.
        int counted = 0;
        var thread = new Thread(
            () =>
            {
                counted = tree.CountDescendants("/a");
                string quota = Tree.QuotaRoot;
                long zxid = Depth;
                foreach (string name in (string[])["a", "zookeeper_limits", "zookeeper_stats"])
                {
                    quota = name == "zookeeper_stats" ? Tree.QuotaRoot + "/a/" + name : quota + "/" + name;
                    tree.Apply(new(1, 0, ++zxid, 0, OpCode.Create), new CreateTransaction(OpCode.Create, quota, "count=-1,bytes=-1"u8.ToArray(), Acl.Open, false, 1, 0), null);
                }
            },
            maxStackSize: 128 * 1024);
        thread.Start();
        thread.Join();
        Assert.Equal(Depth - 1, counted);
        Assert.Equal($"count={Depth},bytes={Depth}", System.Text.Encoding.UTF8.GetString(tree.Find(Tree.QuotaRoot + "/a/zookeeper_stats")!.Data!));
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
        await server.Loop.InvokeAsync(() => server.Leader.Expire(server.Leader.Sessions.Find(zk.SessionId)!));
        Assert.False(served.IsCompleted); // it may still read what it is owed
        await time.AdvanceUntilAsync(served, options.HandshakeTimeout + TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(100));
        await server.StopAsync();
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
    public async Task Auth_stands_for_what_has_been_proven_and_not_for_the_rights_of_super()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.SuperPassword = "hush");
        await using ZooKeeperClient zk = await InMemory.ConnectAsync(server, options => options.Auth.Add(AuthInfo.Digest("super", "hush")));
        await zk.CreateAsync("/a", acl: Acl.CreatorAll, cancellationToken: Ct);
        Assert.Equal(["digest"], (await zk.GetAclAsync("/a", Ct)).Acl.Select(each => each.Scheme));
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
    public async Task Local_sessions_are_sessions_and_can_be_expired()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.LocalSessions = LocalSessions.Always);
        await using WireClient zk = await InMemory.OpenAsync(server);
        Assert.Equal([zk.SessionId], await server.GetSessionsAsync());
        Assert.True(await server.ExpireSessionAsync(zk.SessionId));
        await zk.ExpectCloseAsync();
        Assert.Empty(await server.GetSessionsAsync());
    }

    [Fact]
    public async Task A_session_id_is_not_given_again_after_a_restart_though_the_clock_stands_still()
    {
        await using EmbeddedServer server = await InMemory.StartAsync(options => (options.TimeProvider, options.LocalSessions) = (new ManualTime(), LocalSessions.Always));
        await using WireClient before = await InMemory.OpenAsync(server);
        await server.RestartAsync();
        await using WireClient after = await InMemory.OpenAsync(server);
        Assert.NotEqual(before.SessionId, after.SessionId);
    }

    [Fact]
    public async Task A_fault_can_be_ended_though_the_server_has_failed()
    {
        var time = new BrokenTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        Fault lag = await server.Faults.LagAsync();
        time.IsBroken = true;
        await using WireClient zk = new(await server.ConnectAsync(cancellationToken: Ct));
        time.IsBroken = true;
        await zk.SendFrameAsync(new ConnectRequest(0, 0, 10_000, 0, new byte[16], false).Write);
        await Assert.ThrowsAnyAsync<Exception>(() => server.Completion.InTime());
        lag.Dispose();
    }

    [Fact]
    public async Task Sessions_expire_though_the_first_tick_comes_at_once()
    {
        var time = new EagerTime();
        await using EmbeddedServer server = await InMemory.StartAsync(options => options.TimeProvider = time);
        await using WireClient zk = await InMemory.OpenAsync(server, timeoutMs: 1000);
        await time.Manual.AdvanceUntilAsync(zk.ExpectCloseAsync(), TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(100));
    }

    private static async Task<string> WordAsync(EmbeddedServer server, string word, int member)
    {
        await using Stream stream = await server.ConnectAsync(member, Ct);
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(word), Ct);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Ct);
    }

    private sealed class Failing(ManualResetEventSlim go) : IWork
    {
        public void Run()
        {
            go.Wait(Ct);
            throw new InvalidOperationException("The server can go on no longer.");
        }
    }

    /// <summary>A clock whose first timer fires before anybody holds it.</summary>
    private sealed class EagerTime : TimeProvider
    {
        private int _made;

        public ManualTime Manual { get; } = new();

        public override long TimestampFrequency => Manual.TimestampFrequency;

        public override long GetTimestamp() => Manual.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => Manual.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = Manual.CreateTimer(callback, state, dueTime, period);
            if (_made++ > 0) return timer;
            Manual.Advance(TimeSpan.FromMilliseconds(600));
            Thread.Sleep(500);
            return timer;
        }
    }

    private sealed class BrokenTime : TimeProvider
    {
        public bool IsBroken { get; set; }

        public override DateTimeOffset GetUtcNow() => IsBroken && Environment.StackTrace.Contains("Commit", StringComparison.Ordinal) ? throw new InvalidOperationException("The clock is broken.") : base.GetUtcNow();
    }
}
