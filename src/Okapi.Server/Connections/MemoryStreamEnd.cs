using System.IO.Pipelines;

namespace Okapi.Server.Connections;

/// <summary>One end of a connection that needs no socket: what is written to one end is read from the other, and like a socket an end takes only so much that is not read.</summary>
internal sealed class MemoryStreamEnd : Stream
{
    private const int Capacity = 256 * 1024;

    private readonly PipeReader _reader;
    private readonly PipeWriter _writer;
    private int _isClosed;

    private MemoryStreamEnd(PipeReader reader, PipeWriter writer)
    {
        _reader = reader;
        _writer = writer;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    private bool IsClosed => Volatile.Read(ref _isClosed) != 0;

    public static (MemoryStreamEnd Client, MemoryStreamEnd Server) Create()
    {
        var options = new PipeOptions(pauseWriterThreshold: Capacity, resumeWriterThreshold: Capacity / 2, minimumSegmentSize: 1024, useSynchronizationContext: false);
        Pipe toServer = new(options), toClient = new(options);
        return (new(toClient.Reader, toServer.Writer), new(toServer.Reader, toClient.Writer));
    }

    /// <summary>Ends what this end sends; it can still receive.</summary>
    public void CloseWriting() => _writer.Complete();

    /// <summary>Breaks the connection: the other end gets an error and not an end.</summary>
    public void Reset() => Close(new IOException("The connection was reset by the other end."));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ReadResult result;
        try
        {
            result = await _reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException error) when (IsClosed)
        {
            throw new ObjectDisposedException("This end of the connection is closed.", error);
        }

        if (IsClosed)
        {
            _reader.Complete();
            throw new ObjectDisposedException(nameof(MemoryStreamEnd));
        }

        int count = (int)Math.Min(result.Buffer.Length, buffer.Length);
        int copied = 0;
        foreach (ReadOnlyMemory<byte> part in result.Buffer.Slice(0, count))
        {
            part.Span.CopyTo(buffer.Span[copied..]);
            copied += part.Length;
        }

        _reader.AdvanceTo(result.Buffer.GetPosition(count));
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        FlushResult result;
        try
        {
            result = await _writer.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException error)
        {
            throw new IOException("The connection is closed for writing.", error);
        }

        if (result.IsCompleted) throw new IOException("The other end has closed the connection.");
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
        if (disposing) Close(error: null);
        base.Dispose(disposing);
    }

    private void Close(Exception? error)
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0) return;
        _writer.Complete(error);
        _reader.CancelPendingRead(); // a read that waits now ends, and completes the pipe; completing under it would be an error
        try
        {
            if (!_reader.TryRead(out ReadResult rest)) return;
            _reader.AdvanceTo(rest.Buffer.End);
            _reader.Complete(error);
        }
        catch (Exception end) when (end is InvalidOperationException or IOException)
        {
            // A read is under way, or the other end was reset before.
        }
    }
}
