namespace Okapi.Soak.Measures;

/// <summary>One reading.</summary>
internal readonly record struct Sample(TimeSpan At, double Value);

/// <summary>A straight line through samples, by least squares, and how sure it is.</summary>
/// <param name="Mean">The samples' mean.</param>
/// <param name="PerHour">How much the line rises in an hour, in the samples' unit.</param>
/// <param name="StandardError">Of <paramref name="PerHour"/>.</param>
internal readonly record struct Trend(double Mean, double PerHour, double StandardError)
{
    /// <summary>How many standard errors a slope may be off: once in some hundred runs it is more.</summary>
    private const double Sureness = 3;

    public double Least => PerHour - (Sureness * StandardError);

    public double Most => PerHour + (Sureness * StandardError);

    public static Trend Of(IReadOnlyList<Sample> samples)
    {
        int count = samples.Count;
        if (count < 3) return new(count == 0 ? 0 : samples.Average(each => each.Value), 0, double.PositiveInfinity);
        double meanAt = samples.Average(each => each.At.TotalHours), mean = samples.Average(each => each.Value);
        double spread = samples.Sum(each => Square(each.At.TotalHours - meanAt));
        if (spread == 0) return new(mean, 0, double.PositiveInfinity);
        double slope = samples.Sum(each => (each.At.TotalHours - meanAt) * (each.Value - mean)) / spread;
        double[] rest = [.. samples.Select(each => each.Value - mean - (slope * (each.At.TotalHours - meanAt)))];
        double squares = rest.Sum(Square);
        // Neighbours are alike, so that there is less to learn from n samples than from n that know nothing of one another.
        double alike = squares == 0 ? 0 : Math.Clamp(rest.Zip(rest.Skip(1), static (a, b) => a * b).Sum() / squares, 0, 0.95);
        double error = Math.Sqrt(squares / (count - 2) / spread * ((1 + alike) / (1 - alike)));
        return new(mean, slope, error);
    }

    private static double Square(double value) => value * value;
}
