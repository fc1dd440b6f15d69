using System.Globalization;
using Okapi.Server.Storage;
using Okapi.Server.Trees;

namespace Okapi.Server.Tests.Storage;

/// <summary>All that a server has to remember, as lines to compare.</summary>
internal static class Trees
{
    public static IReadOnlyList<string> Describe(RecoveredState state) => Describe(state.Tree, state.SessionTimeouts);

    public static IReadOnlyList<string> Describe(Tree tree, IReadOnlyDictionary<long, int> sessions) =>
    [
        string.Create(CultureInfo.InvariantCulture, $"zxid {tree.LastZxid}"),
        .. sessions.OrderBy(session => session.Key).Select(session => string.Create(CultureInfo.InvariantCulture, $"session {session.Key} {session.Value}")),
        .. tree.EphemeralsBySession.OrderBy(session => session.Key).Select(session => string.Create(CultureInfo.InvariantCulture, $"ephemerals {session.Key} {string.Join(' ', session.Value.Order(StringComparer.Ordinal))}")),
        "reapable " + string.Join(' ', tree.Reapable.Order(StringComparer.Ordinal)),
        .. tree.Nodes.OrderBy(node => node.Key, StringComparer.Ordinal).Select(node => Describe(node.Key, node.Value)),
    ];

    private static string Describe(string path, Znode node) => string.Create(
        CultureInfo.InvariantCulture,
        $"{path} {(node.Data is null ? "null" : Convert.ToHexString(node.Data))} owner {node.Owner} raw {node.RawCversion} {string.Join(',', node.Acl)} {node.ToStat()} [{string.Join(' ', (node.Children ?? []).Order(StringComparer.Ordinal))}]");
}
