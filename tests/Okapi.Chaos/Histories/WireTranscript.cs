using Okapi.Protocol;

namespace Okapi.Chaos.Histories;

/// <summary>What goes over one connection, decoded: requests are kept until they are answered, and each goes into the history with its answer.</summary>
internal sealed class WireTranscript : IDisposable
{
    private readonly Lock _lock = new();
    private readonly HistoryWriter _history;
    private readonly int _client;
    private readonly int _connection;
    private readonly string _server;
    private readonly FrameCutter _requests;
    private readonly FrameCutter _replies;

    // Answers come in the order of the requests; those with an xid of their own kind (auth, setWatches) among themselves only.
    private readonly Queue<WireOperationEntry> _unanswered = new();
    private readonly Dictionary<int, Queue<WireOperationEntry>> _special = [];
    private ConnectRequest? _handshake;
    private bool _isOpen;
    private bool _isOver;
    private long _zxid;
    private string? _undecoded;

    public WireTranscript(HistoryWriter history, int client, int connection, string server)
    {
        _history = history;
        _client = client;
        _connection = connection;
        _server = server;
        _requests = new FrameCutter(OnRequest);
        _replies = new FrameCutter(OnReply);
    }

    /// <summary>Must be called before the bytes are sent, so that no answer comes to a request that is not known yet.</summary>
    public void Sending(ReadOnlySpan<byte> bytes) => Pass(_requests, bytes, "to the server");

    public void Received(ReadOnlySpan<byte> bytes) => Pass(_replies, bytes, "from the server");

    public void End()
    {
        lock (_lock)
        {
            if (_isOver) return;
            _isOver = true;
            foreach (WireOperationEntry each in _special.Values.Append(_unanswered).SelectMany(queue => queue)) _history.Add(each);
            _history.Add(new WireEndedEntry { Client = _client, Connection = _connection, Undecoded = _undecoded });
            _requests.Dispose();
            _replies.Dispose();
        }
    }

    public void Dispose() => End();

    private void Pass(FrameCutter frames, ReadOnlySpan<byte> bytes, string direction)
    {
        lock (_lock)
        {
            if (_isOver || _undecoded is not null) return;
            try
            {
                frames.Pass(bytes);
            }
            catch (Exception e) when (e is ProtocolException or InvalidOperationException)
            {
                // The client must not come to harm by being recorded; whoever checks the history sees that something is missing.
                _undecoded = $"{direction}: {e.Message}";
            }
        }
    }

    private void OnRequest(ReadOnlySpan<byte> frame)
    {
        var reader = new JuteReader(frame);
        if (_handshake is null)
        {
            _handshake = ConnectRequest.Read(ref reader);
            return;
        }

        RequestHeader header = RequestHeader.Read(ref reader);
        if (header.Xid == Xids.Ping) return;
        WireOperationEntry operation = WireCodec.ReadRequest(header, ref reader, _client, _connection);
        QueueOf(header.Xid).Enqueue(operation);
    }

    private void OnReply(ReadOnlySpan<byte> frame)
    {
        var reader = new JuteReader(frame);
        if (!_isOpen)
        {
            _isOpen = true;
            OnHandshake(ConnectResponse.Read(ref reader));
            return;
        }

        ReplyHeader header = ReplyHeader.Read(ref reader);
        if (header.Xid == Xids.Notification)
        {
            WatcherEvent told = WatcherEvent.Read(ref reader);
            _history.Add(new WireNotificationEntry { Client = _client, Connection = _connection, Type = told.Type, Path = told.Path, After = _zxid });
            return;
        }

        if (header.Zxid > 0) _zxid = header.Zxid;
        if (header.Xid == Xids.Ping) return;
        if (!QueueOf(header.Xid).TryDequeue(out WireOperationEntry? operation) || operation.Xid != header.Xid)
            throw new ProtocolException($"xid {header.Xid} is answered where {operation?.Xid.ToString() ?? "none"} is next.");
        WireCodec.ReadReply(operation, header, ref reader);
        _history.Add(operation);
    }

    private void OnHandshake(in ConnectResponse response)
    {
        ConnectRequest request = _handshake ?? throw new ProtocolException("The server answers a handshake that has not been sent.");
        _history.Add(new WireConnectedEntry
        {
            Client = _client,
            Connection = _connection,
            Server = _server,
            Session = response.TimeoutMs > 0 ? response.SessionId : 0,
            AskedSession = request.SessionId,
            LastZxidSeen = request.LastZxidSeen,
            TimeoutMs = response.TimeoutMs,
            ReadOnly = response.ReadOnly,
        });
    }

    private Queue<WireOperationEntry> QueueOf(int xid)
    {
        if (xid >= 0) return _unanswered;
        if (!_special.TryGetValue(xid, out Queue<WireOperationEntry>? queue)) _special.Add(xid, queue = new());
        return queue;
    }
}
