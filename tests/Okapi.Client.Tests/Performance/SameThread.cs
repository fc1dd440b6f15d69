using System.Buffers.Binary;
using System.Threading.Tasks.Sources;
using Okapi.Connections;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Client.Tests.Performance;

/// <summary>
/// A whole client and a server in memory, both on the test's thread: whatever a call does, from the call to its result, is done when <see cref="Answer"/> returns. The server allocates
/// nothing, so what this thread allocates is the client's.
/// </summary>
internal sealed class SameThread : ByteStream, IValueTaskSource<int>
{
    private readonly Queue<IThreadPoolWorkItem> _work = new(64);
    private readonly byte[] _received = new byte[1 << 20];
    private readonly JuteBuffer _replies = new(1 << 20);
    private readonly byte[] _data;
    private ManualResetValueTaskSourceCore<int> _read;
    private Memory<byte> _into;
    private int _receivedCount;
    private int _delivered;
    private bool _isReading;
    private bool _isOpen;

    public SameThread(int dataLength = 128)
    {
        _data = new byte[dataLength];
        new Random(5).NextBytes(_data);
        var options = new ZooKeeperOptions { TimeProvider = new ManualTime() };
        Client = ZooKeeperClient.Create("here:2181", options, new CallbackConnector((_, _) => new(this)), new Random(1), _work.Enqueue, runsInline: true);
        Client.Core.Start();
        Answer();
        Assert.True(Client.IsConnected);
    }

    public ZooKeeperClient Client { get; }

    /// <summary>The data of every znode.</summary>
    public ReadOnlySpan<byte> Data => _data;

    /// <summary>Lets the client send what waits, answers it, and lets the client take the answers.</summary>
    public void Answer()
    {
        Work();
        int start = 0;
        while (start < _receivedCount)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(_received.AsSpan(start));
            AnswerFrame(_received.AsSpan(start + 4, length));
            start += 4 + length;
        }

        _receivedCount = 0;
        while (_isReading && _delivered < _replies.Length)
        {
            _isReading = false;
            _read.SetResult(Deliver(_into));
        }

        Work();
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        buffer.Span.CopyTo(_received.AsSpan(_receivedCount));
        _receivedCount += buffer.Length;
        return default;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_delivered < _replies.Length) return new(Deliver(buffer));
        _read.Reset();
        _into = buffer;
        _isReading = true;
        return new(this, _read.Version);
    }

    int IValueTaskSource<int>.GetResult(short token) => _read.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _read.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _read.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    private void Work()
    {
        while (_work.TryDequeue(out IThreadPoolWorkItem? item)) item.Execute();
    }

    private int Deliver(Memory<byte> into)
    {
        int count = Math.Min(into.Length, _replies.Length - _delivered);
        _replies.WrittenSpan.Slice(_delivered, count).CopyTo(into.Span);
        _delivered += count;
        if (_delivered < _replies.Length) return count;
        _replies.Clear();
        _delivered = 0;
        return count;
    }

    private void AnswerFrame(ReadOnlySpan<byte> frame)
    {
        var reader = new JuteReader(frame);
        var writer = new JuteWriter(_replies);
        int start = writer.BeginFrame();
        if (_isOpen)
        {
            RequestHeader request = RequestHeader.Read(ref reader);
            new ReplyHeader(request.Xid, 1, ErrorCode.Ok).Write(ref writer);
            var stat = new Stat(1, 1, 0, 0, 0, 0, 0, 0, _data.Length, 0, 1);
            switch (request.Type)
            {
                case OpCode.Exists or OpCode.SetData:
                    stat.Write(ref writer);
                    break;
                case OpCode.GetData:
                    writer.WriteBuffer(_data.AsSpan());
                    stat.Write(ref writer);
                    break;
                case OpCode.Create:
                    writer.WriteBuffer(reader.ReadBuffer(out _)); // the path
                    break;
                case OpCode.Delete or OpCode.Ping:
                    break;
                default:
                    throw new InvalidOperationException($"{request.Type} has no answer here.");
            }
        }
        else
        {
            _isOpen = true;
            new ConnectResponse(0, ConnectRequest.Read(ref reader).TimeoutMs, 0x1234, new byte[16], ReadOnly: false).Write(ref writer);
        }

        writer.EndFrame(start);
        writer.Commit();
    }
}
