using Okapi.Chaos.Histories;
using Okapi.Protocol;

namespace Okapi.Chaos.Truth;

/// <summary>A znode as replaying the log makes it.</summary>
internal sealed class ModelNode
{
    private const long TtlMark = unchecked((long)0xff00000000000000);

    public string? Tag { get; set; }

    public HashSet<string> Children { get; } = new(StringComparer.Ordinal);

    public ulong ChildrenDigest { get; set; }

    public long Czxid { get; init; }

    public long Mzxid { get; set; }

    public long Pzxid { get; set; }

    public long CreatedMs { get; init; }

    public long ModifiedMs { get; set; }

    public int Version { get; set; }

    public int AclVersion { get; set; }

    /// <summary>How many children were created, which is what servers keep; a Stat tells of creates and deletes.</summary>
    public int Creates { get; set; }

    public int DataLength { get; set; }

    /// <summary>The session, or the mark of a container or of a time to live, which servers keep to themselves.</summary>
    public long EphemeralOwner { get; init; }

    public bool IsContainer => EphemeralOwner == long.MinValue;

    /// <summary>What a server says of it (DataNode.copyStat).</summary>
    public Stat Stat => new(
        Czxid, Mzxid, CreatedMs, ModifiedMs, Version, unchecked((Creates * 2) - Children.Count), AclVersion, IsEphemeral ? EphemeralOwner : 0, DataLength, Children.Count, Pzxid);

    public bool IsEphemeral => EphemeralOwner != 0 && !IsContainer && (EphemeralOwner & TtlMark) != TtlMark;

    public ModelNode Copy()
    {
        var copy = new ModelNode
        {
            Tag = Tag, ChildrenDigest = ChildrenDigest, Czxid = Czxid, Mzxid = Mzxid, Pzxid = Pzxid, CreatedMs = CreatedMs, ModifiedMs = ModifiedMs,
            Version = Version, AclVersion = AclVersion, Creates = Creates, DataLength = DataLength, EphemeralOwner = EphemeralOwner,
        };
        copy.Children.UnionWith(Children);
        return copy;
    }
}

/// <summary>What a transaction did to a znode: what watches tell of.</summary>
/// <param name="Zxid">The transaction.</param>
/// <param name="Type">Created, deleted or data changed.</param>
/// <param name="Path">The znode.</param>
/// <param name="IsUnordered">Whether it is one of many by a session's end, which come in any order.</param>
public readonly record struct ModelEvent(long Zxid, WatchedEventType Type, string Path, bool IsUnordered);

/// <summary>The tree as replaying the log makes it, as Apache's DataTree does. What servers keep below /zookeeper is not followed.</summary>
internal sealed class ModelTree
{
    private readonly Dictionary<string, ModelNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<long, HashSet<string>> _ephemerals = [];

    public ModelTree()
    {
        var root = new ModelNode { Tag = "" };
        root.Children.Add("zookeeper");
        root.ChildrenDigest = ChildrenDigest.Of("zookeeper");
        _nodes.Add("/", root);
    }

    /// <summary>A tree of its own that is as another is now.</summary>
    public ModelTree(ModelTree other)
    {
        foreach ((string path, ModelNode node) in other._nodes) _nodes.Add(path, node.Copy());
        foreach ((long session, HashSet<string> paths) in other._ephemerals) _ephemerals.Add(session, [.. paths]);
    }

    public IReadOnlyDictionary<string, ModelNode> Nodes => _nodes;

    /// <summary>What a transaction did that should not have been possible, such as a delete of what was not there.</summary>
    public List<string> Impossible { get; } = [];

    public static bool IsFollowed(string path) => path != "/zookeeper" && !path.StartsWith("/zookeeper/", StringComparison.Ordinal);

    public ModelNode? Find(string path) => _nodes.GetValueOrDefault(path);

    /// <summary>Applies a transaction.</summary>
    /// <param name="transaction">The next one.</param>
    /// <param name="onEvent">What it did, in order; null: nobody wants to know.</param>
    public void Apply(LoggedTransaction transaction, Action<ModelEvent>? onEvent = null)
    {
        if (transaction.Type == OpCode.CloseSession)
        {
            CloseSession(transaction, onEvent);
            return;
        }

        foreach (LoggedChange change in transaction.Changes)
        {
            if (!IsFollowed(change.Path)) continue;
            Apply(transaction, change, onEvent);
        }
    }

    private static (string Parent, string Name) Split(string path)
    {
        int slash = path.LastIndexOf('/');
        return (slash == 0 ? "/" : path[..slash], path[(slash + 1)..]);
    }

    private void CloseSession(LoggedTransaction transaction, Action<ModelEvent>? onEvent)
    {
        if (!_ephemerals.Remove(transaction.Session, out HashSet<string>? paths)) return;
        foreach (string path in paths.ToArray()) Delete(transaction, path, isUnordered: true, onEvent);
    }

    private void Apply(LoggedTransaction transaction, in LoggedChange change, Action<ModelEvent>? onEvent)
    {
        switch (change.Type)
        {
            case OpCode.Create:
                Create(transaction, change);
                onEvent?.Invoke(new ModelEvent(transaction.Zxid, WatchedEventType.NodeCreated, change.Path, IsUnordered: false));
                break;
            case OpCode.Delete:
                Delete(transaction, change.Path, isUnordered: false, onEvent);
                break;
            case OpCode.SetData when Find(change.Path) is { } node:
                (node.Tag, node.DataLength, node.Version, node.Mzxid, node.ModifiedMs) = (change.Tag, change.DataLength, change.Version, transaction.Zxid, transaction.TimeMs);
                onEvent?.Invoke(new ModelEvent(transaction.Zxid, WatchedEventType.NodeDataChanged, change.Path, IsUnordered: false));
                break;
            case OpCode.SetAcl when Find(change.Path) is { } node:
                node.AclVersion = change.Version;
                break;
            case OpCode.Check:
                break;
            default:
                Impossible.Add($"{transaction}: {change.Path} does not exist.");
                break;
        }
    }

    private void Create(LoggedTransaction transaction, in LoggedChange change)
    {
        (string parentPath, string name) = Split(change.Path);
        if (Find(parentPath) is not { } parent)
        {
            Impossible.Add($"{transaction}: {parentPath} does not exist.");
            return;
        }

        var node = new ModelNode
        {
            Tag = change.Tag,
            DataLength = change.DataLength,
            Czxid = transaction.Zxid,
            Mzxid = transaction.Zxid,
            Pzxid = transaction.Zxid,
            CreatedMs = transaction.TimeMs,
            ModifiedMs = transaction.TimeMs,
            EphemeralOwner = change.EphemeralOwner,
        };
        if (!_nodes.TryAdd(change.Path, node))
        {
            Impossible.Add($"{transaction}: {change.Path} exists.");
            return;
        }

        parent.Children.Add(name);
        parent.ChildrenDigest = unchecked(parent.ChildrenDigest + ChildrenDigest.Of(name));
        int creates = change.Version == -1 ? parent.Creates + 1 : change.Version;
        if (creates > parent.Creates) (parent.Creates, parent.Pzxid) = (creates, transaction.Zxid);
        if (!node.IsEphemeral) return;
        if (!_ephemerals.TryGetValue(node.EphemeralOwner, out HashSet<string>? owned)) _ephemerals.Add(node.EphemeralOwner, owned = new(StringComparer.Ordinal));
        owned.Add(change.Path);
    }

    private void Delete(LoggedTransaction transaction, string path, bool isUnordered, Action<ModelEvent>? onEvent)
    {
        if (!_nodes.Remove(path, out ModelNode? node))
        {
            Impossible.Add($"{transaction}: {path} does not exist.");
            return;
        }

        if (node.Children.Count > 0) Impossible.Add($"{transaction}: {path} has children.");
        (string parentPath, string name) = Split(path);
        if (Find(parentPath) is { } parent)
        {
            parent.Children.Remove(name);
            parent.ChildrenDigest = unchecked(parent.ChildrenDigest - ChildrenDigest.Of(name));
            parent.Pzxid = Math.Max(parent.Pzxid, transaction.Zxid);
        }

        if (_ephemerals.TryGetValue(node.EphemeralOwner, out HashSet<string>? owned)) owned.Remove(path);
        onEvent?.Invoke(new ModelEvent(transaction.Zxid, WatchedEventType.NodeDeleted, path, isUnordered));
    }
}
