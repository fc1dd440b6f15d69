using Okapi.TestSupport;

namespace Okapi.Fuzz.Tests.Client;

/// <summary>The client's end of a connection, on one thread: whoever waits for bytes goes on within the call that delivers them.</summary>
internal sealed class FuzzStream : ByteStream
{
    private readonly Queue<ReadOnlyMemory<byte>> _arrived = new();
    private TaskCompletionSource<int>? _reading;
    private Memory<byte> _into;
    private Exception? _broken;
    private bool _isAtEnd;

    /// <summary>What the client has sent and nobody has looked at.</summary>
    public List<byte> Sent { get; } = [];

    public bool IsDisposed { get; private set; }

    /// <summary>How many bytes the client has taken.</summary>
    public int Taken { get; private set; }

    public void Deliver(ReadOnlyMemory<byte> bytes)
    {
        if (IsDisposed || bytes.Length == 0) return;
        _arrived.Enqueue(bytes);
        if (Take(ref _reading) is { } reading) reading.SetResult(TakeInto(_into));
    }

    public void End()
    {
        _isAtEnd = true;
        if (_arrived.Count == 0) Take(ref _reading)?.SetResult(0);
    }

    public void Break(Exception error)
    {
        _broken ??= error;
        Take(ref _reading)?.SetException(error);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_arrived.Count > 0) return new(TakeInto(buffer));
        if (_broken is not null) return ValueTask.FromException<int>(_broken);
        if (_isAtEnd) return new(0);
        _into = buffer;
        _reading = new();
        return new(_reading.Task);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_broken is not null) return ValueTask.FromException(_broken);
        Sent.AddRange(buffer.Span);
        return default;
    }

    protected override void Dispose(bool disposing)
    {
        if (!IsDisposed)
        {
            IsDisposed = true;
            Break(new ObjectDisposedException(nameof(FuzzStream)));
        }

        base.Dispose(disposing);
    }

    private static TaskCompletionSource<int>? Take(ref TaskCompletionSource<int>? waiting)
    {
        TaskCompletionSource<int>? taken = waiting;
        waiting = null;
        return taken;
    }

    private int TakeInto(Memory<byte> buffer)
    {
        ReadOnlyMemory<byte> first = _arrived.Dequeue();
        int count = Math.Min(first.Length, buffer.Length);
        first[..count].CopyTo(buffer);
        if (count < first.Length)
        {
            // What is left stays in front.
            ReadOnlyMemory<byte>[] rest = [.. _arrived];
            _arrived.Clear();
            _arrived.Enqueue(first[count..]);
            foreach (ReadOnlyMemory<byte> each in rest) _arrived.Enqueue(each);
        }

        Taken += count;
        return count;
    }
}
