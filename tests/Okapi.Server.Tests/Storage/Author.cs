using Okapi.Protocol;
using Okapi.Server.Storage;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server.Tests.Storage;

/// <summary>Writes transactions as a server would: decided, logged, made durable, applied.</summary>
internal sealed class Author : IDisposable
{
    /// <summary>A session id can be negative, as those of Apache's server 128 are; but 0xff as its first byte marks a TTL.</summary>
    public const long NegativeSession = unchecked((long)0x9000_0000_0000_0005);

    private readonly DataFolder _folder;
    private long _timeMs = 1_700_000_000_000;

    public Author(TestFolder folder)
    {
        _folder = folder.Open(out RecoveredState state);
        (Tree, Sessions) = (state.Tree, state.SessionTimeouts);
        Zxid = Tree.LastZxid;
    }

    public DataFolder Folder => _folder;

    public Tree Tree { get; }

    public Dictionary<long, int> Sessions { get; }

    public long Zxid { get; private set; }

    /// <summary>Whether each transaction is made durable by itself.</summary>
    public bool CommitsEach { get; set; } = true;

    public void Do(Server.Transactions.Transaction transaction, long session = 1)
    {
        var header = new TransactionHeader(session, (int)Zxid, ++Zxid, ++_timeMs, transaction.Type);
        _folder.Append(header, transaction);
        if (CommitsEach) _folder.Commit();
        Tree.Apply(header, transaction, changes: null);
        if (transaction is CreateSessionTransaction create) Sessions[session] = create.TimeoutMs;
        if (transaction is CloseSessionTransaction) Sessions.Remove(session);
    }

    /// <summary>The transaction that creates a znode, with the cversion that its parent gets.</summary>
    public CreateTransaction Create(string path, byte[]? data = null, OpCode type = OpCode.Create, IReadOnlyList<Acl>? acl = null, bool ephemeral = false, long ttlMs = 0, int add = 1) =>
        new(type, path, data, acl ?? Acl.Open, ephemeral, (Tree.Find(ZnodePath.GetParent(path)!)?.RawCversion ?? 0) + add, ttlMs);

    public void OfferSnapshot() => _folder.OfferSnapshot(Tree, () => Sessions);

    public void Dispose() => _folder.Dispose();
}
