using System.Buffers.Binary;
using Okapi.Connections;
using Okapi.Fuzz.Tests.Streams;
using Okapi.TestSupport;

namespace Okapi.Fuzz.Tests.Client;

/// <summary>One client in virtual time, on one thread, whose server says what it is given and then, on later connections, what it should.</summary>
internal sealed class ClientRun : IConnector
{
    private const int MostSteps = 50_000;
    private static readonly TimeSpan MostTime = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Conversation _conversation;
    private readonly ManualTime _time = new();
    private readonly Queue<Action> _work = new();
    private readonly List<FuzzStream> _streams = [];
    private readonly List<Task> _calls = [];
    private readonly ZooKeeperClient _zk;
    private readonly int _maxReply;
    private readonly int _replayed;
    private SoundPeer? _peer;
    private int _steps;

    public ClientRun(Conversation conversation, int maxReply, ulong seed)
    {
        _conversation = conversation;
        _maxReply = maxReply;
        _replayed = conversation.Script.Before is null ? 0 : 1;
        ZooKeeperOptions options = Conversation.Options("fuzz:1", static (_, _) => throw new InvalidOperationException());
        options.ConnectCallback = null;
        options.TimeProvider = _time;
        options.MaxReplySize = maxReply;
        foreach (AuthInfo auth in conversation.Script.Auth) options.Auth.Add(auth);
        _zk = ZooKeeperClient.Create("fuzz:1", options, this, new Random((int)seed), item => _work.Enqueue(item.Execute), runsInline: true);
    }

    /// <summary>How the calls ended, for whoever looks for inputs that reach something new.</summary>
    public string Outcome { get; private set; } = "";

    public ValueTask<Link> ConnectAsync(ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var stream = new FuzzStream();
        if (_streams.Count != _replayed) _peer = new SoundPeer(stream, _conversation.SessionId);
        else _peer = null;
        _streams.Add(stream);
        return new(new Link(stream, Socket: null));
    }

    /// <summary>Lets the client have the bytes in pieces, and sees what it makes of them.</summary>
    /// <param name="bytes">What the server says on the connection that is replayed.</param>
    /// <param name="luck">Where the bytes are cut, and how the connection ends.</param>
    public void Run(byte[] bytes, Luck luck)
    {
        _zk.Core.Start();
        Drain();
        if (_conversation.Script.Before is { } before)
        {
            before(_zk, _calls.Add);
            Drain();
            _streams[0].End();
            PassUntil(() => _streams.Count == 2);
            _calls.Add(_zk.SyncAsync().AsTask());
        }

        FuzzStream stream = _streams[_replayed];
        int handshake = Math.Min(_conversation.ToClient[0].Length, bytes.Length);
        Deliver(stream, bytes.AsMemory(0, handshake), luck);
        _conversation.Script.Calls(_zk, _calls.Add);
        _calls.Add(_zk.SyncAsync().AsTask());
        Drain();
        int sentFirst = Requests(stream).Count;
        Deliver(stream, bytes.AsMemory(handshake), luck);
        (Verdict verdict, string why) = ClientOracle.Judge(bytes, _conversation.ToClient[0], Requests(stream), sentFirst, _maxReply);
        if (verdict == Verdict.MustDrop && !stream.IsDisposed) throw new FuzzException($"There was {why}, and the connection stays.");
        if (verdict == Verdict.Sound && stream.IsDisposed) throw new FuzzException($"There was nothing wrong ({why}), and the connection is dropped: {ThrownHere.SoFar}");
        switch (luck.Below(3))
        {
            case 0: stream.End(); break;
            case 1: stream.Break(new IOException("Connection reset by peer")); break;
            default: break; // silence
        }

        Finish(verdict, why);
    }

    private void Finish(Verdict verdict, string why)
    {
        PassUntil(() => _calls.TrueForAll(call => call.IsCompleted));
        // Where all calls were answered and then came silence, the first to notice is a call of its own.
        Task<NodeData> probe = Probe();
        if (!probe.IsCompletedSuccessfully) probe = Probe();
        foreach (Exception error in _calls.Append(probe).Select(call => call.Exception?.InnerException).OfType<Exception>())
        {
            if (error is not ZooKeeperException) throw new FuzzException($"A call ended with {error}");
            if (error is SessionEndedException && verdict != Verdict.MayEnd) throw new FuzzException($"The session ended where it was to go on ({why}): {error.Message}");
        }

        if (!probe.IsCompletedSuccessfully && probe.Exception!.InnerException is not SessionEndedException) throw new FuzzException($"The client does not work any more: {probe.Exception.InnerException}");
        Outcome = $"{verdict} {why} " + string.Join(' ', _calls.Select(call => call.IsCompletedSuccessfully ? "ok" : call.Exception!.InnerException is ZooKeeperException { Code: var code } ? code.ToString() : "?"));
        Task closed = _zk.DisposeAsync().AsTask();
        PassUntil(() => closed.IsCompleted);
        Drain();
        if (closed.IsFaulted) throw new FuzzException($"Closing failed: {closed.Exception.InnerException}");
        if (_streams.Exists(each => !each.IsDisposed)) throw new FuzzException("A connection is left open.");
        if (_time.ActiveTimers > 0) throw new FuzzException($"{_time.ActiveTimers} timers are left.");
    }

    private Task<NodeData> Probe()
    {
        Task<NodeData> probe = _zk.GetAsync("/probe").AsTask();
        PassUntil(() => probe.IsCompleted);
        return probe;
    }

    private void Deliver(FuzzStream stream, ReadOnlyMemory<byte> bytes, Luck luck)
    {
        int pieces = luck.Below(4);
        while (bytes.Length > 0)
        {
            int piece = pieces-- <= 0 ? bytes.Length : luck.Between(1, Math.Min(bytes.Length, luck.Chance(2) ? 8 : bytes.Length));
            stream.Deliver(bytes[..piece]);
            Drain();
            bytes = bytes[piece..];
        }
    }

    /// <summary>What the client has sent after its handshake.</summary>
    private static List<SentRequest> Requests(FuzzStream stream)
    {
        var requests = new List<SentRequest>();
        ReadOnlySpan<byte> sent = stream.Sent.ToArray();
        for (bool isFirst = true; sent.Length >= 4; isFirst = false)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(sent);
            if (!isFirst) requests.Add(Request(sent.Slice(4, length)));
            sent = sent[(4 + length)..];
        }

        return requests;
    }

    private static SentRequest Request(ReadOnlySpan<byte> frame)
    {
        var reader = new JuteReader(frame);
        (int xid, OpCode type) = RequestHeader.Read(ref reader);
        return new(xid, type, type is OpCode.Multi or OpCode.MultiRead ? MultiOperation.ReadAll(ref reader).Count : 1);
    }

    /// <summary>Does all that is to be done without any time passing.</summary>
    private void Drain()
    {
        while (true)
        {
            if (++_steps > MostSteps) throw new FuzzException($"No end after {MostSteps} steps.");
            if (_work.TryDequeue(out Action? action)) action();
            else if (_peer is null || !_peer.Serve()) return;
        }
    }

    private void PassUntil(Func<bool> isSo)
    {
        Drain();
        TimeSpan limit = _time.Now + MostTime;
        while (!isSo())
        {
            // The very end of a client is told on the thread pool.
            if (_time.NextDue is null && SpinWait.SpinUntil(isSo, Patience)) return;
            if (_time.NextDue is not { } due || due > limit)
                throw new FuzzException($"Nothing more happens, or not within {MostTime.TotalSeconds} s: {_calls.Count(call => !call.IsCompleted)} of {_calls.Count} calls wait.");
            _time.Advance(due > _time.Now ? due - _time.Now : TimeSpan.Zero);
            Drain();
        }
    }
}
