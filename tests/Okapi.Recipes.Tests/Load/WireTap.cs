using System.Buffers.Binary;
using System.Net.Sockets;
using Okapi.TestSupport;

namespace Okapi.Recipes.Tests.Load;

/// <summary>Counts what clients ask for and what a server tells them unasked, from the bytes between them: the same on any server, and whatever either believes.</summary>
internal sealed class WireTap
{
    private int _events;
    private int _requests;

    /// <summary>How many watch events came.</summary>
    public int Events => Volatile.Read(ref _events);

    /// <summary>How many requests went, without pings.</summary>
    public int Requests => Volatile.Read(ref _requests);

    public async ValueTask<Stream> ConnectAsync(ServerEndpoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server.Host, server.Port, cancellationToken);
        return On(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>Counts what passes through a stream.</summary>
    public Stream On(Stream stream) => new Tapped(stream, this);

    private void OnReply(int xid)
    {
        if (xid == -1) Interlocked.Increment(ref _events);
    }

    private void OnRequest(int xid)
    {
        if (xid != -2) Interlocked.Increment(ref _requests);
    }

    /// <summary>Finds the frames in a run of bytes: a length, then, but for the handshake's, an xid.</summary>
    private sealed class Frames(Action<int> onXid)
    {
        private readonly byte[] _head = new byte[8];
        private int _got;
        private int _left;
        private bool _isOpen;

        public void Pass(ReadOnlySpan<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                if (_left > 0)
                {
                    int skipped = Math.Min(_left, bytes.Length);
                    _left -= skipped;
                    bytes = bytes[skipped..];
                    continue;
                }

                _head[_got++] = bytes[0];
                bytes = bytes[1..];
                if (_got < 8) continue;
                _got = 0;
                _left = BinaryPrimitives.ReadInt32BigEndian(_head) - 4;
                if (_isOpen) onXid(BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(4)));
                _isOpen = true;
            }
        }
    }

    private sealed class Tapped(Stream inner, WireTap tap) : TapStream(inner)
    {
        private readonly Frames _in = new(tap.OnReply);
        private readonly Frames _out = new(tap.OnRequest);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int count = await base.ReadAsync(buffer, cancellationToken);
            _in.Pass(buffer.Span[..count]);
            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _out.Pass(buffer.Span);
            return base.WriteAsync(buffer, cancellationToken);
        }
    }
}
