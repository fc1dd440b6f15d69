using Okapi.Protocol;
using Okapi.Server.Requests;
using Okapi.Server.Sessions;
using Okapi.Server.Storage;
using Okapi.Server.Transactions;
using Okapi.Server.Trees;

namespace Okapi.Server;

/// <summary>
/// Decides the order of all writes and owns what they change: the tree and the sessions. Everything here runs on the server's loop. It lives from one start of the server to the next.
/// </summary>
internal sealed class Leader
{
    private readonly EmbeddedServerOptions _options;
    private readonly IJournal _journal;
    private readonly List<TreeChange> _changes = [];
    private readonly long _epoch;
    private long _lastSessionId;
    private bool _hasUncommitted;

    public Leader(EmbeddedServerOptions options, Tree tree, IReadOnlyDictionary<long, int> sessionTimeouts, long lastSessionId, SessionPasswords passwords, IJournal journal)
    {
        _options = options;
        _journal = journal;
        Tree = tree;
        Passwords = passwords;
        Preparer = new Preparer(tree, options);
        Sessions = new SessionTable((int)Math.Max(1, options.TickTime.TotalMilliseconds));
        _epoch = options.TimeProvider.GetTimestamp();
        long wallMs = options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();
        _lastSessionId = Math.Max(lastSessionId, (wallMs << 24) >>> 8); // as Apache's, with the number of the server in the first byte (B4)
        foreach ((long id, int timeoutMs) in sessionTimeouts)
        {
            Sessions.Add(new ServerSession(id, timeoutMs), NowMs);
            _lastSessionId = Math.Max(_lastSessionId, id & 0x00ff_ffff_ffff_ffff);
        }
    }

    public Tree Tree { get; }

    public SessionTable Sessions { get; }

    public SessionPasswords Passwords { get; }

    public Preparer Preparer { get; }

    public List<Member> Members { get; } = [];

    /// <summary>The last session's id, without the number of its member.</summary>
    public long LastSessionId => _lastSessionId;

    /// <summary>Milliseconds since this leader began: the clock of sessions, which nobody sets.</summary>
    public long NowMs => (long)_options.TimeProvider.GetElapsedTime(_epoch).TotalMilliseconds;

    public long WallMs => _options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Gives a transaction its place, keeps it, applies it, and tells all members; those who watch have then been told.</summary>
    public Outcome Commit(long sessionId, int cxid, Transaction transaction, out TransactionHeader header)
    {
        header = new(sessionId, cxid, Tree.LastZxid + 1, WallMs, transaction.Type);
        try
        {
            _journal.Append(header, transaction);
            _hasUncommitted = true;
            _changes.Clear();
            Outcome outcome = Tree.Apply(header, transaction, _changes);
            foreach (Member member in Members) member.OnCommitted(header, transaction, _changes);
            return outcome;
        }
        catch (Exception error)
        {
            // Half of a transaction may have been applied; nobody may see that.
            throw new CommitException(header, error);
        }
    }

    public ServerSession OpenSession(Member owner, int timeoutMs)
    {
        var session = new ServerSession(NextSessionId(owner.Number), timeoutMs) { Owner = owner };
        Adopt(session);
        return session;
    }

    /// <summary>Takes a session in that was local until now, or is new.</summary>
    public void Adopt(ServerSession session)
    {
        Sessions.Add(session, NowMs);
        Commit(session.Id, 0, new CreateSessionTransaction(session.TimeoutMs), out _);
    }

    public long NextSessionId(int member) => ++_lastSessionId | ((long)member << 56);

    /// <summary>Ends a session, and its ephemerals with it, in one transaction (B17).</summary>
    public void CloseSession(ServerSession session, int cxid = 0)
    {
        if (session.IsClosing) return;
        session.IsClosing = true;
        Commit(session.Id, cxid, new CloseSessionTransaction([.. Tree.EphemeralsOf(session.Id)]), out _);
        Sessions.Remove(session);
    }

    /// <summary>Ends the sessions whose time has come.</summary>
    public IReadOnlyList<ServerSession> ExpireDue()
    {
        IReadOnlyList<ServerSession> expired = Sessions.TakeExpired(NowMs);
        foreach (ServerSession session in expired) Expire(session);
        return expired;
    }

    public void Expire(ServerSession session)
    {
        CloseSession(session);
        foreach (Member member in Members) member.OnSessionEnded(session.Id);
    }

    /// <summary>Removes containers that have lost their last child, and znodes whose time is over (B116, B117).</summary>
    public void Reap()
    {
        long now = WallMs;
        foreach (string path in Tree.Reapable.Where(path => IsOver(Tree.Find(path)!, now)).ToArray())
        {
            // Decided now, as any other write; a child that came meanwhile keeps it (B118).
            Prepared prepared = Preparer.DeleteContainer(path);
            if (prepared.IsAllowed) Commit(0, 0, prepared.Transaction, out _);
        }
    }

    /// <summary>Makes durable what was committed since the last time.</summary>
    public void Settle()
    {
        if (!_hasUncommitted) return;
        _hasUncommitted = false;
        _journal.Commit();
        _journal.OfferSnapshot(Tree, Sessions.GetTimeouts);
    }

    private bool IsOver(Znode node, long now)
    {
        if (node.ChildCount > 0) return false;
        if (Ownership.IsTtl(node.Owner)) return now - node.Mtime > Ownership.TtlOf(node.Owner);
        return node.RawCversion > 0 || (_options.MaxNeverUsedInterval is { } never && now - node.Ctime > never.TotalMilliseconds);
    }
}

/// <summary>A transaction could not be carried through; the server ends.</summary>
#pragma warning disable CA1032, CA1064 // it is made in one way only, and nobody outside catches it
internal sealed class CommitException(in TransactionHeader header, Exception error) : Exception($"Transaction 0x{header.Zxid:x} ({header.Type}) could not be carried through.", error);
#pragma warning restore CA1032, CA1064
