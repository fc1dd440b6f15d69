using Okapi.Server;
using Okapi.Soak.Measures;
using Okapi.TestSupport;
using static System.FormattableString;

namespace Okapi.Soak;

/// <summary>A session that does nothing but ping, and what passes on its connection.</summary>
internal sealed class IdleSession : IAsyncDisposable
{
    /// <summary>How long after a ping is due it has to be there.</summary>
    private static readonly TimeSpan s_late = TimeSpan.FromMilliseconds(10);

    private readonly ManualTime _time;
    private readonly TimeSpan _timeout;
    private ZooKeeperClient? _zk;
    private PingTap? _tap;
    private long _id;
    private int _connections;

    private IdleSession(ManualTime time, TimeSpan timeout) => (_time, _timeout) = (time, timeout);

    /// <summary>Three tenths of the timeout, and 10 s at most.</summary>
    public TimeSpan PingInterval => TimeSpan.FromTicks(Math.Min(_timeout.Ticks * 3 / 10, TimeSpan.FromSeconds(10).Ticks));

    /// <summary>Time may not go past this before the client has pinged.</summary>
    public TimeSpan NoLaterThan => _tap!.LastWrite + PingInterval + s_late;

    /// <summary>Whether no ping is overdue, and every answer has been read.</summary>
    public bool IsSettled => _tap!.IsReadingOn && _time.Now < NoLaterThan;

    public bool IsUnharmed => _zk!.SessionId == _id && !_zk.SessionLost.IsCancellationRequested && _zk.IsConnected && _connections == 1;

    public static async Task<IdleSession> OpenAsync(EmbeddedServer server, ManualTime time, TimeSpan timeout)
    {
        var session = new IdleSession(time, timeout);
        session._zk = await ZooKeeperClient.ConnectAsync(new ZooKeeperOptions
        {
            ConnectString = server.ConnectionString,
            SessionTimeout = timeout,
            TimeProvider = time,
            ConnectCallback = async (to, token) =>
            {
                session._connections++;
                return session._tap = new PingTap(await server.ConnectAsync(to.Port, token), time);
            },
        });
        session._id = session._zk.SessionId;
        session._tap!.BeginIdle();
        return session;
    }

    public Check CheckPings(TimeSpan duration)
    {
        long wanted = (long)(duration / PingInterval);
        return Check.That(
            _tap!.LongestPause <= _timeout / 3 && Math.Abs(_tap.Pings - wanted) <= 1 + (wanted / 50),
            Invariant($"pings with a timeout of {_timeout.TotalSeconds} s"),
            Invariant($"{_tap.Pings}, wanted {wanted}; the longest pause {_tap.LongestPause.TotalSeconds:0.000} s, promised {_timeout.TotalSeconds / 3:0.000} s"));
    }

    public ValueTask DisposeAsync() => _zk?.DisposeAsync() ?? default;

    public override string ToString() => Invariant($"{_timeout.TotalSeconds} s: last ping at {_tap!.LastWrite}, now {_time.Now}, {_tap.Pings} pings, reading on: {_tap.IsReadingOn}");

    /// <summary>Counts what passes, which is pings and their answers once the session is idle.</summary>
    private sealed class PingTap(Stream inner, TimeProvider time) : TapStream(inner)
    {
        private const int PingSize = 12, AnswerSize = 20;

        private readonly Lock _lock = new();
        private long _written;
        private long _read;
        private bool _isReading;
        private TimeSpan _lastWrite;

        public long Pings
        {
            get
            {
                lock (_lock) return _written / PingSize;
            }
        }

        public TimeSpan LastWrite
        {
            get
            {
                lock (_lock) return _lastWrite;
            }
        }

        public TimeSpan LongestPause { get; private set; }

        public bool IsReadingOn
        {
            get
            {
                lock (_lock) return _isReading && _read / AnswerSize == _written / PingSize;
            }
        }

        /// <summary>What passed until now was the handshake.</summary>
        public void BeginIdle()
        {
            lock (_lock) _written = _read = 0;
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            lock (_lock) _isReading = true;
            int count = await base.ReadAsync(buffer, cancellationToken);
            lock (_lock) (_isReading, _read) = (false, _read + count);
            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            TimeSpan now = time.GetElapsedTime(0);
            lock (_lock)
            {
                LongestPause = TimeSpan.FromTicks(Math.Max(LongestPause.Ticks, (now - _lastWrite).Ticks));
                (_lastWrite, _written) = (now, _written + buffer.Length);
            }

            return base.WriteAsync(buffer, cancellationToken);
        }
    }
}
