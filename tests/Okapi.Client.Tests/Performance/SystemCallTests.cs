using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Performance;

/// <summary>
/// How often a client writes and reads while 256 calls are outstanding. One system call that carries all that waits is where its speed comes from, and a change that writes or reads once
/// per operation fails here. Neither a slow machine nor a busy one can: the first write is held until all calls have been made, and the peer answers them all at once.
/// </summary>
public class SystemCallTests
{
    private const int Window = 256;
    private const int Rounds = 20;

    /// <summary>16 calls per write or read. It is 128 per write, and about 256 per read.</summary>
    private const int Bound = Window * Rounds / 16;

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [InlineData(OpCode.GetData)]
    [InlineData(OpCode.SetData)]
    [InlineData(OpCode.Exists)]
    [InlineData(OpCode.Create)]
    [InlineData(OpCode.Delete)]
    public async Task A_window_of_256_calls_takes_a_few_writes_and_a_few_reads(OpCode opCode)
    {
        var peer = new ScriptedPeer { Capacity = 1 << 20 };
        CountingStream? stream = null;
        ZooKeeperOptions options = peer.Fast();
        options.ConnectCallback = async (server, token) => stream = new CountingStream(await peer.ConnectAsync(server, token));
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        (int writes, int reads) = (stream!.Writes, stream.Reads);
        for (int round = 0; round < Rounds; round++)
        {
            stream.Hold();
            Task[] calls = [.. Enumerable.Range(0, Window).Select(_ => Call(zk, opCode))];
            stream.Release();
            var replies = new MemoryStream();
            for (int i = 0; i < Window; i++)
            {
                PeerRequest request = await connection.ExpectAsync(opCode);
                replies.Write(PeerConnection.Frame((ref JuteWriter writer) =>
                {
                    new ReplyHeader(request.Xid, 1, ErrorCode.Ok).Write(ref writer);
                    Answer(request)?.Invoke(ref writer);
                }));
            }

            await connection.SendRawAsync(replies.ToArray());
            await Task.WhenAll(calls).Soon();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Window * Rounds} calls, {stream.Writes - writes} writes, {stream.Reads - reads} reads");
        Assert.InRange(stream.Writes - writes, 1, Bound);
        Assert.InRange(stream.Reads - reads, 1, Bound);
    }

    private static FrameBody? Answer(PeerRequest request) => request.OpCode == OpCode.GetData ? Scripts.Data(new byte[128]) : Scripts.Answer(request);

    private static Task Call(ZooKeeperClient zk, OpCode opCode) => opCode switch
    {
        OpCode.GetData => zk.GetAsync("/some/path").AsTask(),
        OpCode.SetData => zk.SetAsync("/some/path", new byte[128]).AsTask(),
        OpCode.Exists => zk.ExistsAsync("/some/path").AsTask(),
        OpCode.Create => zk.CreateAsync("/some/path", new byte[128]).AsTask(),
        _ => zk.DeleteAsync("/some/path").AsTask(),
    };
}
