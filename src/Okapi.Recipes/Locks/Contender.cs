using System.Globalization;

namespace Okapi.Recipes.Locks;

/// <summary>A znode in a line of those who want something: what it wants (the marker in its name), and when it came (the number that the server has given it).</summary>
internal readonly record struct Contender(string Name, string Marker, int Sequence)
{
    /// <summary>The contenders among the names of a znode's children, in the order in which they came. Whatever else lies there is no contender (H63).</summary>
    public static List<Contender> Line(IEnumerable<string> names, IReadOnlyList<string> markers)
    {
        var line = new List<Contender>();
        foreach (string name in names)
            if (TryParse(name, markers, out Contender contender)) line.Add(contender);
        // By difference, since after 2147483647 the server goes on with -2147483648 (H63, ZOOKEEPER-4706).
        line.Sort(static (x, y) => x.Sequence == y.Sequence ? string.CompareOrdinal(x.Name, y.Name) : unchecked(x.Sequence - y.Sequence).CompareTo(0));
        return line;
    }

    private static bool TryParse(string name, IReadOnlyList<string> markers, out Contender contender)
    {
        foreach (string marker in markers)
        {
            int at = name.LastIndexOf(marker, StringComparison.Ordinal);
            if (at < 0) continue;
            ReadOnlySpan<char> number = name.AsSpan(at + marker.Length);
            if (number.Length < 10 || !int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int sequence)) continue;
            contender = new(name, marker, sequence);
            return true;
        }

        contender = default;
        return false;
    }
}
