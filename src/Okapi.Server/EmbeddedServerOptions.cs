using System.Net;
using Microsoft.Extensions.Logging;

namespace Okapi.Server;

/// <summary>
/// An embedded server's options. Every default is valid; values are checked and copied when a server starts, so changes after that do not count. Where Apache ZooKeeper has a
/// setting of the same meaning, it is named.
/// </summary>
public sealed class EmbeddedServerOptions
{
    /// <summary>Where the first member listens; each further member takes the next port, or any if the port is 0. By default 127.0.0.1 and any free port. (clientPort, clientPortAddress)</summary>
    public IPEndPoint Listen { get; set; } = new(IPAddress.Loopback, 0);

    /// <summary>
    /// Whether an address other than loopback is accepted in <see cref="Listen"/>. False by default: a server for development has no business on a network unless somebody says so.
    /// </summary>
    public bool AllowNonLoopback { get; set; }

    /// <summary>Whether there are sockets at all; if not, <see cref="EmbeddedServer.ConnectAsync"/> is the way in. True by default.</summary>
    public bool UseSockets { get; set; } = true;

    /// <summary>
    /// How many addresses clients see, 1 to 9; 1 by default. More than one lets a test move a session, let one member lag, or make one read-only. All members share one tree in
    /// this process: this is no ensemble, and no member is safer than another.
    /// </summary>
    public int Members { get; set; } = 1;

    /// <summary>
    /// The folder that keeps the state, in the file format of Apache ZooKeeper's dataDir; null, the default, keeps it in memory only. A write is then acknowledged when it is on the
    /// disk.
    /// </summary>
    public string? DataFolder { get; set; }

    /// <summary>After how many transactions a snapshot is written, at least 2; 100,000 by default. Of use with <see cref="DataFolder"/> only. (snapCount)</summary>
    public int SnapshotCount { get; set; } = 100_000;

    /// <summary>Which version's behaviour the server shows where versions differ, and which operations it knows.</summary>
    public ServerVersion Version { get; set; } = ServerVersion.V39;

    /// <summary>The unit of session timeouts, 1 ms to 1 minute; 2 s by default. A session expires between its timeout and one tick later. (tickTime)</summary>
    public TimeSpan TickTime { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The shortest session timeout that is granted; null, the default: two ticks. (minSessionTimeout)</summary>
    public TimeSpan? MinSessionTimeout { get; set; }

    /// <summary>The longest session timeout that is granted; null, the default: twenty ticks. (maxSessionTimeout)</summary>
    public TimeSpan? MaxSessionTimeout { get; set; }

    /// <summary>Whether sessions are known to the member alone that they were opened on; Never by default. (localSessionsEnabled, localSessionsUpgradingEnabled)</summary>
    public LocalSessions LocalSessions { get; set; }

    /// <summary>How many connections one address may have to one member; 0: any number. 60 by default. In-memory connections do not count. (maxClientCnxns)</summary>
    public int MaxClientConnections { get; set; } = 60;

    /// <summary>How many bytes a request may have, from 1,024; 1,048,575 by default. (jute.maxbuffer)</summary>
    public int MaxRequestSize { get; set; } = 0xfffff;

    /// <summary>How long a connection may be open without a session; 10 s by default.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether znodes may have a time to live; true by default (on Apache's servers, extendedTypesEnabled is false by default).</summary>
    public bool EnableTtl { get; set; } = true;

    /// <summary>How often empty containers and outlived znodes are looked for; one minute by default. (znode.container.checkIntervalMs)</summary>
    public TimeSpan ContainerCheckInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>After what time a container that never had a child is removed; null, the default: never. (znode.container.maxNeverUsedIntervalMs)</summary>
    public TimeSpan? MaxNeverUsedInterval { get; set; }

    /// <summary>Whether hard quotas are enforced; false by default. (enforceQuota)</summary>
    public bool EnforceQuota { get; set; }

    /// <summary>Whether reconfig answers Unimplemented, as a standalone server that allows it does, and not ReconfigDisabled; false by default. (reconfigEnabled)</summary>
    public bool EnableReconfig { get; set; }

    /// <summary>The four-letter words that are answered; "*" is all. By default srvr. (4lw.commands.whitelist)</summary>
    public IList<string> FourLetterWords { get; } = ["srvr"];

    /// <summary>The password of the digest user "super", to whom no ACL applies; null, the default: there is none.</summary>
    public string? SuperPassword { get; set; }

    /// <summary>Who may log in with SASL DIGEST-MD5: user names and passwords. Empty by default, which offers no SASL.</summary>
    public IDictionary<string, string> SaslUsers { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Whether a session must log in with SASL before anything else; false by default. (sessionRequireClientSASLAuth)</summary>
    public bool RequireSasl { get; set; }

    /// <summary>A second address with TLS for each member; null, the default: none. (secureClientPort)</summary>
    public ServerTlsOptions? Tls { get; set; }

    /// <summary>The clock; the system's by default.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Where logs go; null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    internal TimeSpan ShortestTimeout => MinSessionTimeout ?? (2 * TickTime);

    internal TimeSpan LongestTimeout => MaxSessionTimeout ?? (20 * TickTime);

    /// <summary>A checked copy.</summary>
    /// <exception cref="ArgumentException">A value is not allowed; the message names it and the rule.</exception>
    internal EmbeddedServerOptions CloneValidated()
    {
        ArgumentNullException.ThrowIfNull(Listen);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        if (UseSockets && !AllowNonLoopback && !IPAddress.IsLoopback(Listen.Address))
            throw new ArgumentException($"{nameof(Listen)} {Listen} is not a loopback address; set {nameof(AllowNonLoopback)} if the network is to reach this server.");
        RequireRange(Members, 1, 9, nameof(Members));
        if (DataFolder is { } folder && string.IsNullOrWhiteSpace(folder)) throw new ArgumentException($"{nameof(DataFolder)} is empty; null keeps the state in memory.");
        RequireRange(SnapshotCount, 2, int.MaxValue, nameof(SnapshotCount));
        if (!Enum.IsDefined(Version)) throw new ArgumentException($"{nameof(Version)} {Version} is not one of {string.Join(", ", Enum.GetNames<ServerVersion>())}.");
        if (!Enum.IsDefined(LocalSessions)) throw new ArgumentException($"{nameof(LocalSessions)} {LocalSessions} is not one of {string.Join(", ", Enum.GetNames<LocalSessions>())}.");
        RequireRange(TickTime, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1), nameof(TickTime));
        RequireRange(ShortestTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1), nameof(MinSessionTimeout));
        RequireRange(LongestTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1), nameof(MaxSessionTimeout));
        if (LongestTimeout < ShortestTimeout) throw new ArgumentException($"{nameof(MaxSessionTimeout)} {LongestTimeout} is less than {nameof(MinSessionTimeout)} {ShortestTimeout}.");
        RequireRange(MaxClientConnections, 0, int.MaxValue, nameof(MaxClientConnections));
        RequireRange(MaxRequestSize, 1024, 1 << 30, nameof(MaxRequestSize));
        RequireRange(HandshakeTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1), nameof(HandshakeTimeout));
        RequireRange(ContainerCheckInterval, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1), nameof(ContainerCheckInterval));
        foreach (string word in FourLetterWords)
        {
            if (word != "*" && word is not { Length: 4 }) throw new ArgumentException($"{nameof(FourLetterWords)} has \"{word}\", which is neither \"*\" nor a word of four letters.");
        }

        if (SaslUsers.Any(user => user.Key.Length == 0 || user.Value is null)) throw new ArgumentException($"{nameof(SaslUsers)} has a user without a name, or without a password.");
        if (RequireSasl && SaslUsers.Count == 0) throw new ArgumentException($"{nameof(RequireSasl)} is set and {nameof(SaslUsers)} is empty: nobody could log in.");
        Tls?.Validate();
        var copy = new EmbeddedServerOptions
        {
            Listen = new(Listen.Address, Listen.Port),
            AllowNonLoopback = AllowNonLoopback,
            UseSockets = UseSockets,
            Members = Members,
            DataFolder = DataFolder,
            SnapshotCount = SnapshotCount,
            Version = Version,
            TickTime = TickTime,
            MinSessionTimeout = MinSessionTimeout,
            MaxSessionTimeout = MaxSessionTimeout,
            LocalSessions = LocalSessions,
            MaxClientConnections = MaxClientConnections,
            MaxRequestSize = MaxRequestSize,
            HandshakeTimeout = HandshakeTimeout,
            EnableTtl = EnableTtl,
            ContainerCheckInterval = ContainerCheckInterval,
            MaxNeverUsedInterval = MaxNeverUsedInterval,
            EnforceQuota = EnforceQuota,
            EnableReconfig = EnableReconfig,
            SuperPassword = SuperPassword,
            RequireSasl = RequireSasl,
            Tls = Tls?.Clone(),
            TimeProvider = TimeProvider,
            LoggerFactory = LoggerFactory,
        };
        copy.FourLetterWords.Clear();
        foreach (string word in FourLetterWords) copy.FourLetterWords.Add(word);
        foreach ((string user, string password) in SaslUsers) copy.SaslUsers[user] = password;
        return copy;
    }

    private static void RequireRange<T>(T value, T least, T greatest, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(greatest) > 0) throw new ArgumentException($"{name} {value} is not from {least} to {greatest}.");
    }
}
