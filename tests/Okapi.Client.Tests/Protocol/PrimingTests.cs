using System.Text;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Sessions;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Protocol;

public class PrimingTests
{
    private static readonly string[] Identities = ["ann:a", "bob:b", "cid:c"];

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H38_A_new_connection_gets_credentials_then_watches_then_requests()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.Auth.Add(AuthInfo.Digest("ann", "a"));
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        await AnswerAuthAsync(connection, Identities[0]);
        Task<OneShotWatch<Stat?>> oneShot = zk.WatchExistsAsync("/one");
        await connection.AnswerAsync(await connection.ExpectAsync(OpCode.Exists));
        await oneShot.Soon();
        Task<Watch> persistent = zk.WatchAsync("/all");
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.AddWatch));
        await persistent.Soon();
        connection.Reset();

        PeerConnection next = await peer.AcceptAsync();
        await next.ExpectHandshakeAsync();
        Task<Stat?> exists = zk.ExistsAsync("/user").AsTask();
        Task<PeerRequest> first = next.ReadAsync();
        Assert.False(first.IsCompleted); // nothing before the answer
        await next.SendFrameAsync(new ConnectResponse(0, 30_000, 0x1234, new byte[16], ReadOnly: false).Write);
        OpCode[] order = [(await first).OpCode, (await next.ReadAsync()).OpCode, (await next.ReadAsync()).OpCode, (await next.ReadAsync()).OpCode];
        Assert.Equal([OpCode.Auth, OpCode.SetWatches, OpCode.SetWatches2, OpCode.Exists], order);
        Assert.False(exists.IsCompleted);
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H39_Three_identities_are_presented_before_the_first_request_on_each_of_100_connections()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.Auth.Add(AuthInfo.Digest("ann", "a"));
        options.Auth.Add(AuthInfo.Digest("bob", "b"));
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        await using ZooKeeperClient owned = zk;
        Task added = zk.AddAuthAsync(AuthInfo.Digest("cid", "c"));
        foreach (string identity in Identities) await AnswerAuthAsync(connection, identity);
        await added.Soon();
        for (int cut = 0; cut < 100; cut++)
        {
            connection.Reset();
            Task<Stat?> exists = zk.ExistsAsync("/a").AsTask();
            connection = await peer.AcceptSessionAsync();
            foreach (string identity in Identities) await AnswerAuthAsync(connection, identity);
            await connection.AnswerAsync(await connection.ExpectAsync(OpCode.Exists));
            Assert.NotNull(await exists.Soon());
        }
    }

    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H40_A_refused_credential_ends_the_client_and_everything_that_waits()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync();
        Task<Watch> watching = zk.WatchAsync("/w");
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.AddWatch));
        Watch watch = await watching.Soon();
        Task<Stat?> read = zk.ExistsAsync("/a").AsTask();
        Task<Stat> write = zk.SetAsync("/a", null).AsTask();
        Task added = zk.AddAuthAsync(AuthInfo.Digest("ann", "wrong"));
        CancellationToken lost = zk.SessionLost;
        await connection.ReadAsync();
        await connection.ReadAsync();
        await connection.ExpectAsync(OpCode.Auth);
        await connection.ReplyAsync(Xids.Auth, error: ErrorCode.AuthFailed);
        foreach (Task waiting in (Task[])[read, write, added, watch.ToListAsync(), zk.ExistsAsync("/later").AsTask()])
            await Assert.ThrowsAsync<AuthFailedException>(() => waiting.Soon());
        Assert.Equal(SessionState.AuthFailed, zk.State);
        await connection.ExpectClosedAsync();
        await zk.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(1, peer.Attempts);
        Assert.True(lost.IsCancellationRequested || lost.WaitHandle.WaitOne(Scripts.Patience));
    }

    private static async Task AnswerAuthAsync(PeerConnection connection, string identity)
    {
        PeerRequest request = await connection.ExpectAsync(OpCode.Auth);
        Assert.Equal(Xids.Auth, request.Xid);
        AuthRequest auth = PeerConnection.Read(request.Body, AuthRequest.Read);
        Assert.Equal(("digest", identity), (auth.Scheme, Encoding.UTF8.GetString(auth.Auth.Span)));
        await connection.ReplyAsync(request);
    }

    private sealed class Target : IFlushTarget
    {
        public void Flush(bool atOnce)
        {
            // The test takes the batches itself.
        }
    }
}
