using System.Globalization;

namespace Okapi.Chaos;

/// <summary>Where in the tree the workload does what.</summary>
internal static class Layout
{
    public const string Root = "/chaos";
    public const string Probes = "/chaos/probe";
    public const string Locks = "/chaos/locks";
    public const string Elections = "/chaos/elections";
    public const string States = "/chaos/states";
    private const int Fields = 4;
    private const int Keys = 6;

    /// <summary>Znodes that stay, to be written and read: each field is watched by some.</summary>
    public static IReadOnlyList<string> AllFields { get; } = [.. Enumerable.Range(0, Fields).Select(field => Numbered("/chaos/data/f", field))];

    public static IReadOnlyList<string> AllKeys { get; } = [.. AllFields.SelectMany(field => Enumerable.Range(0, Keys).Select(key => Numbered($"{field}/k", key)))];

    /// <summary>Where znodes come and go.</summary>
    public static IReadOnlyList<string> Branches { get; } = [.. Enumerable.Range(0, Fields).Select(branch => Numbered("/chaos/tree/b", branch))];

    public static IReadOnlyList<string> AllLocks { get; } = [Locks + "/orders", Locks + "/stock"];

    public static IReadOnlyList<string> AllElections { get; } = [Elections + "/head"];

    public static IReadOnlyList<string> AllStates { get; } = [States + "/exclusive", States + "/optimistic"];

    /// <summary>What must be empty once all have closed.</summary>
    public static IReadOnlyList<string> RecipeRoots { get; } =
        [.. AllLocks, .. AllElections, .. AllStates.SelectMany(state => new[] { state + "/listeners", state + "/write_lock" })];

    /// <summary>What a lock or an election protects.</summary>
    public static string Protected(string path) => "/chaos/protected/" + ZnodePath.GetName(path);

    public static string Probe(int client) => Numbered(Probes + "/c", client);

    /// <summary>Made once all is quiet: who sees it has seen all that was before it.</summary>
    public static string Marker(string branch) => branch + "/last";

    /// <summary>All that is there before the first client comes, parents first.</summary>
    public static IEnumerable<string> Prepared(int clients) =>
    [
        Root, Probes, .. Enumerable.Range(1, clients).Select(Probe), Locks, Elections, States, "/chaos/data", .. AllFields, .. AllKeys,
        "/chaos/tree", .. Branches, "/chaos/protected", .. AllLocks.Concat(AllElections).Select(Protected),
    ];

    private static string Numbered(string prefix, int number) => prefix + number.ToString(CultureInfo.InvariantCulture);
}
