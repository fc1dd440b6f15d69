using Okapi.Protocol;

namespace Okapi.Server.Connections;

/// <summary>
/// What a connection is yet to send. The server's loop writes into it and says when it may go; one send at a time carries all that waits.
/// </summary>
internal sealed class Outgoing(Func<ReadOnlyMemory<byte>, ValueTask> send, Action whenEnded) : IDisposable
{
    /// <summary>More than this and the connection reads no further requests until the client has read its replies.</summary>
    public const int Pause = 4 << 20;

    /// <summary>Events come without being asked for; a client that lets this much of them wait is cut off.</summary>
    public const int Limit = 256 << 20;

    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private JuteBuffer? _waiting;
    private JuteBuffer? _leaving;
    private TaskCompletionSource? _drained;
    private bool _isSending;
    private bool _isEnding;
    private bool _isDisposed;

    /// <summary>Ends when nothing more will be sent: all was, after <see cref="End"/>, or it could not be.</summary>
    public Task Ended => _ended.Task;

    /// <summary>How many bytes wait, those that are being sent not counted.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _waiting?.Length ?? 0;
        }
    }

    /// <summary>Writes a frame, and lets a fault change or take it back.</summary>
    public void Write<TState>(TState state, FrameWriter<TState> write, Func<byte[], byte[]?>? alter = null)
    {
        lock (_lock)
        {
            if (_isDisposed || _isEnding) return;
            JuteBuffer buffer = _waiting ??= new(capacity: 256);
            int before = buffer.Length;
            var writer = new JuteWriter(buffer);
            int start = writer.BeginFrame();
            write(ref writer, state);
            writer.EndFrame(start);
            writer.Commit();
            if (alter is not null) Alter_NeedsLock(buffer, before, alter);
        }
    }

    /// <summary>Writes bytes that are no frame.</summary>
    public void WriteRaw(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (!_isDisposed && !_isEnding) (_waiting ??= new(capacity: 256)).Append(bytes);
        }
    }

    /// <summary>Lets what waits go.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (_isSending || _isDisposed || (_waiting is not { Length: > 0 } && !_isEnding)) return;
            _isSending = true;
        }

        _ = SendAsync();
    }

    /// <summary>Lets nothing more be written; the connection ends when what waits has been sent.</summary>
    public void End()
    {
        lock (_lock) _isEnding = true;
    }

    /// <summary>Ends when little enough waits, or nothing more will be sent.</summary>
    public Task WhenDrainedAsync()
    {
        lock (_lock)
        {
            if (_isDisposed || _isEnding || (_waiting?.Length ?? 0) <= Pause) return Task.CompletedTask;
            return (_drained ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            _ended.TrySetResult();
            _waiting?.Dispose();
            _waiting = null;
            _drained?.TrySetResult();
            if (_isSending) return; // the sender gives its own back
            _leaving?.Dispose();
            _leaving = null;
        }
    }

    private static void Alter_NeedsLock(JuteBuffer buffer, int start, Func<byte[], byte[]?> alter)
    {
        byte[]? altered = alter(buffer.WrittenSpan[start..].ToArray());
        buffer.Truncate(start);
        if (altered is not null) buffer.Append(altered);
    }

    private async Task SendAsync()
    {
        try
        {
            while (TakeNext() is { } leaving)
            {
                await send(leaving.Written).ConfigureAwait(false);
                leaving.Clear();
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            lock (_lock)
            {
                (_isEnding, _isSending) = (true, false);
                _drained?.TrySetResult(); // whoever waits for it must see the end
                _drained = null;
                if (_isDisposed) _leaving?.Dispose();
            }

            HasEnded();
        }
    }

    private JuteBuffer? TakeNext()
    {
        bool hasEnded;
        lock (_lock)
        {
            if (!_isDisposed && _waiting is { Length: > 0 })
            {
                (_leaving, _waiting) = (_waiting, _leaving);
                _drained?.TrySetResult();
                _drained = null;
                return _leaving;
            }

            _isSending = false;
            hasEnded = _isEnding;
            _leaving?.Dispose();
            _leaving = null;
        }

        if (hasEnded) HasEnded();
        return null;
    }

    private void HasEnded()
    {
        _ended.TrySetResult();
        whenEnded();
    }
}

/// <summary>Writes the inside of a frame.</summary>
internal delegate void FrameWriter<in TState>(ref JuteWriter writer, TState state);
