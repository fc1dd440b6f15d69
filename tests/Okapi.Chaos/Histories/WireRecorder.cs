using System.Net.Sockets;

namespace Okapi.Chaos.Histories;

/// <summary>
/// Opens a client's connections and records every request and answer on them: give <see cref="ConnectAsync"/> to
/// <see cref="ZooKeeperOptions.ConnectCallback"/>. The bytes pass as they are.
/// </summary>
/// <param name="history">Where to.</param>
/// <param name="client">The client's number.</param>
public sealed class WireRecorder(HistoryWriter history, int client)
{
    private int _connections;

    public async ValueTask<Stream> ConnectAsync(ServerEndpoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return Record(new NetworkStream(socket, ownsSocket: true), $"{server.Host}:{server.Port}");
    }

    /// <summary>Records a stream that is open.</summary>
    /// <param name="inner">The stream; it ends with the one returned.</param>
    /// <param name="server">What the server is called.</param>
    public Stream Record(Stream inner, string server) =>
        new Recorded(inner, new WireTranscript(history, client, Interlocked.Increment(ref _connections), server));

    private sealed class Recorded(Stream inner, WireTranscript transcript) : Stream
    {
        private int _isDisposed;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = await inner.ReadAsync(buffer, cancellationToken);
            transcript.Received(buffer.Span[..count]);
            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            transcript.Sending(buffer.Span);
            return inner.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = inner.Read(buffer, offset, count);
            transcript.Received(buffer.AsSpan(offset, read));
            return read;
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            transcript.Sending(buffer.AsSpan(offset, count));
            inner.Write(buffer, offset, count);
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0)
            {
                inner.Dispose();
                transcript.End();
            }

            base.Dispose(disposing);
        }
    }
}
