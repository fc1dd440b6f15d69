namespace Okapi.Protocol;

/// <summary>Request numbers with a meaning of their own. All others are positive and count up.</summary>
public static class Xids
{
    /// <summary>A watch notification.</summary>
    public const int Notification = -1;

    /// <summary>A ping and its reply.</summary>
    public const int Ping = -2;

    /// <summary>An auth packet and its reply.</summary>
    public const int Auth = -4;

    /// <summary>A setWatches request and its reply.</summary>
    public const int SetWatches = -8;

    /// <summary>The number after <paramref name="xid"/>: positive always, so it never meets the special ones (ZOOKEEPER-3253).</summary>
    /// <param name="xid">The number used last.</param>
    /// <returns>The next number.</returns>
    public static int Next(int xid) => xid == int.MaxValue ? 1 : xid + 1;
}
