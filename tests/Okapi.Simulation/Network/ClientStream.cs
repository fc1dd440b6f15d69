namespace Okapi.Simulation.Network;

/// <summary>A client's end of a simulated connection.</summary>
internal sealed class ClientStream(Action<ReadOnlyMemory<byte>> send, Action disposed) : Stream
{
    private readonly Queue<ArraySegment<byte>> _received = new();
    private TaskCompletionSource? _waiting;
    private Exception? _broken;
    private bool _isEnded;
    private bool _isDisposed;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public bool IsDisposed => _isDisposed;

    /// <summary>Bytes arrive; an empty array is the end.</summary>
    public void Arrive(byte[] bytes)
    {
        if (bytes.Length == 0) _isEnded = true;
        else _received.Enqueue(bytes);
        Wake();
    }

    public void Break(Exception error)
    {
        _broken ??= error;
        Wake();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            cancellationToken.ThrowIfCancellationRequested();
            if (_broken is not null) throw new IOException(_broken.Message);
            if (_received.TryPeek(out ArraySegment<byte> next))
            {
                _received.Dequeue();
                int count = Math.Min(next.Count, buffer.Length);
                next.AsSpan(0, count).CopyTo(buffer.Span);
                if (count == next.Count) return count;
                ArraySegment<byte>[] rest = [next[count..], .. _received];
                _received.Clear();
                foreach (ArraySegment<byte> each in rest) _received.Enqueue(each);
                return count;
            }

            if (_isEnded) return 0;
            _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
            using (cancellationToken.UnsafeRegister(static self => ((ClientStream)self!).Wake(), this)) await _waiting.Task.ConfigureAwait(false);
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isDisposed) return ValueTask.FromException(new ObjectDisposedException(nameof(ClientStream)));
        if (_broken is not null) return ValueTask.FromException(new IOException(_broken.Message));
        send(buffer);
        return default;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            Wake();
            disposed();
        }

        base.Dispose(disposing);
    }

    private void Wake() => _waiting?.TrySetResult();
}
