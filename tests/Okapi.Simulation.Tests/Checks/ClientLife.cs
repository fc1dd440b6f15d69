using Okapi.Simulation.Tests.Model;
using Okapi.Watches;

namespace Okapi.Simulation.Tests.Checks;

/// <summary>What the client says of its session, from its start to its end (I5, H1), and how it is closed (I9).</summary>
internal sealed class ClientLife
{
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(100);

    private readonly Scene _scene;
    private readonly EventBuffer<SessionStateChange> _states = new(4096, default);
    private SessionState _state = SessionState.Connecting;
    private bool _isFirstState = true;
    private long _expiredUpTo;
    private TimeSpan _closingSince;

    public ClientLife(Scene scene)
    {
        _scene = scene;
        scene.Client.Core.AddStateReader(_states);
    }

    /// <summary>Called when the client says that its session has expired.</summary>
    public event Action? Expired;

    public int Losses { get; private set; }

    public int Connects { get; private set; }

    /// <summary>Ends when the client is closed; null: it was not asked to.</summary>
    public Task? Closing { get; private set; }

    /// <summary>Whether nothing can come any more.</summary>
    public bool IsOver => _state >= SessionState.Expired && (_scene.Options.Recovery == SessionRecovery.None || _state != SessionState.Expired);

    /// <summary>Whether what the client reads now comes from the session and the data that it believes in.</summary>
    public bool IsAlive => _state == SessionState.Connected && _scene.Session is { } session && session.World == _scene.Ensemble.World && _expiredUpTo != session.Id;

    private Simulator Simulator => _scene.Simulator;

    /// <summary>For how long no server was heard.</summary>
    private TimeSpan Silence => Simulator.Now - _scene.Network.LastContact;

    public void Close()
    {
        if (Closing is not null) return;
        Simulator.Note($"the client is closed");
        _closingSince = Simulator.Now;
        _scene.Network.IsClosing = true;
        Closing = _scene.Client.DisposeAsync().AsTask();
    }

    public void ReadStates()
    {
        while (_states.TryRead(out SessionStateChange change)) OnState(change);
    }

    public void CheckDeadlines()
    {
        TimeSpan granted = _scene.Ensemble.Granted, slack = TimeSpan.FromMilliseconds(10);
        if (Closing is not null && !IsOver)
            Simulator.Require(Simulator.Now - _closingSince <= _scene.Options.CloseTimeout + Late, "I9: closing takes longer than CloseTimeout");
        if (_state == SessionState.Disconnected && Closing is null)
            Simulator.Require(Silence <= (granted * 4 / 3) + slack, "H1: the session has not expired although no server was heard for 4/3 T");
        if (_state == SessionState.Connected && Closing is null)
            Simulator.Require(Silence <= (granted * 2 / 3) + slack, "the connection is not given up although nothing was heard for 2/3 T");
    }

    private void OnState(SessionStateChange change)
    {
        Simulator.Note($"state {change.State} of session 0x{change.SessionId:x}");
        Simulator.Require(MayFollow(change.State), $"I5: {change.State} follows {_state}");
        _state = change.State;
        _isFirstState = false;
        switch (change.State)
        {
            case SessionState.Connected:
                Connects++;
                break;
            case SessionState.Disconnected:
                Losses++;
                break;
            case SessionState.Expired:
                OnExpired(change.SessionId);
                break;
            default:
                break;
        }
    }

    private bool MayFollow(SessionState next) => _isFirstState
        ? next == SessionState.Connecting
        : (_state, next) switch
        {
            (SessionState.Connecting, SessionState.Connected or SessionState.Closed) => true,
            (SessionState.Connected, SessionState.Disconnected or SessionState.Closed) => true,
            (SessionState.Disconnected, SessionState.Connected or SessionState.Expired or SessionState.Closed) => true,
            (SessionState.Expired, SessionState.Connecting) => _scene.Options.Recovery == SessionRecovery.NewSession,
            _ => false,
        };

    private void OnExpired(long sessionId)
    {
        bool isGone = _scene.Ensemble.Find(sessionId) is not { IsOver: false } || _scene.Network.Denied.Contains(sessionId);
        Simulator.Require(isGone || Silence >= _scene.Ensemble.Granted * 4 / 3, $"I5: session 0x{sessionId:x} has expired here, not on the servers, and {Silence.TotalMilliseconds} ms after the last byte");
        _expiredUpTo = sessionId;
        Expired?.Invoke();
    }
}
