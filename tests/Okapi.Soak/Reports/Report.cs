using System.Globalization;
using System.Net;
using System.Text;
using Okapi.Soak.Measures;

namespace Okapi.Soak.Reports;

/// <summary>One part of a run: its checks, and the series that some of them were made from.</summary>
internal sealed record Part(string Name, TimeSpan Took, IReadOnlyList<Check> Checks, IReadOnlyList<Series> Series);

/// <summary>What a run found, for the console and as a page.</summary>
internal static class Report
{
    private const string Style = """
        body{font:14px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222} table{border-collapse:collapse;width:100%} td,th{border-bottom:1px solid #ddd;padding:.3em .6em;text-align:left;vertical-align:top}
        code{background:#f3f3f3;padding:.1em .3em} .Holds{color:#17703a;font-weight:600} .Broken{color:#b3261e;font-weight:600} .Unclear{color:#8a6100;font-weight:600}
        svg{width:100%;height:auto;margin:.5em 0} polyline{fill:none;stroke:#2a5db0;stroke-width:1.5} rect{fill:#fafafa;stroke:#ddd} text{font:11px system-ui,sans-serif;fill:#555}
        """;

    public static string Table(Part part)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"\n{part.Name} ({part.Took.TotalSeconds:0} s)\n");
        foreach (Check check in part.Checks) text.Append(CultureInfo.InvariantCulture, $"  {check.Verdict,-8} {check.Name,-34} {check.Detail}\n");
        return text.ToString();
    }

    public static string Page(string command, IReadOnlyList<Part> parts)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Okapi: soak</title><style>{Style}</style><h1>Soak</h1><p><code>{WebUtility.HtmlEncode(command)}</code></p>");
        foreach (Part part in parts)
        {
            page.Append(CultureInfo.InvariantCulture, $"<h2>{WebUtility.HtmlEncode(part.Name)} ({part.Took.TotalSeconds:0} s)</h2><table>");
            foreach (Check check in part.Checks) page.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"{check.Verdict}\">{check.Verdict}<td>{WebUtility.HtmlEncode(check.Name)}<td>{WebUtility.HtmlEncode(check.Detail)}");
            page.Append("</table>");
            foreach (Series series in part.Series.Where(each => each.Samples.Count > 1)) Draw(series, page);
        }

        return page.ToString();
    }

    private static void Draw(Series series, StringBuilder page)
    {
        const int Width = 1000, Height = 120, Top = 18;
        double least = series.Samples.Min(each => each.Value), most = series.Samples.Max(each => each.Value), range = Math.Max(1e-9, most - least);
        TimeSpan first = series.Samples[0].At, span = series.Samples[^1].At - first;
        IEnumerable<string> points = series.Samples.Select(each => string.Create(CultureInfo.InvariantCulture, $"{(each.At - first) / span * Width:0.#},{Top + Height - ((each.Value - least) / range * Height):0.#}"));
        page.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width} {Top + Height + 16}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(series.Name)} in the course of the run\"><rect x=\"0\" y=\"{Top}\" width=\"{Width}\" height=\"{Height}\"/>");
        page.Append(CultureInfo.InvariantCulture, $"<text x=\"2\" y=\"12\">{WebUtility.HtmlEncode(series.Name)}: {WebUtility.HtmlEncode(series.Text(least))} to {WebUtility.HtmlEncode(series.Text(most))}</text><polyline points=\"{string.Join(' ', points)}\"/>");
        page.Append(CultureInfo.InvariantCulture, $"<text x=\"2\" y=\"{Top + Height + 12}\">{first:hh\\:mm\\:ss}</text><text x=\"{Width - 2}\" y=\"{Top + Height + 12}\" text-anchor=\"end\">{first + span:hh\\:mm\\:ss}</text></svg>");
    }
}
