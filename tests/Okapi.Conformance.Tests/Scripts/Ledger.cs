using System.Globalization;
using Okapi.Protocol;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>
/// What one run of a script has learned of its server's numbers, so that another server's can be compared with them. A zxid becomes the number of
/// the script's write that took it; a session id the name of the session; a time is only told of where it is not the time of its zxid.
/// </summary>
public sealed class Ledger(string root)
{
    private readonly List<long> _writes = [];
    private readonly Dictionary<long, string> _sessions = [];
    private readonly Dictionary<long, long> _times = [];

    public void Name(long session, string name) => _sessions[session] = name;

    public string Session(long id) => id == 0 ? "-" : _sessions.TryGetValue(id, out string? name) ? name : "a stranger";

    public string Path(string? path) =>
        path is not null && path.StartsWith(root, StringComparison.Ordinal) ? ScriptText.Escape("~" + path[root.Length..]) : ScriptText.Escape(path);

    /// <summary>The zxid in the reply to a write: it is the write's own, so it is new.</summary>
    public string Write(long zxid)
    {
        if (zxid <= 0) return Number(zxid);
        if (_writes.Count > 0 && zxid <= _writes[^1]) return $"{Zxid(zxid)} again";
        _writes.Add(zxid);
        return Zxid(zxid);
    }

    /// <summary>The zxid in the reply to a read: of the last write, of whomever. So only the script's last write before it is told.</summary>
    public string Read(long zxid) => zxid <= 0 ? Number(zxid) : $"@{Floor(zxid)}";

    /// <summary>The zxid of a change: a write of the script, or something from before it.</summary>
    public string Zxid(long zxid)
    {
        if (zxid <= 0) return Number(zxid);
        int floor = Floor(zxid);
        return floor < 0 ? "older" : _writes[floor] == zxid ? $"#{floor}" : $"#{floor} and more";
    }

    /// <summary>The zxid of the script's last write, or of one of those before it.</summary>
    public long Since(int since) => since switch
    {
        > 0 => long.MaxValue >> 16,
        0 => 0,
        _ => _writes[Math.Max(0, _writes.Count + since)],
    };

    /// <summary>A Stat. Of the root, only what is not everybody's.</summary>
    public string Stat(Stat stat, bool isGlobal)
    {
        string own = $"v={stat.Version} av={stat.AclVersion} owner={Session(stat.EphemeralOwner)} length={stat.DataLength} c={Zxid(stat.Czxid)}";
        if (isGlobal) return own;
        return $"{own} m={Zxid(stat.Mzxid)} p={Zxid(stat.Pzxid)} cv={stat.ChildVersion} children={stat.ChildCount}"
            + Time("ctime", stat.Czxid, stat.CreatedMilliseconds) + Time("mtime", stat.Mzxid, stat.ModifiedMilliseconds);
    }

    private static string Number(long zxid) => zxid.ToString(CultureInfo.InvariantCulture);

    private int Floor(long zxid)
    {
        int index = _writes.BinarySearch(zxid);
        return index >= 0 ? index : ~index - 1;
    }

    private string Time(string name, long zxid, long time)
    {
        if (_times.TryAdd(zxid, time)) return zxid <= 0 == time <= 0 ? "" : $" {name}={time}";
        return _times[zxid] == time ? "" : $" {name} is not that of {Zxid(zxid)}";
    }
}
