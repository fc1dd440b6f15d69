namespace Okapi.Simulation;

/// <summary>Sees that a client's states follow one another as they may (I5).</summary>
internal sealed class States
{
    private readonly World _world;
    private readonly Player _player;
    private readonly Task _reading;

    public States(World world, Player player)
    {
        (_world, _player) = (world, player);
        _reading = ReadAsync();
    }

    public Task EndAsync() => _reading;

    private async Task ReadAsync()
    {
        SessionStateChange last = default;
        bool isFirst = true;
        await foreach (SessionStateChange change in _player.Zk.StateChangesAsync())
        {
            _world.Trace.Note(40, _player.Number, (int)change.State);
            if (_world.Trace.HasWords) _world.Trace.Say($"c{_player.Number} is {change.State} 0x{change.SessionId:x}");
            if (!isFirst && !change.Missed && !MayFollow(_player, last, change)) _world.Fail($"I5: client {_player.Number} is {change.State} (0x{change.SessionId:x}) after {last.State} (0x{last.SessionId:x})");
            if (change.State == SessionState.Expired) await CheckExpiryAsync(change.SessionId);
            (last, isFirst) = (change, false);
        }

        if (last.State != SessionState.Closed) _world.Fail($"I5: client {_player.Number} was disposed and is {last.State}");
    }

    private static bool MayFollow(Player player, SessionStateChange last, SessionStateChange next) => next.State switch
    {
        SessionState.Connecting => last.IsOver,
        SessionState.Connected or SessionState.ConnectedReadOnly => !last.IsOver && (last.State != SessionState.Connected || next.State == SessionState.ConnectedReadOnly) && (last.SessionId == 0 || last.SessionId == next.SessionId || player.Options.AllowReadOnly),
        SessionState.Disconnected => last.IsConnected && last.SessionId == next.SessionId,
        SessionState.Expired or SessionState.AuthFailed or SessionState.Closed => !last.IsOver,
        _ => false,
    };

    /// <summary>Expired only if the server has ended the session, or nothing was heard for 4/3 of the timeout.</summary>
    private async Task CheckExpiryAsync(long session)
    {
        TimeSpan silence = _world.Time.Now - _player.Access.LastHeard;
        IReadOnlyList<long> sessions = await _world.Server.GetSessionsAsync();
        if (sessions.Contains(session) && silence < TimeSpan.FromSeconds(4) * 4 / 3 - TimeSpan.FromMilliseconds(50) && !_world.IsLenient && !_world.HasLostData)
            _world.Fail($"I5: client {_player.Number} says that its session has expired, the server has it, and was heard {silence.TotalMilliseconds} ms ago");
    }
}
