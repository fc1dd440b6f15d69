namespace Okapi.Server.Trees;

/// <summary>What a znode's owner field means: nobody, a session, a container, or a time to live (Apache's EphemeralType).</summary>
internal static class Ownership
{
    public const long Container = long.MinValue;

    /// <summary>The greatest time to live, in milliseconds.</summary>
    public const long MaxTtlMs = (1L << 40) - 1;

    private const long ExtendedMask = unchecked((long)0xff00_0000_0000_0000);

    public static long Ttl(long milliseconds) => ExtendedMask | milliseconds;

    public static bool IsTtl(long owner) => owner != Container && (owner & ExtendedMask) == ExtendedMask;

    public static long TtlOf(long owner) => owner & MaxTtlMs;

    public static bool IsSession(long owner) => owner != 0 && owner != Container && !IsTtl(owner);
}
