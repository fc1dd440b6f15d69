using System.Net;

namespace Okapi.Server;

/// <summary>A proxy's options. Every default is valid; values are checked and copied when a proxy starts, so changes after that do not count.</summary>
public sealed class FaultProxyOptions
{
    /// <summary>Where the proxy listens. By default 127.0.0.1 and any free port.</summary>
    public IPEndPoint Listen { get; set; } = new(IPAddress.Loopback, 0);

    /// <summary>Whether an address other than loopback is accepted in <see cref="Listen"/>. False by default: a proxy lets whoever reaches it reach the server.</summary>
    public bool AllowNonLoopback { get; set; }

    /// <summary>How long connecting to the server may take, 1 ms to 1 day; 10 s by default. After that the client's connection is reset.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How many connections may be open, 1 to 65,535; 1,000 by default. One more is reset as soon as it is made.</summary>
    public int MaxConnections { get; set; } = 1000;

    /// <summary>
    /// What all chance follows from; 0 by default. With the same seed, the same faults in the same order and the same bytes in the same connections (by the order in which they are
    /// made), the same bits are flipped.
    /// </summary>
    public int Seed { get; set; }

    /// <summary>The clock, by which faults wait; the system's by default.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>A checked copy.</summary>
    /// <exception cref="ArgumentException">A value is not allowed; the message names it and the rule.</exception>
    internal FaultProxyOptions CloneValidated()
    {
        ArgumentNullException.ThrowIfNull(Listen);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        if (!AllowNonLoopback && !IPAddress.IsLoopback(Listen.Address))
            throw new ArgumentException($"{nameof(Listen)} {Listen} is not a loopback address; set {nameof(AllowNonLoopback)} if the network is to reach the server through this proxy.");
        RequireRange(ConnectTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1), nameof(ConnectTimeout));
        RequireRange(MaxConnections, 1, ushort.MaxValue, nameof(MaxConnections));
        return new()
        {
            Listen = new(Listen.Address, Listen.Port),
            AllowNonLoopback = AllowNonLoopback,
            ConnectTimeout = ConnectTimeout,
            MaxConnections = MaxConnections,
            Seed = Seed,
            TimeProvider = TimeProvider,
        };
    }

    private static void RequireRange<T>(T value, T least, T most, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0) throw new ArgumentException($"{name} {value} is not between {least} and {most}.");
    }
}
