namespace Okapi.Server.Proxies;

/// <summary>Flips bits in a stream of bytes: which ones depends on the seed and not on how the stream is cut into pieces.</summary>
internal sealed class BitFlips
{
    private readonly Random _random;
    private readonly double _share;
    private long _toNext;

    public BitFlips(double share, int seed)
    {
        _share = share;
        _random = new(seed);
        _toNext = Gap();
    }

    /// <summary>Flips what is due in the next bytes of the stream.</summary>
    /// <returns>How many.</returns>
    public int Flip(Span<byte> bytes)
    {
        int flipped = 0;
        while (_toNext < bytes.Length)
        {
            bytes[(int)_toNext] ^= (byte)(1 << _random.Next(8));
            _toNext += 1 + Gap();
            flipped++;
        }

        _toNext -= bytes.Length;
        return flipped;
    }

    /// <summary>How many bytes stay as they are before the next one that does not: one draw in place of one for each byte.</summary>
    private long Gap() => _share >= 1 ? 0 : (long)Math.Min(Math.Log(1 - _random.NextDouble()) / Math.Log(1 - _share), long.MaxValue / 2);
}
