using System.Buffers.Binary;
using Okapi.Protocol;
using Okapi.Simulation.Tests.Model;
using Okapi.TestSupport;

namespace Okapi.Simulation.Tests.Wire;

/// <summary>A frame that a server sent, until the client has all of its bytes.</summary>
internal readonly record struct SentFrame(long EndsAt, int Xid, long Zxid, long SessionId);

/// <summary>The client's end of a connection. Whoever waits for bytes runs inside the step that delivers them.</summary>
internal sealed class ClientStream : ByteStream
{
    private readonly Network _network;
    private readonly Queue<byte[]> _arrived = new();
    private readonly Queue<SentFrame> _frames = new();
    private TaskCompletionSource<int>? _reading;
    private TaskCompletionSource? _writing;
    private Memory<byte> _into;
    private int _offset;
    private bool _isAtEnd;
    private Exception? _broken;
    private long _sent;
    private long _received;
    private long _taintedFrom = long.MaxValue;

    public ClientStream(Network network, ModelServer server)
    {
        _network = network;
        Simulator simulator = network.Simulator;
        Number = network.Streams.Count;
        Peer = new ModelConnection(server, this);
        ToServer = new(simulator, Peer.Receive, () => Peer.Close("the client closed")) { LatencyMs = network.LatencyMs, Choppiness = network.Choppiness };
        ToClient = new(simulator, Deliver, OnEnd) { LatencyMs = network.LatencyMs, Choppiness = network.Choppiness };
        LastWrite = simulator.Now;
    }

    public int Number { get; }

    public ModelConnection Peer { get; }

    public Pipe ToServer { get; }

    public Pipe ToClient { get; }

    public bool IsDisposed { get; private set; }

    /// <summary>When the client last sent something.</summary>
    public TimeSpan LastWrite { get; private set; }

    /// <summary>A write waits for the network.</summary>
    public bool IsBlocked => _writing is not null;

    public TimeSpan? AcceptedAt { get; private set; }

    /// <summary>How far the server was at the first reply to a call; watches were armed by then.</summary>
    public long? FirstReplyZxid { get; private set; }

    public int PingsSent { get; private set; }

    private TimeSpan _lastPing;

    public TimeSpan LastPong { get; private set; }

    /// <summary>A fault makes the replies wrong: the client takes none of what is sent from now on.</summary>
    public void Taint() => _taintedFrom = Math.Min(_taintedFrom, _sent);

    /// <summary>The server sends a frame.</summary>
    public void SendToClient(ReadOnlySpan<byte> bytes, int xid, long zxid, long sessionId = 0)
    {
        _sent += bytes.Length;
        _frames.Enqueue(new(_sent, xid, zxid, sessionId));
        ToClient.Send(bytes);
    }

    /// <summary>The connection breaks: both ends see an error, and what is on the way is lost.</summary>
    public void Reset()
    {
        ToServer.Kill();
        ToClient.Kill();
        Peer.Close("reset");
        Break(new IOException("Connection reset by peer"));
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_arrived.Count > 0) return new(Take(buffer));
        if (_broken is not null) return ValueTask.FromException<int>(_broken);
        if (_isAtEnd) return new(0);
        _network.Simulator.Require(_reading is null, "two reads at once on one connection");
        _into = buffer;
        _reading = new();
        return new(_reading.Task);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_broken is not null) return ValueTask.FromException(_broken);
        Simulator simulator = _network.Simulator;
        simulator.Require(_writing is null, "two writes at once on one connection");
        _network.CheckPingGap(this);
        LastWrite = simulator.Now;
        simulator.Mix((ulong)buffer.Length);
        for (ReadOnlySpan<byte> rest = AcceptedAt is null ? default : buffer.Span; rest.Length > 0; rest = rest[(4 + BinaryPrimitives.ReadInt32BigEndian(rest))..])
            if (BinaryPrimitives.ReadInt32BigEndian(rest[4..]) == Xids.Ping) NotePing();
        ToServer.Send(buffer.Span);
        if (ToServer.StalledUntil <= simulator.Now || !_network.HasBackPressure) return default;
        // The socket's buffer is full: the write ends when the network moves again.
        _writing = new();
        simulator.At(ToServer.StalledUntil, () =>
        {
            TaskCompletionSource? writing = _writing;
            _writing = null;
            if (!IsDisposed) LastWrite = simulator.Now;
            writing?.TrySetResult();
        });
        return new(_writing.Task);
    }

    protected override void Dispose(bool disposing)
    {
        if (!IsDisposed)
        {
            _network.CheckPingGap(this);
            IsDisposed = true;
            ToClient.Kill();
            ToServer.SendEnd();
            Break(new ObjectDisposedException(nameof(ClientStream)));
        }

        base.Dispose(disposing);
    }

    /// <summary>One ping need not be answered before the next is due, but they must not pile up either.</summary>
    private void NotePing()
    {
        TimeSpan now = _network.Simulator.Now;
        _network.Simulator.Require(PingsSent == 0 || now - _lastPing >= TimeSpan.FromSeconds(Math.Min(5, _network.Granted.TotalSeconds / 5)), "I8: pings pile up");
        _lastPing = now;
        PingsSent++;
    }

    private void Deliver(byte[] bytes)
    {
        if (IsDisposed) return;
        Simulator simulator = _network.Simulator;
        simulator.Mix((ulong)bytes.Length + 7);
        _received += bytes.Length;
        while (_frames.TryPeek(out SentFrame frame) && frame.EndsAt <= _received)
        {
            _frames.Dequeue();
            OnFrameReceived(frame);
        }

        if (AcceptedAt is not null) _network.LastContact = simulator.Now;
        _arrived.Enqueue(bytes);
        if (Complete(ref _reading) is { } reading) reading.SetResult(Take(_into));
    }

    private void OnFrameReceived(SentFrame frame)
    {
        if (frame.SessionId != 0)
        {
            AcceptedAt = LastWrite = _network.Simulator.Now;
            _network.OnAccepted(this, frame.SessionId);
            return;
        }

        if (frame.Xid == Xids.Ping) LastPong = _network.Simulator.Now;
        if (frame.EndsAt > _taintedFrom || Peer.SessionId == 0 || frame.Xid <= 0) return;
        FirstReplyZxid ??= frame.Zxid;
        _network.OnReplyReceived(Peer.SessionId, frame.Zxid);
    }

    private void OnEnd()
    {
        _isAtEnd = true;
        Complete(ref _reading)?.SetResult(0);
    }

    private void Break(Exception error)
    {
        _broken ??= error;
        Complete(ref _reading)?.SetException(error);
        TaskCompletionSource? writing = _writing;
        _writing = null;
        writing?.SetException(error);
    }

    private static TaskCompletionSource<int>? Complete(ref TaskCompletionSource<int>? waiting)
    {
        TaskCompletionSource<int>? taken = waiting;
        waiting = null;
        return taken;
    }

    private int Take(Memory<byte> into)
    {
        byte[] first = _arrived.Peek();
        int count = Math.Min(first.Length - _offset, into.Length);
        first.AsSpan(_offset, count).CopyTo(into.Span);
        _offset += count;
        if (_offset == first.Length)
        {
            _arrived.Dequeue();
            _offset = 0;
        }

        return count;
    }
}
