using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Requests;

/// <summary>What is known of a znode when a write is decided.</summary>
internal readonly record struct ZnodeView(IReadOnlyList<Acl> Acl, int Version, int RawCversion, int Aversion, long Owner, int ChildCount, byte[]? Data)
{
    public static ZnodeView Of(Znode node) => new(node.Acl, node.Version, node.RawCversion, node.Aversion, node.Owner, node.ChildCount, node.Data);
}

/// <summary>The tree as the parts of a multi that are decided so far would leave it (B86). Nothing of it is in the tree until the whole multi is.</summary>
internal sealed class PreparedView(Tree tree)
{
    private readonly Dictionary<string, ZnodeView?> _changed = new(StringComparer.Ordinal);

    public ZnodeView? Find(string path)
    {
        if (_changed.Count > 0 && _changed.TryGetValue(Key(path), out ZnodeView? changed)) return changed;
        return tree.Find(path) is { } node ? ZnodeView.Of(node) : null;
    }

    public void Clear() => _changed.Clear();

    /// <summary>Notes what a part will do.</summary>
    public void Note(Transaction part, long sessionId)
    {
        switch (part)
        {
            case CreateTransaction create:
                string above = ParentOf(create.Path);
                ZnodeView parent = Find(above)!.Value;
                _changed[above] = parent with { RawCversion = create.ParentCversion, ChildCount = parent.ChildCount + 1 };
                long owner = create.Type switch
                {
                    Okapi.Protocol.OpCode.CreateContainer => Ownership.Container,
                    Okapi.Protocol.OpCode.CreateTtl => Ownership.Ttl(create.TtlMs),
                    _ => create.IsEphemeral ? sessionId : 0,
                };
                _changed[create.Path] = new ZnodeView(create.Acl, 0, 0, 0, owner, 0, create.Data);
                break;
            case DeleteTransaction delete:
                string from = ParentOf(delete.Path);
                ZnodeView left = Find(from)!.Value;
                _changed[from] = left with { ChildCount = left.ChildCount - 1 };
                _changed[delete.Path] = null;
                break;
            case SetDataTransaction set:
                _changed[Key(set.Path)] = Find(set.Path)!.Value with { Version = set.Version, Data = set.Data };
                break;
            default:
                break; // a check changes nothing
        }
    }

    private static string Key(string path) => path.Length == 0 ? "/" : path;

    private static string ParentOf(string path) => Key(path[..path.LastIndexOf('/')]);
}
