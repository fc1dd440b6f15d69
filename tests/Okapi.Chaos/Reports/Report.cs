using System.Globalization;
using System.Net;
using System.Text;
using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Reports;

/// <summary>A run as one page that needs nothing else: the verdict, the picture, the faults and the times to recover.</summary>
public static class Report
{
    private const string Style = """
        body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:1200px;margin:2em auto;padding:0 1em}
        h1{font-size:1.5em;margin-bottom:0} h2{font-size:1.15em;margin-top:2em}
        table{border-collapse:collapse} td,th{padding:.25em .8em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top} td.r,th.r{text-align:right;font-variant-numeric:tabular-nums}
        code{background:#f3f3f3;padding:.1em .3em;overflow-wrap:anywhere} .good{color:#17703a;font-weight:600} .wrong{color:#b3261e;font-weight:600} .d{color:#666}
        svg{width:100%;height:auto} svg text{font:11px system-ui,sans-serif;fill:#333} svg .n{font-size:9px;fill:#777} svg .a{font-size:10px;text-anchor:middle;fill:#777}
        svg .f{fill:#fafafa;stroke:#e3e3e3} svg .g{stroke:#eee} svg polyline{fill:none;stroke-width:1.3} svg .ok{stroke:#2b6cb0} svg .p99{stroke:#d69e2e} svg .bad{stroke:#c53030}
        svg .fault{fill:#c05621} svg .leader{fill:#2f855a} svg .follower{fill:#9ae6b4} svg .readonly{fill:#ecc94b} svg .none{fill:#e2e8f0}
        """;

    public static void Write(string file, Verdict verdict) => File.WriteAllText(file, Render(verdict));

    public static string Render(Verdict verdict)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        RunEntry run = verdict.Evidence.Run;
        int wrong = verdict.Results.Sum(each => each.Findings.Count);
        var page = new StringBuilder();
        page.Append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Okapi: a run of chaos</title><style>").Append(Style).Append("</style></head><body>");
        page.Append("<h1>A run of chaos</h1>");
        page.Append($"<p class=\"d\">{E(run.Started.ToString("u", CultureInfo.InvariantCulture))}, seed {run.Seed}, {run.Servers} servers of Apache ZooKeeper (tick {run.TickMs} ms), {run.Clients} clients (session timeout {run.SessionTimeoutMs} ms). {E(run.Notes)}</p>");
        page.Append(wrong == 0 ? "<p class=\"good\">No promise was broken.</p>" : $"<p class=\"wrong\">{wrong} violations.</p>");
        page.Append($"<p>To run it again: <code>{E(run.Command)}</code></p>");
        AppendFigures(page, verdict.Evidence);
        page.Append("<h2>What happened</h2>").Append(Timeline.Draw(verdict.Evidence));
        AppendChecks(page, verdict);
        AppendRecovery(page, verdict.Evidence);
        AppendFaults(page, verdict.Evidence);
        return page.Append("</body></html>\n").ToString();
    }

    private static string E(string? text) => WebUtility.HtmlEncode(text ?? "");

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture);

    private static void AppendFigures(StringBuilder page, Evidence evidence)
    {
        int Count(Outcome outcome) => evidence.Operations.Count(each => each.Outcome == outcome);
        page.Append(CultureInfo.InvariantCulture, $"<p>{evidence.Operations.Count:N0} calls: {Count(Outcome.Ok):N0} succeeded, {Count(Outcome.Error):N0} were refused, {Count(Outcome.Unknown):N0} ended unknown, {Count(Outcome.NotSent):N0} were never sent, {Count(Outcome.Pending):N0} never returned. ");
        page.Append(CultureInfo.InvariantCulture, $"{evidence.Log.Committed.Count:N0} transactions in the log, {evidence.Sessions.Count:N0} sessions, {evidence.Connections.Count:N0} connections, {evidence.Faults.Count:N0} faults of {evidence.Faults.Select(each => each.Kind).Distinct().Count()} kinds.</p>");
    }

    private static void AppendChecks(StringBuilder page, Verdict verdict)
    {
        page.Append("<h2>What must hold</h2><table><tr><th></th><th>promise</th><th class=\"r\">looked at</th><th class=\"r\">violations</th><th>facts</th></tr>");
        foreach (CheckResult each in verdict.Results)
        {
            string facts = string.Join("<br>", each.Findings.Facts.Select(fact => $"{E(fact.Key)}: {E(fact.Value)}"));
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{E(each.Check.Name)}</td><td>{E(each.Check.Promise)}</td><td class=\"r\">{each.Findings.Looked:N0}</td><td class=\"r {(each.Findings.Count == 0 ? "good" : "wrong")}\">{each.Findings.Count:N0}</td><td class=\"d\">{facts}</td></tr>");
        }

        page.Append("</table>");
        foreach (CheckResult each in verdict.Results.Where(each => each.Findings.Count > 0))
        {
            page.Append($"<h3>{E(each.Check.Name)}: the first violations</h3><ol>");
            foreach (Violation violation in each.Findings.Violations.Take(20))
            {
                double since = violation.Time == 0 ? 0 : (violation.Time - verdict.Evidence.Run.Time) / 1e9;
                page.Append("<li>").Append(violation.Time == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"<span class=\"d\">{since:0.000} s</span> ")).Append(E(violation.Text)).Append("</li>");
            }

            page.Append("</ol>");
        }
    }

    private static void AppendRecovery(StringBuilder page, Evidence evidence)
    {
        page.Append("<h2>Time to recover</h2><p class=\"d\">Of the servers: how long they took no writes, or had no leader. Of the clients: the longest that one went without a success, the client whose process was stopped left out.</p>");
        page.Append("<table><tr><th>fault</th><th class=\"r\">times</th><th class=\"r\">servers, median</th><th class=\"r\">servers, longest</th><th class=\"r\">clients, median</th><th class=\"r\">clients, longest</th></tr>");
        foreach (RecoveryTimes each in RecoveryTimes.Of(evidence))
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{E(each.Kind)}</td><td class=\"r\">{each.Servers.Count}</td><td class=\"r\">{Seconds(RecoveryTimes.Median(each.Servers))}</td><td class=\"r\">{Seconds(each.Servers[^1])}</td>");
            page.Append(CultureInfo.InvariantCulture, $"<td class=\"r\">{Seconds(RecoveryTimes.Median(each.Clients))}</td><td class=\"r\">{Seconds(each.Clients[^1])}</td></tr>");
        }

        page.Append("</table>");
    }

    private static void AppendFaults(StringBuilder page, Evidence evidence)
    {
        page.Append("<h2>Faults</h2><details><summary>All of them</summary><table><tr><th class=\"r\">at</th><th>fault</th><th>target</th><th class=\"r\">lasted</th></tr>");
        foreach (FaultEntry each in evidence.Faults.OrderBy(each => each.Time))
        {
            string lasted = evidence.Healed.TryGetValue(each.Fault, out long healed) ? Seconds(TimeSpan.FromMicroseconds((healed - each.Time) / 1000.0)) : "not healed";
            page.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"r\">{(each.Time - evidence.Run.Time) / 1e9:0.0} s</td><td>{E(each.Kind)}</td><td>{E(each.Target)}</td><td class=\"r\">{lasted}</td></tr>");
        }

        page.Append("</table></details>");
    }
}
