using static System.FormattableString;

namespace Okapi.Soak.Measures;

/// <summary>Tells a leak from noise.</summary>
internal static class Judge
{
    /// <summary>What the heap may grow by in an hour, in percent.</summary>
    public const double HeapLimit = 0.5;

    private const int Fewest = 10;

    /// <summary>
    /// A leak goes on: the slope is above the limit beyond doubt, and in the later half it is above nothing beyond doubt. What grew at first and came to rest is none; and what
    /// noise hides in so short a time is left open.
    /// </summary>
    public static Check Growth(string name, IReadOnlyList<Sample> samples, double limitPercent = HeapLimit)
    {
        Trend whole = Trend.Of(samples), later = Trend.Of([.. samples.Skip(samples.Count / 2)]);
        if (samples.Count < Fewest || whole.Mean <= 0) return new(name, Verdict.Unclear, Invariant($"{samples.Count} samples are too few"));
        double Percent(double perHour) => perHour / whole.Mean * 100;
        double least = Percent(whole.Least), most = Percent(whole.Most);
        string detail = Invariant($"{Percent(whole.PerHour):+0.00;-0.00} %/h of {whole.Mean:0}, between {least:+0.00;-0.00} and {most:+0.00;-0.00}, limit {limitPercent}");
        if (most <= limitPercent) return new(name, Verdict.Holds, detail);
        return least > limitPercent && later.Least > 0
            ? new(name, Verdict.Broken, detail)
            : new(name, Verdict.Unclear, detail + (least > limitPercent ? ": it grew and may have come to rest" : ": too short to tell"));
    }

    /// <summary>The last third has the level of the first: medians within 2 % or 3, whichever is more.</summary>
    public static Check Level(string name, IReadOnlyList<Sample> samples)
    {
        if (samples.Count < Fewest) return new(name, Verdict.Unclear, Invariant($"{samples.Count} samples are too few"));
        double first = Median(samples.Take(samples.Count / 3)), last = Median(samples.TakeLast(samples.Count / 3)), allowed = Math.Max(3, first * 0.02);
        return Check.That(Math.Abs(last - first) <= allowed, name, Invariant($"{first:0} at first, {last:0} at last, allowed ±{allowed:0}"));
    }

    private static double Median(IEnumerable<Sample> samples)
    {
        double[] values = [.. samples.Select(each => each.Value).Order()];
        return values[values.Length / 2];
    }
}
