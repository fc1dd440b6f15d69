using Okapi.Protocol;

namespace Okapi.Simulation.Tests.Model;

/// <summary>One change of one znode.</summary>
internal readonly record struct Change(WatchedEventType Type, string Path, byte[]? Data = null, long Owner = 0);

/// <summary>A committed transaction. One without changes stands for a write that was refused.</summary>
internal sealed record Txn(long Zxid, long SessionId, IReadOnlyList<Change> Changes);

internal sealed class ModelNode
{
    public byte[]? Data { get; set; }

    public long Czxid { get; init; }

    public long Mzxid { get; set; }

    public long Pzxid { get; set; }

    public int Version { get; set; }

    public int Creations { get; set; }

    public long Owner { get; init; }

    public HashSet<string> Children { get; init; } = [];

    public Stat Stat => new(Czxid, Mzxid, 0, 0, Version, Creations, 0, Owner, Data?.Length ?? 0, Children.Count, Pzxid);

    public ModelNode Clone() => new() { Data = Data, Czxid = Czxid, Mzxid = Mzxid, Pzxid = Pzxid, Version = Version, Creations = Creations, Owner = Owner, Children = [.. Children] };
}

/// <summary>The znodes as one server knows them.</summary>
internal sealed class ModelTree
{
    private readonly Dictionary<string, ModelNode> _nodes;

    public ModelTree() => _nodes = new(StringComparer.Ordinal) { ["/"] = new() };

    private ModelTree(ModelTree other)
    {
        _nodes = new(other._nodes.Count, StringComparer.Ordinal);
        foreach ((string path, ModelNode node) in other._nodes) _nodes[path] = node.Clone();
    }

    public ModelNode? this[string path] => _nodes.GetValueOrDefault(path);

    public IEnumerable<string> OwnedBy(long sessionId) => _nodes.Where(each => each.Value.Owner == sessionId).Select(each => each.Key);

    public ModelTree Clone() => new(this);

    public static string Parent(string path) => path.LastIndexOf('/') is var slash && slash == 0 ? "/" : path[..slash];

    /// <summary>What an operation would change, or why it cannot.</summary>
    public ErrorCode Prepare(in MultiOperation operation, long sessionId, out Change change)
    {
        change = default;
        string path = operation.Path.Path;
        if (operation.Type is OpCode.Create or OpCode.Create2)
        {
            string parentPath = Parent(path);
            if (this[parentPath] is not { } parent) return ErrorCode.NoNode;
            if (parent.Owner != 0) return ErrorCode.NoChildrenForEphemerals;
            if (operation.Mode.IsSequential()) path += parent.Creations.ToString("D10");
            if (_nodes.ContainsKey(path)) return ErrorCode.NodeExists;
            change = new(WatchedEventType.NodeCreated, path, operation.Data?.ToArray(), operation.Mode.IsEphemeral() ? sessionId : 0);
            return ErrorCode.Ok;
        }

        if (this[path] is not { } node) return ErrorCode.NoNode;
        if (operation.Version >= 0 && operation.Version != node.Version) return ErrorCode.BadVersion;
        if (operation.Type == OpCode.Check) return ErrorCode.Ok;
        if (operation.Type == OpCode.Delete && node.Children.Count > 0) return ErrorCode.NotEmpty;
        change = operation.Type == OpCode.Delete ? new(WatchedEventType.NodeDeleted, path) : new(WatchedEventType.NodeDataChanged, path, operation.Data?.ToArray());
        return ErrorCode.Ok;
    }

    public void Apply(in Change change, long zxid)
    {
        string path = change.Path;
        if (change.Type == WatchedEventType.NodeDataChanged)
        {
            ModelNode node = _nodes[path];
            node.Data = change.Data;
            node.Mzxid = zxid;
            node.Version++;
            return;
        }

        ModelNode parent = _nodes[Parent(path)];
        parent.Pzxid = zxid;
        string name = path[(path.LastIndexOf('/') + 1)..];
        if (change.Type == WatchedEventType.NodeCreated)
        {
            parent.Creations++;
            parent.Children.Add(name);
            _nodes[path] = new() { Data = change.Data, Czxid = zxid, Mzxid = zxid, Pzxid = zxid, Owner = change.Owner };
        }
        else
        {
            parent.Children.Remove(name);
            _nodes.Remove(path);
        }
    }
}
