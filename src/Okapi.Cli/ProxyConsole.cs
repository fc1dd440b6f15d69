using System.Globalization;
using Okapi.Server;

namespace Okapi.Cli;

/// <summary>The commands that a running proxy takes, a line each.</summary>
internal sealed class ProxyConsole(FaultProxy proxy)
{
    public const string Usage = "cut, close, half-close [way], down, refuse, up, stall [way], blackhole [way], resume, latency time [jitter], bandwidth bytes/s, slice bytes, corrupt share, clear, status, quit. (way: requests or replies)";

    private readonly Dictionary<string, Fault> _faults = new(StringComparer.Ordinal);

    /// <summary>Carries out a command.</summary>
    /// <returns>What to print; null: quit.</returns>
    public string? Run(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        try
        {
            return words switch
            {
                [] => string.Empty,
                ["quit"] => null,
                ["help"] => Usage,
                ["status"] => Status(),
                ["cut"] => Count(proxy.Faults.Cut()),
                ["close"] => Count(proxy.Faults.Cut(CutKind.Close)),
                ["half-close", .. { Length: <= 1 } way] => Count(proxy.Faults.HalfClose(way is [] ? FaultDirection.Replies : Units.Direction(way[0]))),
                ["down"] => Begin("down", proxy.Faults.Down),
                ["refuse"] => Begin("down", () => proxy.Faults.Refuse()),
                ["up"] => End("down"),
                ["stall", .. { Length: <= 1 } way] => Begin("stall", () => proxy.Faults.Stall(Way(way))),
                ["blackhole", .. { Length: <= 1 } way] => Begin("stall", () => proxy.Faults.Blackhole(Way(way))),
                ["resume"] => End("stall"),
                ["latency", var by] => Begin("latency", () => proxy.Faults.Delay(Units.Duration(by))),
                ["latency", var by, var jitter] => Begin("latency", () => proxy.Faults.Delay(Units.Duration(by), jitter: Units.Duration(jitter))),
                ["bandwidth", var rate] => Begin("bandwidth", () => proxy.Faults.LimitBandwidth(Units.Bandwidth(rate))),
                ["slice", var size] => Begin("slice", () => proxy.Faults.Split(Units.Piece(size))),
                ["corrupt", var share] => Begin("corrupt", () => proxy.Faults.Corrupt(Units.Share(share))),
                ["clear"] => Clear(),
                _ => $"\"{line.Trim()}\" is not a command; there are: {Usage}",
            };
        }
        catch (FormatException refused)
        {
            return $"{words[0]}: {refused.Message}";
        }
    }

    private static FaultDirection Way(string[] way) => way is [] ? FaultDirection.Both : Units.Direction(way[0]);

    private static string Count(int count) => $"ok: {count.ToString(CultureInfo.InvariantCulture)} connections";

    /// <summary>Begins a fault in place of the one of its name.</summary>
    private string Begin(string name, Func<Fault> begin)
    {
        Fault next = begin();
        if (_faults.Remove(name, out Fault? before)) before.Dispose();
        _faults[name] = next;
        return "ok";
    }

    private string End(string name)
    {
        if (!_faults.Remove(name, out Fault? fault)) return "ok: nothing was to end";
        fault.Dispose();
        return "ok";
    }

    private string Clear()
    {
        _faults.Clear();
        proxy.Heal();
        return "ok";
    }

    private string Status()
    {
        string faults = _faults.Count == 0 ? "none" : string.Join(", ", _faults.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => $"{each.Key} (struck {each.Value.Strikes})"));
        return string.Create(CultureInfo.InvariantCulture, $"to {proxy.Server}: {proxy.Open} connections of {proxy.Accepted}, {proxy.RequestBytes} bytes of requests, {proxy.ReplyBytes} bytes of replies, faults of commands: {faults}");
    }
}
