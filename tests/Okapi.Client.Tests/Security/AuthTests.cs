using System.Text;
using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Security;
using Okapi.Sessions;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Security;

/// <summary>Credentials on the wire, by a script. What a real server makes of them is in the conformance tests.</summary>
public class AuthTests
{
    private const int DigestInTheClear = 12;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task H39_All_credentials_come_first_on_every_connection_in_the_order_they_were_added()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Options().InRealTime();
        options.Auth.Add(AuthInfo.Digest("ann", "a"));
        options.Auth.Add(AuthInfo.Digest("bob", "b"));
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        PeerConnection connection = await peer.AcceptSessionAsync();
        await TakeAsync(connection, "ann:a", "bob:b");
        Task added = zk.AddAuthAsync(AuthInfo.Digest("cid", "c"), Cancel);
        await TakeAsync(connection, "cid:c");
        await added;
        for (int cut = 0; cut < 3; cut++)
        {
            connection.Reset();
            ValueTask<Stat?> exists = zk.ExistsAsync("/a", Cancel);
            connection = await peer.AcceptSessionAsync();
            await TakeAsync(connection, "ann:a", "bob:b", "cid:c");
            await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Exists), error: ErrorCode.NoNode);
            Assert.Null(await exists);
        }

        await CloseAsync(zk, connection);
    }

    [Fact]
    public async Task H39_A_credential_added_while_there_is_no_connection_is_presented_on_the_next()
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Options().InRealTime());
        Task added = zk.AddAuthAsync(AuthInfo.Digest("ann", "a"), Cancel);
        PeerConnection connection = await peer.AcceptSessionAsync();
        await TakeAsync(connection, "ann:a");
        await added;
        await CloseAsync(zk, connection);
    }

    // The narrow moment: the credentials have been presented on a new connection, and requests are not let through yet.
    [Fact]
    public async Task H39_A_credential_added_while_a_connection_is_being_taken_into_use_is_presented_on_it()
    {
        using var outbox = new Outbox(new(16, 1 << 16, 1 << 16), TimeProvider.System);
        var connection = new NeverFlushed();
        var book = new AuthBook([AuthInfo.Digest("ann", "a")]);
        outbox.Attach(connection);
        _ = book.AddAsync(AuthInfo.Digest("too early", "x"));
        Assert.Empty(Taken()); // the session is not open yet: nothing but the handshake may be sent
        Task<Task[]>? adding = null;
        book.Replay(outbox, () =>
        {
            adding = Task.Run(() => new[] { book.AddAsync(AuthInfo.Digest("bob", "b")) }); // waits until the connection is open
            outbox.Open();
        });
        Task added = Assert.Single(await adding!);
        Assert.Equal(["ann:a", "too early:x", "bob:b"], Taken());
        for (int i = 0; i < 3; i++) book.OnReply(ErrorCode.Ok);
        Assert.True(added.IsCompletedSuccessfully);

        List<string> Taken()
        {
            var credentials = new List<string>();
            var batch = new JuteBuffer();
            while (outbox.TakeBatch(connection, ref batch))
            {
                var reader = new JuteReader(batch.WrittenSpan);
                while (reader.Remaining > 0)
                {
                    reader.ReadInt();
                    Assert.Equal(OpCode.Auth, RequestHeader.Read(ref reader).Type);
                    credentials.Add(Encoding.UTF8.GetString(AuthRequest.Read(ref reader).Auth.Span));
                }
            }

            batch.Dispose();
            return credentials;
        }
    }

    [Fact]
    public async Task H40_A_refused_credential_ends_the_session_and_every_call_says_so()
    {
        var peer = new ScriptedPeer();
        await using ZooKeeperClient zk = ZooKeeperClient.Start(peer.Options(new ManualTime()));
        PeerConnection connection = await peer.AcceptSessionAsync();
        await zk.WaitConnectedAsync(cancellationToken: Cancel);
        ValueTask<Stat?> before = zk.ExistsAsync("/a", Cancel);
        await connection.ExpectAsync(OpCode.Exists);
        Task first = zk.AddAuthAsync(new AuthInfo("nonesuch", "secret"u8), Cancel);
        Task second = zk.AddAuthAsync(new AuthInfo("another", "secret"u8), Cancel);
        await connection.ExpectAsync(OpCode.Auth);
        await connection.ReplyAsync(Xids.Auth, error: ErrorCode.AuthFailed);
        var refused = await Assert.ThrowsAsync<AuthFailedException>(() => first);
        Assert.Contains("nonesuch", refused.Message, StringComparison.Ordinal);
        var alsoRefused = await Assert.ThrowsAsync<AuthFailedException>(() => second);
        Assert.NotSame(refused, alsoRefused);
        await Assert.ThrowsAsync<AuthFailedException>(() => before.AsTask());
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.ExistsAsync("/a", Cancel).AsTask());
        await Assert.ThrowsAsync<AuthFailedException>(() => zk.WaitConnectedAsync(cancellationToken: Cancel));
        Assert.Equal(SessionState.AuthFailed, zk.State);
        Assert.True(zk.SessionLost.IsCancellationRequested);
        // Nobody is left who could answer: this must not wait for a timeout, which would never come.
        Task late = zk.AddAuthAsync(AuthInfo.Digest("ann", "a"), Cancel);
        Assert.True(late.IsFaulted);
        await Assert.ThrowsAsync<AuthFailedException>(() => late);
        await connection.ExpectClosedAsync();
        await zk.DisposeAsync().AsTask().Soon();
        Assert.Equal(1, peer.Attempts);
    }

    [Fact]
    public async Task A_credential_that_is_not_answered_in_time_fails_like_any_request()
    {
        var peer = new ScriptedPeer();
        var time = new ManualTime();
        ZooKeeperOptions options = peer.Options(time);
        options.RequestTimeout = TimeSpan.FromSeconds(5);
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        Task added = zk.AddAuthAsync(AuthInfo.Digest("ann", "canary"), Cancel);
        time.Advance(TimeSpan.FromSeconds(5));
        var late = await Assert.ThrowsAsync<RequestTimeoutException>(() => added);
        Assert.Contains("digest", late.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", late.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(OpCode.Exists)]
    [InlineData(OpCode.Ping)]
    [InlineData(OpCode.Auth)]
    public async Task H68_A_server_that_demands_SASL_ends_the_session_whatever_it_says_so_to(OpCode answered)
    {
        var peer = new ScriptedPeer();
        var time = new ManualTime();
        ZooKeeperOptions options = peer.Options(time);
        if (answered == OpCode.Auth) options.Auth.Add(AuthInfo.Digest("ann", "a"));
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        PeerConnection connection = await peer.AcceptSessionAsync();
        await zk.SettleAsync();
        Task<Stat?>? exists = answered == OpCode.Exists ? zk.ExistsAsync("/a", Cancel).AsTask() : null;
        if (answered == OpCode.Ping) time.Advance(TimeSpan.FromSeconds(2));
        PeerRequest request = await connection.ReadAnyAsync();
        Assert.Equal(answered, request.OpCode);
        Task over = WaitOverAsync(zk);
        await connection.ReplyAsync(request, error: ErrorCode.SessionClosedRequireSaslAuth);
        connection.Close();
        await over.WaitAsync(ScriptedPeer.Patience, Cancel);
        if (exists is not null) await Assert.ThrowsAsync<AuthFailedException>(() => exists);
        var refused = await Assert.ThrowsAsync<AuthFailedException>(() => zk.ExistsAsync("/a", Cancel).AsTask());
        Assert.Contains("demands SASL", refused.Message, StringComparison.Ordinal);
        Assert.Equal(SessionState.AuthFailed, zk.State);
        Assert.Equal(1, peer.Attempts);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_digest_credential_in_the_clear_is_warned_of(bool atRuntime)
    {
        var peer = new ScriptedPeer();
        using var log = new LogRecorder();
        ZooKeeperOptions options = peer.Options().InRealTime();
        options.LoggerFactory = log;
        if (!atRuntime) options.Auth.Add(AuthInfo.Digest("ann", "canary"));
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        if (atRuntime)
        {
            Assert.Equal(0, log.Count(DigestInTheClear));
            _ = zk.AddAuthAsync(AuthInfo.Digest("ann", "canary"), Cancel).ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
        }

        Assert.Equal(1, log.Count(DigestInTheClear));
    }

    private static async Task TakeAsync(PeerConnection connection, params string[] credentials)
    {
        foreach (string expected in credentials)
        {
            PeerRequest request = await connection.ExpectAsync(OpCode.Auth);
            AuthRequest auth = PeerConnection.Read(request.Body, AuthRequest.Read);
            Assert.Equal("digest", auth.Scheme);
            Assert.Equal(expected, Encoding.UTF8.GetString(auth.Auth.Span));
            await connection.ReplyAsync(Xids.Auth);
        }
    }

    private static async Task CloseAsync(ZooKeeperClient zk, PeerConnection connection)
    {
        Task disposing = zk.DisposeAsync().AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.CloseSession));
        await disposing;
    }

    [Fact]
    public void H68_A_mechanism_that_ends_unsatisfied_is_no_success()
    {
        using var outbox = new Outbox(new(16, 1 << 16, 1 << 16), TimeProvider.System);
        using var exchange = new SaslExchange(new Unsatisfied(), outbox);
        Assert.Throws<SaslException>(() =>
        {
            var empty = new JuteReader(new byte[4]);
            exchange.OnReply(new ReplyHeader(int.MaxValue, 0, ErrorCode.Ok), ref empty);
        });
    }

    [Fact]
    public async Task H68_SASL_begins_anew_on_every_connection()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Options().InRealTime();
        options.Sasl = new() { UserName = "ann", Password = "a" };
        await using ZooKeeperClient zk = ZooKeeperClient.Start(options);
        Task<Stat?> exists = zk.ExistsAsync("/a", Cancel).AsTask(); // without SASL this would come first
        _ = exists.ContinueWith(static task => _ = task.Exception, TaskScheduler.Default);
        for (int cut = 0; cut < 3; cut++)
        {
            PeerConnection connection = await peer.AcceptSessionAsync();
            Assert.Equal(OpCode.Sasl, (await connection.ReadAnyAsync().WaitAsync(ScriptedPeer.Patience, Cancel)).OpCode);
            connection.Reset();
        }
    }

    private static async Task WaitOverAsync(ZooKeeperClient zk)
    {
        await foreach (SessionStateChange change in zk.StateChangesAsync(Cancel))
            if (change.IsOver) return;
    }

    private sealed class Unsatisfied : ISaslMechanism
    {
        public string Name => "TEST";

        public bool IsComplete => false;

        public byte[] Start() => [];

        public byte[]? Respond(ReadOnlySpan<byte> challenge) => null;

        public void Dispose()
        {
        }
    }

    private sealed class NeverFlushed : IFlushTarget
    {
        public void Flush(bool atOnce)
        {
        }
    }
}
