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

    /// <summary>What a client can see, from a tree.</summary>
    public static IReadOnlyList<string> DescribeForClients(Tree tree) =>
        [.. tree.Nodes.OrderBy(node => node.Key, StringComparer.Ordinal).Select(node => Line(node.Key, node.Value.Data, node.Value.ToStat(), node.Value.Acl))];

    /// <summary>What a client can see, through a client that may see all.</summary>
    public static async Task<IReadOnlyList<string>> DescribeAsync(ZooKeeperClient zk)
    {
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var paths = new Queue<string>(["/"]);
        while (paths.TryDequeue(out string? path))
        {
            NodeData node = await zk.GetAsync(path);
            lines.Add(path, Line(path, node.IsNull ? null : node.Data, node.Stat, (await zk.GetAclAsync(path)).Acl));
            foreach (string name in await zk.GetChildrenAsync(path)) paths.Enqueue(ZnodePath.Combine(path, name));
        }

        return [.. lines.Values];
    }

    private static string Line(string path, byte[]? data, Stat stat, IReadOnlyList<Acl> acl) =>
        $"{path} {(data is null ? "null" : Convert.ToHexString(data))} {stat} {string.Join(",", acl.Select(Text))}";

    // Not ToString, which masks digests.
    private static string Text(Acl acl) => $"{acl.Scheme}:{acl.Id}:{acl.Permissions}";

    private static string Describe(string path, Znode node) => string.Create(
        CultureInfo.InvariantCulture,
        $"{path} {(node.Data is null ? "null" : Convert.ToHexString(node.Data))} owner {node.Owner} raw {node.RawCversion} {string.Join(",", node.Acl.Select(Text))} {node.ToStat()} [{string.Join(' ', (node.Children ?? []).Order(StringComparer.Ordinal))}]");
}
