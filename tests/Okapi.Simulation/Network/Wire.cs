using System.Reflection;
using System.Threading.Channels;
using Okapi.Simulation.Time;

namespace Okapi.Simulation.Network;

/// <summary>How a connection is harmed.</summary>
internal enum Harm
{
    /// <summary>Both ends get an error.</summary>
    Reset,

    /// <summary>Both ends read to the end.</summary>
    End,

    /// <summary>One end reads to the end, and is still heard.</summary>
    HalfClose,

    /// <summary>One direction is silent from then on.</summary>
    Stall,

    /// <summary>A bit is turned over and the byte after it lost.</summary>
    Corrupt,
}

/// <summary>What is to happen at a byte of a direction.</summary>
internal sealed record HarmAt(bool Up, long Byte, Harm Harm);

/// <summary>One simulated connection between a client and a member.</summary>
internal sealed class Wire
{
    private readonly VirtualTime _time;
    private readonly Luck _luck;
    private readonly Stream _server;
    private readonly Flow _up;
    private readonly Flow _down;
    private readonly IWireTap _tap;
    private readonly Channel<byte[]> _toServer = Channel.CreateUnbounded<byte[]>();
    private readonly Frames _sent = new(), _answered = new(), _arrived = new();
    private bool _isOver;

    public Wire(int number, VirtualTime time, Luck luck, Stream server, IWireTap tap)
    {
        Number = number;
        _time = time;
        _luck = luck;
        _server = server;
        _tap = tap;
        Client = new(Send, OnClientGone);
        _up = new(time, bytes => _toServer.Writer.TryWrite(bytes));
        _down = new(time, bytes =>
        {
            if (bytes.Length > 0) _arrived.Add(bytes, frame => _tap.OnArrived(this, frame));
            Client.Arrive(bytes);
        });
        _ = WriteAsync();
        _ = ReadAsync();
    }

    public int Number { get; }

    public ClientStream Client { get; }

    public bool IsOver => _isOver;

    /// <summary>How long a byte takes, at least and at most.</summary>
    public (TimeSpan Least, TimeSpan Most) Latency { get; set; }

    /// <summary>Whether bytes go in small pieces.</summary>
    public bool IsSliced { get; set; }

    public void Break(string why)
    {
        if (_isOver) return;
        Close();
        Client.Break(new IOException(why));
    }

    public void Hold(TimeSpan up, TimeSpan down)
    {
        if (up > TimeSpan.Zero) _up.Hold(up);
        if (down > TimeSpan.Zero) _down.Hold(down);
    }

    public void Do(bool up, Harm harm)
    {
        TimeSpan soon = Latency.Most;
        switch (harm)
        {
            case Harm.Reset:
                // What is lost in the middle is never followed by more.
                _up.IsSilent = _down.IsSilent = true;
                _time.After(soon, () => Break("The connection was reset by the peer."));
                break;
            case Harm.End:
                _down.Send([], soon);
                _down.IsSilent = true;
                _up.IsSilent = true;
                _time.After(soon, Close);
                break;
            case Harm.HalfClose when up:
                _up.Send([], soon);
                _up.IsSilent = true;
                break;
            case Harm.HalfClose:
                _down.Send([], soon);
                _down.IsSilent = true;
                break;
            case Harm.Stall when up:
                _up.IsSilent = true;
                break;
            case Harm.Stall:
                _down.IsSilent = true;
                break;
        }
    }

    private void Send(ReadOnlyMemory<byte> bytes)
    {
        _sent.Add(bytes.Span, frame => _tap.OnSent(this, frame));
        Pass(up: true, bytes.ToArray());
    }

    private void Pass(bool up, byte[] bytes)
    {
        Flow flow = up ? _up : _down;
        HarmAt? harm = _tap.TakeHarm(up, bytes.Length, out int at);
        if (harm is { Harm: Harm.Corrupt })
        {
            bytes[at] ^= 0x10;
            bytes = [.. bytes.AsSpan(0, at + 1), .. bytes.AsSpan(Math.Min(at + 2, bytes.Length))];
            harm = null;
        }

        if (harm is not null) bytes = bytes[..at];
        if (IsSliced && bytes.Length > 1)
        {
            for (int i = 0; i < bytes.Length;)
            {
                int size = Math.Min(bytes.Length - i, _luck.Of(1, 1, 1, 2, 3, 7, 40));
                flow.Send(bytes.AsSpan(i, size).ToArray(), _luck.Time(Latency.Least, Latency.Most));
                i += size;
            }
        }
        else if (bytes.Length > 0)
        {
            flow.Send(bytes, _luck.Time(Latency.Least, Latency.Most));
        }

        if (harm is not null) Do(up, harm.Harm);
    }

    private void OnClientGone()
    {
        _tap.OnClosed(this);
        _down.End();
        if (_isOver) return;
        _up.Send([], Latency.Most);
        _up.IsSilent = true;
        _time.After(TimeSpan.FromSeconds(1), Close);
    }

    private void Close()
    {
        if (_isOver) return;
        _isOver = true;
        _up.End();
        _down.End();
        _toServer.Writer.TryComplete();
        _server.Dispose();
    }

    private async Task WriteAsync()
    {
        try
        {
            await foreach (byte[] bytes in _toServer.Reader.ReadAllAsync())
            {
                if (bytes.Length > 0) await _server.WriteAsync(bytes);
                else _server.GetType().GetMethod("CloseWriting", BindingFlags.Instance | BindingFlags.Public)!.Invoke(_server, null);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The server has closed it; the reader sees so.
        }
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (await _server.ReadAsync(buffer) is > 0 and int count)
            {
                byte[] bytes = buffer[..count];
                _answered.Add(bytes, frame => _tap.OnAnswered(this, frame));
                Pass(up: false, bytes);
            }

            _down.Send([], Latency.Most);
        }
        catch (Exception error) when (error is IOException)
        {
            _time.After(Latency.Most, () => Break("The connection was reset by the server."));
        }
        catch (ObjectDisposedException)
        {
            // Closed here.
        }
    }
}

/// <summary>Sees what goes over a wire.</summary>
internal interface IWireTap
{
    /// <summary>The client has sent a frame.</summary>
    void OnSent(Wire wire, byte[] frame);

    /// <summary>The server has sent a frame, which may not arrive.</summary>
    void OnAnswered(Wire wire, byte[] frame);

    /// <summary>A frame has reached the client.</summary>
    void OnArrived(Wire wire, byte[] frame);

    /// <summary>The client has closed its end.</summary>
    void OnClosed(Wire wire);

    /// <summary>Takes the harm that is due within the next bytes.</summary>
    HarmAt? TakeHarm(bool up, int count, out int at);
}
