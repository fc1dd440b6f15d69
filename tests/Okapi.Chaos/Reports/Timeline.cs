using System.Globalization;
using System.Net;
using System.Text;
using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;

namespace Okapi.Chaos.Reports;

/// <summary>The picture of a run: one axis of time, and above it calls, errors, latency, faults, sessions and servers.</summary>
internal sealed class Timeline
{
    private const int Left = 150;
    private const int Width = 1000;
    private const int Band = 16;
    private const int Most = 500;

    private readonly Evidence _evidence;
    private readonly StringBuilder _svg = new();
    private readonly long _start;
    private readonly long _end;
    private readonly long _step;
    private readonly int _count;
    private int _y = 10;

    private Timeline(Evidence evidence)
    {
        _evidence = evidence;
        IEnumerable<long> times = evidence.History.Entries.Where(each => each is not TreeNodeEntry and not RunEntry).Select(each => each.Time);
        _start = evidence.Run.Time > 0 ? evidence.Run.Time : times.DefaultIfEmpty(0).Min();
        _end = Math.Max(_start + 1_000_000_000, times.DefaultIfEmpty(_start).Max());
        _step = Math.Max(1_000_000_000, (_end - _start) / Most);
        _count = (int)((_end - _start) / _step) + 1;
    }

    public static string Draw(Evidence evidence) => new Timeline(evidence).Draw();

    private static string N(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    private string Draw()
    {
        DrawCalls();
        DrawLatency();
        DrawFaults();
        DrawSessions();
        DrawServers();
        DrawAxis();
        return $"<svg viewBox=\"0 0 {Left + Width + 20} {_y}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"What happened in the run, by time\">{_svg}</svg>";
    }

    private double X(long time) => Left + (Width * (double)(Math.Clamp(time, _start, _end) - _start) / (_end - _start));

    private int BinOf(long time) => (int)((Math.Clamp(time, _start, _end) - _start) / _step);

    private void Title(string text, string note = "") =>
        _svg.Append(CultureInfo.InvariantCulture, $"<text x=\"4\" y=\"{_y + 12}\" class=\"t\">{WebUtility.HtmlEncode(text)}</text><text x=\"4\" y=\"{_y + 26}\" class=\"n\">{WebUtility.HtmlEncode(note)}</text>");

    private void Line(double[] values, double top, int height, string style)
    {
        if (top <= 0) top = 1;
        var points = string.Join(' ', values.Select((value, i) => $"{N(X(_start + (i * _step) + (_step / 2)))},{N(_y + height - (height * Math.Min(value, top) / top))}"));
        _svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"{style}\" points=\"{points}\"/>");
    }

    private void Frame(int height) => _svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Left}\" y=\"{_y}\" width=\"{Width}\" height=\"{height}\" class=\"f\"/>");

    private void DrawCalls()
    {
        const int Height = 90;
        double[] good = new double[_count], bad = new double[_count];
        double seconds = _step / 1e9;
        foreach (OperationEntry each in _evidence.Operations)
        {
            bool failed = each.Outcome is Outcome.Unknown or Outcome.NotSent or Outcome.Pending;
            (failed ? bad : good)[BinOf(each.Time)] += 1 / seconds;
        }

        double top = Math.Max(1, Math.Max(good.Max(), bad.Max()));
        Title("calls per second", $"up to {N(Math.Round(top))}; red: failed");
        Frame(Height);
        Line(good, top, Height, "ok");
        Line(bad, top, Height, "bad");
        _y += Height + 14;
    }

    private void DrawLatency()
    {
        const int Height = 70;
        List<double>[] times = [.. Enumerable.Range(0, _count).Select(_ => new List<double>())];
        foreach (OperationEntry each in _evidence.Operations.Where(each => each.Outcome == Outcome.Ok)) times[BinOf(each.Time)].Add((each.Time - each.Invoked) / 1e6);
        foreach (List<double> each in times) each.Sort();
        Title("latency", "median, 99 %; 0.1 ms to 100 s");
        Frame(Height);
        for (int decade = 0; decade <= 5; decade++)
        {
            double y = _y + Height - (Height * (decade + 1) / 6.0);
            _svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Left + Width}\" y1=\"{N(y)}\" y2=\"{N(y)}\" class=\"g\"/>");
        }

        Line([.. times.Select(each => Log(each, 0.5))], 6, Height, "ok");
        Line([.. times.Select(each => Log(each, 0.99))], 6, Height, "p99");
        _y += Height + 14;

        static double Log(List<double> sorted, double part) =>
            sorted.Count == 0 ? 0 : Math.Max(0, Math.Log10(Math.Max(0.1, sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * part))])) + 1);
    }

    private void DrawFaults()
    {
        foreach (IGrouping<string, FaultEntry> kind in _evidence.Faults.GroupBy(each => each.Kind).OrderBy(each => each.Key, StringComparer.Ordinal))
        {
            Title(kind.Key);
            Frame(Band);
            foreach (FaultEntry each in kind)
            {
                long healed = _evidence.Healed.GetValueOrDefault(each.Fault, _end);
                Bar(each.Time, healed, "fault", $"{each.Kind}, {each.Target}, {N((healed - each.Time) / 1e9)} s");
            }

            _y += Band + 2;
        }

        _y += 12;
    }

    private void DrawSessions()
    {
        const int Height = 50;
        double[] connected = new double[_count];
        int clients = Math.Max(1, _evidence.Run.Clients);
        foreach (IGrouping<int, SessionEntry> client in _evidence.Entries<SessionEntry>().Where(each => each.Client > 0).GroupBy(each => each.Client))
        {
            SessionEntry? before = null;
            foreach (SessionEntry each in client.Append(new SessionEntry { Time = _end, State = SessionState.Closed }))
            {
                if (before is { State: SessionState.Connected or SessionState.ConnectedReadOnly })
                {
                    for (int bin = BinOf(before.Time); bin < BinOf(each.Time); bin++) connected[bin]++;
                }

                before = each;
            }
        }

        Title("connected clients", $"of {clients}; marks: expired");
        Frame(Height);
        Line(connected, clients, Height, "ok");
        foreach (SessionEntry each in _evidence.Entries<SessionEntry>().Where(each => each.State == SessionState.Expired))
            _svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{N(X(each.Time))}\" x2=\"{N(X(each.Time))}\" y1=\"{_y}\" y2=\"{_y + 8}\" class=\"bad\"><title>client {each.Client} expired</title></line>");
        _y += Height + 14;
    }

    private void DrawServers()
    {
        foreach (IGrouping<int, ServerModeEntry> server in _evidence.Entries<ServerModeEntry>().GroupBy(each => each.Server).OrderBy(each => each.Key))
        {
            Title($"server {server.Key}");
            Frame(Band);
            ServerModeEntry? before = null;
            foreach (ServerModeEntry each in server.Append(new ServerModeEntry { Time = _end }))
            {
                if (before is not null) Bar(before.Time, each.Time, before.Mode switch { "leader" => "leader", "follower" => "follower", "read-only" => "readonly", _ => "none" }, before.Mode);
                before = each;
            }

            _y += Band + 2;
        }

        _y += 6;
    }

    private void DrawAxis()
    {
        for (int i = 0; i <= 10; i++)
        {
            long time = _start + ((_end - _start) / 10 * i);
            TimeSpan since = TimeSpan.FromMicroseconds((time - _start) / 1000.0);
            _svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{N(X(time))}\" y=\"{_y + 10}\" class=\"a\">{since:hh\\:mm\\:ss}</text>");
        }

        _y += 18;
    }

    private void Bar(long from, long to, string style, string text) =>
        _svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{N(X(from))}\" y=\"{_y}\" width=\"{N(Math.Max(1.5, X(to) - X(from)))}\" height=\"{Band}\" class=\"{style}\"><title>{WebUtility.HtmlEncode(text)}</title></rect>");
}
