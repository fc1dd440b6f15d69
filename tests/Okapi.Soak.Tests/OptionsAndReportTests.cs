using Okapi.Soak.Load;
using Okapi.Soak.Measures;
using Okapi.Soak.Reports;

namespace Okapi.Soak.Tests;

public class OptionsAndReportTests
{
    [Fact]
    public void A_command_line_is_read_and_written_again()
    {
        SoakOptions options = SoakOptions.Parse(["--minutes", "2.5", "--seed", "7", "--only", "S1,S4", "--server", "apache", "--share", "10"]);
        Assert.Equal("eng/soak --minutes 2.5 --seed 7 --only S1,S4 --share 10 --server apache", options.Command);
    }

    [Theory]
    [InlineData("--minutes", "x")]
    [InlineData("--minutes")]
    [InlineData("--only", "S5")]
    [InlineData("--server", "other")]
    [InlineData("--what")]
    public void A_wrong_command_line_is_refused(params string[] arguments) => Assert.Throws<FormatException>(() => SoakOptions.Parse(arguments));

    [Fact]
    public void A_server_that_is_asked_tells_what_it_holds() =>
        Assert.Equal(new ServerCounts(5, 3, 2, 1), SoakServer.Parse("zk_version\t3.8.0-x, built on y\nzk_ephemerals_count\t3\nzk_watch_count\t5\nzk_global_sessions\t2\nzk_num_alive_connections\t1\nzk_avg_latency\t0.5\n"));

    [Fact]
    public void A_report_has_each_check_and_a_picture_of_each_series()
    {
        var series = new Series("<heap>");
        for (int i = 0; i < 3; i++) series.Add(TimeSpan.FromMinutes(i), i);
        var part = new Part("S1", TimeSpan.FromSeconds(9), [new("threads & more", Verdict.Broken, "9, 3 before")], [series, new Series("empty")]);
        string page = Report.Page("eng/soak", [part]);
        Assert.Contains("<td class=\"Broken\">Broken<td>threads &amp; more<td>9, 3 before", page, StringComparison.Ordinal);
        Assert.Contains("points=\"0,138 500,78 1000,18\"", page, StringComparison.Ordinal);
        Assert.Contains("&lt;heap&gt;: 0 to 2", page, StringComparison.Ordinal);
        Assert.Equal(1, page.Split("<svg").Length - 1);
        Assert.Contains("Broken   threads & more", Report.Table(part), StringComparison.Ordinal);
    }
}
