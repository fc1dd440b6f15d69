using Okapi.Simulation.Time;

namespace Okapi.Simulation.Network;

/// <summary>One direction of a connection: what goes in comes out later, in order.</summary>
internal sealed class Flow
{
    private readonly Queue<(TimeSpan Due, byte[] Bytes)> _under = new();
    private readonly VirtualTime _time;
    private readonly ITimer _timer;
    private readonly Action<byte[]> _deliver;
    private TimeSpan _last;
    private TimeSpan _heldUntil;
    private bool _isEnded;

    /// <param name="time">The clock.</param>
    /// <param name="deliver">Takes what comes out; an empty array is the end.</param>
    public Flow(VirtualTime time, Action<byte[]> deliver)
    {
        _time = time;
        _deliver = deliver;
        _timer = time.CreateTimer(_ => Deliver(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What goes in is lost from now on.</summary>
    public bool IsSilent { get; set; }

    public void Send(byte[] bytes, TimeSpan latency)
    {
        if (IsSilent || _isEnded) return;
        TimeSpan due = _time.Now + latency;
        if (due < _last) due = _last;
        if (due < _heldUntil) due = _heldUntil;
        _last = due;
        _under.Enqueue((due, bytes));
        if (_under.Count == 1) Arm();
    }

    /// <summary>Holds all that is under way, and what follows, for a time.</summary>
    public void Hold(TimeSpan by)
    {
        if (_time.Now + by > _heldUntil) _heldUntil = _time.Now + by;
        if (_under.Count > 0) Arm();
    }

    /// <summary>Loses what is under way; nothing comes out any more.</summary>
    public void End()
    {
        _isEnded = true;
        _under.Clear();
        _timer.Dispose();
    }

    private void Arm()
    {
        TimeSpan due = _under.Peek().Due;
        if (due < _heldUntil) due = _heldUntil;
        TimeSpan wait = due - _time.Now;
        _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    private void Deliver()
    {
        while (!_isEnded && _under.TryPeek(out (TimeSpan Due, byte[] Bytes) next))
        {
            if (next.Due > _time.Now || _heldUntil > _time.Now)
            {
                Arm();
                return;
            }

            _under.Dequeue();
            _deliver(next.Bytes);
        }
    }
}
