using System.Buffers;
using System.Globalization;

namespace Okapi.Recipes.Queues;

/// <summary>The name of a queue's entry, taken apart. What is sorted first is taken first.</summary>
/// <param name="Name">The whole name.</param>
/// <param name="Rank">What stands before the number; names sort by it first, as text, as Curator and kazoo do it. Curator's entries without a priority come before all that have one.</param>
/// <param name="Number">The number that the server gave it.</param>
internal readonly record struct EntryName(string Name, string Rank, int Number)
{
    private const string CuratorPrefix = "queue-";
    private const string KazooPrefix = "entry-";
    private const int KazooDefault = 100;
    private const int KazooHighest = 999;

    private static readonly SearchValues<char> s_upperHex = SearchValues.Create("0123456789ABCDEF");

    /// <summary>What a new entry's name begins with.</summary>
    public static string PrefixFor(NodeNaming naming, int? priority)
    {
        if (naming == NodeNaming.Kazoo)
        {
            int rank = priority ?? KazooDefault;
            if (rank is < 0 or > KazooHighest) throw new ArgumentOutOfRangeException(nameof(priority), priority, $"kazoo's priorities go from 0 to {KazooHighest}.");
            return $"{KazooPrefix}{rank.ToString("000", CultureInfo.InvariantCulture)}-";
        }

        // Two's complement in hex after a digit for the sign, so that text sorts as numbers do.
        return priority is { } given ? $"{CuratorPrefix}{(given >= 0 ? '1' : '0')}{given.ToString("X8", CultureInfo.InvariantCulture)}" : CuratorPrefix;
    }

    /// <returns>Null if it is no entry (H63).</returns>
    public static EntryName? Parse(NodeNaming naming, string name)
    {
        (string prefix, int rankLength) = naming == NodeNaming.Kazoo ? (KazooPrefix, 4) : (CuratorPrefix, 0);
        if (!name.StartsWith(prefix, StringComparison.Ordinal)) return null;
        ReadOnlySpan<char> rest = name.AsSpan(prefix.Length);
        // A number has ten digits; having run over it has a sign as well.
        if (naming == NodeNaming.Curator && rest.Length > 11) rankLength = 9;
        if (rest.Length < rankLength || !IsRank(rest[..rankLength])) return null;
        ReadOnlySpan<char> number = rest[rankLength..];
        if (number.Length != 10 && !(number.Length == 11 && number[0] == '-')) return null;
        if (!int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int parsed)) return null;
        return new(name, rest[..rankLength].ToString(), parsed);
    }

    /// <summary>
    /// All entries among names, in the order in which they are to be taken. Numbers run over after int.MaxValue (H63), so they are compared by their distance from one of them: right for any entries
    /// that are less than 2^31 apart.
    /// </summary>
    public static List<EntryName> Sort(NodeNaming naming, IReadOnlyList<string> names)
    {
        var entries = new List<EntryName>(names.Count);
        foreach (string name in names)
            if (Parse(naming, name) is { } entry) entries.Add(entry);
        if (entries.Count < 2) return entries;
        int origin = entries[0].Number;
        entries.Sort((left, right) =>
            string.CompareOrdinal(left.Rank, right.Rank) is not 0 and var byRank ? byRank : unchecked(left.Number - origin).CompareTo(unchecked(right.Number - origin)));
        return entries;
    }

    public static int Count(NodeNaming naming, IReadOnlyList<string> names) => names.Count(name => Parse(naming, name) is not null);

    private static bool IsRank(ReadOnlySpan<char> rank) => rank.Length switch
    {
        0 => true,
        4 => char.IsAsciiDigit(rank[0]) && char.IsAsciiDigit(rank[1]) && char.IsAsciiDigit(rank[2]) && rank[3] == '-',
        _ => rank[0] is '0' or '1' && !rank[1..].ContainsAnyExcept(s_upperHex),
    };
}
