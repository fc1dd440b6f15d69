using System.Runtime.CompilerServices;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.Sessions;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Protocol;

/// <summary>Tests that measure the whole process, or listen to what is static in it, and so run while no others do.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class Alone
{
    public const string Name = "Alone";
}

/// <summary>What the scripts of these tests have in common.</summary>
internal static class Scripts
{
    /// <summary>A failure's bound for a whole test: a script that waits for a request keeps answering pings, for ever if need be.</summary>
    public const int TestTimeoutMs = 120_000;

    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(30);

    /// <summary>For scripts in real time: a pause of the machine is no time-out, and nobody waits for the next attempt.</summary>
    public static ZooKeeperOptions InRealTime(this ZooKeeperOptions options)
    {
        options.SessionTimeout = TimeSpan.FromSeconds(30);
        options.BackoffMinimum = options.BackoffMaximum = TimeSpan.FromMilliseconds(1);
        return options;
    }

    /// <summary>Options for scripts that cut connections often and do not answer a close.</summary>
    public static ZooKeeperOptions Fast(this ScriptedPeer peer)
    {
        ZooKeeperOptions options = peer.Options().InRealTime();
        options.CloseTimeout = TimeSpan.FromMilliseconds(20);
        return options;
    }

    public static async Task<(ZooKeeperClient Client, PeerConnection Connection)> ConnectAsync(this ScriptedPeer peer, ZooKeeperOptions? options = null)
    {
        ZooKeeperClient client = ZooKeeperClient.Start(options ?? peer.Fast());
        PeerConnection connection = await peer.AcceptSessionAsync();
        await client.SettleAsync();
        return (client, connection);
    }

    /// <summary>
    /// Waits until the client is connected, and through with all that this brings: whoever is told of a connection may move a clock before the session has set its timer by it, or ask for
    /// something while it still does something else.
    /// </summary>
    public static async Task SettleAsync(this ZooKeeperClient client)
    {
        await client.WaitConnectedAsync(Patience);
        await EventuallyAsync(() => !Volatile.Read(ref IsHandling(client.Core.Session)));
    }

    /// <summary>Waits for what tells nobody that it has come about.</summary>
    public static async Task EventuallyAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        long started = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience) throw new TimeoutException($"It did not come about: {what}.");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    public static Task Soon(this Task task) => task.WaitAsync(Patience);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Patience);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Patience);

    /// <summary>Everything of a stream up to its end.</summary>
    public static async Task<List<T>> ToListAsync<T>(this IAsyncEnumerable<T> stream)
    {
        var items = new List<T>();
        await using IAsyncEnumerator<T> reader = stream.GetAsyncEnumerator();
        while (await reader.MoveNextAsync().Soon()) items.Add(reader.Current);
        return items;
    }

    public static async Task<T> NextAsync<T>(this IAsyncEnumerator<T> reader)
    {
        Assert.True(await reader.MoveNextAsync().Soon(), "the stream has ended");
        return reader.Current;
    }

    public static Stat Stat(long mzxid = 1, long owner = 0) => new(1, mzxid, 0, 0, 0, 0, 0, owner, 0, 0, mzxid);

    public static FrameBody Body(Stat stat) => stat.Write;

    public static FrameBody Data(byte[]? data, long mzxid = 1) => new DataReply(data, Stat(mzxid)).Write;

    public static FrameBody Text(string path) => new PathReply(path).Write;

    public static FrameBody Names(params string[] names) => new NamesReply(names).Write;

    public static FrameBody Results(params MultiResult[] results) => (ref JuteWriter writer) => MultiResult.WriteAll(results, ref writer);

    /// <summary>Answers any request as a server would on which every znode exists and every write succeeds.</summary>
    public static Task AnswerAsync(this PeerConnection connection, PeerRequest request) => connection.ReplyAsync(request, Answer(request));

    public static FrameBody? Answer(PeerRequest request) => request.OpCode switch
    {
        OpCode.Exists or OpCode.SetData or OpCode.SetAcl => Body(Stat()),
        OpCode.GetData => Data([1, 2, 3]),
        OpCode.GetChildren => Names("x", "y"),
        OpCode.GetChildren2 => new ChildrenReply(["x", "y"], Stat()).Write,
        OpCode.Create or OpCode.Sync => Text(request.Path),
        OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl => new CreateReply(request.Path, Stat()).Write,
        OpCode.GetAcl => new AclReply([.. Acl.Open], Stat()).Write,
        _ => null,
    };

    /// <summary>Accepts connections of one session for as long as the client makes any, and answers everything.</summary>
    public static async Task ServeForeverAsync(this ScriptedPeer peer, Func<PeerConnection, PeerRequest, Task>? answer = null)
    {
        try
        {
            while (true)
            {
                PeerConnection connection = await peer.AcceptAsync();
                await connection.ExpectHandshakeAsync();
                long session = connection.Handshake.SessionId == 0 ? 0x1234 : connection.Handshake.SessionId;
                await connection.SendFrameAsync(new ConnectResponse(0, connection.Handshake.TimeoutMs, session, new byte[16], ReadOnly: false).Write);
                await connection.ServeAsync(request => answer is null ? connection.AnswerAsync(request) : answer(connection, request));
            }
        }
        catch (Exception over) when (over is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // Nobody connects any more, or the client left in the middle of a handshake.
        }
    }

    /// <summary>The number of the client's last request.</summary>
    public static ref int LastXid(this ZooKeeperClient client) => ref XidOf(client.Core.Session.Outbox);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_xid")]
    private static extern ref int XidOf(Outbox outbox);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_isHandling")]
    private static extern ref bool IsHandling(Session session);
}
