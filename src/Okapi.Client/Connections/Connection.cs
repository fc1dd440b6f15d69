using System.Net.Security;
using System.Net.Sockets;
using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Connections;

/// <summary>What a connection tells its session. Called on the connection's own loops.</summary>
internal interface IConnectionOwner
{
    /// <summary>A whole frame came; the first of a connection is the answer to the session's handshake.</summary>
    /// <exception cref="ProtocolException">The frame breaks the protocol; the connection ends.</exception>
    void OnFrame(Connection connection, ReadOnlySpan<byte> frame);

    /// <summary>A frame came that is larger than allowed; only its header was read and the rest is skipped.</summary>
    /// <exception cref="ProtocolException">It answers nothing; the connection ends.</exception>
    void OnOversized(Connection connection, ReplyHeader header, int length);

    /// <summary>The connection's reader is about to wait.</summary>
    /// <returns>For how long at most; the owner is told again after that.</returns>
    TimeSpan OnWaiting();

    /// <summary>The connection is over. Called once at most, and not after <see cref="Connection.Abort"/>.</summary>
    void OnLost(Connection connection, Exception reason);
}

/// <summary>
/// One byte stream to one server, from its first byte to its last: receives, and sends what the outbox holds, all that waits in one write. When it ends it is dropped, never used again.
/// </summary>
#pragma warning disable CA1001 // its buffer is left to the collector: a send that is still running may read it
internal sealed class Connection : IFlushTarget, IFlusher, IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private readonly Link _link;
    private readonly Outbox _outbox;
    private readonly IConnectionOwner _owner;
    private readonly TimeProvider _time;
    private readonly FrameReader _frames;
    private readonly Action<IThreadPoolWorkItem> _schedule;
    private readonly CompletionThread? _thread;
    private readonly Lock _closing = new();
    private bool _isClosed;
    private JuteBuffer _batch = new(16 * 1024);
    private bool _hasBatch;

    /// <summary>There is something to send that nobody has begun with: whoever takes this does it.</summary>
    private int _isOwed;
    private int _isOver;
    private long _lastHeard;
    private long _lastSent;

    public Connection(Link link, ServerEndpoint server, int attempt, Outbox outbox, IConnectionOwner owner, TimeProvider time, int maxFrame, Action<IThreadPoolWorkItem> schedule)
    {
        _link = link;
        _outbox = outbox;
        _owner = owner;
        _time = time;
        _frames = new FrameReader(this, owner, maxFrame);
        _schedule = schedule;
        _thread = link.Socket is null ? null : new CompletionThread(schedule, this);
        Completions = _thread ?? (outbox.RunsInline ? new InlineCompletions() : new CompletionQueue(schedule));
        Server = server;
        Attempt = attempt;
        _lastHeard = _lastSent = time.GetTimestamp();
    }

    /// <summary>Where requests go when their replies were read.</summary>
    public CompletionQueue Completions { get; }

    public ServerEndpoint Server { get; }

    /// <summary>Which of its session's attempts it came of; what a dropped one still has to say is told apart by it.</summary>
    public int Attempt { get; }

    /// <summary>When bytes last came, on the clock of <see cref="TimeProvider"/>.</summary>
    public long LastHeard => Volatile.Read(ref _lastHeard);

    /// <summary>When bytes were last handed to the stream.</summary>
    public long LastSent => Volatile.Read(ref _lastSent);

    public bool IsOver => Volatile.Read(ref _isOver) != 0;

    /// <summary>Begins to receive: on a thread of its own where reads may wait on one, else asynchronously.</summary>
    public void Start()
    {
        if (_thread is null)
        {
            _ = ReceiveAsync();
            return;
        }

        _link.Socket!.WaitLimit = () =>
        {
            TimeSpan owners = _owner.OnWaiting(), threads = _thread.Supervise();
            return threads == Timeout.InfiniteTimeSpan || owners < threads ? owners : threads;
        };
        _link.Socket.AwaitsOneReply = () => _outbox.HasOneAtMost;
        SpareThread.Run($"Okapi completions {Server}", _thread.Run);
        SpareThread.Run($"Okapi reader {Server}", Receive);
    }

    /// <summary>Ends the connection; its owner is not told, because it is the owner who does this.</summary>
    /// <param name="waits">Whether the stream must be closed when this returns. Else, if it is being closed already, that may go on: a stream that takes its time must not keep a session from the next server.</param>
    public void Abort(bool waits = false)
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0 || waits) CloseStream();
    }

    public void Flush(bool atOnce)
    {
        if (atOnce)
        {
            _ = SendAsync(isCaller: true);
            return;
        }

        Interlocked.Exchange(ref _isOwed, 1);
        if (!Completions.TakesFlush()) FlushOnPool();
    }

    public bool IsOwed => Volatile.Read(ref _isOwed) != 0;

    public void FlushOwed()
    {
        if (TakeOwed()) _ = SendAsync(isCaller: true);
    }

    public void FlushOnPool() => _schedule(this);

    void IThreadPoolWorkItem.Execute()
    {
        if (TakeOwed()) _ = SendAsync(isCaller: false);
    }

    private bool TakeOwed() => IsOwed && Interlocked.Exchange(ref _isOwed, 0) != 0;

    /// <summary>Sends until nothing waits. A caller's thread sends one batch and leaves what others add meanwhile to the connection's second thread, or to the pool.</summary>
    private async Task SendAsync(bool isCaller)
    {
        try
        {
            for (bool isFirst = true; TakeBatch(); isFirst = false)
            {
                if (isCaller && !isFirst)
                {
                    _hasBatch = true;
                    Flush(atOnce: false);
                    return;
                }

                int length = _batch.Length;
                await _link.Stream.WriteAsync(_batch.Written).ConfigureAwait(false);
                Volatile.Write(ref _lastSent, _time.GetTimestamp());
                Telemetry.Sent(length);
            }
        }
        catch (Exception error) // the top of a task: whatever it is ends the connection, visibly
        {
            End(error);
        }
    }

    /// <summary>Takes what was taken before and left, or else what waits. Until there is neither, nobody else begins to send.</summary>
    private bool TakeBatch()
    {
        if (!_hasBatch) return _outbox.TakeBatch(this, ref _batch);
        _hasBatch = false;
        return true;
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (!IsOver)
            {
                int count = await _link.Stream.ReadAsync(_frames.GetRoom()).ConfigureAwait(false);
                Heard(count);
            }
        }
        catch (Exception error) // the top of a task: whatever it is ends the connection, visibly
        {
            End(error);
        }
        finally
        {
            _frames.Return();
        }
    }

    private void Receive()
    {
        try
        {
            while (!IsOver) Heard(_link.Stream.Read(_frames.GetRoom().Span));
        }
        catch (Exception error) // the top of a thread: whatever it is ends the connection, visibly
        {
            End(error);
        }
        finally
        {
            _frames.Return();
            Completions.End();
        }
    }

    /// <summary>Takes what has come. Not a method that reads: an asynchronous one would allocate for every wait.</summary>
    private void Heard(int count)
    {
        if (count == 0)
        {
            throw new EndOfStreamException(_frames.HasFrame
                ? "the server closed the connection"
                : "the server closed the connection before it answered the session's handshake: does it serve yet, and does this port expect TLS?");
        }

        Volatile.Write(ref _lastHeard, _time.GetTimestamp());
        Telemetry.Received(count);
        try
        {
            _frames.Received(count);
        }
        finally
        {
            Completions.Publish();
        }
    }

    private void End(Exception reason)
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0) return;
        CloseStream();
        _owner.OnLost(this, Explain(reason));
    }

    /// <summary>With TLS 1.3 a server refuses the client's certificate only after the handshake, and what it says is in the inner exception.</summary>
    private Exception Explain(Exception reason) => _link.Stream is SslStream && reason is IOException { InnerException: { } inner and not SocketException }
        ? new IOException($"the server ended the TLS connection: {inner.Message}{(inner.InnerException is null ? string.Empty : " " + inner.InnerException.Message)}", reason)
        : reason;

    private void CloseStream()
    {
        lock (_closing)
        {
            if (_isClosed) return;
            _isClosed = true;
            try
            {
                _link.Stream.Dispose();
            }
            catch (Exception error) when (error is IOException or InvalidOperationException)
            {
                // A stream of the user's, or TLS that wanted to say goodbye; it is over all the same.
            }
        }
    }
}
