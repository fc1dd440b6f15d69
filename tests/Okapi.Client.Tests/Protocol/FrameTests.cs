using System.Buffers.Binary;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Protocol;

[Collection(Alone.Name)]
public class FrameTests(ITestOutputHelper output)
{
    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(int.MaxValue)]
    [InlineData(7)]
    [InlineData(1)]
    public async Task H33_A_reply_over_the_limit_fails_its_call_alone(int pieces)
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.MaxReplySize = 1024;
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        Task<NodeData> before = zk.GetAsync("/before").AsTask();
        Task<NodeData> large = zk.GetAsync("/large").AsTask();
        Task<NodeData> after = zk.GetAsync("/after").AsTask();
        PeerRequest[] requests = [await connection.ReadAsync(), await connection.ReadAsync(), await connection.ReadAsync()];
        byte[] stream = [.. Reply(requests[0], Scripts.Data([1])), .. Reply(requests[1], Scripts.Data(new byte[70_000])), .. Reply(requests[2], Scripts.Data([2]))];
        foreach (byte[] piece in stream.Chunk(Math.Min(pieces, stream.Length))) await connection.SendRawAsync(piece);
        Assert.Equal([1], (await before.Soon()).Data);
        ReplyTooLargeException refused = await Assert.ThrowsAsync<ReplyTooLargeException>(() => large.Soon());
        Assert.Equal("/large", refused.Path);
        Assert.Equal(1024, refused.Limit);
        Assert.InRange(refused.Size, 70_000, 70_200);
        Assert.Equal([2], (await after.Soon()).Data);
        Assert.Equal(1, peer.Attempts);
    }

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    [InlineData(0x16030100)] // within what can be a length, and no reply to anything
    public async Task H34_A_length_that_cannot_be_ends_the_connection(int length)
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        Task<Stat?> exists = zk.ExistsAsync("/a").AsTask();
        await connection.ReadAsync();
        var garbage = new byte[64];
        garbage.AsSpan().Fill(0x5a);
        BinaryPrimitives.WriteInt32BigEndian(garbage, length);
        await connection.SendRawAsync(garbage);
        await connection.ExpectClosedAsync();
        PeerConnection next = await peer.AcceptSessionAsync();
        await next.AnswerAsync(await next.ExpectAsync(OpCode.Exists));
        Assert.NotNull(await exists.Soon());
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H34_Everything_may_come_in_pieces_of_one_byte()
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Fast());
        Calls calls = Calls.Make(zk);
        PeerConnection connection = await peer.AcceptAsync();
        await connection.ExpectHandshakeAsync();
        foreach (byte one in Calls.Welcome) await connection.SendRawAsync(new[] { one });
        byte[] replies = await calls.ReadAndAnswerAsync(connection);
        foreach (byte one in replies) await connection.SendRawAsync(new[] { one });
        await calls.CheckAsync(mayBeLost: false);
        Assert.Equal(1, peer.Attempts);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H34_The_end_may_come_after_any_byte()
    {
        int length = int.MaxValue;
        for (int cut = 0; cut <= length; cut++)
        {
            var peer = new ScriptedPeer();
            await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Fast());
            Calls calls = Calls.Make(zk);
            PeerConnection connection = await peer.AcceptAsync();
            await connection.ExpectHandshakeAsync();
            byte[] stream = Calls.Welcome;
            await connection.SendRawAsync(stream.AsMemory(0, Math.Min(cut, stream.Length)));
            if (cut >= stream.Length)
            {
                byte[] replies = await calls.ReadAndAnswerAsync(connection);
                length = stream.Length + replies.Length;
                await connection.SendRawAsync(replies.AsMemory(0, cut - stream.Length));
            }

            connection.Close();
            Task serving = peer.ServeForeverAsync();
            await calls.CheckAsync(mayBeLost: true);
            _ = serving;
        }

        Assert.InRange(length, 200, 2000);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H34_Mutated_replies_lead_to_documented_errors_only_and_the_client_reconnects()
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        const int runs = 1000;
        long before = GC.GetTotalAllocatedBytes();
        for (int run = 0; run < runs; run++)
        {
            var random = new Random(unchecked(seed + run));
            try
            {
                await FuzzAsync(random);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"seed {seed}, run {run} (new Random({unchecked(seed + run)})): {error.Message}", error);
            }
        }

        long perRun = (GC.GetTotalAllocatedBytes() - before) / runs;
        Assert.True(perRun < (2 * Limit) + (1 << 20), $"{perRun} bytes were allocated per run; seed {seed}");
    }

    private const int Limit = 64 * 1024;

    private static byte[] Reply(PeerRequest request, FrameBody? body) => PeerConnection.Frame((ref JuteWriter writer) =>
    {
        new ReplyHeader(request.Xid, 100, ErrorCode.Ok).Write(ref writer);
        body?.Invoke(ref writer);
    });

    private static async Task FuzzAsync(Random random)
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.MaxReplySize = Limit;
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        Calls calls = Calls.Make(zk);
        PeerConnection connection = await peer.AcceptAsync();
        await connection.ExpectHandshakeAsync();
        byte[] welcome = random.Next(8) == 0 ? Mutate(Calls.Welcome, random) : Calls.Welcome;
        try
        {
            await connection.SendRawAsync(welcome);
            if (ReferenceEquals(welcome, Calls.Welcome)) await connection.SendRawAsync(Mutate(await calls.ReadAndAnswerAsync(connection), random));
        }
        catch (Exception closed) when (closed is IOException or ObjectDisposedException)
        {
            // The client had enough of it.
        }

        connection.Close();
        _ = peer.ServeForeverAsync();
        await calls.WaitForDocumentedEndsAsync();
        if (zk.State is SessionState.Expired or SessionState.AuthFailed) return; // a mutated answer can say so
        // The client is of use again.
        try
        {
            await zk.ExistsAsync("/again").Soon();
        }
        catch (SessionEndedException)
        {
            // The same, a moment later.
        }
    }

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        var mutated = new List<byte>(bytes);
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int at = random.Next(mutated.Count);
            switch (random.Next(6))
            {
                case 0:
                    mutated[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    mutated[at] = (byte)random.Next(256);
                    break;
                case 2:
                    mutated.RemoveRange(at, random.Next(1, Math.Min(9, mutated.Count - at + 1)));
                    break;
                case 3:
                    mutated.InsertRange(at, mutated.GetRange(random.Next(mutated.Count / 2), random.Next(1, Math.Max(2, mutated.Count / 2))));
                    break;
                case 4: // a length, a count, a number or an error code
                    int[] numbers = [-1, -2, -4, -8, -9999, -124, 0, 1, 16, 37, 1000, Limit, Limit + 1, int.MaxValue, int.MinValue];
                    var four = new byte[4];
                    BinaryPrimitives.WriteInt32BigEndian(four, numbers[random.Next(numbers.Length)]);
                    for (int k = 0; k < 4 && at + k < mutated.Count; k++) mutated[at + k] = four[k];
                    break;
                default:
                    mutated.RemoveRange(at, mutated.Count - at);
                    break;
            }

            if (mutated.Count == 0) break;
        }

        return [.. mutated];
    }

    /// <summary>Calls of many kinds, made at once.</summary>
    private sealed record Calls(Task<Stat?> Exists, Task<NodeData> Get, Task<IReadOnlyList<string>> Children, Task<string> Create, Task<TransactionResult> Multi, Task<NodeAcl> Acl)
    {
        public static byte[] Welcome { get; } = PeerConnection.Frame(new ConnectResponse(0, 30_000, 0x1234, new byte[16], ReadOnly: false).Write);

        private Task[] All => [Exists, Get, Children, Create, Multi, Acl];

        public static Calls Make(ZooKeeperClient zk) => new(
            zk.ExistsAsync("/a").AsTask(),
            zk.GetAsync("/a").AsTask(),
            zk.GetChildrenAsync("/a").AsTask(),
            zk.CreateAsync("/a/new").AsTask(),
            zk.Transaction().Check("/a").Delete("/a/old").CommitAsync(),
            zk.GetAclAsync("/a").AsTask());

        public async Task<byte[]> ReadAndAnswerAsync(PeerConnection connection)
        {
            var bytes = new List<byte>();
            for (int i = 0; i < All.Length; i++)
            {
                PeerRequest request = await connection.ReadAsync();
                bytes.AddRange(Reply(request, request.OpCode == OpCode.Multi ? Scripts.Results(new(OpCode.Check), new(OpCode.Delete)) : Scripts.Answer(request)));
            }

            return [.. bytes];
        }

        public async Task CheckAsync(bool mayBeLost)
        {
            Assert.NotNull(await Exists.Soon());
            Assert.Equal([1, 2, 3], (await Get.Soon()).Data);
            Assert.Equal(["x", "y"], await Children.Soon());
            Assert.Equal(Okapi.Acl.Open, (await Acl.Soon()).Acl);
            foreach (Task write in (Task[])[Create, Multi])
            {
                try
                {
                    await write.Soon();
                }
                catch (ConnectionLossException lost) when (mayBeLost)
                {
                    Assert.Equal(RequestOutcome.Unknown, lost.Outcome);
                }
                catch (ZooKeeperException answered) when (mayBeLost && answered.Code == ErrorCode.MarshallingError && write == Multi)
                {
                    // It was sent on the second connection, whose answer to a transaction is empty.
                }
            }
        }

        public async Task WaitForDocumentedEndsAsync()
        {
            foreach (Task call in All)
            {
                try
                {
                    await call.Soon();
                }
                catch (ZooKeeperException)
                {
                    // One of the four kinds that calls are documented to fail with.
                }
            }
        }
    }
}
