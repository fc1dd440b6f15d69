using System.Globalization;
using System.Text;

namespace Okapi.Server.Trees;

/// <summary>
/// Limits on subtrees. They live in the tree itself, below /zookeeper/quota: zookeeper_limits holds what is allowed, zookeeper_stats what there is. The statistics are
/// rewritten in place, with no transaction of their own (B119).
/// </summary>
internal sealed class Quotas(Tree tree)
{
    private const string Limits = "/zookeeper_limits";
    private const string Stats = "/zookeeper_stats";

    private readonly HashSet<string> _limited = new(StringComparer.Ordinal);

    /// <summary>Says whether a change of a subtree would pass a hard limit. It judges by what has been counted so far.</summary>
    /// <exception cref="FormatException">A limit or statistic cannot be read.</exception>
    public bool IsExceededBy(string path, long bytes, int count)
    {
        if (FindLimited(path) is not { } limited || tree.Find(Tree.QuotaRoot + limited + Limits) is not { } limitNode || tree.Find(Tree.QuotaRoot + limited + Stats) is not { } statNode) return false;
        QuotaStats limit = QuotaStats.Parse(limitNode.Data), now = QuotaStats.Parse(statNode.Data);
        return (count != 0 && limit.CountHardLimit > -1 && now.Count + count > limit.CountHardLimit)
            || (bytes != 0 && limit.ByteHardLimit > -1 && now.Bytes + bytes > limit.ByteHardLimit);
    }

    /// <summary>Says whether a change beneath a path can be counted.</summary>
    public bool CanCount(string path)
    {
        if (FindLimited(path) is not { } limited || tree.Find(Tree.QuotaRoot + limited + Stats) is not { } node) return true;
        return QuotaStats.TryParse(node.Data, out _);
    }

    public void OnCreated(string path)
    {
        if (!path.StartsWith(Tree.QuotaRoot + "/", StringComparison.Ordinal)) return;
        if (path.EndsWith(Limits, StringComparison.Ordinal) && LimitedBy(path, Limits) is { Length: > 0 } limited) _limited.Add(limited);
        if (path.EndsWith(Stats, StringComparison.Ordinal) && LimitedBy(path, Stats) is { Length: > 0 } counted) Recount(counted);
    }

    public void OnDeleted(string path)
    {
        if (path.StartsWith(Tree.QuotaRoot + "/", StringComparison.Ordinal) && path.EndsWith(Limits, StringComparison.Ordinal)) _limited.Remove(LimitedBy(path, Limits));
    }

    /// <summary>Counts what has come or gone.</summary>
    public void Count(string path, long bytes, int count)
    {
        if (_limited.Count == 0 || FindLimited(path) is not { } limited || tree.Find(Tree.QuotaRoot + limited + Stats) is not { } node) return;
        if (!QuotaStats.TryParse(node.Data, out QuotaStats stats)) return;
        node.Data = (stats with { Bytes = stats.Bytes + bytes, Count = stats.Count + count }).ToBytes();
    }

    public void CopyFrom(Quotas other) => _limited.UnionWith(other._limited);

    private static string LimitedBy(string path, string leaf) => path[Tree.QuotaRoot.Length..^leaf.Length];

    private string? FindLimited(string path)
    {
        if (_limited.Count == 0) return null;
        for (string? at = path; at is { Length: > 1 }; at = ZnodePath.GetParent(at))
        {
            if (_limited.Contains(at)) return at;
        }

        return null;
    }

    private void Recount(string path)
    {
        long bytes = 0, count = 0;
        foreach (Znode each in tree.Subtree(path))
        {
            count++;
            bytes += each.Data?.Length ?? 0;
        }

        if (tree.Find(Tree.QuotaRoot + path + Stats) is { } node) node.Data = new QuotaStats(count, bytes).ToBytes();
    }
}

/// <summary>Counts and limits as the text of a znode: "count=4,bytes=5=;byteHardLimit=10;countHardLimit=10"; −1 is no limit.</summary>
internal readonly record struct QuotaStats(long Count = -1, long Bytes = -1, long CountHardLimit = -1, long ByteHardLimit = -1)
{
    /// <exception cref="FormatException">It is not such a text.</exception>
    public static QuotaStats Parse(byte[]? data) => TryParse(data, out QuotaStats stats) ? stats : throw new FormatException("The text is not a quota.");

    public static bool TryParse(byte[]? data, out QuotaStats stats)
    {
        stats = new(Count: -1); // not "new()", which would be all zeros
        foreach (string pair in Encoding.UTF8.GetString(data ?? []).Split([',', ';'], StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = pair.Split('=');
            long value = -1;
            if (parts.Length < 2 || (parts[1].Length > 0 && !long.TryParse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value))) return false;
            stats = parts[0] switch
            {
                "count" => stats with { Count = value },
                "bytes" => stats with { Bytes = value },
                "countHardLimit" => stats with { CountHardLimit = value },
                "byteHardLimit" => stats with { ByteHardLimit = value },
                _ => stats,
            };
        }

        return true;
    }

    public byte[] ToBytes()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"count={Count},bytes={Bytes}");
        // The odd "=" makes servers before 3.7 read past what they do not know; the order is Apache's.
        if (ByteHardLimit > -1 || CountHardLimit > -1) text.Append('=');
        if (ByteHardLimit > -1) text.Append(CultureInfo.InvariantCulture, $";byteHardLimit={ByteHardLimit}");
        if (CountHardLimit > -1) text.Append(CultureInfo.InvariantCulture, $";countHardLimit={CountHardLimit}");
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
