using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Okapi.Requests;

/// <summary>
/// A read whose result goes through code of the caller's before the caller has it. It runs as a continuation of the read,
/// which is never on the read loop, and with the caller's <see cref="ExecutionContext"/>. What it throws is the call's failure and nobody else's. An asynchronous method would do the same and allocate for each call; these objects are used again.
/// </summary>
internal sealed class DecodedRead<TRead, TState, TResult> : IValueTaskSource<TResult>
{
    private static readonly FreeList<DecodedRead<TRead, TState, TResult>> Free = new();

    private readonly Action _finish;
    private ManualResetValueTaskSourceCore<TResult> _source;
    private ConfiguredValueTaskAwaitable<TRead>.ConfiguredValueTaskAwaiter _reading;
    private ExecutionContext? _context;
    private Func<TRead, TState, TResult>? _decode;
    private TState? _state;

    private DecodedRead() => _finish = FinishInContext;

    /// <summary>Decodes a read's result.</summary>
    /// <param name="reading">The read.</param>
    /// <param name="state">Goes to <paramref name="decode"/>.</param>
    /// <param name="decode">Makes the result; owns what it is given.</param>
    public static ValueTask<TResult> Start(ValueTask<TRead> reading, TState state, Func<TRead, TState, TResult> decode)
    {
        DecodedRead<TRead, TState, TResult> read = Free.Take() ?? new();
        read._reading = reading.ConfigureAwait(false).GetAwaiter();
        read._state = state;
        read._decode = decode;
        var task = new ValueTask<TResult>(read, read._source.Version);
        if (reading.IsFaulted || reading.IsCanceled)
        {
            read.Finish();
        }
        else
        {
            // Even if the reply has come already: a decoder that takes its time must not keep its caller from the next call.
            read._context = ExecutionContext.Capture();
            read._reading.UnsafeOnCompleted(read._finish);
        }

        return task;
    }

    public TResult GetResult(short token)
    {
        // As of PendingOperation: a result that is taken before its time, or twice, must not harm the object's present or next use.
        if (_source.GetStatus(token) == ValueTaskSourceStatus.Pending) throw new InvalidOperationException("The operation is not complete. Await its task; to wait for it in another way, call AsTask first.");
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            _source.Reset();
            Free.Give(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _source.OnCompleted(continuation, state, token, flags);

    private void FinishInContext()
    {
        if (_context is null) Finish();
        else ExecutionContext.Run(_context, static self => ((DecodedRead<TRead, TState, TResult>)self!).Finish(), this);
    }

    private void Finish()
    {
        TResult result;
        try
        {
            result = _decode!(_reading.GetResult(), _state!);
        }
        catch (Exception error) // a failed read's, or the caller's own: either way the call's result
        {
            Forget();
            _source.SetException(error);
            return;
        }

        Forget();
        _source.SetResult(result); // the last thing done here: from now on the object may be in its next use
    }

    private void Forget()
    {
        _reading = default;
        _context = null;
        _decode = null;
        _state = default;
    }
}
