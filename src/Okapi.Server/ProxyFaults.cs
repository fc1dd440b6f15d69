using Okapi.Server.Proxies;

namespace Okapi.Server;

/// <summary>
/// What can go wrong between clients and a server, on request. Faults are in force for every byte that the proxy receives after the call has returned, and until they are disposed or have struck as often as they
/// were to. Those of different kinds add up; bytes are counted for each connection and each way, from when it was opened.
/// </summary>
/// <remarks>No time may be longer than a day, and no count less than what is said of it: an <see cref="ArgumentOutOfRangeException"/> names the value and the rule.</remarks>
public sealed class ProxyFaults
{
    /// <summary>The longest time that anything is held back for; more is a mistake, and timers cannot have much more.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    private readonly FaultBook _book;
    private readonly ProxyListener _listener;
    private readonly FaultProxyOptions _options;
    private readonly Func<long, Scope> _scope;
    private int _ordinal;

    /// <param name="scope">Gives the connections to strike when so many have come.</param>
    internal ProxyFaults(FaultBook book, ProxyListener listener, FaultProxyOptions options, Func<long, Scope> scope)
    {
        _book = book;
        _listener = listener;
        _options = options;
        _scope = scope;
    }

    /// <summary>Cuts connections now; what the proxy holds of them is lost.</summary>
    /// <param name="kind">How. A half close ends replies, see <see cref="HalfClose"/>.</param>
    /// <returns>How many connections were cut.</returns>
    public int Cut(CutKind kind = CutKind.Reset)
    {
        Require(Enum.IsDefined(kind), nameof(kind), kind, "is not a way to cut");
        return OnConnections(connection => connection.Cut(kind, FaultDirection.Replies));
    }

    /// <summary>Ends one way of connections now, in good order. Whoever sends that way may go on, and is not heard; the other way stays open.</summary>
    /// <param name="direction">Which way; both ways stay half open each until both sides have closed.</param>
    /// <returns>How many connections there were.</returns>
    public int HalfClose(FaultDirection direction)
    {
        RequireDirection(direction);
        return OnConnections(connection => connection.Cut(CutKind.HalfClose, direction));
    }

    /// <summary>Cuts a connection when so many bytes have gone one way since it was opened, in the middle of a frame or not.</summary>
    /// <param name="bytes">How many, from 0: those go, and not one more.</param>
    /// <param name="direction">Which way they are counted; both: each on its own.</param>
    /// <param name="kind">How it is cut. A half close ends the way that was counted. A reset may overtake bytes that whoever receives has not read yet, as any reset.</param>
    /// <param name="times">How many connections are cut, from 1.</param>
    public Fault CutAfter(long bytes, FaultDirection direction, CutKind kind = CutKind.Reset, int times = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Require(Enum.IsDefined(kind), nameof(kind), kind, "is not a way to cut");
        return Add(new Cutting(bytes, kind), direction, times);
    }

    /// <summary>Lets no byte pass, nor the end of a connection. Connections stay open, as to a server that is frozen; whoever sends on has to wait in the end, for not more than 256 KiB are held each way.</summary>
    /// <param name="direction">Which way.</param>
    /// <param name="duration">After what time it ends by itself, above 0; null: when it is disposed.</param>
    public Fault Stall(FaultDirection direction = FaultDirection.Both, TimeSpan? duration = null) => StallAfter(0, direction, duration);

    /// <summary>As <see cref="Stall"/>, for connections on which so many bytes have gone that way since they were opened.</summary>
    /// <param name="bytes">How many, from 0: those go, and not one more.</param>
    /// <param name="direction">Which way; both: each counts on its own.</param>
    /// <param name="duration">After what time, from this call, it ends by itself, above 0; null: when it is disposed.</param>
    public Fault StallAfter(long bytes, FaultDirection direction, TimeSpan? duration = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (duration is not { } limit) return Add(new Stalled(bytes), direction);
        Require(limit > TimeSpan.Zero && limit <= Longest, nameof(duration), limit, $"is not above 0 and at most {Longest}");
        ITimer? timer = null;
        Fault stall = Add(new Stalled(bytes), direction, whenOver: () => timer?.Dispose());
        timer = _options.TimeProvider.CreateTimer(static fault => ((Fault)fault!).Dispose(), stall, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(limit, Timeout.InfiniteTimeSpan);
        return stall;
    }

    /// <summary>Loses what is sent, as a firewall that drops packets: whoever sends may send without limit, and nothing arrives. A connection that has lost bytes is reset when the fault ends.</summary>
    /// <param name="direction">Which way.</param>
    /// <param name="cutAfter">How long after its first loss a connection is reset, above 0; null: when the fault ends.</param>
    public Fault Blackhole(FaultDirection direction = FaultDirection.Both, TimeSpan? cutAfter = null)
    {
        if (cutAfter is { } after) Require(after > TimeSpan.Zero && after <= Longest, nameof(cutAfter), after, $"is not above 0 and at most {Longest}");
        return Add(new Swallowed(cutAfter ?? Timeout.InfiniteTimeSpan), direction);
    }

    /// <summary>Holds what goes through back for a time. Order is kept, and what follows need not wait until the first is through: it is latency, not a limit of what goes through, up to 256 KiB on the way.</summary>
    /// <param name="by">How long, from 0.</param>
    /// <param name="direction">Which way; both: each way takes so long.</param>
    /// <param name="jitter">By how much more or less at random, from 0; never less than no time.</param>
    public Fault Delay(TimeSpan by, FaultDirection direction = FaultDirection.Both, TimeSpan jitter = default)
    {
        RequireTime(by, nameof(by));
        RequireTime(jitter, nameof(jitter));
        return Add(new Delayed(by, jitter), direction);
    }

    /// <summary>Limits how much goes through, for each connection on its own.</summary>
    /// <param name="bytesPerSecond">How many bytes in a second, from 1.</param>
    /// <param name="direction">Which way; both: so much each way.</param>
    public Fault LimitBandwidth(long bytesPerSecond, FaultDirection direction = FaultDirection.Both)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesPerSecond, 1);
        return Add(new Throttled(bytesPerSecond), direction);
    }

    /// <summary>Sends what goes through in small pieces.</summary>
    /// <param name="size">How many bytes a piece has at most, from 1.</param>
    /// <param name="direction">Which way.</param>
    /// <param name="pause">How long to wait after a piece, from 0.</param>
    public Fault Split(int size = 1, FaultDirection direction = FaultDirection.Both, TimeSpan pause = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        RequireTime(pause, nameof(pause));
        return Add(new Splitting(size, pause), direction);
    }

    /// <summary>Tells the end of a connection, in good order or not, late. Bytes go on at once.</summary>
    /// <param name="by">How late, from 0.</param>
    /// <param name="direction">Which way the end is told.</param>
    public Fault SlowClose(TimeSpan by, FaultDirection direction = FaultDirection.Both)
    {
        RequireTime(by, nameof(by));
        return Add(new SlowlyClosed(by), direction);
    }

    /// <summary>Flips one bit in some bytes, which TCP's checksum does not find either when a machine on the way has them wrong in its memory.</summary>
    /// <param name="share">How probable it is for each byte, above 0 and up to 1. Which bytes and bits they are follows from <see cref="FaultProxyOptions.Seed"/>.</param>
    /// <param name="direction">Which way.</param>
    public Fault Corrupt(double share, FaultDirection direction = FaultDirection.Both)
    {
        Require(share is > 0 and <= 1, nameof(share), share, "is not above 0 and up to 1");
        return Add(new Corrupted(share, Seeds.Mix(_options.Seed, Interlocked.Increment(ref _ordinal))), direction);
    }

    /// <summary>Flips bits in one byte of a connection.</summary>
    /// <param name="offset">Which byte, from 0.</param>
    /// <param name="direction">Which way it goes.</param>
    /// <param name="mask">The bits to flip, 1 to 255.</param>
    /// <param name="times">In how many connections, from 1.</param>
    public Fault CorruptAt(long offset, FaultDirection direction, byte mask = 1, int times = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfZero(mask);
        return Add(new CorruptedAt(offset, mask), direction, times);
    }

    /// <summary>Takes no new connections: they are reset as soon as they are made. Those that are open stay.</summary>
    /// <param name="times">How many, from 1.</param>
    public Fault Refuse(int times = int.MaxValue) => Add(new Refused(), FaultDirection.Both, times);

    /// <summary>Is gone, as a server that was killed: all connections are reset and nothing listens, so whoever tries is refused by the system. The port stays taken. It is back when the fault is disposed.</summary>
    public Fault Down()
    {
        Fault down = Add(new Down(), FaultDirection.Both, whenOver: _listener.Update);
        _listener.Update();
        down.Strike();
        return down;
    }

    private int OnConnections(Action<ProxyConnection> act)
    {
        Scope scope = _scope(_listener.Accepted);
        ProxyConnection[] struck = [.. _listener.Connections.Where(connection => scope.Has(connection.Number))];
        foreach (ProxyConnection connection in struck) act(connection);
        return struck.Length;
    }

    private Fault Add(Impairment impairment, FaultDirection direction, int times = int.MaxValue, Action? whenOver = null)
    {
        RequireDirection(direction);
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1);
        return _book.Add(new(_book, member: null, FaultKind.Proxy, times, whenOver) { Impairment = impairment, Direction = direction, Scope = _scope(_listener.Accepted) });
    }

    private static void RequireDirection(FaultDirection direction) =>
        Require(direction is FaultDirection.Requests or FaultDirection.Replies or FaultDirection.Both, nameof(direction), direction, "is not one of Requests, Replies and Both");

    private static void RequireTime(TimeSpan time, string name) => Require(time >= TimeSpan.Zero && time <= Longest, name, time, $"is not between {TimeSpan.Zero} and {Longest}");

    private static void Require(bool isSo, string name, object value, string rule)
    {
        if (!isSo) throw new ArgumentOutOfRangeException(name, value, $"{name} {FormattableString.Invariant($"{value}")} {rule}.");
    }
}
