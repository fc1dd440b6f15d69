using Okapi.Protocol;
using Okapi.Server.Proxies;

namespace Okapi.Server;

/// <summary>Which way bytes go.</summary>
[Flags]
public enum FaultDirection
{
    /// <summary>From clients to the server.</summary>
    Requests = 1,

    /// <summary>From the server to clients: replies and events.</summary>
    Replies = 2,

    /// <summary>Both.</summary>
    Both = Requests | Replies,
}

/// <summary>How a connection is cut.</summary>
public enum CutKind
{
    /// <summary>With a reset, as when a server is killed or a firewall loses its state.</summary>
    Reset = 0,

    /// <summary>In good order, as when a server is stopped.</summary>
    Close = 1,

    /// <summary>The server sends nothing more but still takes what the client sends.</summary>
    HalfClose = 2,
}

/// <summary>A request that a fault may strike.</summary>
/// <param name="SessionId">The session that it came from.</param>
/// <param name="Xid">The number that the client gave it.</param>
/// <param name="Type">What it asks for.</param>
/// <param name="Path">The path that it begins with; null if it has none, as a transaction.</param>
public readonly record struct FaultyRequest(long SessionId, int Xid, OpCode Type, string? Path);

/// <summary>A fault that was asked for. It lasts until it has struck as often as it was to, or is disposed.</summary>
public sealed class Fault : IDisposable
{
    private readonly FaultBook _book;
    private readonly TaskCompletionSource _struck = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action? _whenOver;
    private int _strikes;
    private int _isOver;

    internal Fault(FaultBook book, int? member, FaultKind kind, int times = int.MaxValue, Action? whenOver = null)
    {
        _book = book;
        _whenOver = whenOver;
        Member = member;
        Kind = kind;
        Times = times;
    }

    /// <summary>How often it has struck so far.</summary>
    public int Strikes => Volatile.Read(ref _strikes);

    /// <summary>Ends when it has struck for the first time. (A fault that is never met waits forever: give the wait a bound.)</summary>
    public Task Struck => _struck.Task;

    internal int? Member { get; }

    internal FaultKind Kind { get; }

    internal int Times { get; }

    internal FaultDirection Direction { get; init; } = FaultDirection.Both;

    internal TimeSpan Duration { get; init; }

    internal long Bytes { get; init; }

    internal CutKind Cut { get; init; }

    internal ErrorCode Error { get; init; }

    internal Func<FaultyRequest, bool>? When { get; init; }

    internal Func<byte[], byte[]?>? Alteration { get; init; }

    /// <summary>What it does to connections of a proxy, and to which.</summary>
    internal Impairment? Impairment { get; init; }

    internal Scope Scope { get; init; }

    internal Task Over => _over.Task;

    /// <summary>Ends it; what it held back goes on.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isOver, 1) != 0) return;
        _book.Remove(this);
        _over.TrySetResult();
        _whenOver?.Invoke();
    }

    /// <summary>Counts a strike; false when it has none left.</summary>
    internal bool Strike()
    {
        int strike = Interlocked.Increment(ref _strikes);
        if (strike > Times)
        {
            Interlocked.Decrement(ref _strikes);
            return false;
        }

        if (strike == Times) Dispose();
        _struck.TrySetResult();
        return true;
    }
}

/// <summary>What a fault does.</summary>
internal enum FaultKind
{
    Stall,
    Delay,
    Split,
    CutAfter,
    Refuse,
    AnswerError,
    AlterReply,
    CutForReply,
    CutForRequest,
    ReadOnly,
    Lag,
    Proxy,
}
