using System.Globalization;
using Okapi.Server;

namespace Okapi.Cli;

/// <summary>How times and sizes are written. What is not, is a <see cref="FormatException"/> that says the rule.</summary>
internal static class Units
{
    public const string DurationRule = "a time is needed, as 20ms, 1.5s or 2m, above 0 and at most a day";
    public const string SizeRule = "a number of bytes is needed, as 100, 10KB (of 1000) or 1MiB (of 1024)";
    public const string BandwidthRule = "bytes per second are needed, as 100KB/s, from 1B/s";
    public const string ShareRule = "a share above 0 and up to 1 is needed, as 1e-6";
    public const string DirectionRule = "one of requests, replies and both is needed";

    // The longer ends first: 20ms ends with s as well.
    private static readonly (string End, double Seconds)[] Times = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)];
    private static readonly (string End, long Bytes)[] Sizes = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1), (string.Empty, 1)];

    public static TimeSpan Duration(string text)
    {
        foreach ((string end, double seconds) in Times)
        {
            if (!text.EndsWith(end, StringComparison.Ordinal)) continue;
            if (double.TryParse(text[..^end.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value * seconds is > 0 and <= 86_400)
                return TimeSpan.FromSeconds(value * seconds);
            break;
        }

        throw new FormatException($"{text}: {DurationRule}");
    }

    public static long Size(string text)
    {
        foreach ((string end, long bytes) in Sizes)
        {
            if (!text.EndsWith(end, StringComparison.OrdinalIgnoreCase)) continue;
            if (long.TryParse(text[..^end.Length], NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value <= long.MaxValue / bytes) return value * bytes;
            break;
        }

        throw new FormatException($"{text}: {SizeRule}");
    }

    /// <summary>The size of a piece, at least one byte.</summary>
    public static int Piece(string text) => Size(text) is >= 1 and long size ? (int)Math.Min(size, int.MaxValue) : throw new FormatException($"{text}: {SizeRule}, from 1");

    public static long Bandwidth(string text)
    {
        try
        {
            if (text.EndsWith("/s", StringComparison.Ordinal) && Size(text[..^2]) is >= 1 and long size) return size;
        }
        catch (FormatException)
        {
            // The rule of the whole says more.
        }

        throw new FormatException($"{text}: {BandwidthRule}");
    }

    public static double Share(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double share) && share is > 0 and <= 1
            ? share
            : throw new FormatException($"{text}: {ShareRule}");

    public static FaultDirection Direction(string text) => text switch
    {
        "requests" => FaultDirection.Requests,
        "replies" => FaultDirection.Replies,
        "both" => FaultDirection.Both,
        _ => throw new FormatException($"{text}: {DirectionRule}"),
    };
}
