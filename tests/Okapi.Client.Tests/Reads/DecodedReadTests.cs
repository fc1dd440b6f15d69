using System.Diagnostics;
using System.Globalization;
using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Reads;

/// <summary>Reads through a decoder of the caller's: it sees the data, its mistakes are its own, and it stands in nobody's way.</summary>
[Collection(Alone.Name)]
public class DecodedReadTests
{
    private static readonly NodeDecoder<string> Text = static (data, stat) => $"{Convert.ToHexString(data)} {stat.Mzxid.ToString(CultureInfo.InvariantCulture)}";
    private static readonly NodeDecoder<string, string> TextAfter = static (data, stat, before) => before + Text(data, stat);

    public static TheoryData<byte[]?> Data => new(null, [], [1, 2, 3], new byte[2_000]);

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Data))]
    public async Task The_decoder_sees_the_data_the_Stat_and_the_state(byte[]? data)
    {
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(request => connection.ReplyAsync(request, Scripts.Data(data, mzxid: 9)));
        string expected = Convert.ToHexString(data ?? []) + " 9";
        Assert.Equal(expected, await zk.GetAsync("/a", Text).Soon());
        Assert.Equal("state " + expected, await zk.GetAsync("/a", "state ", TextAfter).Soon());
        Assert.Equal(new(expected, Scripts.Stat(9)), await zk.TryGetAsync("/a", Text).Soon());
        Assert.Equal(new("state " + expected, Scripts.Stat(9)), await zk.TryGetAsync("/a", "state ", TextAfter).Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_znode_that_is_absent_is_not_decoded()
    {
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(request => connection.ReplyAsync(request, error: ErrorCode.NoNode));
        int decoded = 0;
        NodeDecoder<int> count = (_, _) => ++decoded;
        ZooKeeperClient view = zk.WithChroot("/below");
        NoNodeException refused = await Assert.ThrowsAsync<NoNodeException>(() => view.GetAsync("/a", count).Soon());
        Assert.Equal("/a", refused.Path);
        Assert.Null(await view.TryGetAsync("/a", count).Soon());
        Assert.Null(await view.TryGetAsync("/a", 5, (_, _, state) => decoded += state).Soon());
        Assert.Equal(0, decoded);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_view_asks_for_the_whole_path()
    {
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        ZooKeeperClient view = zk.WithChroot("/below");
        var paths = new List<string>();
        _ = connection.ServeAsync(request =>
        {
            paths.Add(request.Path);
            return connection.AnswerAsync(request);
        });
        await view.GetAsync("/a", Text).Soon();
        await view.GetAsync("/b", new byte[10]).Soon();
        (await view.GetPooledAsync("/c").Soon()).Dispose();
        Assert.Equal(["/below/a", "/below/b", "/below/c"], paths);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task What_a_decoder_throws_is_its_callers_and_the_connection_lives()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(connection.AnswerAsync);
        foreach (Exception mistake in new Exception[] { new FormatException("no"), new ProtocolException("no"), new IOException("no"), new OperationCanceledException("no") })
        {
            Exception thrown = await Assert.ThrowsAnyAsync<Exception>(() => zk.GetAsync<int>("/a", (_, _) => throw mistake).Soon());
            Assert.Same(mistake, thrown);
            Assert.Same(mistake, await Assert.ThrowsAnyAsync<Exception>(() => zk.TryGetAsync<int>("/a", (_, _) => throw mistake).Soon()));
            Assert.Equal("010203 1", await zk.GetAsync("/a", Text).Soon());
        }

        Assert.Equal(1, peer.Attempts);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H28_A_decoder_that_blocks_or_calls_the_client_delays_nobody()
    {
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = Task.Run(() => connection.ServeAsync(connection.AnswerAsync)); // free of the test's own context, whose thread a decoder may keep
        using var goOn = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<bool> blocked = zk.GetAsync("/a", (_, _) =>
        {
            entered.SetResult();
            return goOn.Wait(Scripts.Patience);
        }).AsTask();
        await entered.Task.Soon();
        Assert.Equal("010203 1", await zk.GetAsync("/b", Text).Soon());
        // A decoder that waits for the client can only come to an end if replies still come.
        Assert.True(await zk.GetAsync("/c", (_, _) => zk.ExistsAsync("/d").AsTask().Wait(Scripts.Patience)).Soon());
        goOn.Set();
        Assert.True(await blocked.Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_decoder_runs_in_the_callers_context()
    {
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        var ambient = new AsyncLocal<string> { Value = "the caller's" };
        Task<string> read = zk.GetAsync("/a", (_, _) => ambient.Value!).AsTask();
        ambient.Value = "later";
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.GetData));
        Assert.Equal("the caller's", await read.Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_call_that_is_cancelled_before_its_reply_is_not_decoded()
    {
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        int decoded = 0;
        NodeDecoder<int> count = (_, _) => Interlocked.Increment(ref decoded);
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => zk.GetAsync("/never/sent", count, new CancellationToken(canceled: true)).Soon());
        Task<int> read = zk.GetAsync("/a", count, cancellation.Token).AsTask();
        PeerRequest request = await connection.ExpectAsync(OpCode.GetData);
        Assert.Equal("/a", request.Path);
        await cancellation.CancelAsync();
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.Soon());
        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        Assert.True(read.IsCanceled);
        await connection.AnswerAsync(request);
        Task<int> next = zk.GetAsync("/b", count).AsTask();
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.GetData));
        Assert.Equal(1, await next.Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_read_that_is_sent_again_is_decoded_once()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        int decoded = 0;
        Task<int> read = zk.GetAsync("/a", (_, _) => Interlocked.Increment(ref decoded)).AsTask();
        await connection.ExpectAsync(OpCode.GetData);
        connection.Close();
        PeerConnection next = await peer.AcceptSessionAsync();
        await next.AnswerAsync(await next.ExpectAsync(OpCode.GetData));
        Assert.Equal(1, await read.Soon());
        Assert.Equal(1, decoded);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_client_that_is_closed_fails_its_reads_undecoded()
    {
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        int decoded = 0;
        Task<int> read = zk.GetAsync("/a", (_, _) => Interlocked.Increment(ref decoded)).AsTask();
        await connection.ExpectAsync(OpCode.GetData);
        await zk.DisposeAsync().AsTask().Soon();
        await Assert.ThrowsAnyAsync<ZooKeeperException>(() => read.Soon());
        await Assert.ThrowsAnyAsync<ZooKeeperException>(() => zk.GetAsync("/a", (_, _) => Interlocked.Increment(ref decoded)).Soon());
        Assert.Equal(0, decoded);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_result_that_is_taken_too_soon_or_twice_is_the_callers_mistake()
    {
#pragma warning disable CA2012 // the mistake is the point
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        ValueTask<string> read = zk.GetAsync("/a", Text);
        Assert.Throws<InvalidOperationException>(() => read.GetAwaiter().GetResult());
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.GetData));
        Assert.Equal("010203 1", await read.Soon());
        Assert.Throws<InvalidOperationException>(() => read.GetAwaiter().GetResult());
        ValueTask<string> next = zk.GetAsync("/b", Text); // most likely the same object
        Assert.Throws<InvalidOperationException>(() => read.GetAwaiter().GetResult());
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.GetData));
        Assert.Equal("010203 1", await next.Soon());
#pragma warning restore CA2012
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task Reads_work_while_somebody_listens_to_traces()
    {
        var names = new List<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ZooKeeperTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                lock (names) names.Add(span.OperationName);
            },
        };
        ActivitySource.AddActivityListener(listener);
        (ZooKeeperClient zk, PeerConnection connection) = await new ScriptedPeer().ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(connection.AnswerAsync);
        var buffer = new byte[3];
        Assert.Equal("010203 1", await zk.GetAsync("/a", Text).Soon());
        Assert.True((await zk.GetAsync("/a", buffer).Soon()).Fits);
        using PooledNodeData node = await zk.GetPooledAsync("/a").Soon();
        Assert.Equal(buffer, node.Memory.ToArray());
        lock (names) Assert.Equal(3, names.Count(name => name == nameof(OpCode.GetData)));
    }

    [Fact]
    public async Task Arguments_are_checked_before_anything_is_sent()
    {
        await using ZooKeeperClient zk = ZooKeeperClient.Start(new ScriptedPeer { OnConnecting = (_, _) => throw new IOException("refused") }.Fast());
        await Assert.ThrowsAsync<ArgumentException>(() => zk.GetAsync("a", Text).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => zk.GetAsync("a", new byte[1]).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => zk.GetPooledAsync("/a/").AsTask());
        await Assert.ThrowsAsync<ArgumentNullException>("decode", () => zk.GetAsync("/a", (NodeDecoder<int>)null!).AsTask());
        await Assert.ThrowsAsync<ArgumentNullException>("decode", () => zk.TryGetAsync("/a", 1, (NodeDecoder<int, int>)null!).AsTask());
    }
}
