namespace Okapi.Simulation.Tests.Wire;

/// <summary>One direction of a connection: bytes arrive in order, late, in pieces, or never.</summary>
internal sealed class Pipe(Simulator simulator, Action<byte[]> deliver, Action end)
{
    private readonly Queue<(TimeSpan At, byte[]? Bytes)> _onTheWay = new();
    private TimeSpan _lastAt;
    private bool _isPumping;

    public TimeSpan StalledUntil { get; set; }

    public bool IsDead { get; private set; }

    /// <summary>How likely what is sent arrives in pieces.</summary>
    public double Choppiness { get; set; }

    public double LatencyMs { get; set; } = 1;

    public void Send(ReadOnlySpan<byte> bytes)
    {
        if (IsDead) return;
        int piece = !simulator.Chance(Choppiness) ? bytes.Length : simulator.Chance(0.2) ? 1 : simulator.Random.Next(1, bytes.Length + 1);
        for (; bytes.Length > 0; bytes = bytes[Math.Min(piece, bytes.Length)..]) Enqueue(bytes[..Math.Min(piece, bytes.Length)].ToArray());
    }

    public void SendEnd() => Enqueue(null);

    /// <summary>What is on the way is lost.</summary>
    public void Kill()
    {
        IsDead = true;
        _onTheWay.Clear();
    }

    private void Enqueue(byte[]? bytes)
    {
        if (IsDead) return;
        TimeSpan at = simulator.Now + simulator.Between(0.1, LatencyMs);
        _lastAt = at = at < _lastAt ? _lastAt : at;
        _onTheWay.Enqueue((at, bytes));
        if (_isPumping) return;
        _isPumping = true;
        simulator.At(at, Pump);
    }

    private void Pump()
    {
        _isPumping = false;
        if (_onTheWay.Count == 0) return;
        if (StalledUntil <= simulator.Now)
        {
            byte[]? bytes = _onTheWay.Dequeue().Bytes;
            if (bytes is null)
            {
                Kill();
                end();
                return;
            }

            deliver(bytes);
        }

        if (_isPumping || _onTheWay.Count == 0) return;
        TimeSpan next = _onTheWay.Peek().At;
        _isPumping = true;
        simulator.At(next < StalledUntil ? StalledUntil : next, Pump);
    }
}
