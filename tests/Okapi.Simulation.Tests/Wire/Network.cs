using Okapi.Connections;
using Okapi.Protocol;
using Okapi.Simulation.Tests.Model;

namespace Okapi.Simulation.Tests.Wire;

/// <summary>Connects the client to the model's servers, and knows what has reached the client.</summary>
internal sealed class Network(Simulator simulator, Ensemble ensemble) : IConnector
{
    private readonly Dictionary<long, long> _maxReply = [];

    public Simulator Simulator => simulator;

    public List<ClientStream> Streams { get; } = [];

    public double LatencyMs { get; set; } = 5;

    public double Choppiness { get; set; }

    /// <summary>The client is being closed, which is bounded by itself and needs no pings.</summary>
    public bool IsClosing { get; set; }

    public bool HasBackPressure { get; set; }

    /// <summary>Attempts made before this moment are never answered.</summary>
    public TimeSpan SilentUntil { get; set; }

    /// <summary>When the client last got bytes on a connection that its session stood on.</summary>
    public TimeSpan LastContact { get; set; }

    /// <summary>Sessions that a server denied by giving another one in their place.</summary>
    public HashSet<long> Denied { get; } = [];

    /// <summary>The session's timeout as the servers grant it.</summary>
    public TimeSpan Granted => ensemble.Granted;

    public ClientStream? Current => Streams.Count > 0 && !Streams[^1].IsDisposed ? Streams[^1] : null;

    public int OpenStreams => Streams.Count(stream => !stream.IsDisposed);

    public long MaxReply(long sessionId) => _maxReply.GetValueOrDefault(sessionId);

    public ValueTask<Link> ConnectAsync(ServerEndpoint server, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ModelServer target = ensemble.Servers[server.Port - 1];
        var opening = new TaskCompletionSource<Link>();
        simulator.Note($"client connects to server {target.Number}");
        cancellationToken.UnsafeRegister(static (opening, token) => ((TaskCompletionSource<Link>)opening!).TrySetCanceled(token), opening);
        if (simulator.Now < SilentUntil) return new(opening.Task);
        simulator.After(simulator.Between(0.1, LatencyMs), () =>
        {
            if (opening.Task.IsCompleted) return;
            if (!target.IsUp)
            {
                opening.TrySetException(new IOException("Connection refused"));
                return;
            }

            var stream = new ClientStream(this, target);
            Streams.Add(stream);
            target.Connections.Add(stream.Peer);
            opening.TrySetResult(new(stream, Socket: null));
        });
        return new(opening.Task);
    }

    /// <summary>I4: the client says that it has seen what has reached it, no less and no more.</summary>
    public void CheckHandshake(ModelConnection connection, ConnectRequest request)
    {
        simulator.Note($"handshake for session 0x{request.SessionId:x}, last zxid 0x{request.LastZxidSeen:x}");
        // A session whose client was closed, or has moved on, while the handshake was on its way.
        if (connection.Stream.IsDisposed) return;
        long seen = request.SessionId == 0 ? 0 : MaxReply(request.SessionId);
        simulator.Require(request.LastZxidSeen == seen, $"I4: the client says that it has seen 0x{request.LastZxidSeen:x} and has seen 0x{seen:x}");
    }

    public void OnAccepted(ClientStream stream, long sessionId)
    {
        LastContact = simulator.Now;
        stream.Peer.SessionId = sessionId;
    }

    public void OnReplyReceived(long sessionId, long zxid)
    {
        simulator.Require(zxid >= MaxReply(sessionId), $"I4: a reply of 0x{zxid:x} follows one of 0x{MaxReply(sessionId):x}");
        _maxReply[sessionId] = Math.Max(zxid, MaxReply(sessionId));
    }

    /// <summary>I8: while connected the client is silent for T/3 at most, unless a ping is out that nobody answers.</summary>
    public void CheckPingGap(ClientStream stream)
    {
        if (IsClosing || stream.AcceptedAt is null || stream.IsDisposed || stream.IsBlocked) return;
        TimeSpan gap = simulator.Now - (stream.LastWrite > stream.LastPong ? stream.LastWrite : stream.LastPong);
        simulator.Require(gap <= (Granted / 3) + TimeSpan.FromMilliseconds(2), $"I8: the client was silent for {gap.TotalMilliseconds} ms of T = {Granted.TotalMilliseconds} ms");
    }
}
