using System.Net.Sockets;
using Okapi.Protocol;
using Okapi.Server;
using Okapi.Simulation.Time;

namespace Okapi.Simulation.Network;

/// <summary>The network as one client meets it, and what can be said of a client by looking at its wires.</summary>
internal sealed class Access(int client, VirtualTime time, Luck luck, Trace trace, Func<int, ValueTask<Stream>> connect, Action<string> fail) : IWireTap
{
    private readonly List<Wire> _wires = [];
    private readonly Dictionary<Wire, State> _states = [];
    private readonly HashSet<int> _writes = [];
    private long _session;
    private long _greatestZxid;
    private long _bytesUp, _bytesDown;

    /// <summary>Members that cannot be reached: nobody answers, not even with a refusal.</summary>
    public HashSet<int> Silent { get; } = [];

    /// <summary>Members that refuse.</summary>
    public HashSet<int> Refusing { get; } = [];

    public (TimeSpan Least, TimeSpan Most) Latency { get; set; } = (TimeSpan.FromMicroseconds(100), TimeSpan.FromMilliseconds(2));

    /// <summary>Whether new wires carry bytes in small pieces.</summary>
    public bool IsSliced { get; set; }

    /// <summary>What is to happen at a byte, counted over all wires.</summary>
    public HarmAt? Harm { get; set; }

    /// <summary>Whether bytes have been changed under way, after which nothing that is said on the wires means anything.</summary>
    public bool IsCorrupted { get; private set; }

    /// <summary>Breaks the wire when the reply of so many requests from now comes past: the request was carried out, and the client cannot know.</summary>
    public int? LoseReplyIn { get; set; }

    /// <summary>Whether the server has said that the session is closed. A client that has no connection when it is disposed cannot ask for that.</summary>
    public bool HasClosed { get; private set; }

    public IEnumerable<Wire> Open => _wires.Where(wire => !wire.IsOver);

    public int WireCount => _wires.Count;

    /// <summary>How often a session has been taken up or begun.</summary>
    public int Established { get; private set; }

    public (long Up, long Down) Bytes => (_bytesUp, _bytesDown);

    /// <summary>When a byte last reached the client.</summary>
    public TimeSpan LastHeard { get; private set; }

    /// <summary>Streams that the client has not closed.</summary>
    public int OpenStreams => _wires.Count(wire => !wire.Client.IsDisposed);

    public async ValueTask<Stream> ConnectAsync(ServerEndpoint server, CancellationToken cancellationToken)
    {
        trace.Note(1, client, server.Port);
        await Task.Delay(luck.Time(Latency.Least, Latency.Most), time, cancellationToken);
        if (Silent.Contains(server.Port)) await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
        if (Refusing.Contains(server.Port)) throw new SocketException((int)SocketError.ConnectionRefused);
        Stream stream = await connect(server.Port);
        var wire = new Wire(_wires.Count + 1, time, luck, stream, this) { Latency = Latency, IsSliced = IsSliced };
        _wires.Add(wire);
        _states[wire] = new State();
        return wire.Client;
    }

    void IWireTap.OnSent(Wire wire, byte[] frame)
    {
        State state = _states[wire];
        var reader = new JuteReader(frame);
        if (!state.HasAsked)
        {
            state.HasAsked = true;
            ConnectRequest request = ConnectRequest.Read(ref reader);
            trace.Note(2, client, wire.Number, request.LastZxidSeen);
            if (trace.HasWords) trace.Say($"c{client}/{wire.Number} > session 0x{request.SessionId:x} last zxid 0x{request.LastZxidSeen:x}");
            long expected = request.SessionId != 0 && request.SessionId == _session ? _greatestZxid : 0;
            // A session that began with a read-only server is another with the next, and it is the client that goes on.
            if (!IsCorrupted && !request.ReadOnly && request.LastZxidSeen != expected)
                fail($"I4: client {client} says it has seen 0x{request.LastZxidSeen:x} when it connects, and has seen 0x{expected:x}");
            return;
        }

        if (frame.Length < 8) return;
        RequestHeader header = RequestHeader.Read(ref reader);
        trace.Note(3, client, wire.Number, ((long)header.Xid << 32) ^ ((long)header.Type << 20) ^ frame.Length);
        if (trace.HasWords) trace.Say($"c{client}/{wire.Number} > {header.Xid} {header.Type} {frame.Length} {PathOf(header, ref reader)}");
        if (header.Type == OpCode.CloseSession) state.Closing = header.Xid;
        if (header.Xid > 0)
        {
            if (IsCorrupted) return;
            CheckNumber(header, state);
        }

        CheckSilence(wire, state);
        state.LastSent = time.Now;
    }

    private void CheckNumber(RequestHeader header, State state)
    {
        if (!state.Xids.Add(header.Xid)) fail($"I3: client {client} sends xid {header.Xid} twice on one connection");
        if (!IsWrite(header.Type)) return; // a read that is sent again gets another number, and goes before what was made later and not sent
        if (header.Xid <= state.LastWrite) fail($"I3: client {client} sends the write {header.Xid} after {state.LastWrite}");
        state.LastWrite = header.Xid;
        if (!_writes.Add(header.Xid)) fail($"I2: client {client} sends the {header.Type} with xid {header.Xid} a second time");
    }

    void IWireTap.OnAnswered(Wire wire, byte[] frame)
    {
        if (frame.Length < ReplyHeader.Size || !_states[wire].HasSession) return;
        var reader = new JuteReader(frame);
        ReplyHeader header = ReplyHeader.Read(ref reader);
        if (header.Xid <= 0 || LoseReplyIn is not { } left) return;
        LoseReplyIn = left - 1;
        if (left > 0) return;
        LoseReplyIn = null;
        trace.Say($"c{client}/{wire.Number} the reply to {header.Xid} is lost");
        wire.Break("The connection was lost with a reply.");
    }

    void IWireTap.OnArrived(Wire wire, byte[] frame)
    {
        LastHeard = time.Now;
        State state = _states[wire];
        if (IsCorrupted) return;
        var reader = new JuteReader(frame);
        if (!state.HasSession)
        {
            state.HasSession = true;
            if (frame.Length <= ReplyHeader.Size) return;
            ConnectResponse response = ConnectResponse.Read(ref reader);
            trace.Note(4, client, wire.Number, response.TimeoutMs);
            if (trace.HasWords) trace.Say($"c{client}/{wire.Number} < session 0x{response.SessionId:x} {response.TimeoutMs} ms");
            state.Timeout = TimeSpan.FromMilliseconds(response.TimeoutMs);
            state.LastSent = time.Now;
            if (response.TimeoutMs <= 0) return;
            Established++;
            if (response.SessionId != _session) _greatestZxid = 0;
            if (response.SessionId != _session) _writes.Clear();
            _session = response.SessionId;
            return;
        }

        if (frame.Length < ReplyHeader.Size) return;
        ReplyHeader header = ReplyHeader.Read(ref reader);
        trace.Note(5, client, ((long)wire.Number << 32) ^ (uint)header.Xid, header.Zxid ^ ((long)header.Error << 40));
        if (trace.HasWords) trace.Say($"c{client}/{wire.Number} < {header.Xid} 0x{header.Zxid:x} {header.Error} {frame.Length}{EventOf(header, ref reader)}");
        HasClosed |= header.Xid == state.Closing && header.Xid > 0;
        // A client that has given the wire up hears nothing.
        if (wire.Client.IsDisposed || header.Xid == Xids.Notification) return;
        if (header.Xid > 0 && header.Zxid > _greatestZxid) _greatestZxid = header.Zxid;
    }

    void IWireTap.OnClosed(Wire wire)
    {
        trace.Note(6, client, wire.Number);
        trace.Say($"c{client}/{wire.Number} closed");
        CheckSilence(wire, _states[wire]);
    }

    HarmAt? IWireTap.TakeHarm(bool up, int count, out int at)
    {
        long before = up ? _bytesUp : _bytesDown;
        if (up) _bytesUp += count;
        else _bytesDown += count;
        at = 0;
        if (Harm is not { } harm || harm.Up != up || harm.Byte < before || harm.Byte >= before + count) return null;
        Harm = null;
        at = (int)(harm.Byte - before);
        if (harm.Harm == Network.Harm.Corrupt) IsCorrupted = true;
        trace.Say($"c{client} {(up ? "up" : "down")} {harm.Byte}: {harm.Harm}");
        return harm;
    }

    /// <summary>I8: while a session is up a client is heard of at least every third of the timeout.</summary>
    private void CheckSilence(Wire wire, State state)
    {
        if (IsCorrupted || state.Timeout <= TimeSpan.Zero || wire.Client.IsDisposed) return;
        TimeSpan silence = time.Now - state.LastSent;
        if (silence > (state.Timeout / 3) + TimeSpan.FromMilliseconds(20)) fail($"I8: client {client} was silent for {silence.TotalMilliseconds} ms; its timeout is {state.Timeout.TotalMilliseconds} ms");
    }

    private static string PathOf(RequestHeader header, ref JuteReader reader) => header.Type switch
    {
        OpCode.Multi or OpCode.MultiRead or OpCode.Ping or OpCode.CloseSession or OpCode.SetWatches or OpCode.SetWatches2 or OpCode.Auth or OpCode.WhoAmI => "",
        _ => reader.Remaining > 4 ? reader.ReadString() ?? "" : "",
    };

    private static string EventOf(ReplyHeader header, ref JuteReader reader)
    {
        if (header.Xid != Xids.Notification) return "";
        WatcherEvent change = WatcherEvent.Read(ref reader);
        return $" {change.Type} {change.Path}";
    }

    private static bool IsWrite(OpCode type) => type is OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl or OpCode.Delete or OpCode.SetData or OpCode.SetAcl or OpCode.Multi;

    private sealed class State
    {
        public bool HasAsked { get; set; }

        public bool HasSession { get; set; }

        public HashSet<int> Xids { get; } = [];

        public int LastWrite { get; set; }

        /// <summary>The number of the request that closes the session.</summary>
        public int Closing { get; set; }

        public TimeSpan Timeout { get; set; }

        public TimeSpan LastSent { get; set; }
    }
}
