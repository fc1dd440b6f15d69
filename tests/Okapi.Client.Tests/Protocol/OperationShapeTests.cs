using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Protocol;

public class OperationShapeTests
{
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H35_An_error_code_without_a_name_is_carried()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<NodeData> get = zk.GetAsync("/a").AsTask();
        await connection.ReplyAsync(await connection.ReadAsync(), error: (ErrorCode)(-9999));
        ZooKeeperException refused = await Assert.ThrowsAsync<ZooKeeperException>(() => get.Soon());
        Assert.Equal(-9999, (int)refused.Code);
        Assert.Equal("/a", refused.Path);
        Assert.Contains("-9999", refused.Message, StringComparison.Ordinal);
        Task<Stat?> next = zk.ExistsAsync("/a").AsTask();
        await connection.AnswerAsync(await connection.ReadAsync());
        Assert.NotNull(await next.Soon());
        Assert.Equal(1, peer.Attempts);
    }

    /// <summary>Each shape of a transaction's reply: the header's error, the results, and the statuses or the error of the call.</summary>
    public static TheoryData<string, ErrorCode, ErrorCode[]?, string> Shapes => new()
    {
        { "all applied", ErrorCode.Ok, [ErrorCode.Ok, ErrorCode.Ok, ErrorCode.Ok], "Applied Applied Applied" },
        { "failed, no error in the header", ErrorCode.Ok, [ErrorCode.Ok, ErrorCode.BadVersion, ErrorCode.RuntimeInconsistency], "RolledBack Failed:BadVersion Skipped" },
        { "failed, the error in the header too", ErrorCode.BadVersion, [ErrorCode.Ok, ErrorCode.BadVersion, ErrorCode.RuntimeInconsistency], "RolledBack Failed:BadVersion Skipped" },
        { "the first failed", ErrorCode.Ok, [ErrorCode.NodeExists, ErrorCode.RuntimeInconsistency, ErrorCode.RuntimeInconsistency], "Failed:NodeExists Skipped Skipped" },
        { "the last failed", ErrorCode.Ok, [ErrorCode.Ok, ErrorCode.Ok, (ErrorCode)(-9999)], "RolledBack RolledBack Failed:-9999" },
        { "an error without results", ErrorCode.SessionMoved, null, "SessionMoved" },
        { "too few results", ErrorCode.Ok, [ErrorCode.Ok], "MarshallingError" },
    };

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Shapes))]
    public async Task H36_Every_shape_of_a_transactions_reply_is_understood(string shape, ErrorCode header, ErrorCode[]? errors, string expected)
    {
        Assert.NotEmpty(shape);
        bool failed = errors?.Any(error => error != ErrorCode.Ok) == true;
        MultiResult[]? results = errors?.Select((error, i) => failed ? new MultiResult(OpCode.Error, error) : new[] { new MultiResult(OpCode.Create, Path: "/n0000000007"), new(OpCode.SetData, Stat: Scripts.Stat(9)), new(OpCode.CreateContainer, Path: "/c", Stat: Scripts.Stat(10)) }[i]).ToArray();
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<TransactionResult> commit = zk.Transaction().Create("/n", mode: CreateMode.PersistentSequential).Set("/s", null).Create("/c", mode: CreateMode.Container).TryCommitAsync();
        PeerRequest request = await connection.ExpectAsync(OpCode.Multi);
        await connection.ReplyAsync(request, results is null ? null : Scripts.Results(results), header);
        string actual;
        try
        {
            TransactionResult result = await commit.Soon();
            actual = string.Join(' ', result.Operations.Select(each => each.Error == ErrorCode.Ok ? $"{each.Status}" : $"{each.Status}:{each.Error.GetName()}"));
            Assert.Equal(!failed, result.IsCommitted);
            if (!failed)
            {
                Assert.Equal(["/n0000000007", "/s", "/c"], result.Operations.Select(each => each.Path));
                Assert.Equal([null, 9, 10], result.Operations.Select(each => each.Stat?.Mzxid));
            }
        }
        catch (ZooKeeperException refused)
        {
            actual = refused.Code.GetName();
        }

        Assert.Equal(expected, actual);
        Assert.Equal(1, peer.Attempts);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H36_An_empty_transaction_is_committed_unless_the_header_says_otherwise()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<TransactionResult> commit = zk.Transaction().CommitAsync();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Multi), Scripts.Results());
        Assert.True((await commit.Soon()).IsCommitted);
        Task<TransactionResult> refused = zk.Transaction().CommitAsync();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Multi), error: ErrorCode.SessionMoved);
        Assert.Equal(ErrorCode.SessionMoved, (await Assert.ThrowsAsync<ZooKeeperException>(() => refused.Soon())).Code);
    }

    public static TheoryData<CreateMode, OpCode, OpCode> Creates => new()
    {
        { CreateMode.Persistent, OpCode.Create, OpCode.Create2 },
        { CreateMode.Ephemeral, OpCode.Create, OpCode.Create2 },
        { CreateMode.PersistentSequential, OpCode.Create, OpCode.Create2 },
        { CreateMode.EphemeralSequential, OpCode.Create, OpCode.Create2 },
        { CreateMode.Container, OpCode.CreateContainer, OpCode.CreateContainer },
        { CreateMode.PersistentWithTtl, OpCode.CreateTtl, OpCode.CreateTtl },
        { CreateMode.PersistentSequentialWithTtl, OpCode.CreateTtl, OpCode.CreateTtl },
    };

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Creates))]
    public async Task H37_The_mode_decides_the_opcode_wherever_a_znode_is_created(CreateMode mode, OpCode plain, OpCode withStat)
    {
        TimeSpan? ttl = mode.HasTtl() ? TimeSpan.FromMilliseconds(1500) : null;
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        var creates = new (Func<Task> Call, OpCode OpCode)[]
        {
            (() => zk.CreateAsync("/n", mode: mode, ttl: ttl).AsTask(), plain),
            (() => zk.TryCreateAsync("/n", mode: mode, ttl: ttl).AsTask(), plain),
            (() => zk.CreateWithStatAsync("/n", mode: mode, ttl: ttl).AsTask(), withStat),
        };
        foreach ((Func<Task> call, OpCode opCode) in creates)
        {
            Task calling = call();
            PeerRequest request = await connection.ExpectAsync(opCode);
            CreateRequest body = PeerConnection.Read(request.Body, (ref JuteReader reader) => CreateRequest.Read(ref reader, opCode));
            Assert.Equal(mode, body.Mode);
            Assert.Equal(mode.HasTtl() ? 1500 : 0, body.TtlMs);
            await connection.AnswerAsync(request);
            await calling.Soon();
        }

        _ = zk.Transaction().Create("/n", mode: mode, ttl: ttl).TryCommitAsync();
        PeerRequest multi = await connection.ExpectAsync(OpCode.Multi);
        MultiOperation only = Assert.Single(PeerConnection.Read(multi.Body, MultiOperation.ReadAll));
        Assert.Equal((plain, mode, mode.HasTtl() ? 1500 : 0), (only.Type, only.Mode, only.TtlMs));
    }

    /// <summary>Every call with a path: the path given, and what has to be on the wire below the chroot <c>/app</c>.</summary>
    public static TheoryData<OpCode, string, string> Paths
    {
        get
        {
            var table = new TheoryData<OpCode, string, string>();
            foreach (OpCode call in (OpCode[])[OpCode.Create, OpCode.Create2, OpCode.Delete, OpCode.SetData]) table.Add(call, "/a", "/app/a");
            foreach (OpCode call in (OpCode[])[OpCode.Exists, OpCode.GetData, OpCode.GetChildren, OpCode.GetChildren2, OpCode.GetAcl, OpCode.SetAcl, OpCode.Sync, OpCode.GetAllChildrenNumber, OpCode.AddWatch, OpCode.CheckWatches])
            {
                table.Add(call, "/", "/app");
                table.Add(call, "/a/b", "/app/a/b");
            }

            table.Add(OpCode.GetEphemerals, "/", "/app/"); // a prefix of characters: without the slash it would match /app2
            table.Add(OpCode.GetEphemerals, "/a/b", "/app/a/b");
            table.Add(OpCode.Multi, "/a", "/app/a");
            table.Add(OpCode.MultiRead, "/a", "/app/a");
            return table;
        }
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Paths))]
    public async Task H41_Every_request_carries_the_path_below_the_chroot(OpCode call, string path, string onWire)
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.ConnectString = "peer:2181/app";
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        _ = call switch
        {
            OpCode.Create => zk.CreateAsync(path).AsTask(),
            OpCode.Create2 => zk.CreateWithStatAsync(path).AsTask(),
            OpCode.Delete => zk.DeleteAsync(path).AsTask(),
            OpCode.SetData => zk.SetAsync(path, null).AsTask(),
            OpCode.Exists => zk.ExistsAsync(path).AsTask(),
            OpCode.GetData => zk.GetAsync(path).AsTask(),
            OpCode.GetChildren => zk.GetChildrenAsync(path).AsTask(),
            OpCode.GetChildren2 => zk.GetChildrenWithStatAsync(path).AsTask(),
            OpCode.GetAcl => zk.GetAclAsync(path).AsTask(),
            OpCode.SetAcl => zk.SetAclAsync(path, Acl.Open).AsTask(),
            OpCode.Sync => zk.SyncAsync(path).AsTask(),
            OpCode.GetEphemerals => zk.GetEphemeralsAsync(path).AsTask(),
            OpCode.GetAllChildrenNumber => zk.GetAllChildrenNumberAsync(path).AsTask(),
            OpCode.AddWatch => zk.WatchAsync(path),
            OpCode.CheckWatches => zk.CheckWatchesAsync(path).AsTask(),
            OpCode.Multi => zk.Transaction().Delete(path).CommitAsync(),
            _ => (Task)zk.ReadBatch().Get(path).ReadAsync(),
        };
        PeerRequest request = await connection.ExpectAsync(call);
        byte[] body = call is OpCode.Multi or OpCode.MultiRead ? request.Body[9..] : request.Body; // behind the operation's header
        Assert.Equal(onWire, PeerConnection.Read(body, (ref JuteReader reader) => reader.ReadString()));
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H41_Paths_in_replies_and_events_lose_the_chroot_and_a_sibling_with_the_same_prefix_stays_outside()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.ConnectString = "peer:2181/app";
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        await using IAsyncEnumerator<WatchedEvent> events = zk.EventsAsync().GetAsyncEnumerator();

        Task<string> create = zk.CreateAsync("/n-", mode: CreateMode.PersistentSequential).AsTask();
        await connection.ReplyAsync(await connection.ReadAsync(), Scripts.Text("/app/n-0000000001"));
        Assert.Equal("/n-0000000001", await create.Soon());

        Task<CreatedNode> withStat = zk.CreateWithStatAsync("/n").AsTask();
        await connection.ReplyAsync(await connection.ReadAsync(), new CreateReply("/app/n", Scripts.Stat()).Write);
        Assert.Equal("/n", (await withStat.Soon()).Path);

        Task<TransactionResult> commit = zk.Transaction().Create("/m-", mode: CreateMode.PersistentSequential).CommitAsync();
        await connection.ReplyAsync(await connection.ReadAsync(), Scripts.Results(new MultiResult(OpCode.Create, Path: "/app/m-0000000002")));
        Assert.Equal("/m-0000000002", (await commit.Soon()).Operations[0].Path);

        Task<IReadOnlyList<string>> ephemerals = zk.GetEphemeralsAsync().AsTask();
        await connection.ReplyAsync(await connection.ReadAsync(), Scripts.Names("/app", "/app/e", "/app2", "/app2/e"));
        Assert.Equal(["/", "/e"], await ephemerals.Soon());

        Task<Watch> watching = zk.WatchAsync("/", WatchMode.PersistentRecursive);
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.AddWatch));
        Watch watch = await watching.Soon();
        Task<OneShotWatch<NodeData>> config = zk.WatchConfigAsync();
        PeerRequest request = await connection.ReadAsync();
        Assert.Equal("/zookeeper/config", request.Path);
        await connection.AnswerAsync(request);
        await config.Soon();

        foreach (string path in (string[])["/app2/x", "/app/x", "/app2", "/app", "/zookeeper/config"]) await connection.NotifyAsync(WatchedEventType.NodeDataChanged, path);
        Assert.Equal("/zookeeper/config", (await (await config).Fired.Soon()).Path);
        Assert.Equal(["/x", "/"], new[] { await events.NextAsync(), await events.NextAsync() }.Select(each => each.Path));
        _ = connection.ServeAsync(connection.AnswerAsync);
        await watch.DisposeAsync();
        Assert.Equal(["/x", "/"], (await watch.ToListAsync()).Select(each => each.Path));
    }
}
