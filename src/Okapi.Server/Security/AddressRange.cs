using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Okapi.Server.Security;

/// <summary>An address, or the range of those that begin with the same bits: what an ACL of the scheme "ip" names.</summary>
internal readonly record struct AddressRange(byte[] Address, int Bits)
{
    /// <summary>Reads "10.0.0.0/8", "10.1.2.3" and, where allowed, the same of IPv6; null: it is none.</summary>
    public static AddressRange? Parse(string text, bool allowIPv6)
    {
        string[] parts = text.Split('/', 2);
        if (ParseAddress(parts[0], allowIPv6) is not { } address) return null;
        int bits = address.Length * 8;
        if (parts.Length == 1) return new(address, bits);
        return int.TryParse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int given) && given >= 0 && given <= bits ? new(address, given) : null;
    }

    public bool Contains(string identity)
    {
        if (ParseAddress(identity, allowIPv6: true) is not { } given || given.Length != Address.Length) return false;
        for (int bit = 0; bit < Bits; bit++)
        {
            int mask = 0x80 >> (bit % 8);
            if ((given[bit / 8] & mask) != (Address[bit / 8] & mask)) return false;
        }

        return true;
    }

    private static byte[]? ParseAddress(string text, bool allowIPv6)
    {
        if (text.Contains(':', StringComparison.Ordinal))
            return allowIPv6 && IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6 && !text.Contains('.', StringComparison.Ordinal) ? address.GetAddressBytes() : null;
        // IPAddress takes "1" and "1.2" for addresses; ZooKeeper does not.
        string[] parts = text.Split('.');
        byte[] bytes = new byte[4];
        if (parts.Length != 4) return null;
        for (int i = 0; i < 4; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int part) || part is < 0 or > 255) return null;
            bytes[i] = (byte)part;
        }

        return bytes;
    }
}
