using System.Net.Sockets;
using Okapi.TestSupport;

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

    private sealed class Recorded(Stream inner, WireTranscript transcript) : TapStream(inner)
    {
        private int _isDisposed;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = await base.ReadAsync(buffer, cancellationToken);
            transcript.Received(buffer.Span[..count]);
            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            transcript.Sending(buffer.Span);
            return base.WriteAsync(buffer, cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0) transcript.End();
        }
    }
}
