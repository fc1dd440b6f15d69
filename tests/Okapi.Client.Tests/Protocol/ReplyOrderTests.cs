using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Protocol;

public class ReplyOrderTests
{
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H31_Request_numbers_wrap_to_1_and_never_meet_the_special_ones()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        zk.LastXid() = int.MaxValue - 3;
        var xids = new List<int>();
        for (int i = 0; i < 10; i++)
        {
            ValueTask<Stat?> exists = zk.ExistsAsync("/a");
            PeerRequest request = await connection.ExpectAsync(OpCode.Exists);
            xids.Add(request.Xid);
            await connection.AnswerAsync(request);
            Assert.NotNull(await exists.Soon());
        }

        Assert.Equal([int.MaxValue - 2, int.MaxValue - 1, int.MaxValue, 1, 2, 3, 4, 5, 6, 7], xids);
        Assert.Equal(1, peer.Attempts);
    }

    public static TheoryData<string> WrongReplies => ["of the next request", "of no request", "twice", "with nothing in flight"];

    [Theory(Timeout = Scripts.TestTimeoutMs)]
    [MemberData(nameof(WrongReplies))]
    public async Task H32_A_reply_that_is_not_the_next_ends_the_connection_and_the_session_goes_on(string which)
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        await using ZooKeeperClient owned = zk;
        if (which == "with nothing in flight")
        {
            await connection.ReplyAsync(99, Scripts.Body(Scripts.Stat()));
            await connection.ExpectClosedAsync();
        }

        Task<Stat?> first = zk.ExistsAsync("/first").AsTask();
        Task<Stat> write = zk.SetAsync("/write", null).AsTask();
        Task<Stat?> second = zk.ExistsAsync("/second").AsTask();
        if (which != "with nothing in flight")
        {
            PeerRequest[] requests = [await connection.ReadAsync(), await connection.ReadAsync(), await connection.ReadAsync()];
            Assert.Equal(["/first", "/write", "/second"], requests.Select(request => request.Path));
            if (which == "twice") await connection.ReplyAsync(requests[0], Scripts.Body(Scripts.Stat()));
            int xid = which switch { "of the next request" => requests[1].Xid, "twice" => requests[0].Xid, _ => 77_777 };
            await connection.ReplyAsync(xid, Scripts.Body(Scripts.Stat()));
            await connection.ExpectClosedAsync();
            ConnectionLossException lost = await Assert.ThrowsAsync<ConnectionLossException>(() => write.Soon());
            Assert.Equal(RequestOutcome.Unknown, lost.Outcome);
            Assert.Equal("/write", lost.Path);
        }

        PeerConnection next = await peer.AcceptSessionAsync();
        Assert.Equal(0x1234, next.Handshake.SessionId);
        _ = next.ServeAsync(next.AnswerAsync);
        Assert.NotNull(await first.Soon());
        Assert.NotNull(await second.Soon());
        if (which == "with nothing in flight") await write.Soon();
    }
}
