using Okapi.Client.Tests.Sessions;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Protocol;

/// <summary>Servers that do not know an operation: they answer Unimplemented and, as Apache's do, close the connection; the session goes on.</summary>
public class DegradationTests
{
    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_without_create2_is_asked_with_create_and_exists(bool closes)
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Fast());
        var seen = new List<OpCode>();
        _ = peer.ServeForeverAsync((connection, request) => RefuseAsync(connection, request, OpCode.Create2, closes, seen));
        for (int i = 0; i < 20; i++)
        {
            CreatedNode created = await zk.CreateWithStatAsync("/n").Soon();
            Assert.Equal("/n", created.Path);
            Assert.Equal(1, created.Stat.Mzxid);
        }

        Assert.Equal(20, seen.Count(opCode => opCode == OpCode.Create));
        Assert.Equal(closes ? 21 : 1, peer.Attempts);
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_without_multiRead_is_asked_one_by_one(bool closes)
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Fast());
        _ = peer.ServeForeverAsync((connection, request) =>
            request is { OpCode: OpCode.GetData, Path: "/gone" } ? connection.ReplyAsync(request, error: ErrorCode.NoNode) : RefuseAsync(connection, request, OpCode.MultiRead, closes, []));
        IReadOnlyList<BatchedRead> reads = await zk.ReadBatch().Get("/a").GetChildren("/b").Get("/gone").ReadAsync().Soon();
        Assert.Equal([1, 2, 3], reads[0].Data?.Data);
        Assert.Equal(["x", "y"], reads[1].Children);
        Assert.Equal(ErrorCode.NoNode, reads[2].Error);
    }

    public static TheoryData<OpCode, bool> Operations
    {
        get
        {
            var table = new TheoryData<OpCode, bool>();
            foreach (OpCode opCode in (OpCode[])[OpCode.AddWatch, OpCode.WhoAmI, OpCode.CheckWatches, OpCode.GetEphemerals, OpCode.GetAllChildrenNumber, OpCode.Reconfig, OpCode.CreateContainer, OpCode.CreateTtl, OpCode.Multi])
            {
                table.Add(opCode, true);
                table.Add(opCode, false);
            }

            return table;
        }
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Operations))]
    public async Task An_operation_without_a_substitute_fails_as_unimplemented_and_the_session_goes_on(OpCode opCode, bool closes)
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Fast());
        _ = peer.ServeForeverAsync((connection, request) => RefuseAsync(connection, request, opCode, closes, []));
        await zk.WaitConnectedAsync(Scripts.Patience);
        long session = zk.SessionId;
        UnimplementedException refused = await Assert.ThrowsAsync<UnimplementedException>(() => (opCode switch
        {
            OpCode.AddWatch => zk.WatchAsync("/a"),
            OpCode.WhoAmI => zk.WhoAmIAsync().AsTask(),
            OpCode.CheckWatches => zk.CheckWatchesAsync("/a").AsTask(),
            OpCode.GetEphemerals => zk.GetEphemeralsAsync().AsTask(),
            OpCode.GetAllChildrenNumber => zk.GetAllChildrenNumberAsync("/a").AsTask(),
            OpCode.Reconfig => zk.ReconfigureAsync(leaving: [3]).AsTask(),
            OpCode.CreateContainer => zk.CreateWithStatAsync("/a", mode: CreateMode.Container).AsTask(),
            OpCode.CreateTtl => zk.CreateAsync("/a", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromSeconds(1)).AsTask(),
            _ => (Task)zk.Transaction().Delete("/a").CommitAsync(),
        }).Soon());
        Assert.Contains(opCode.ToString(), refused.Message, StringComparison.Ordinal);
        Assert.NotNull(await zk.ExistsAsync("/a").Soon());
        Assert.Equal(session, zk.SessionId);
        Assert.Equal(0, zk.Core.Watches.Count);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_write_that_may_have_been_applied_says_so_although_its_retry_was_never_sent()
    {
        var peer = new ScriptedPeer();
        var time = new ManualTime();
        ZooKeeperOptions options = peer.Options(time);
        options.RequestTimeout = TimeSpan.FromSeconds(1);
        options.WriteRetry = new() { MaxRetries = 1, Delay = TimeSpan.Zero };
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        Task<Stat> set = zk.SetAsync("/a", null).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        peer.OnConnecting = static (_, _) => throw new IOException("refused");
        connection.Reset();
        await Scripts.EventuallyAsync(() => !zk.IsConnected); // no time passes before the loss is known, lest the call times out instead
        await time.AdvanceUntilAsync(Task.WhenAny(set), TimeSpan.FromSeconds(5));
        Assert.Equal(RequestOutcome.Unknown, (await Assert.ThrowsAsync<ConnectionLossException>(() => set)).Outcome);
        await zk.DisposeAsync();
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_protected_create_finds_its_own_znode_after_a_lost_reply()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<string> creating = zk.CreateProtectedAsync("/locks/n-");
        PeerRequest create = await connection.ExpectAsync(OpCode.Create);
        string own = create.Path["/locks/".Length..] + "0000000004";
        connection.Reset(); // applied, and the reply lost
        PeerConnection next = await peer.AcceptSessionAsync();
        int creates = 0;
        _ = next.ServeAsync(request =>
        {
            if (request.OpCode == OpCode.Create) creates++;
            return next.ReplyAsync(request, request.OpCode switch
            {
                OpCode.GetChildren => Scripts.Names("_c_00000000-0000-0000-0000-000000000000-n-0000000003", own, "n-0000000005"),
                OpCode.Exists => Scripts.Body(Scripts.Stat(owner: 0x1234)),
                _ => Scripts.Text(request.Path),
            });
        });
        Assert.Equal($"/locks/{own}", await creating.Soon());
        Assert.Equal(0, creates);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H55_A_protected_create_never_takes_the_znode_of_an_earlier_session()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.Recovery = SessionRecovery.NewSession;
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        Task<string> creating = zk.CreateProtectedAsync("/locks/n-");
        PeerRequest create = await connection.ExpectAsync(OpCode.Create);
        string first = create.Path["/locks/".Length..] + "0000000004";
        connection.Reset();
        await (await peer.AcceptAsync()).ExpireAsync();
        PeerConnection next = await peer.AcceptSessionAsync(sessionId: 0x9999);
        Assert.Equal(0, next.Handshake.SessionId);
        _ = next.ServeAsync(request => next.ReplyAsync(request, request.OpCode switch
        {
            OpCode.GetChildren => Scripts.Names(first),
            OpCode.Exists => Scripts.Body(Scripts.Stat(owner: 0x1234)), // not gone yet
            OpCode.Create => Scripts.Text(request.Path + "0000000005"),
            _ => Scripts.Text(request.Path),
        }));
        try
        {
            Assert.EndsWith("0000000005", await creating.Soon(), StringComparison.Ordinal);
        }
        catch (SessionExpiredException)
        {
            // The end of the first session may reach the search before the second session does; then nothing was taken either.
        }
    }

    public static TheoryData<bool, bool, bool> Retries => new()
    {
        // retry set, unknown outcomes too -> sent again
        { false, false, false },
        { true, true, true },
        { true, false, false },
    };

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Retries))]
    public async Task A_write_is_sent_again_only_if_the_policy_says_so(bool isSet, bool retryUnknown, bool isSentAgain)
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        if (isSet) options.WriteRetry = new() { MaxRetries = 2, Delay = TimeSpan.Zero, RetryUnknownOutcome = retryUnknown };
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        Task<Stat> write = zk.SetAsync("/a", null).AsTask();
        await connection.ExpectAsync(OpCode.SetData);
        connection.Reset();
        PeerConnection next = await peer.AcceptSessionAsync();
        if (isSentAgain)
        {
            await next.AnswerAsync(await next.ExpectAsync(OpCode.SetData));
            await write.Soon();
        }
        else
        {
            Assert.Equal(RequestOutcome.Unknown, (await Assert.ThrowsAsync<ConnectionLossException>(() => write.Soon())).Outcome);
        }
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_write_is_sent_again_as_often_as_the_policy_says_and_a_refusal_is_final()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.WriteRetry = new() { MaxRetries = 2, Delay = TimeSpan.Zero };
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        Task<Stat> write = zk.SetAsync("/a", null).AsTask();
        for (int sent = 1; sent <= 3; sent++)
        {
            await connection.ExpectAsync(OpCode.SetData);
            connection.Reset();
            connection = await peer.AcceptSessionAsync();
        }

        await Assert.ThrowsAsync<ConnectionLossException>(() => write.Soon());
        Task<Stat> refused = zk.SetAsync("/a", null).AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.SetData), error: ErrorCode.BadVersion);
        await Assert.ThrowsAsync<BadVersionException>(() => refused.Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_write_that_was_never_sent_waits_for_the_next_connection_without_any_policy()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        connection.Reset();
        PeerConnection next = await peer.AcceptAsync();
        await next.ExpectHandshakeAsync();
        Task<Stat> write = zk.SetAsync("/a", null).AsTask();
        next.Reset();
        next = await peer.AcceptSessionAsync();
        await next.AnswerAsync(await next.ExpectAsync(OpCode.SetData));
        await write.Soon();
    }

    private static async Task RefuseAsync(PeerConnection connection, PeerRequest request, OpCode unknown, bool closes, List<OpCode> seen)
    {
        lock (seen) seen.Add(request.OpCode);
        if (request.OpCode != unknown)
        {
            await connection.AnswerAsync(request);
            return;
        }

        await connection.ReplyAsync(request, error: ErrorCode.Unimplemented);
        if (closes) connection.Close();
    }
}
