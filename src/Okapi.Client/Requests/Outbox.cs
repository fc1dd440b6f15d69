using System.Diagnostics;
using System.Numerics;
using Okapi.Protocol;

namespace Okapi.Requests;

/// <summary>What an outbox wakes when there is something to send: the connection in use.</summary>
internal interface IFlushTarget
{
    /// <summary>Starts sending. Called once; the target goes on until <see cref="Outbox.TakeBatch"/> has nothing more.</summary>
    /// <param name="atOnce">Send on this thread (nothing else is in flight, so waiting for more would only cost time), or gather what other callers add meanwhile.</param>
    void Flush(bool atOnce);
}

/// <summary>The bounds of an outbox.</summary>
internal readonly record struct OutboxLimits(int Requests, int UnsentBytes, int RequestBytes, int Resends = 8);

/// <summary>
/// A session's requests, from the call to the reply: encoded at once into the next batch to send (call order is wire order), and kept in that
/// order until their replies come. It lives as long as the session; connections come and go under it. What a lost connection had in flight is
/// sorted here: reads go first into the next connection's batch, writes fail as unknown, and what was not sent stays.
/// </summary>
/// <remarks>
/// One short lock guards plain fields; no user code, no I/O and no completion runs inside it.
/// The ring holds [<c>_head</c>, <c>_sent</c>) in flight and [<c>_sent</c>, <c>_tail</c>) encoded in <c>_frames</c>.
/// </remarks>
internal sealed class Outbox : IDisposable
{
    private readonly Lock _lock = new();
    private readonly OutboxLimits _limits;
    private readonly TimeProvider _time;
    private readonly Queue<PendingOperation> _waiting = new();
    private readonly JuteBuffer _control = new();
    private JuteBuffer _frames = new(16 * 1024);
    private PendingOperation?[] _ring = new PendingOperation?[64];
    private Stack<PendingOperation>?[] _free = [];
    private int _head;
    private int _sent;
    private int _tail;
    private int _xid;
    private int _forgotten;
    private IFlushTarget? _target;
    private bool _isOpen;
    private bool _isFlushing;
    private Func<Exception>? _ended;

    public Outbox(OutboxLimits limits, TimeProvider time, int firstXid = 0, bool runsInline = false)
    {
        RunsInline = runsInline;
        _limits = limits;
        _time = time;
        _xid = firstXid;
    }

    /// <summary>Whether what waits for a result runs on the thread that completes it; for simulations only.</summary>
    public bool RunsInline { get; }

    /// <summary>How many requests have no reply yet, waiting ones included.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _tail - _head + _waiting.Count;
        }
    }

    /// <summary>Whether there is one request without a reply at most; a guess, made without the lock.</summary>
    public bool HasOneAtMost => Volatile.Read(ref _tail) - Volatile.Read(ref _head) <= 1;

    /// <summary>Whether requests reach a server now.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_lock) return _isOpen;
        }
    }

    public ValueTask<TResult> SendAsync<TOperation, TResult>(in TOperation operation, CancellationToken cancellationToken)
        where TOperation : struct, IOperation<TResult>
    {
        PendingOperation<TOperation, TResult>? pending = Submit<TOperation, TResult>(operation, cancellationToken, out short version);
        if (pending is not null) return new(pending, version);
        return cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<TResult>(cancellationToken) : ValueTask.FromException<TResult>(_ended!());
    }

    /// <summary>As <see cref="SendAsync"/>, for a caller who needs no result.</summary>
    public ValueTask SendVoidAsync<TOperation>(in TOperation operation, CancellationToken cancellationToken)
        where TOperation : struct, IOperation<bool>
    {
        PendingOperation<TOperation, bool>? pending = Submit<TOperation, bool>(operation, cancellationToken, out short version);
        if (pending is not null) return new(pending, version);
        return cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled(cancellationToken) : ValueTask.FromException(_ended!());
    }

    /// <summary>Makes a connection the one to send on. Until <see cref="Open"/> it gets only what <see cref="SendControl"/> is given.</summary>
    public void Attach(IFlushTarget target)
    {
        lock (_lock)
        {
            Debug.Assert(_target is null, "a connection is detached before the next is attached");
            _target = target;
            _isOpen = false;
            _isFlushing = false;
            _control.Clear();
        }
    }

    /// <summary>Lets requests through to the attached connection.</summary>
    public void Open()
    {
        IFlushTarget? flush;
        lock (_lock)
        {
            if (_target is null) return;
            _isOpen = true;
            flush = StartFlush_NeedsLock();
        }

        flush?.Flush(atOnce: true);
    }

    /// <summary>Sends a frame of the session's own ahead of all requests. Lost with the connection.</summary>
    /// <param name="write">Writes the frame's body, header included.</param>
    public void SendControl(FrameWriter write)
    {
        IFlushTarget? flush;
        lock (_lock)
        {
            if (_target is null) return;
            AppendFrame(_control, write);
            flush = StartFlush_NeedsLock();
        }

        flush?.Flush(atOnce: true);
    }

    /// <summary>Sends a frame of the session's own after the requests made so far. Lost with the connection.</summary>
    /// <returns>False if no connection is open.</returns>
    public bool TrySendInOrder(FrameWriter write)
    {
        IFlushTarget? flush;
        lock (_lock)
        {
            if (!_isOpen) return false;
            AppendFrame(_frames, write);
            flush = StartFlush_NeedsLock();
        }

        flush?.Flush(atOnce: true);
        return true;
    }

    /// <summary>Swaps what waits to be sent for an empty buffer.</summary>
    /// <param name="target">Who asks; a detached connection gets nothing.</param>
    /// <param name="batch">An empty buffer in, what to send out.</param>
    /// <returns>False when there is nothing to send; then the next request calls <see cref="IFlushTarget.Flush"/> again.</returns>
    public bool TakeBatch(IFlushTarget target, ref JuteBuffer batch)
    {
        batch.Clear();
        lock (_lock)
        {
            if (_target != target) return false;
            if (_control.Length > 0)
            {
                batch.Append(_control.WrittenSpan);
                _control.Clear();
                return true;
            }

            if (_isOpen && _forgotten > 0) DropForgotten_NeedsLock();
            if (_isOpen && _waiting.Count > 0) Admit_NeedsLock();
            if (!_isOpen || _frames.Length == 0)
            {
                _isFlushing = false;
                return false;
            }

            (_frames, batch) = (batch, _frames);
            _sent = _tail;
            return true;
        }
    }

    /// <summary>Takes the request that a reply belongs to: always the oldest in flight.</summary>
    /// <param name="target">The connection the reply came on.</param>
    /// <param name="xid">The reply's number.</param>
    /// <param name="operation">The request, claimed for the caller to complete; null if it was completed before.</param>
    /// <returns>False if the connection is no longer in use.</returns>
    /// <exception cref="ProtocolException">The reply answers nothing, or not what is next (ZOOKEEPER-2775).</exception>
    public bool TakeReply(IFlushTarget target, int xid, out PendingOperation? operation)
    {
        operation = null;
        IFlushTarget? flush = null;
        lock (_lock)
        {
            if (_target != target) return false;
            if (_head == _sent) throw new ProtocolException($"A reply with xid {xid} came and no request is in flight.");
            ref PendingOperation? slot = ref _ring[_head & (_ring.Length - 1)];
            PendingOperation next = slot!;
            if (next.Xid != xid) throw new ProtocolException($"A reply with xid {xid} came where xid {next.Xid} ({next.OpCode}) is next.");
            slot = null;
            _head++;
            if (next.TryClaim()) operation = next;
            Release_NeedsLock(next);
            if (_waiting.Count > 0)
            {
                Admit_NeedsLock();
                flush = StartFlush_NeedsLock();
            }
        }

        flush?.Flush(atOnce: false);
        return true;
    }

    /// <summary>Takes the connection out of use and sorts what it had in flight.</summary>
    /// <returns>How many requests failed with an unknown outcome.</returns>
    public int Detach(IFlushTarget target, Func<PendingOperation, Exception> lost)
    {
        List<PendingOperation>? failed = null;
        lock (_lock)
        {
            if (_target != target) return 0;
            _target = null;
            _isOpen = false;
            _isFlushing = false;
            _control.Clear();
            DropForgotten_NeedsLock();
            PendingOperation[] inFlight = Take_NeedsLock(_head, _sent);
            PendingOperation[] unsent = Take_NeedsLock(_sent, _tail);
            _head = _sent = _tail = 0;
            JuteBuffer unsentFrames = _frames;
            _frames = new JuteBuffer(16 * 1024);
            foreach (PendingOperation operation in inFlight)
            {
                Release_NeedsLock(operation);
                if (operation.IsCompleted) continue;
                if (operation.IsSafeToResend && operation.Resends < _limits.Resends)
                {
                    operation.Resends++;
                    operation.IsHeld = true;
                    Encode_NeedsLock(operation);
                }
                else if (operation.TryClaim())
                {
                    (failed ??= []).Add(operation);
                }
            }

            _frames.Append(unsentFrames.WrittenSpan);
            unsentFrames.Dispose();
            foreach (PendingOperation operation in unsent) Push_NeedsLock(operation);
            Admit_NeedsLock();
        }

        if (failed is null) return 0;
        foreach (PendingOperation operation in failed) operation.Fail(lost(operation));
        return failed.Count;
    }

    /// <summary>Fails what has waited for longer than it may.</summary>
    /// <param name="now">The clock.</param>
    /// <param name="timeout">How long a request may take.</param>
    /// <param name="fail">Makes the failure.</param>
    /// <param name="next">How long until the next request is due; null if there is none.</param>
    /// <returns>True if a request that was sent is among them.</returns>
    public bool ExpireDue(long now, TimeSpan timeout, Func<PendingOperation, RequestOutcome, Exception> fail, out TimeSpan? next)
    {
        List<(PendingOperation Operation, RequestOutcome Outcome)>? due = null;
        bool anySent = false;
        next = null;
        lock (_lock)
        {
            // Calls are made in the ring's order, so the first that is not due ends the search.
            for (int i = _head; i != _tail; i++)
            {
                PendingOperation operation = _ring[i & (_ring.Length - 1)]!;
                bool sent = i - _sent < 0;
                if (operation.IsCompleted && !sent) continue;
                TimeSpan left = timeout - _time.GetElapsedTime(operation.StartedAt, now);
                if (left > TimeSpan.Zero)
                {
                    next = left;
                    break;
                }

                anySent |= sent;
                if (!operation.TryClaim()) continue; // cancelled; that its reply is overdue says as much about the connection
                (due ??= []).Add((operation, sent ? RequestOutcome.Unknown : RequestOutcome.NotSent));
                if (!sent) _forgotten++;
            }

            if (next is null)
            {
                foreach (PendingOperation operation in _waiting)
                {
                    if (operation.IsCompleted) continue;
                    TimeSpan left = timeout - _time.GetElapsedTime(operation.StartedAt, now);
                    if (left > TimeSpan.Zero)
                    {
                        next = left;
                        break;
                    }

                    if (!operation.TryClaim()) continue;
                    (due ??= []).Add((operation, RequestOutcome.NotSent));
                    _forgotten++;
                }
            }

            Sweep_NeedsLock();
        }

        if (due is null) return anySent;
        foreach ((PendingOperation operation, RequestOutcome outcome) in due) operation.Fail(fail(operation, outcome));
        return anySent;
    }

    /// <summary>Ends the outbox: what is pending fails, and so does whatever comes later.</summary>
    public void End(Func<Exception> error)
    {
        var pending = new List<PendingOperation>();
        lock (_lock)
        {
            if (_ended is not null) return;
            _ended = error;
            _target = null;
            _isOpen = false;
            pending.AddRange(Take_NeedsLock(_head, _tail));
            pending.AddRange(_waiting);
            _head = _sent = _tail = 0;
            _waiting.Clear();
            _frames.Clear();
            _control.Clear();
            foreach (PendingOperation operation in pending) operation.IsHeld = false;
        }

        foreach (PendingOperation operation in pending)
            if (operation.TryClaim()) operation.Fail(error());
    }

    /// <summary>A cancelled request that is not sent yet never will be.</summary>
    public void ForgetIfUnsent(PendingOperation operation)
    {
        lock (_lock)
        {
            if (!operation.IsHeld || (!operation.IsWaiting && operation.Place - _sent < 0)) return;
            _forgotten++;
            Sweep_NeedsLock();
        }
    }

    /// <summary>Takes an object back for another use, once the outbox does not point to it any more.</summary>
    public void Recycle<TOperation, TResult>(PendingOperation<TOperation, TResult> operation)
        where TOperation : struct, IOperation<TResult>
    {
        lock (_lock)
        {
            if (operation.IsConsumed) return; // awaited twice, which is a mistake; two later callers would share the object
            operation.IsConsumed = true;
            if (operation.IsHeld) return; // a cancelled one, whose reply is still to come; it is left to the collector
            Stack<PendingOperation> free = _free[OperationKind<TOperation, TResult>.Index]!;
            // As many as could ever be in flight would be held for ever after one burst; this many serve a steady load.
            if (free.Count < 4096) free.Push(operation);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _frames.Dispose();
            _control.Dispose();
        }
    }

    private bool IsFull_NeedsLock => _tail - _head >= _limits.Requests || _frames.Length >= _limits.UnsentBytes || _waiting.Count > 0;

    private static void AppendFrame(JuteBuffer buffer, FrameWriter write)
    {
        var writer = new JuteWriter(buffer);
        int start = writer.BeginFrame();
        write(ref writer);
        writer.EndFrame(start);
        writer.Commit();
    }

    private PendingOperation<TOperation, TResult>? Submit<TOperation, TResult>(in TOperation operation, CancellationToken cancellationToken, out short version)
        where TOperation : struct, IOperation<TResult>
    {
        version = 0;
        if (cancellationToken.IsCancellationRequested) return null;
        PendingOperation<TOperation, TResult> pending;
        IFlushTarget? flush;
        bool atOnce;
        lock (_lock)
        {
            if (_ended is not null) return null;
            pending = Rent_NeedsLock<TOperation, TResult>();
            pending.Prepare(operation);
            pending.StartedAt = _time.GetTimestamp();
            version = pending.Version;
            pending.IsHeld = true;
            pending.IsWaiting = IsFull_NeedsLock;
            if (pending.IsWaiting) _waiting.Enqueue(pending);
            else Encode_NeedsLock(pending);
            atOnce = _tail - _head == 1;
            flush = StartFlush_NeedsLock();
        }

        // The caller has no task yet, so nothing can take the object's next use before this returns.
        pending.Observe(cancellationToken);
        flush?.Flush(atOnce);
        return pending;
    }

    private PendingOperation<TOperation, TResult> Rent_NeedsLock<TOperation, TResult>()
        where TOperation : struct, IOperation<TResult>
    {
        int kind = OperationKind<TOperation, TResult>.Index;
        if (kind >= _free.Length) Array.Resize(ref _free, kind + 8);
        Stack<PendingOperation> free = _free[kind] ??= new();
        return free.Count > 0 ? (PendingOperation<TOperation, TResult>)free.Pop() : new(this);
    }

    private IFlushTarget? StartFlush_NeedsLock()
    {
        if (_isFlushing || _target is null || (_control.Length == 0 && (!_isOpen || _frames.Length == 0))) return null;
        _isFlushing = true;
        return _target;
    }

    private void Encode_NeedsLock(PendingOperation operation)
    {
        int xid = Xids.Next(_xid);
        var writer = new JuteWriter(_frames);
        int start = writer.BeginFrame();
        new RequestHeader(xid, operation.OpCode).Write(ref writer);
        try
        {
            operation.Write(ref writer);
        }
        catch (Exception fault) // a buffer that its owner has taken back, say: the caller's alone
        {
            operation.IsHeld = false;
            if (operation.TryClaim()) operation.Fail(fault);
            return;
        }

        int length = writer.EndFrame(start);
        if (length > _limits.RequestBytes)
        {
            operation.IsHeld = false;
            if (operation.TryClaim())
                operation.Fail(new ArgumentException($"The request {operation.OpCode} for {operation.Path} has {length} bytes; {nameof(ZooKeeperOptions)}.{nameof(ZooKeeperOptions.MaxRequestSize)} allows {_limits.RequestBytes}."));
            return;
        }

        writer.Commit();
        _xid = xid;
        operation.Xid = xid;
        Push_NeedsLock(operation);
    }

    private void Push_NeedsLock(PendingOperation operation)
    {
        if (_tail - _head == _ring.Length) GrowRing_NeedsLock();
        operation.Place = _tail;
        _ring[_tail & (_ring.Length - 1)] = operation;
        _tail++;
    }

    private void GrowRing_NeedsLock()
    {
        var larger = new PendingOperation?[(int)BitOperations.RoundUpToPowerOf2((uint)_ring.Length + 1)];
        for (int i = _head; i != _tail; i++) larger[i & (larger.Length - 1)] = _ring[i & (_ring.Length - 1)];
        _ring = larger;
    }

    private PendingOperation[] Take_NeedsLock(int from, int to)
    {
        var taken = new PendingOperation[to - from];
        for (int i = 0; i < taken.Length; i++)
        {
            ref PendingOperation? slot = ref _ring[(from + i) & (_ring.Length - 1)];
            taken[i] = slot!;
            slot = null;
        }

        return taken;
    }

    // A consumed object that was still held (cancelled in flight) is not pooled: it is rare, and the collector has it.
    private static void Release_NeedsLock(PendingOperation operation) => operation.IsHeld = false;

    private void Admit_NeedsLock()
    {
        while (_waiting.Count > 0 && _tail - _head < _limits.Requests && _frames.Length < _limits.UnsentBytes)
        {
            PendingOperation operation = _waiting.Dequeue();
            operation.IsWaiting = false;
            if (operation.IsCompleted) operation.IsHeld = false;
            else Encode_NeedsLock(operation);
        }
    }

    /// <summary>
    /// Lets go of what was cancelled or timed out before it was sent, once it is the larger part: while no server can be reached nothing else would, and callers
    /// who keep trying would fill the memory (H30).
    /// </summary>
    private void Sweep_NeedsLock()
    {
        if (_forgotten < 256 || _forgotten * 2 < _tail - _sent + _waiting.Count) return;
        DropForgotten_NeedsLock();
        for (int i = _waiting.Count; i > 0; i--)
        {
            PendingOperation operation = _waiting.Dequeue();
            if (operation.IsCompleted) operation.IsHeld = false;
            else _waiting.Enqueue(operation);
        }

        Admit_NeedsLock();
    }

    /// <summary>Takes completed requests, and the session's own frames of a lost connection, out of what waits to be sent.</summary>
    private void DropForgotten_NeedsLock()
    {
        _forgotten = 0;
        PendingOperation[] unsent = Take_NeedsLock(_sent, _tail);
        _tail = _sent;
        if (_frames.Length == 0) return;
        var kept = new JuteBuffer(_frames.Length);
        ReadOnlySpan<byte> rest = _frames.WrittenSpan;
        int next = 0;
        while (rest.Length > 0)
        {
            var reader = new JuteReader(rest);
            ReadOnlySpan<byte> frame = rest[..(4 + reader.ReadInt())];
            rest = rest[frame.Length..];
            if (reader.ReadInt() < 0)
            {
                if (_isOpen) kept.Append(frame);
                continue;
            }

            PendingOperation operation = unsent[next++];
            if (operation.IsCompleted)
            {
                operation.IsHeld = false;
            }
            else
            {
                kept.Append(frame);
                Push_NeedsLock(operation);
            }
        }

        _frames.Dispose();
        _frames = kept;
    }
}

/// <summary>Writes the body of a frame.</summary>
internal delegate void FrameWriter(ref JuteWriter writer);
