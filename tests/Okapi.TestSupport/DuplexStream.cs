using System.IO.Pipelines;

namespace Okapi.TestSupport;

/// <summary>One end of a connection in memory. What is written to one end is read from the other; like a socket, an end takes only so much that is not read.</summary>
public sealed class DuplexStream : ByteStream
{
    private readonly PipeReader _reader;
    private readonly PipeWriter _writer;
    private DuplexStream? _peer;
    private long _written;
    private long _read;
    private int _isDisposed;

    private DuplexStream(PipeReader reader, PipeWriter writer)
    {
        _reader = reader;
        _writer = writer;
    }

    public bool IsDisposed => Volatile.Read(ref _isDisposed) != 0;

    /// <summary>Whether the other end has read all that this one wrote.</summary>
    public bool IsDrained => Interlocked.Read(ref _written) == _peer!.ReadSoFar;

    private long ReadSoFar => Interlocked.Read(ref _read);

    /// <summary>Makes a connection.</summary>
    /// <param name="inline">Whether whoever waits for bytes runs on the thread that writes them; makes a simulation repeatable.</param>
    /// <param name="capacity">How many unread bytes each direction takes.</param>
    /// <returns>Its two ends.</returns>
    public static (DuplexStream Client, DuplexStream Server) Create(bool inline = false, int capacity = 64 * 1024)
    {
        PipeScheduler scheduler = inline ? PipeScheduler.Inline : PipeScheduler.ThreadPool;
        var options = new PipeOptions(readerScheduler: scheduler, writerScheduler: scheduler, pauseWriterThreshold: capacity, resumeWriterThreshold: capacity / 2, useSynchronizationContext: false);
        var toServer = new Pipe(options);
        var toClient = new Pipe(options);
        DuplexStream client = new(toClient.Reader, toServer.Writer), server = new(toServer.Reader, toClient.Writer);
        (client._peer, server._peer) = (server, client);
        return (client, server);
    }

    /// <summary>Ends what this end sends; it can still receive. The other end reads to the end of what was sent.</summary>
    public void CloseWriting() => _writer.Complete();

    /// <summary>Breaks the connection: the other end gets an error and not an end.</summary>
    public void Reset()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        _writer.Complete(new IOException("Connection reset by peer"));
        _reader.CancelPendingRead();
        _reader.Complete();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        ReadResult result;
        try
        {
            result = await _reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException) when (IsDisposed)
        {
            throw new ObjectDisposedException(nameof(DuplexStream));
        }

        ObjectDisposedException.ThrowIf(result.IsCanceled || IsDisposed, this);
        int count = (int)Math.Min(result.Buffer.Length, buffer.Length);
        int copied = 0;
        foreach (ReadOnlyMemory<byte> part in result.Buffer.Slice(0, count))
        {
            part.Span.CopyTo(buffer.Span[copied..]);
            copied += part.Length;
        }

        _reader.AdvanceTo(result.Buffer.GetPosition(count));
        Interlocked.Add(ref _read, count);
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        FlushResult result;
        Interlocked.Add(ref _written, buffer.Length);
        try
        {
            result = await _writer.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException)
        {
            throw new IOException("Broken pipe");
        }

        if (result.IsCompleted) throw new IOException("Broken pipe");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            _writer.Complete();
            _reader.CancelPendingRead(); // a read that waits now ends; completing under it would be an error
        }

        base.Dispose(disposing);
    }
}
