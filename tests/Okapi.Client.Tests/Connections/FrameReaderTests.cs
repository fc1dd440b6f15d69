using System.Buffers.Binary;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.Requests;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Connections;

/// <summary>Every way that bytes from a server can lie in the buffer they are received into.</summary>
public sealed class FrameReaderTests : IDisposable
{
    private const int BufferSize = 64 * 1024;
    private const int NoLimit = 16 << 20;

    private static readonly byte[] Handshake = Frame(37);

    private readonly Outbox _outbox = new(new(Requests: 10, UnsentBytes: 1000, RequestBytes: 1000), new ManualTime());
    private readonly Owner _owner = new();
    private Connection? _connection;
    private Pieces? _stream;

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(4096)]
    [InlineData(100_000)]
    [InlineData(int.MaxValue)]
    public void Frames_are_handed_on_whole_however_the_bytes_are_cut(int cut)
    {
        byte[][] frames = [Handshake, Frame(0), Frame(16), Frame(5000), Frame(70_000), Frame(1), Frame(300_000), Frame(16), Frame(200_000), Frame(17)];
        Receive(NoLimit, Cut(cut, frames));
        Assert.Equal(frames.Length, _owner.Frames.Count);
        for (int i = 0; i < frames.Length; i++) Assert.True(frames[i].AsSpan(4).SequenceEqual(_owner.Frames[i]), $"Frame {i} is not what was sent.");
        Assert.Null(_owner.Lost);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(40_000)]
    [InlineData(int.MaxValue)]
    public void What_is_longer_than_the_limit_is_told_and_skipped_however_the_bytes_are_cut(int cut)
    {
        byte[] large = Frame(150_000), header = [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0];
        header.CopyTo(large.AsSpan(4));
        Receive(2000, Cut(cut, Handshake, Frame(2000), large, Frame(16), Frame(2001), Frame(17)));
        Assert.Equal([37, 2000, 16, 17], _owner.Frames.Select(frame => frame.Length));
        Assert.Equal([150_000, 2001], _owner.Oversized.Select(each => each.Length));
        Assert.Equal(new ReplyHeader(9, 5, ErrorCode.Ok), _owner.Oversized[0].Header);
        Assert.Equal(BufferSize, _stream!.Rooms.Max()); // it is not held
        Assert.Null(_owner.Lost);
    }

    [Theory]
    [InlineData(1000, 100, false)]
    [InlineData(40_000, 30_000, true)] // its end is beyond the buffer's
    [InlineData(50_000, 100, true)] // it has room, but little is left for what comes behind it
    public void A_frame_that_has_begun_goes_to_the_front_when_room_is_short(int behind, int length, bool isMoved)
    {
        byte[] begun = Frame(length);
        Receive(NoLimit, Handshake, [.. Frame(behind), .. begun.AsSpan(0, 10)], begun[10..]);
        int before = 4 + behind + 10, whole = _stream!.Rooms[1];
        Assert.Equal(isMoved ? whole + Handshake.Length - 10 : whole - before, _stream.Rooms[2]);
        Assert.Equal(Body(begun), _owner.Frames[^1]);
    }

    [Fact]
    public void The_room_for_a_large_reply_goes_when_no_more_large_ones_come()
    {
        byte[] second = Frame(100_000);
        Receive(NoLimit, Handshake, Frame(16), [.. Frame(300_000), .. second.AsSpan(0, 10)], second[10..], Frame(16));
        Assert.Equal([37, 16, 300_000, 100_000, 16], _owner.Frames.Select(frame => frame.Length));
        // For the rest of the first large one, for that of the second, which comes with its end, and for what is small again.
        int[] rooms = [.. _stream!.Rooms.TakeLast(4)];
        Assert.True(rooms[0] > 4 * BufferSize, $"The first large one had room for {rooms[0]} bytes.");
        Assert.True(rooms[1] > BufferSize, $"The second large one had room for {rooms[1]} bytes.");
        Assert.Equal(BufferSize, rooms[2]);
    }

    [Theory]
    [InlineData(0x15030300, "speaks TLS")]
    [InlineData(0x16030100, "speaks TLS")]
    [InlineData(0x48545450, "does not speak ZooKeeper's protocol")]
    [InlineData(1025, "a frame of 1025 bytes")]
    [InlineData(-1, "a frame of -1 bytes")]
    public void H34_A_first_frame_of_another_protocol_ends_the_connection_and_is_named(int length, string why)
    {
        Receive(NoLimit, [.. Number(length), .. new byte[100]]);
        Assert.Contains(why, Assert.IsType<ProtocolException>(_owner.Lost).Message);
        Assert.Empty(_owner.Frames);
        Assert.True(_stream!.IsDisposed);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MaxValue - 1023)]
    public void H34_A_length_that_no_frame_has_ends_the_connection(int length)
    {
        Receive(NoLimit, [.. Handshake, .. Number(length), .. new byte[100]]);
        Assert.Equal($"The server sent a frame of {length} bytes.", Assert.IsType<ProtocolException>(_owner.Lost).Message);
        Assert.Equal([Body(Handshake)], _owner.Frames);
        Assert.Empty(_owner.Oversized);
    }

    [Fact]
    public void What_stands_behind_the_frame_that_ends_a_connection_is_not_handed_on()
    {
        _owner.OnFrame = (connection, count) =>
        {
            if (count == 2) connection.Abort();
        };
        Receive(NoLimit, [.. Handshake, .. Frame(16), .. Frame(17)]);
        Assert.Equal([37, 16], _owner.Frames.Select(frame => frame.Length));
        Assert.Null(_owner.Lost);
    }

    public void Dispose()
    {
        _connection?.Abort();
        _outbox.Dispose();
    }

    private static byte[] Frame(int length)
    {
        byte[] frame = new byte[4 + length];
        new Random(length).NextBytes(frame);
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        return frame;
    }

    private static byte[] Body(byte[] frame) => frame[4..];

    private static byte[] Number(int number)
    {
        byte[] four = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(four, number);
        return four;
    }

    private static byte[][] Cut(int size, params byte[][] frames) => [.. frames.SelectMany(frame => frame).Chunk(Math.Min(size, 1 << 20))];

    /// <summary>Lets a connection receive, on this thread, until nothing is left.</summary>
    private void Receive(int limit, params byte[][] pieces)
    {
        _stream = new(pieces);
        _connection = new(new(_stream, Socket: null), new("server", 2181), 1, _outbox, _owner, new ManualTime(), limit, item => item.Execute());
        _connection.Start();
    }

    /// <summary>Gives each piece to reads of its own.</summary>
    private sealed class Pieces(byte[][] pieces) : ByteStream
    {
        private readonly TaskCompletionSource<int> _never = new();
        private int _next;
        private int _offset;

        /// <summary>How much room each read had.</summary>
        public List<int> Rooms { get; } = [];

        public bool IsDisposed { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Rooms.Add(buffer.Length);
            if (_next == pieces.Length) return new(_never.Task);
            ReadOnlySpan<byte> rest = pieces[_next].AsSpan(_offset);
            int count = Math.Min(rest.Length, buffer.Length);
            rest[..count].CopyTo(buffer.Span);
            (_next, _offset) = count == rest.Length ? (_next + 1, 0) : (_next, _offset + count);
            return new(count);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => default;

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            _never.TrySetException(new ObjectDisposedException(nameof(Pieces)));
            base.Dispose(disposing);
        }
    }

    private sealed class Owner : IConnectionOwner
    {
        public List<byte[]> Frames { get; } = [];

        public List<(ReplyHeader Header, int Length)> Oversized { get; } = [];

        public Exception? Lost { get; private set; }

        /// <summary>Called with each frame's number.</summary>
        public Action<Connection, int>? OnFrame { get; set; }

        void IConnectionOwner.OnFrame(Connection connection, ReadOnlySpan<byte> frame)
        {
            Frames.Add(frame.ToArray());
            OnFrame?.Invoke(connection, Frames.Count);
        }

        void IConnectionOwner.OnOversized(Connection connection, ReplyHeader header, int length) => Oversized.Add((header, length));

        TimeSpan IConnectionOwner.OnWaiting() => Timeout.InfiniteTimeSpan;

        void IConnectionOwner.OnLost(Connection connection, Exception reason) => Lost = reason;
    }
}
