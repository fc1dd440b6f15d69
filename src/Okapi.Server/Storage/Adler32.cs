namespace Okapi.Server.Storage;

/// <summary>The checksum of ZooKeeper's files (RFC 1950).</summary>
internal static class Adler32
{
    /// <summary>The checksum of no bytes.</summary>
    public const uint Empty = 1;

    private const uint Prime = 65521;

    /// <summary>How many bytes can be added before the greater sum leaves 32 bits: the largest n with 255·n·(n+1)/2 + (n+1)·(65521−1) &lt; 2³².</summary>
    private const int Run = 5552;

    public static uint Of(ReadOnlySpan<byte> bytes) => Append(Empty, bytes);

    /// <summary>The checksum of what <paramref name="adler"/> is of, followed by some bytes.</summary>
    public static uint Append(uint adler, ReadOnlySpan<byte> bytes)
    {
        uint a = adler & 0xffff, b = adler >> 16;
        while (bytes.Length > 0)
        {
            ReadOnlySpan<byte> run = bytes.Length > Run ? bytes[..Run] : bytes;
            bytes = bytes[run.Length..];
            // Eight at a time: b gains what eight steps of "a += byte; b += a" would give it, in one sum that does not wait for each step.
            for (; run.Length >= 8; run = run[8..])
            {
                b += (8 * a) + (8u * run[0]) + (7u * run[1]) + (6u * run[2]) + (5u * run[3]) + (4u * run[4]) + (3u * run[5]) + (2u * run[6]) + run[7];
                a += (uint)(run[0] + run[1] + run[2] + run[3] + run[4] + run[5] + run[6] + run[7]);
            }

            foreach (byte each in run) b += a += each;
            a %= Prime;
            b %= Prime;
        }

        return (b << 16) | a;
    }
}
