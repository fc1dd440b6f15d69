using Okapi.Protocol;
using Okapi.Server.Transactions;

namespace Okapi.Server.Trees;

/// <summary>
/// All znodes. <see cref="Apply"/> is the only way to change them, and it never refuses: whether a request is allowed was decided when its transaction was prepared.
/// </summary>
internal sealed class Tree
{
    public const string QuotaRoot = "/zookeeper/quota";
    public const string ConfigPath = "/zookeeper/config";

    private static readonly IReadOnlySet<string> s_none = new HashSet<string>(StringComparer.Ordinal);

    private readonly Dictionary<string, Znode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<long, HashSet<string>> _ephemerals = [];
    private readonly HashSet<string> _reapable = new(StringComparer.Ordinal);

    /// <summary>The tree that every server begins with.</summary>
    public Tree()
    {
        Quotas = new Quotas(this);
        AddBare("/", Okapi.Acl.Open);
        AddBare("/zookeeper", Okapi.Acl.Open);
        AddBare(QuotaRoot, Okapi.Acl.Open);
        AddBare(ConfigPath, Okapi.Acl.ReadOnly);
        _nodes[ConfigPath].Aversion = -1; // as Apache's, which sets the ACL "to version -1" (B81)
    }

    /// <summary>The last transaction applied; 0 before the first.</summary>
    public long LastZxid { get; private set; }

    public Quotas Quotas { get; }

    /// <summary>How many znodes there are, the root included.</summary>
    public int Count => _nodes.Count;

    /// <summary>Containers and znodes with a time to live: those that may go by themselves.</summary>
    public IReadOnlySet<string> Reapable => _reapable;

    /// <summary>Sessions with ephemerals, and those.</summary>
    public IReadOnlyDictionary<long, HashSet<string>> EphemeralsBySession => _ephemerals;

    public IReadOnlyDictionary<string, Znode> Nodes => _nodes;

    /// <summary>Finds a znode. An empty path is the root, as on every Apache server (B75).</summary>
    public Znode? Find(string path) => _nodes.GetValueOrDefault(path.Length == 0 ? "/" : path);

    public IReadOnlySet<string> EphemeralsOf(long sessionId) => _ephemerals.TryGetValue(sessionId, out HashSet<string>? paths) ? paths : s_none;

    /// <summary>How many descendants a znode has; the root's do not count the root (B77).</summary>
    public int CountDescendants(string path)
    {
        if (path is "/" or "") return _nodes.Count - 1;
        return Math.Max(0, Subtree(path).Count() - 1);
    }

    /// <summary>A znode and its descendants. Not recursive: a path can have as many levels as a stack has not.</summary>
    public IEnumerable<Znode> Subtree(string path)
    {
        var paths = new Stack<string>([path]);
        while (paths.TryPop(out string? at))
        {
            if (Find(at) is not { } node) continue;
            yield return node;
            foreach (string name in node.Children ?? []) paths.Push(ZnodePath.Combine(at, name));
        }
    }

    /// <summary>Puts a znode where a snapshot has it, replacing one that every tree begins with.</summary>
    public void Restore(string path, Znode node)
    {
        node.Children = Find(path)?.Children;
        _nodes[path] = node;
        if (path.Length > 1) LinkToParent(path);
        Track(path, node.Owner);
        Quotas.OnCreated(path);
    }

    /// <summary>Says up to which transaction the restored znodes go.</summary>
    public void RestoreZxid(long zxid) => LastZxid = zxid;

    /// <summary>A tree of its own with the same znodes.</summary>
    public Tree Clone()
    {
        var copy = new Tree();
        foreach ((string path, Znode node) in _nodes)
        {
            copy._nodes[path] = node.Copy();
            copy.Track(path, node.Owner);
        }

        copy.Quotas.CopyFrom(Quotas);
        copy.LastZxid = LastZxid;
        return copy;
    }

    /// <summary>Applies a transaction.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="transaction">Its body.</param>
    /// <param name="changes">Gets what it changed, in order; null when nobody wants to know.</param>
    public Outcome Apply(in TransactionHeader header, Transaction transaction, List<TreeChange>? changes)
    {
        Outcome outcome = ApplyPart(header, transaction, changes);
        if (header.Zxid > LastZxid) LastZxid = header.Zxid;
        return outcome;
    }

    /// <summary>
    /// Applies a transaction of a log to a tree that may have seen it, or some after it: a snapshot of Apache's is taken while writes go on. What is there already, or gone already,
    /// is passed over.
    /// </summary>
    public void Replay(in TransactionHeader header, Transaction transaction)
    {
        foreach (Transaction part in transaction is MultiTransaction multi ? multi.Parts : [transaction])
        {
            switch (part)
            {
                case CreateTransaction create:
                    ReplayCreate(header, create);
                    break;
                case DeleteTransaction delete when !_nodes.ContainsKey(delete.Path):
                    if (Find(ParentOf(delete.Path)) is { } of && header.Zxid > of.Pzxid) of.Pzxid = header.Zxid;
                    break;
                case DeleteTransaction delete when Find(delete.Path)!.ChildCount > 0:
                    DeleteBeneath(delete.Path, header.Zxid); // children from after a later creation; the log will create them again
                    ApplyPart(header, part, changes: null);
                    break;
                case SetDataTransaction set when Find(set.Path) is null:
                case SetAclTransaction acl when Find(acl.Path) is null:
                    break;
                default:
                    ApplyPart(header, part, changes: null);
                    break;
            }
        }

        if (header.Zxid > LastZxid) LastZxid = header.Zxid;
    }

    private void ReplayCreate(in TransactionHeader header, CreateTransaction create)
    {
        if (Find(ParentOf(create.Path)) is not { } parent) return;
        (int cversion, long pzxid) = (parent.RawCversion, parent.Pzxid);
        if (!_nodes.TryGetValue(create.Path, out Znode? known)) ApplyPart(header, create, changes: null);
        else if (known.Acl.Count == 0) known.Acl = Shared(create.Acl); // the snapshot did not have it (ZOOKEEPER-4846)
        // The snapshot may know of later children already; what it knows must not go back.
        (parent.RawCversion, parent.Pzxid) = create.ParentCversion > cversion ? (create.ParentCversion, header.Zxid) : (cversion, pzxid);
    }

    private Outcome ApplyPart(in TransactionHeader header, Transaction transaction, List<TreeChange>? changes)
    {
        switch (transaction)
        {
            case CreateTransaction create:
                Znode created = Create(header, create, changes);
                return new(create.Type, Path: create.Path, Stat: created.ToStat());
            case DeleteTransaction delete:
                Delete(delete.Path, header.Zxid, changes);
                return new(delete.Type, Path: delete.Path);
            case SetDataTransaction set:
                return new(set.Type, Path: set.Path, Stat: SetData(header, set, changes));
            case SetAclTransaction set:
                Znode node = Get(set.Path);
                (node.Acl, node.Aversion) = (Shared(set.Acl), set.Version);
                return new(set.Type, Path: set.Path, Stat: node.ToStat());
            case CloseSessionTransaction close:
                CloseSession(header, close, changes);
                return new(close.Type);
            case MultiTransaction multi:
                var parts = new Outcome[multi.Parts.Count];
                for (int i = 0; i < parts.Length; i++) parts[i] = ApplyPart(header, multi.Parts[i], changes);
                return new(multi.Type, Parts: parts);
            case ErrorTransaction error:
                return new(error.Type, error.Error);
            default:
                return new(transaction.Type); // a check, a new session: nothing in the tree
        }
    }

    private Znode Create(in TransactionHeader header, CreateTransaction create, List<TreeChange>? changes)
    {
        if (_nodes.ContainsKey(create.Path)) throw Inconsistent(header, $"creates {create.Path}, which exists");
        Znode parent = Get(ParentOf(create.Path));
        parent.RawCversion = create.ParentCversion;
        parent.Pzxid = header.Zxid;
        var node = new Znode
        {
            Data = create.Data,
            Acl = Shared(create.Acl),
            Czxid = header.Zxid,
            Mzxid = header.Zxid,
            Pzxid = header.Zxid,
            Ctime = header.TimeMs,
            Mtime = header.TimeMs,
            Owner = create.Type switch
            {
                OpCode.CreateContainer => Ownership.Container,
                OpCode.CreateTtl => Ownership.Ttl(create.TtlMs),
                _ => create.IsEphemeral ? header.SessionId : 0,
            },
        };
        _nodes.Add(create.Path, node);
        LinkToParent(create.Path);
        Track(create.Path, node.Owner);
        Quotas.OnCreated(create.Path);
        Quotas.Count(create.Path, node.Data?.Length ?? 0, 1);
        changes?.Add(new(WatchedEventType.NodeCreated, create.Path, node.Acl, parent.Acl));
        return node;
    }

    private void Delete(string path, long zxid, List<TreeChange>? changes)
    {
        if (!_nodes.Remove(path, out Znode? node)) throw new InvalidDataException($"Transaction 0x{zxid:x} deletes {path}, which does not exist.");
        Znode parent = Get(ParentOf(path));
        parent.Children?.Remove(ZnodePath.GetName(path));
        if (parent.ChildCount == 0) parent.Children = null;
        parent.Pzxid = Math.Max(zxid, parent.Pzxid); // a tree that is replayed may have seen later changes
        Untrack(path, node.Owner);
        Quotas.OnDeleted(path);
        Quotas.Count(path, -(node.Data?.Length ?? 0), -1);
        changes?.Add(new(WatchedEventType.NodeDeleted, path, node.Acl, parent.Acl));
    }

    private void DeleteBeneath(string path, long zxid)
    {
        foreach (string name in Get(path).Children?.ToArray() ?? [])
        {
            string child = ZnodePath.Combine(path, name);
            DeleteBeneath(child, zxid);
            Delete(child, zxid, changes: null);
        }
    }

    private Stat SetData(in TransactionHeader header, SetDataTransaction set, List<TreeChange>? changes)
    {
        Znode node = Get(set.Path);
        long difference = (set.Data?.Length ?? 0) - (node.Data?.Length ?? 0);
        (node.Data, node.Version, node.Mtime, node.Mzxid) = (set.Data, set.Version, header.TimeMs, header.Zxid);
        Stat stat = node.ToStat();
        Quotas.Count(set.Path, difference, 0);
        changes?.Add(new(WatchedEventType.NodeDataChanged, set.Path, node.Acl, node.Acl));
        return stat;
    }

    private void CloseSession(in TransactionHeader header, CloseSessionTransaction close, List<TreeChange>? changes)
    {
        foreach (string path in close.Ephemerals)
        {
            if (_nodes.ContainsKey(path)) Delete(path, header.Zxid, changes);
        }

        if (!_ephemerals.TryGetValue(header.SessionId, out HashSet<string>? left)) return;
        foreach (string path in left.ToArray()) Delete(path, header.Zxid, changes); // a log of 3.5 does not name them
    }

    private void LinkToParent(string path)
    {
        Znode parent = Get(ParentOf(path));
        (parent.Children ??= new(StringComparer.Ordinal)).Add(ZnodePath.GetName(path));
    }

    private void Track(string path, long owner)
    {
        if (owner == 0) return;
        if (!Ownership.IsSession(owner)) _reapable.Add(path);
        else if (_ephemerals.TryGetValue(owner, out HashSet<string>? paths)) paths.Add(path);
        else _ephemerals.Add(owner, new(StringComparer.Ordinal) { path });
    }

    private void Untrack(string path, long owner)
    {
        if (owner == 0) return;
        if (!Ownership.IsSession(owner)) _reapable.Remove(path);
        else if (_ephemerals.TryGetValue(owner, out HashSet<string>? paths) && paths.Remove(path) && paths.Count == 0) _ephemerals.Remove(owner);
    }

    private void AddBare(string path, IReadOnlyList<Acl> acl)
    {
        _nodes.Add(path, new Znode { Data = [], Acl = acl });
        if (path.Length > 1) LinkToParent(path);
    }

    private Znode Get(string path) => Find(path) ?? throw new InvalidDataException($"A transaction needs {path}, which does not exist.");

    private static string ParentOf(string path) => ZnodePath.GetParent(path) ?? throw new InvalidDataException("A transaction creates or deletes the root.");

    /// <summary>Nearly all znodes have the open ACL; they share one.</summary>
    private static IReadOnlyList<Acl> Shared(IReadOnlyList<Acl> acl) => acl is [{ Permissions: Permissions.All, Scheme: "world", Id: "anyone" }] ? Okapi.Acl.Open : acl;

    private static InvalidDataException Inconsistent(in TransactionHeader header, string what) => new($"Transaction 0x{header.Zxid:x} {what}.");
}
