using Microsoft.Extensions.Logging;
using Okapi.Client.Tests.Performance;
using Okapi.Client.Tests.Protocol;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Sessions;

/// <summary>Closing at any time: it ends within its bound, and nothing is left (H22).</summary>
public class DisposeTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    public enum Phase
    {
        NeverStarted,
        Connecting,
        ConnectingDeafly,
        Handshaking,
        Sasl,
        Established,
        EstablishedWithWork,
        ServerDeaf,
        ProbingForReadWrite,
        Disconnected,
        BackingOff,
        Closing,
        Closed,
        Concurrently,
        InAWatchLoop,
        DuringAddAuth,
        BetweenSessions,
    }

    public static TheoryData<Phase> Phases { get; } = [.. Enum.GetValues<Phase>()];

    [Theory]
    [MemberData(nameof(Phases))]
    public async Task H22_Closing_ends_in_time_and_leaves_no_timer_no_connection_and_no_open_call(Phase phase)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
            await CloseInAsync(phase, new Random(seed));
        }
    }

    private static async Task CloseInAsync(Phase phase, Random random)
    {
        var time = new ManualTime();
        var peer = new ScriptedPeer();
        using var deaf = new CancellationTokenSource();
        ZooKeeperOptions options = peer.Options(time);
        TimeSpan? closedAt = null; // when it happened, not when this thread learns of it: on a busy machine the clock runs ahead
        options.LoggerFactory = new LogCollector(id => closedAt ??= id == 6 ? time.Now : null);
        options.Recovery = random.Next(2) == 0 || phase == Phase.BetweenSessions ? SessionRecovery.NewSession : SessionRecovery.None;
        options.AllowReadOnly = phase == Phase.ProbingForReadWrite;
        if (phase == Phase.Sasl) options.Sasl = new SaslOptions { UserName = "user", Password = "word" };
        if (phase == Phase.Connecting) peer.OnConnecting = (_, token) => new(Task.Delay(Timeout.Infinite, token));
        if (phase == Phase.ConnectingDeafly) peer.OnConnecting = (_, _) => new(Task.Delay(Timeout.Infinite, deaf.Token).ContinueWith(_ => { }, TaskScheduler.Default)); // comes back long after it was told to stop
        if (phase == Phase.BackingOff) peer.OnConnecting = (_, _) => throw new IOException("refused");
        ZooKeeperClient zk = phase == Phase.NeverStarted
            ? ZooKeeperClient.Create("peer", options, new Okapi.Connections.CallbackConnector(peer.ConnectAsync), random)
            : ZooKeeperClient.Start(options);
        var calls = new List<Task>();
        for (int i = random.Next(4); i > 0; i--) calls.Add(zk.ExistsAsync("/before").AsTask());
        Task serving = Task.CompletedTask;
        switch (phase)
        {
            case Phase.Connecting or Phase.ConnectingDeafly:
                time.Advance(Second * random.NextDouble() * 3);
                break;
            case Phase.BackingOff:
                time.Advance(Second * random.NextDouble() * 20);
                break;
            case Phase.Handshaking:
                await (await peer.AcceptAsync()).ExpectHandshakeAsync();
                break;
            case Phase.Sasl:
                await (await peer.AcceptSessionAsync()).ReadFrameAsync();
                break;
            case Phase.NeverStarted:
                break;
            default:
                serving = await EstablishAsync(phase, zk, peer, time, calls, random);
                break;
        }

        for (int i = random.Next(4); i > 0; i--) calls.Add(zk.SetAsync("/after", new byte[10]).AsTask());
        TimeSpan asked = time.Now;
        Task closing = zk.DisposeAsync().AsTask();
        if (phase == Phase.Concurrently) closing = Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await zk.DisposeAsync())).Append(closing));
        await time.AdvanceUntilAsync(closing.WaitAsync(ScriptedPeer.Patience), options.CloseTimeout + (60 * Second), TimeSpan.FromMilliseconds(5));
        Assert.True(closedAt - asked <= options.CloseTimeout + TimeSpan.FromMilliseconds(100) || phase is not (Phase.ServerDeaf or Phase.Closing), $"{phase}: {closedAt - asked}");
        await deaf.CancelAsync();
        await zk.DisposeAsync().AsTask().WaitAsync(ScriptedPeer.Patience); // once more
        foreach (Task call in calls) await Assert.ThrowsAnyAsync<Exception>(() => call.WaitAsync(ScriptedPeer.Patience));
        await Assert.ThrowsAsync<SessionClosedException>(async () => await zk.ExistsAsync("/later"));
        await Assert.ThrowsAsync<SessionClosedException>(() => zk.AddAuthAsync(AuthInfo.Digest("a", "b")).WaitAsync(ScriptedPeer.Patience));
        Assert.Equal(SessionState.Closed, zk.State);
        await Scripts.EventuallyAsync(() => peer.OpenConnections == 0);
        await Scripts.EventuallyAsync(() => time.ActiveTimers == 0);
        int attempts = peer.Attempts;
        time.Advance(60 * Second);
        Assert.Equal(attempts, peer.Attempts);
        await serving.WaitAsync(ScriptedPeer.Patience);
    }

    private static async Task<Task> EstablishAsync(Phase phase, ZooKeeperClient zk, ScriptedPeer peer, ManualTime time, List<Task> calls, Random random)
    {
        PeerConnection connection = await peer.AcceptSessionAsync(readOnly: phase == Phase.ProbingForReadWrite);
        await zk.SettleAsync();
        // What came before is answered with an error, so that every call of the test ends with one.
        int before = calls.Count;
        for (int i = 0; i < before; i++) await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Exists), error: ErrorCode.NoAuth);
        Task Answer(PeerRequest request) => request.OpCode == OpCode.CloseSession ? connection.ReplyAsync(request) : Task.CompletedTask;
        switch (phase)
        {
            case Phase.EstablishedWithWork:
                for (int i = 0; i < 50; i++) calls.Add(zk.SetAsync("/work", new byte[random.Next(100)]).AsTask());
                break;
            case Phase.ServerDeaf:
                return Task.CompletedTask;
            case Phase.ProbingForReadWrite:
                time.Advance(TimeSpan.FromMilliseconds(200));
                await peer.AcceptAsync();
                break;
            case Phase.Disconnected:
                connection.Close();
                await Scripts.EventuallyAsync(() => zk.State == SessionState.Disconnected);
                return Task.CompletedTask;
            case Phase.Closing:
                _ = zk.DisposeAsync().AsTask();
                await connection.ExpectAsync(OpCode.CloseSession);
                return Task.CompletedTask;
            case Phase.Closed:
                Task closed = zk.DisposeAsync().AsTask();
                await connection.ReplyAsync(await connection.ExpectAsync(OpCode.CloseSession));
                await closed.WaitAsync(ScriptedPeer.Patience);
                return Task.CompletedTask;
            case Phase.InAWatchLoop:
                Task<Watch> watching = zk.WatchAsync("/w");
                await connection.ReplyAsync(await connection.ExpectAsync(OpCode.AddWatch), (ref JuteWriter writer) => writer.WriteInt(0));
                Watch watch = await watching;
                await connection.NotifyAsync(WatchedEventType.NodeDataChanged, "/w");
                Task loop = Task.Run(async () =>
                {
                    await foreach (WatchedEvent _ in watch) await zk.DisposeAsync();
                });
                Task served = connection.ServeAsync(Answer);
                await loop.ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(ScriptedPeer.Patience); // that it ends is what matters
                return served;
            case Phase.DuringAddAuth:
                calls.Add(zk.AddAuthAsync(AuthInfo.Digest("user", "word")));
                break;
            case Phase.BetweenSessions:
                connection.Close();
                Task<PeerConnection> accepting = peer.AcceptAsync();
                await time.AdvanceUntilAsync(accepting, 10 * Second);
                _ = (await accepting).ExpireAsync();
                for (int i = random.Next(200); i > 0; i--) await Task.Yield(); // somewhere around the change of sessions
                return Task.CompletedTask;
            default:
                break;
        }

        return connection.ServeAsync(Answer);
    }

    // The peer answers nothing and no time passes: a close that is sent would never end.
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_client_that_detaches_sends_no_close()
    {
        var peer = new ScriptedPeer();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(peer.Options(new ManualTime()));
        Assert.Throws<InvalidOperationException>(() => zk.WithChroot("/a").DetachAsync().GetAwaiter().GetResult());
        Assert.NotNull(await zk.DetachAsync().Soon());
        await connection.ExpectClosedAsync();
        Assert.Null(await zk.DetachAsync().Soon()); // it is over
    }

    // The reader has begun to close the stream when the session's end wants to: it must wait, for a stream can have something to say at its end.
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task H22_A_client_that_is_disposed_of_has_closed_its_stream_whoever_began_to()
    {
        var time = new ManualTime();
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Options(time);
        SlowToClose? stream = null;
        options.ConnectCallback = async (server, token) => stream = new SlowToClose(await peer.ConnectAsync(server, token));
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        connection.Close();
        await stream!.Began.Task.Soon();
        Task closing = zk.DisposeAsync().AsTask();
        Task later = Task.Run(() => time.Advance(options.CloseTimeout + Second));
        await Task.WhenAny(closing, Task.Delay(TimeSpan.FromMilliseconds(200))); // nothing tells that a thread waits
        Assert.False(closing.IsCompleted);
        stream.GoesOn.Set();
        await closing.Soon();
        await later.Soon();
        Assert.Equal(0, peer.OpenConnections);
    }

    private sealed class SlowToClose(Stream inner) : CountingStream(inner)
    {
        public TaskCompletionSource Began { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ManualResetEventSlim GoesOn { get; } = new();

        protected override void Dispose(bool disposing)
        {
            Began.TrySetResult();
            GoesOn.Wait(ScriptedPeer.Patience);
            base.Dispose(disposing);
        }
    }

    // A session must outlive whatever it calls on the way.
    [Fact(Timeout = Scripts.TestTimeoutMs)]
    public async Task A_logger_that_throws_neither_stops_the_session_nor_its_end()
    {
        var peer = new ScriptedPeer();
        ZooKeeperOptions options = peer.Fast();
        options.LoggerFactory = new ThrowingLogs();
        (ZooKeeperClient zk, PeerConnection connection) = await peer.ConnectAsync(options);
        Task<Stat?> exists = zk.ExistsAsync("/a").AsTask();
        await connection.ExpectAsync(OpCode.Exists);
        connection.Reset();
        connection = await peer.AcceptSessionAsync();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.Exists), error: ErrorCode.NoNode);
        Assert.Null(await exists.Soon());
        Task closing = zk.DisposeAsync().AsTask();
        await connection.ReplyAsync(await connection.ExpectAsync(OpCode.CloseSession));
        await closing.Soon();
    }

    private sealed class ThrowingLogs : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => throw new InvalidOperationException("The log is full.");

        public void Dispose()
        {
        }
    }
}
