using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Reads;

/// <summary>Reads into a caller's buffer: all of the data or none of it, and never after the call has completed.</summary>
public class BufferedReadTests
{
    private const byte Untouched = 0xEE;

    public enum Kind
    {
        Array,
        PartOfAnArray,
        OwnedMemory,
    }

    /// <summary>The data's length (-1: null), the buffer's, and the kind of buffer.</summary>
    public static TheoryData<int, int, Kind> Sizes =>
        new(from sizes in new[] { (-1, 0), (-1, 10), (0, 0), (0, 10), (1, 10), (9, 10), (10, 10), (11, 10), (1, 0), (70_000, 70_000), (70_000, 69_999) }
            from kind in Enum.GetValues<Kind>()
            select (sizes.Item1, sizes.Item2, kind));

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(Sizes))]
    public async Task The_data_is_in_the_buffer_or_the_answer_tells_what_it_takes(int dataLength, int bufferLength, Kind kind)
    {
        byte[]? data = dataLength < 0 ? null : NewData(dataLength);
        var peer = new ScriptedPeer { Capacity = 1 << 20 };
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(request => connection.ReplyAsync(request, Scripts.Data(data, mzxid: 7)));
        for (int form = 0; form < 2; form++)
        {
            Memory<byte> whole = kind == Kind.OwnedMemory ? new OwnedMemory(bufferLength + 2).Memory : new byte[bufferLength + 2];
            whole.Span.Fill(Untouched);
            Memory<byte> buffer = kind == Kind.Array ? whole[..bufferLength] : whole.Slice(1, bufferLength);
            BufferedNodeData? read = form == 0 ? await zk.GetAsync("/a", buffer).Soon() : await zk.TryGetAsync("/a", buffer).Soon();
            bool fits = dataLength <= bufferLength;
            Assert.Equal(new BufferedNodeData(Math.Max(dataLength, 0), Scripts.Stat(7), fits, data is null), read);
            byte[] expected = NewBuffer(whole.Length);
            if (fits) data?.CopyTo(expected, kind == Kind.Array ? 0 : 1);
            Assert.Equal(expected, whole.ToArray());
        }
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_znode_that_is_absent_leaves_the_buffer_alone()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(request => connection.ReplyAsync(request, error: ErrorCode.NoNode));
        foreach (Memory<byte> buffer in new[] { NewBuffer(10), new OwnedMemory(10).Memory })
        {
            buffer.Span.Fill(Untouched);
            NoNodeException refused = await Assert.ThrowsAsync<NoNodeException>(() => zk.GetAsync("/a", buffer).Soon());
            Assert.Equal("/a", refused.Path);
            Assert.Null(await zk.TryGetAsync("/a", buffer).Soon());
            Assert.Equal(NewBuffer(10), buffer.ToArray());
        }
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_call_that_is_cancelled_before_its_reply_never_writes()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        byte[] buffer = NewBuffer(10);
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => zk.GetAsync("/never/sent", buffer, new CancellationToken(canceled: true)).Soon());
        Task<BufferedNodeData> read = zk.GetAsync("/a", buffer, cancellation.Token).AsTask();
        PeerRequest request = await connection.ExpectAsync(OpCode.GetData);
        Assert.Equal("/a", request.Path);
        await cancellation.CancelAsync();
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.Soon());
        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        await connection.ReplyAsync(request, Scripts.Data(NewData(10)));
        await SyncAsync(zk, connection);
        Assert.Equal(NewBuffer(10), buffer);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_call_that_is_cancelled_while_its_reply_comes_is_either_cancelled_or_answered_and_writes_only_then()
    {
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        byte[] data = NewData(500);
        for (int i = 0; i < 500; i++)
        {
            byte[] buffer = NewBuffer(500);
            using var cancellation = new CancellationTokenSource();
            Task<BufferedNodeData> read = zk.GetAsync("/a", buffer, cancellation.Token).AsTask();
            PeerRequest request = await connection.ExpectAsync(OpCode.GetData);
            int spins = random.Next(3_000);
            Task cancelling = Task.Run(() =>
            {
                Thread.SpinWait(spins);
                cancellation.Cancel();
            });
            await connection.ReplyAsync(request, Scripts.Data(data));
            byte[] expected = NewBuffer(500);
            try
            {
                Assert.True((await read.Soon()).Fits);
                Assert.Equal(data, buffer);
                data.CopyTo(expected, 0);
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(expected, buffer);
            }

            buffer.AsSpan().Reverse(); // the caller's again
            await cancelling.Soon();
            await SyncAsync(zk, connection);
            Assert.Equal(expected.AsEnumerable().Reverse(), buffer);
        }

        Assert.Equal(1, peer.Attempts);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task Of_a_reply_that_was_cut_off_nothing_is_written_and_the_next_connection_answers()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        byte[] buffer = NewBuffer(10);
        Task<BufferedNodeData> read = zk.GetAsync("/a", buffer).AsTask();
        PeerRequest request = await connection.ExpectAsync(OpCode.GetData);
        byte[] reply = PeerConnection.Frame((ref JuteWriter writer) =>
        {
            new ReplyHeader(request.Xid, 1, ErrorCode.Ok).Write(ref writer);
            Scripts.Data(NewData(10))(ref writer);
        });
        await connection.SendRawAsync(reply.AsMemory(0, reply.Length - 1));
        connection.Close();
        PeerConnection next = await peer.AcceptSessionAsync();
        PeerRequest again = await next.ExpectAsync(OpCode.GetData);
        Assert.Equal(NewBuffer(10), buffer);
        Assert.False(read.IsCompleted);
        await next.ReplyAsync(again, Scripts.Data([1, 2, 3]));
        Assert.Equal(3, (await read.Soon()).Length);
        Assert.Equal([1, 2, 3, .. NewBuffer(7)], buffer);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_reply_whose_Stat_cannot_be_read_writes_nothing()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        byte[] buffer = NewBuffer(10);
        Task<BufferedNodeData> read = zk.GetAsync("/a", buffer).AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.GetData), (ref JuteWriter writer) => writer.WriteBuffer(NewData(10).AsSpan()));
        await Assert.ThrowsAsync<ConnectionLossException>(() => read.Soon());
        Assert.Equal(NewBuffer(10), buffer);
        await connection.ExpectClosedAsync();
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H28_Code_behind_memory_of_the_callers_own_delays_nobody()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        _ = connection.ServeAsync(connection.AnswerAsync);
        using var goOn = new ManualResetEventSlim();
        var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = new OwnedMemory(10);
        Memory<byte> slowMemory = slow.Memory;
        slow.OnLook = () =>
        {
            looked.TrySetResult();
            Assert.True(goOn.Wait(Scripts.Patience));
        };
        Task<BufferedNodeData> read = zk.GetAsync("/a", slowMemory).AsTask();
        await looked.Task.Soon();
        Assert.NotNull(await zk.ExistsAsync("/b").Soon());
        goOn.Set();
        Assert.True((await read.Soon()).Fits);

        var gone = new OwnedMemory(10);
        Memory<byte> memory = gone.Memory;
        ((IDisposable)gone).Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => zk.GetAsync("/a", memory).Soon());
        Assert.NotNull(await zk.ExistsAsync("/b").Soon());
        Assert.Equal(1, peer.Attempts);
    }

    /// <summary>What came before has been dealt with when this is done: replies are taken in order.</summary>
    private static async Task SyncAsync(ZooKeeperClient zk, PeerConnection connection)
    {
        Task<Stat?> exists = zk.ExistsAsync("/sync").AsTask();
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.Exists));
        await exists.Soon();
    }

    private static byte[] NewData(int length) => [.. Enumerable.Range(1, length).Select(i => (byte)(i % 200))];

    private static byte[] NewBuffer(int length)
    {
        var buffer = new byte[length];
        buffer.AsSpan().Fill(Untouched);
        return buffer;
    }
}
