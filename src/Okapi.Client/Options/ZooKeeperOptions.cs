using Microsoft.Extensions.Logging;
using Okapi.Protocol;

namespace Okapi;

/// <summary>What happens when a session has expired.</summary>
public enum SessionRecovery
{
    /// <summary>The client is over, as Java's is: every call fails with <see cref="SessionExpiredException"/>.</summary>
    None = 0,

    /// <summary>
    /// A new session is opened. What was pending fails, one-shot watches end, persistent watches are armed again and see a Resync.
    /// Ephemeral znodes of the old session are not made again.
    /// </summary>
    NewSession = 1,
}

/// <summary>What connecting does about the connect string's chroot.</summary>
public enum ChrootCheck
{
    /// <summary>Connecting fails with <see cref="NoNodeException"/> if it does not exist.</summary>
    MustExist = 0,

    /// <summary>It is created, with its parents and the default ACL, if it does not exist.</summary>
    Create = 1,

    /// <summary>Nothing; calls fail with NoNode if it does not exist.</summary>
    None = 2,
}

/// <summary>Opens the byte stream to a server in place of TCP and TLS, for example to a server in the same process.</summary>
/// <param name="server">The server.</param>
/// <param name="cancellationToken">Ends the attempt.</param>
/// <returns>The open stream.</returns>
public delegate ValueTask<Stream> ConnectCallback(ServerEndpoint server, CancellationToken cancellationToken);

/// <summary>
/// A client's options. Every default is valid; values are checked and copied when a client is made, so changes after that do not count.
/// </summary>
public sealed class ZooKeeperOptions
{
    private IReadOnlyList<Acl>? _defaultAcl;

    /// <summary>The servers and, optionally, the chroot: <c>host:port,host:port/chroot</c>.</summary>
    public string ConnectString { get; set; } = string.Empty;

    /// <summary>
    /// How long the servers keep the session without hearing from the client; from 1 ms to 2^31-1 ms, 30 s by default. Servers grant what lies within their
    /// own bounds (2 to 20 ticks unless configured), see <see cref="ZooKeeperClient.SessionTimeout"/>.
    /// </summary>
    public TimeSpan SessionTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long one attempt on one server may take, name resolution, TLS and the session's handshake included. Null: the session timeout divided by
    /// the number of servers, within 0.5 s and 10 s.
    /// </summary>
    public TimeSpan? ConnectTimeout { get; set; }

    /// <summary>
    /// How long <see cref="ZooKeeperClient.ConnectAsync(string, ZooKeeperOptions?, CancellationToken)"/> tries before it fails with <see cref="ConnectFailedException"/>; 30 s by default.
    /// <see cref="Timeout.InfiniteTimeSpan"/>: for ever. A client made by <see cref="ZooKeeperClient.Start(string, ZooKeeperOptions?)"/> always tries for ever.
    /// </summary>
    public TimeSpan FirstConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a call may take, waiting for a connection included; 30 s by default. When it is over the call fails with <see cref="RequestTimeoutException"/>, and if
    /// the request was sent, the connection is given up: a server that leaves out a reply cannot be trusted with the next.
    /// <see cref="Timeout.InfiniteTimeSpan"/>: for ever.
    /// </summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long closing waits for the server's answer; 5 s by default.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The pause after the first round of failed attempts; doubled per round, with jitter. 100 ms by default.</summary>
    public TimeSpan BackoffMinimum { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause between rounds of attempts; 5 s by default.</summary>
    public TimeSpan BackoffMaximum { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the servers are tried in random order (so that clients spread) or as written. On by default.</summary>
    public bool ShuffleServers { get; set; } = true;

    /// <summary>Whether a server in read-only mode will do while no other can be had. Off by default.</summary>
    public bool AllowReadOnly { get; set; }

    /// <summary>What happens when the session expires.</summary>
    public SessionRecovery Recovery { get; set; }

    /// <summary>A session to resume instead of opening a new one; null: a new one.</summary>
    public SessionCredentials? Resume { get; set; }

    /// <summary>What connecting does about the chroot.</summary>
    public ChrootCheck ChrootCheck { get; set; }

    /// <summary>Credentials presented on every connection.</summary>
    public IList<AuthInfo> Auth { get; private set; } = [];

    /// <summary>SASL authentication; null: none.</summary>
    public SaslOptions? Sasl { get; set; }

    /// <summary>TLS.</summary>
    public TlsOptions Tls { get; set; } = new();

    /// <summary>
    /// The ACL of created znodes where the call gives none; open to anyone by default. A client with credentials that was not told (<see cref="Acl.CreatorAll"/>, or <see cref="Acl.Open"/> where that
    /// is meant) logs a warning, event 14, when it first creates one.
    /// </summary>
    public IReadOnlyList<Acl> DefaultAcl
    {
        get => _defaultAcl ?? Acl.Open;
        set => _defaultAcl = value;
    }

    /// <summary>Sends failed writes again; null: they fail.</summary>
    public RetryPolicy? WriteRetry { get; set; }

    /// <summary>The largest request in bytes; 0xfffff by default, as <c>jute.maxbuffer</c> on servers. A larger one is refused before it is sent.</summary>
    public int MaxRequestSize { get; set; } = 0xfffff;

    /// <summary>The largest reply in bytes; 16 MiB by default, as servers do not bound theirs. A larger one fails its call alone.</summary>
    public int MaxReplySize { get; set; } = 16 << 20;

    /// <summary>How many requests may be encoded and unanswered; further ones wait. 65,536 by default.</summary>
    public int MaxOutstandingRequests { get; set; } = 65_536;

    /// <summary>How many bytes of requests may wait to be sent; further ones wait unencoded. 16 MiB by default.</summary>
    public int MaxUnsentBytes { get; set; } = 16 << 20;

    /// <summary>How many events wait for the reader of a stream before the rest is dropped and a Resync says so. 4,096 by default.</summary>
    public int EventBufferSize { get; set; } = 4_096;

    /// <summary>Where logs go; null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>The clock; the system's by default.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>
    /// What chance begins with: the length of pauses, the order of servers. Null: something else each time, as clients should differ. With one of its own, and a clock and a network
    /// (<see cref="TimeProvider"/>, <see cref="ConnectCallback"/>) that do the same again, a client does the same again.
    /// </summary>
    public int? RandomSeed { get; set; }

    /// <summary>Opens byte streams in place of TCP and TLS (which then must not be enabled in <see cref="Tls"/>); null: TCP and TLS.</summary>
    public ConnectCallback? ConnectCallback { get; set; }

    /// <summary>Whether nobody has said what <see cref="DefaultAcl"/> is to be.</summary>
    internal bool IsOpenByOmission => _defaultAcl is null;

    /// <summary>A copy that shares no mutable part with this one.</summary>
    internal ZooKeeperOptions Clone()
    {
        var copy = (ZooKeeperOptions)MemberwiseClone();
        copy.Auth = [.. Auth];
        copy.Tls = Tls.Clone();
        copy.Sasl = Sasl?.Clone();
        copy.WriteRetry = WriteRetry?.Clone();
        copy._defaultAcl = _defaultAcl is null ? null : [.. _defaultAcl];
        return copy;
    }

    internal void Validate()
    {
        RequireTime(SessionTimeout, nameof(SessionTimeout));
        if (ConnectTimeout is { } connect) RequireTime(connect, nameof(ConnectTimeout));
        RequireTime(FirstConnectTimeout, nameof(FirstConnectTimeout), infinite: true);
        RequireTime(RequestTimeout, nameof(RequestTimeout), infinite: true);
        RequireTime(CloseTimeout, nameof(CloseTimeout));
        RequireTime(BackoffMinimum, nameof(BackoffMinimum));
        RequireTime(BackoffMaximum, nameof(BackoffMaximum));
        if (BackoffMaximum < BackoffMinimum) throw new ArgumentException($"{nameof(BackoffMaximum)} {BackoffMaximum} is less than {nameof(BackoffMinimum)} {BackoffMinimum}.");
        RequireRange(MaxRequestSize, 1024, 1 << 30, nameof(MaxRequestSize));
        RequireRange(MaxReplySize, 1024, 1 << 30, nameof(MaxReplySize));
        RequireRange(MaxOutstandingRequests, 1, 1 << 24, nameof(MaxOutstandingRequests));
        RequireRange(MaxUnsentBytes, 1024, 1 << 30, nameof(MaxUnsentBytes));
        RequireRange(EventBufferSize, 1, 1 << 24, nameof(EventBufferSize));
        if (!Enum.IsDefined(Recovery)) throw new ArgumentException($"{nameof(Recovery)} {Recovery} is not None or NewSession.");
        if (!Enum.IsDefined(ChrootCheck)) throw new ArgumentException($"{nameof(ChrootCheck)} {ChrootCheck} is not MustExist, Create or None.");
        if (Auth.Contains(null!)) throw new ArgumentException($"{nameof(Auth)} has an entry that is null.");
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(Tls);
        ArgumentChecks.ValidateAcl(DefaultAcl, nameof(DefaultAcl));
        Tls.Validate();
        if (Tls.Enabled && ConnectCallback is not null)
            throw new ArgumentException($"{nameof(Tls)}.{nameof(TlsOptions.Enabled)} and {nameof(ConnectCallback)} are both set; the callback opens byte streams in place of TCP and TLS, so whatever TLS there is to be is its own business.");
        Sasl?.Validate();
        WriteRetry?.Validate();
    }

    private static void RequireTime(TimeSpan value, string name, bool infinite = false)
    {
        if (infinite && value == Timeout.InfiniteTimeSpan) return;
        if (value < TimeSpan.FromMilliseconds(1) || value.TotalMilliseconds > int.MaxValue)
            throw new ArgumentException($"{name} {value} is not from 1 ms to {int.MaxValue} ms{(infinite ? ", or Timeout.InfiniteTimeSpan" : string.Empty)}.");
    }

    private static void RequireRange(int value, int minimum, int maximum, string name)
    {
        if (value < minimum || value > maximum) throw new ArgumentException($"{name} {value} is not from {minimum} to {maximum}.");
    }
}
