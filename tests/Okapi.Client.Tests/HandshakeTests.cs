using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests;

public class HandshakeTests
{
    [Fact]
    public async Task H38_Nothing_is_sent_before_the_handshake_is_answered_and_no_watches_are_armed_when_there_are_none()
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Options());
        ValueTask<Stat?> exists = zk.ExistsAsync("/a");
        PeerConnection connection = await peer.AcceptAsync();
        ConnectRequest handshake = await connection.ExpectHandshakeAsync();
        Assert.Equal(0, handshake.SessionId);
        Task<PeerRequest> next = connection.ReadAsync();
        Assert.False(next.IsCompleted);
        await connection.SendFrameAsync(new ConnectResponse(0, 6000, 7, new byte[16], ReadOnly: false).Write);
        PeerRequest request = await next;
        Assert.Equal(OpCode.Exists, request.OpCode);
        await connection.ReplyAsync(request, error: ErrorCode.NoNode);
        Assert.Null(await exists);
        Task disposing = zk.DisposeAsync().AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.CloseSession));
        await disposing;
    }
}
