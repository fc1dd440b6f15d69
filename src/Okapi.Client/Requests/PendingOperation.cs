using System.Threading.Tasks.Sources;
using Okapi.Protocol;

namespace Okapi.Requests;

/// <summary>
/// A request without a reply yet. It is completed exactly once (<see cref="TryClaim"/>), by whoever comes first: the reply, a lost connection,
/// a time-out, the caller's token or the session's end. Objects are used again; see <see cref="Outbox.Recycle"/>.
/// </summary>
internal abstract class PendingOperation : ICompletion
{
    private int _claimed;

    public int Xid { get; set; }

    /// <summary>Where it stands in the outbox's ring; tells what has been sent from what has not.</summary>
    public int Place { get; set; }

    /// <summary>It waits unencoded for room, and has no <see cref="Place"/> yet.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>When the call was made, on the outbox's clock.</summary>
    public long StartedAt { get; set; }

    public int Resends { get; set; }

    /// <summary>The outbox still points to it, so it may not be used again.</summary>
    public bool IsHeld { get; set; }

    /// <summary>The caller has taken the result, so only the outbox may still point to it.</summary>
    public bool IsConsumed { get; set; }

    public abstract OpCode OpCode { get; }

    public abstract bool IsSafeToResend { get; }

    public abstract string? Path { get; }

    public bool IsCompleted => Volatile.Read(ref _claimed) != 0;

    /// <summary>Takes the right to complete it. Only one caller ever gets it.</summary>
    public bool TryClaim() => Interlocked.Exchange(ref _claimed, 1) == 0;

    public abstract void Write(ref JuteWriter writer);

    /// <summary>Makes its result of a reply; the caller has claimed it, and sees to it that it is completed, also if this throws.</summary>
    /// <remarks>If the reply cannot be read, this throws, and the operation has failed.</remarks>
    public abstract void Read(ErrorCode error, ref JuteReader body);

    /// <summary>Completes it with what was read. Whoever waits for it goes on within this call.</summary>
    public abstract void Complete();

    /// <summary>Completes it with a failure; the caller has claimed it. Whoever waits for it goes on elsewhere.</summary>
    public abstract void Fail(Exception error);

    protected void ResetState()
    {
        _claimed = 0;
        Resends = 0;
        IsHeld = false;
        IsConsumed = false;
        IsWaiting = false;
    }
}

/// <inheritdoc/>
internal sealed class PendingOperation<TOperation, TResult>(Outbox outbox) : PendingOperation, IValueTaskSource<TResult>, IValueTaskSource
    where TOperation : struct, IOperation<TResult>
{
    private ManualResetValueTaskSourceCore<bool> _source;
    private TOperation _operation;
    private CancellationToken _cancellationToken;
    private CancellationTokenRegistration _registration;
    private TResult? _result;
    private Exception? _failure;

    /// <summary>Tells this use of the object from others; a <see cref="ValueTask"/> is made of both.</summary>
    public short Version => _source.Version;

    public override OpCode OpCode => _operation.OpCode;

    public override bool IsSafeToResend => _operation.IsSafeToResend;

    public override string? Path => _operation.Path;

    public void Prepare(in TOperation operation)
    {
        ResetState();
        _source.Reset();
        _operation = operation;
    }

    /// <summary>From now on the caller's token can complete it.</summary>
    public void Observe(CancellationToken cancellationToken)
    {
        if (!cancellationToken.CanBeCanceled) return;
        _cancellationToken = cancellationToken;
        _registration = cancellationToken.UnsafeRegister(static self => ((PendingOperation<TOperation, TResult>)self!).Cancel(), this);
    }

    public override void Write(ref JuteWriter writer) => _operation.Write(ref writer);

    public override void Read(ErrorCode error, ref JuteReader body)
    {
        try
        {
            if (!_operation.TryRead(error, ref body, out _result)) _failure = ServerErrors.Create(error, _operation.OpCode, _operation.Path);
        }
        catch (Exception fault)
        {
            _failure = new ConnectionLossException(RequestOutcome.Unknown, _operation.Path, $"The reply to {_operation.OpCode} cannot be read: {fault.Message}", fault);
            throw; // the connection cannot be trusted any more
        }
    }

    public override void Complete()
    {
        _source.RunContinuationsAsynchronously = false;
        if (_failure is null) _source.SetResult(true);
        else _source.SetException(_failure);
    }

    public override void Fail(Exception error)
    {
        _source.RunContinuationsAsynchronously = !outbox.RunsInline;
        _source.SetException(error);
    }

    public TResult GetResult(short token)
    {
        // A result that is taken before its time, or twice, is the caller's mistake, and must not harm the object's present or next use.
        if (_source.GetStatus(token) == ValueTaskSourceStatus.Pending) throw new InvalidOperationException("The operation is not complete. Await its task; to wait for it in another way, call AsTask first.");
        // Waits for a cancellation callback that is running right now: after this none can touch the object's next use.
        _registration.Dispose();
        _registration = default;
        try
        {
            _source.GetResult(token);
            return _result!;
        }
        finally
        {
            _operation = default;
            _result = default;
            _failure = null;
            _cancellationToken = default;
            outbox.Recycle(this);
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        if (!TryClaim()) return;
        outbox.ForgetIfUnsent(this);
        Fail(new OperationCanceledException(_cancellationToken));
    }
}

/// <summary>Numbers the kinds of operations, so that an outbox finds the free objects of a kind by index.</summary>
internal static class OperationKinds
{
    private static int s_count;

    public static int Next() => Interlocked.Increment(ref s_count) - 1;
}

/// <summary>The number of one kind of operation.</summary>
internal static class OperationKind<TOperation, TResult>
{
#pragma warning disable CA1000 // a number per pair of types is the point
    public static int Index { get; } = OperationKinds.Next();
#pragma warning restore CA1000
}
