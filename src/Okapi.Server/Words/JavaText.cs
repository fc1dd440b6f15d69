using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Okapi.Server.Words;

/// <summary>Writes values as Java does, since programs that read four-letter words expect it so.</summary>
internal static class JavaText
{
    /// <summary>An average, with at most four decimals (Apache's AvgMinMaxCounter, Java's Double.toString).</summary>
    public static string Number(double value)
    {
        decimal rounded = Math.Round((decimal)value, 4, MidpointRounding.AwayFromZero);
        return rounded is > 0 and < 0.001m
            ? string.Create(CultureInfo.InvariantCulture, $"{rounded * 10_000m:0}.0E-4")
            : rounded.ToString("0.0###", CultureInfo.InvariantCulture);
    }

    /// <summary>A time, as java.util.Date shows it; in UTC wherever the server is.</summary>
    public static string Date(long unixMs) => DateTimeOffset.FromUnixTimeMilliseconds(unixMs).ToString("ddd MMM dd HH:mm:ss 'UTC' yyyy", CultureInfo.InvariantCulture);

    /// <summary>An address, as InetSocketAddress shows one that has no name; IPv6 with all its parts. A connection in memory has none.</summary>
    public static string Address(IPEndPoint? at)
    {
        if (at is null) return "/memory:0";
        if (at.AddressFamily != AddressFamily.InterNetworkV6) return $"/{at}";
        byte[] bytes = at.Address.GetAddressBytes();
        IEnumerable<string> parts = Enumerable.Range(0, 8).Select(i => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(2 * i)).ToString("x", CultureInfo.InvariantCulture));
        return string.Create(CultureInfo.InvariantCulture, $"/[{string.Join(':', parts)}]:{at.Port}");
    }
}
