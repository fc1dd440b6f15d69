namespace Okapi.Server.Proxies;

/// <summary>Makes one seed of two, so that connections and faults have chance of their own.</summary>
internal static class Seeds
{
    /// <summary>Neighbours give seeds that are far apart. (The finalizer of MurmurHash3. Not HashCode, which differs from process to process.)</summary>
    public static int Mix(int seed, long with)
    {
        ulong mixed = unchecked((ulong)with + ((ulong)(uint)seed << 32) + 0x9E3779B97F4A7C15);
        mixed = unchecked((mixed ^ (mixed >> 33)) * 0xFF51AFD7ED558CCD);
        mixed = unchecked((mixed ^ (mixed >> 33)) * 0xC4CEB9FE1A85EC53);
        return unchecked((int)(mixed ^ (mixed >> 33)));
    }
}
