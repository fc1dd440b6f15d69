using Okapi.Soak.Measures;

namespace Okapi.Soak.Tests;

/// <summary>The judge, on series that are known.</summary>
public class JudgeTests
{
    private const double Heap = 40 << 20;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 20)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_leak_of_two_percent_an_hour_is_found_within_an_hour_of_noise(int seed) =>
        Assert.Equal(Verdict.Broken, Judge.Growth("heap", Noisy(seed, minutes: 60, at => Heap * (1 + (0.02 * at.TotalHours)))).Verdict);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Noise_of_an_hour_is_no_leak(int seed) => Assert.Equal(Verdict.Holds, Judge.Growth("heap", Noisy(seed, minutes: 60, _ => Heap)).Verdict);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Noise_of_two_minutes_says_nothing(int seed) => Assert.Equal(Verdict.Unclear, Judge.Growth("heap", Noisy(seed, minutes: 2, _ => Heap)).Verdict);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_leak_that_doubles_the_heap_in_an_hour_is_found_within_five_minutes(int seed) =>
        Assert.Equal(Verdict.Broken, Judge.Growth("heap", Noisy(seed, minutes: 5, at => Heap * (1 + at.TotalHours))).Verdict);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_heap_that_grows_at_first_and_comes_to_rest_is_not_broken(int seed) =>
        Assert.NotEqual(Verdict.Broken, Judge.Growth("heap", Noisy(seed, minutes: 60, at => Heap * (1 + (0.1 * Math.Min(1, at.TotalMinutes / 10))))).Verdict);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Noise_whose_neighbours_are_alike_is_no_leak(int seed)
    {
        var random = new Random(seed);
        double drift = 0;
        List<Sample> samples = [];
        for (int i = 0; i < 360; i++)
        {
            drift = (0.9 * drift) + ((random.NextDouble() - 0.5) * 0.004);
            samples.Add(new(TimeSpan.FromSeconds(10 * i), Heap * (1 + drift)));
        }

        Assert.NotEqual(Verdict.Broken, Judge.Growth("heap", samples).Verdict);
    }

    [Fact]
    public void A_slope_without_noise_is_what_it_is()
    {
        Trend trend = Trend.Of([.. Enumerable.Range(0, 10).Select(i => new Sample(TimeSpan.FromMinutes(i), 100 + i))]);
        Assert.Equal(60, trend.PerHour, 1e-6);
        Assert.Equal(0, trend.StandardError, 1e-6);
        Assert.Equal(104.5, trend.Mean, 1e-6);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(9)]
    public void A_few_samples_say_nothing(int count)
    {
        Sample[] samples = [.. Enumerable.Range(0, count).Select(i => new Sample(TimeSpan.FromSeconds(i), Heap * (1 + i)))];
        Assert.Equal(Verdict.Unclear, Judge.Growth("heap", samples).Verdict);
        Assert.Equal(Verdict.Unclear, Judge.Level("threads", samples).Verdict);
    }

    [Theory]
    [InlineData(400, 409, false)]
    [InlineData(400, 391, false)]
    [InlineData(400, 408, true)]
    [InlineData(10, 13, true)]
    [InlineData(10, 14, false)]
    public void A_level_may_change_by_two_percent_or_by_three(int first, int last, bool holds)
    {
        Sample[] samples = [.. Enumerable.Range(0, 30).Select(i => new Sample(TimeSpan.FromSeconds(i), i < 15 ? first : last))];
        Assert.Equal(holds ? Verdict.Holds : Verdict.Broken, Judge.Level("threads", samples).Verdict);
    }

    [Fact]
    public void A_dip_now_and_then_is_no_change_of_level()
    {
        Sample[] samples = [.. Enumerable.Range(0, 90).Select(i => new Sample(TimeSpan.FromSeconds(i), i % 5 == 0 ? 300 : 400))];
        Assert.Equal(Verdict.Holds, Judge.Level("threads", samples).Verdict);
    }

    /// <summary>A sample each 10 s, off by up to half a percent.</summary>
    private static List<Sample> Noisy(int seed, int minutes, Func<TimeSpan, double> value)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, minutes * 6).Select(i => TimeSpan.FromSeconds(10 * i)).Select(at => new Sample(at, value(at) * (1 + ((random.NextDouble() - 0.5) * 0.01))))];
    }
}
