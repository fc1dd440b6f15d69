using System.Net;
using System.Threading.Tasks.Sources;
using Okapi.Protocol;
using Okapi.Server.Faults;
using Okapi.Server.Security;
using Okapi.Server.Sessions;
using Okapi.Server.Watches;

namespace Okapi.Server.Connections;

/// <summary>
/// One connection. Its reader takes bytes from the stream and hands them to the server's loop, which looks at them in place; only then are more read, so a client that sends
/// faster than it is served waits in its own socket and not in this process's memory.
/// </summary>
internal sealed class ServerConnection : IWork, IWatcher, IValueTaskSource, IDisposable
{
    private readonly Stream _stream;
    private readonly ServerLoop _loop;
    private readonly Member _member;
    private readonly FrameBuffer _received;
    private readonly Outgoing _outgoing;
    private readonly CancellationTokenSource _ended = new();
    private readonly Action _receive;
    private ManualResetValueTaskSourceCore<bool> _processed = new() { RunContinuationsAsynchronously = true };
    private bool _isRunning;
    private bool _isSuspended;
    private volatile bool _isClosing;
    private volatile bool _isHalfClosed;
    private bool _isInRound;
    private long _arrival;

    public ServerConnection(Stream stream, IPEndPoint? remote, Member member, ServerLoop loop, int maxFrame, DateTimeOffset now)
    {
        _stream = stream;
        _member = member;
        _loop = loop;
        _received = new FrameBuffer(maxFrame);
        _receive = () => _member.Handler.Receive(this, _received);
        _outgoing = new Outgoing(SendAsync, CloseAtOnce);
        Remote = remote;
        Established = now;
        Statistics = new ConnectionStatistics(member.Statistics);
        if (remote is not null) Identities.Add(new Identity("ip", remote.Address.ToString()));
    }

    /// <summary>Where the client is; null for a connection in memory.</summary>
    public IPEndPoint? Remote { get; }

    public DateTimeOffset Established { get; }

    /// <summary>Since when it only sends what it owes; null: it does not end yet.</summary>
    public DateTimeOffset? EndingSince { get; private set; }

    public ServerSession? Session { get; set; }

    public long SessionId => Session?.Id ?? 0;

    /// <summary>Who the client has proven to be on this connection; a session that resumes starts afresh (B70).</summary>
    public List<Identity> Identities { get; } = [];

    /// <summary>A SASL exchange under way.</summary>
    public ISaslExchange? Sasl { get; set; }

    /// <summary>Whether the client did not send the byte that says whether it takes a read-only server; it does not get it back either (B2).</summary>
    public bool IsOldClient { get; set; }

    /// <summary>What is to happen to the reply of the request that is being handled.</summary>
    public Fault? ReplyFault { get; set; }

    /// <summary>How many bytes the connection has taken from the client so far; its reader's.</summary>
    public long BytesIn { get; set; }

    /// <summary>How many bytes it has sent so far; its sender's.</summary>
    public long BytesOut { get; set; }

    public ConnectionStatistics Statistics { get; }

    /// <summary>How many bytes wait to be sent.</summary>
    public int WaitingBytes => _outgoing.Count;

    /// <summary>Whether nothing more will be read from it.</summary>
    public bool IsClosing => _isClosing;

    /// <summary>Serves the connection until one side has had enough.</summary>
    public async Task ServeAsync()
    {
        if (!_loop.Post(new Arrival(this)))
        {
            Dispose();
            return;
        }

        try
        {
            while (!_isClosing)
            {
                await _outgoing.WhenDrainedAsync().ConfigureAwait(false);
                // What is left of the last time was left because too much waited to be sent.
                if (!_received.HasFrame && !await ReadAsync().ConfigureAwait(false)) break;
                _processed.Reset();
                if (!_loop.Post(this)) break;
                await new ValueTask(this, _processed.Version).ConfigureAwait(false);
                _received.Trim();
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            // The client is gone, or we cut it off.
        }
        finally
        {
            await FinishAsync().ConfigureAwait(false);
            if (!_loop.Post(new Departure(this))) Dispose();
        }
    }

    /// <returns>False at the end of what the client sends.</returns>
    private async ValueTask<bool> ReadAsync()
    {
        int count = await _stream.ReadAsync(_received.GetSpace(), _ended.Token).ConfigureAwait(false);
        if (count == 0) return false;
        count = await _member.Faults.PassInAsync(this, count, _ended.Token).ConfigureAwait(false);
        _received.Received(count);
        _arrival = _member.Options.TimeProvider.GetTimestamp();
        return true;
    }

    /// <summary>Lets the client have what it is owed: whoever says the last word and hangs up may still read.</summary>
    private async Task FinishAsync()
    {
        if (_ended.IsCancellationRequested || !_loop.Post(new Closing(this))) return;
        try
        {
            await _outgoing.Ended.WaitAsync(_member.Options.HandshakeTimeout, _member.Options.TimeProvider, _ended.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            // It does not read, or it was cut off.
        }
    }

    /// <summary>Handles what has been received; the loop calls it.</summary>
    public void Run()
    {
        _isRunning = true;
        Attempt(_receive);
        _isRunning = false;
        if (!_isSuspended) _processed.SetResult(true);
    }

    /// <summary>Does something for this connection; if it fails, the connection ends and the server goes on.</summary>
    public void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (ProtocolException error)
        {
            Log.BadFrame(_member.Logger, Remote?.ToString() ?? "memory", error.Message);
            Close();
        }
#pragma warning disable CA1031 // a fault of ours in one request harms no other connection, and it is seen
        catch (Exception error) when (error is not CommitException)
#pragma warning restore CA1031
        {
            Log.RequestFailed(_member.Logger, error, Remote?.ToString() ?? "memory");
            Abort();
        }
    }

    /// <summary>Takes no further request from this connection until <see cref="Resume"/>; replies must stay in order.</summary>
    public void Suspend() => _isSuspended = true;

    public bool IsSuspended => _isSuspended;

    public void Resume()
    {
        if (!_isSuspended) return;
        _isSuspended = false;
        if (!_isRunning && !_loop.Post(this)) _processed.SetResult(true);
    }

    public void Reply(int xid, long zxid, ErrorCode error = ErrorCode.Ok)
    {
        _outgoing.Write(new ReplyHeader(xid, zxid, error), static (ref JuteWriter writer, ReplyHeader header) => header.Write(ref writer), TakeAlteration());
        Statistics.Answered(zxid);
        Sent();
    }

    public void Reply<T>(int xid, long zxid, in T body, ErrorCode error = ErrorCode.Ok)
        where T : IJuteRecord<T>
    {
        _outgoing.Write(
            (Header: new ReplyHeader(xid, zxid, error), Body: body),
            static (ref JuteWriter writer, (ReplyHeader Header, T Body) reply) =>
            {
                reply.Header.Write(ref writer);
                reply.Body.Write(ref writer);
            },
            TakeAlteration());
        Statistics.Answered(zxid);
        Sent();
    }

    public void ReplyMulti(int xid, long zxid, IReadOnlyList<MultiResult> results)
    {
        _outgoing.Write(
            (Header: new ReplyHeader(xid, zxid, ErrorCode.Ok), Results: results),
            static (ref JuteWriter writer, (ReplyHeader Header, IReadOnlyList<MultiResult> Results) reply) =>
            {
                reply.Header.Write(ref writer);
                MultiResult.WriteAll(reply.Results, ref writer);
            },
            TakeAlteration());
        Statistics.Answered(zxid);
        Sent();
    }

    /// <summary>Sends a frame that has no header: the answer to the handshake.</summary>
    public void Send<TState>(TState state, FrameWriter<TState> write)
    {
        _outgoing.Write(state, write, TakeAlteration());
        Statistics.Answered(_member.View.LastZxid);
        Sent();
    }

    /// <summary>Sends bytes that are no frame: the answer to a four-letter word.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes)
    {
        _outgoing.WriteRaw(bytes);
        Written();
    }

    public void Notify(WatchedEventType type, string path, long zxid, IReadOnlyList<Acl>? acl)
    {
        if (acl is not null && !AccessControl.Allows(acl, Permissions.Read, Identities)) return;
        _outgoing.Write(
            (Header: new ReplyHeader(Xids.Notification, zxid, ErrorCode.Ok), Event: new WatcherEvent(type, KeeperState.SyncConnected, path)),
            static (ref JuteWriter writer, (ReplyHeader Header, WatcherEvent Event) notification) =>
            {
                notification.Header.Write(ref writer);
                notification.Event.Write(ref writer);
            });
        Sent();
        if (_outgoing.Count > Outgoing.Limit) Abort();
    }

    /// <summary>Lets go what was written in this round.</summary>
    public void Flush()
    {
        _isInRound = false;
        Statistics.Flushed(_member.Options.TimeProvider, _arrival);
        _outgoing.Flush();
    }

    /// <summary>Ends the connection when what has been written is sent; the loop calls it.</summary>
    public void Close()
    {
        if (_isClosing) return;
        _isClosing = true;
        _member.Watches.RemoveAll(this); // before the client can see the end: nothing may then be as if it were still here
        EndingSince = _member.Options.TimeProvider.GetUtcNow();
        _outgoing.End();
        Written();
        Resume();
    }

    /// <summary>Ends the connection at once; the client sees a reset.</summary>
    public void Abort()
    {
        _isClosing = true;
        Sockets.Abort(_stream); // first: its reader, once it is told, closes the stream in good order
        _ended.Cancel();
        _loop.Post(new Waking(this)); // its reader may wait for a request that waits
    }

    /// <summary>Ends the connection at once and in good order, whatever waits to be sent.</summary>
    public void CloseAtOnce()
    {
        _isClosing = true;
        _ended.Cancel();
        _stream.Dispose();
        _loop.Post(new Waking(this));
    }

    /// <summary>Sends nothing more, as a server would that has half closed.</summary>
    public void HalfClose()
    {
        _isHalfClosed = true;
        Sockets.CloseWriting(_stream);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _processed.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _processed.OnCompleted(continuation, state, token, flags);

    public void GetResult(short token) => _processed.GetResult(token);

    private Func<byte[], byte[]?>? TakeAlteration()
    {
        if (ReplyFault is not { } fault) return null;
        ReplyFault = null;
        if (fault.Kind != FaultKind.CutForReply) return fault.Alteration;
        MemberFaults.Cut(this, fault.Cut);
        return static _ => null;
    }

    private void Sent()
    {
        Statistics.CountSent();
        Written();
    }

    private void Written()
    {
        if (_isInRound) return;
        _isInRound = true;
        _member.OnWritten(this);
    }

    private ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => _isHalfClosed ? default : _member.Faults.SendAsync(_stream, bytes, this, _ended.Token);

    /// <summary>Gives back what it holds; nothing of it is in use any more.</summary>
    public void Dispose()
    {
        _isClosing = true;
        _outgoing.Dispose();
        _received.Dispose();
        _stream.Dispose();
        // Not disposed: a send may still look at it; it holds nothing.
        _ended.Cancel();
    }

    private sealed class Arrival(ServerConnection connection) : IWork
    {
        public void Run() => connection._member.OnConnected(connection);
    }

    private sealed class Closing(ServerConnection connection) : IWork
    {
        public void Run() => connection.Close();
    }

    private sealed class Waking(ServerConnection connection) : IWork
    {
        public void Run() => connection.Resume();
    }

    /// <summary>The end of a connection, on the loop.</summary>
    private sealed class Departure(ServerConnection connection) : IWork
    {
        public void Run()
        {
            connection._member.OnGone(connection);
            connection.Dispose();
        }
    }
}
