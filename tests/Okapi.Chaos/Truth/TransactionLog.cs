using Okapi.Protocol;

namespace Okapi.Chaos.Truth;

/// <summary>What the ensemble agreed on: the truth that histories are held against.</summary>
public sealed class TransactionLog
{
    private readonly Dictionary<(long Session, int Cxid), LoggedTransaction> _byRequest = [];
    private readonly Dictionary<long, LoggedTransaction> _byZxid = [];

    private TransactionLog(IReadOnlyList<LoggedTransaction> committed, IReadOnlyList<ServerLog> servers)
    {
        Committed = committed;
        Servers = servers;
        foreach (LoggedTransaction each in committed)
        {
            _byZxid.Add(each.Zxid, each);
            // What servers do by themselves (expiry, containers) has cxid 0, and so has the creation of a session.
            if (each.Cxid != 0 && !_byRequest.TryAdd((each.Session, each.Cxid), each)) RepeatedRequests.Add(each);
        }
    }

    /// <summary>The committed transactions by zxid.</summary>
    public IReadOnlyList<LoggedTransaction> Committed { get; }

    public IReadOnlyList<ServerLog> Servers { get; }

    /// <summary>Transactions that two servers have differently.</summary>
    public List<string> Contradictions { get; } = [];

    /// <summary>Proposals of a leader that fell before it could commit them, still in its log, behind a snapshot.</summary>
    public List<LoggedTransaction> LeftBehind { get; } = [];

    /// <summary>Transactions of a request that has one already.</summary>
    public List<LoggedTransaction> RepeatedRequests { get; } = [];

    public long LastZxid => Committed.Count > 0 ? Committed[^1].Zxid : 0;

    /// <summary>Finds what the servers agreed on.</summary>
    /// <param name="servers">Each server's log.</param>
    /// <param name="newestSeen">The newest zxid of an epoch that a client has been told of, by epoch.</param>
    /// <remarks>
    /// A transaction that more than one server has was committed. One that only one has may be a proposal that a fallen leader got no
    /// quorum for: that is so if it is among the last of its epoch, another epoch followed, and no client was ever told of it or of one behind it;
    /// unless that server led the next epoch, whose followers may have it by a snapshot: then later writes go on from its versions.
    /// </remarks>
    public static TransactionLog Merge(IReadOnlyList<ServerLog> servers, IReadOnlyDictionary<long, long> newestSeen)
    {
        var holders = new SortedDictionary<long, (LoggedTransaction Transaction, int Count)>();
        var contradictions = new List<string>();
        foreach (ServerLog server in servers)
        {
            foreach (LoggedTransaction each in server.Transactions)
            {
                if (!holders.TryGetValue(each.Zxid, out (LoggedTransaction Transaction, int Count) held)) held = (each, 0);
                else if (!held.Transaction.IsSameAs(each)) contradictions.Add($"Server {server.Server} has {each}, where another has {held.Transaction}.");
                holders[each.Zxid] = (held.Transaction, held.Count + 1);
            }
        }

        (LoggedTransaction Transaction, int Count)[] all = [.. holders.Values];
        long lastEpoch = all.Length > 0 ? EpochOf(all[^1].Transaction.Zxid) : 0;
        var committed = new List<LoggedTransaction>(all.Length);
        var leftBehind = new List<LoggedTransaction>();
        var nextVersions = new Dictionary<string, int>();
        for (int end = all.Length; end > 0;)
        {
            // One epoch after another, the last first.
            long epoch = EpochOf(all[end - 1].Transaction.Zxid);
            int begin = end;
            while (begin > 0 && EpochOf(all[begin - 1].Transaction.Zxid) == epoch) begin--;
            int tail = end;
            if (servers.Count > 1 && epoch != lastEpoch)
                while (tail > begin && all[tail - 1].Count == 1 && newestSeen.GetValueOrDefault(epoch) < all[tail - 1].Transaction.Zxid) tail--;
            LoggedTransaction[] doubtful = [.. all[tail..end].Select(each => each.Transaction)];
            if (WentOn(doubtful, nextVersions)) tail = end;
            else leftBehind.AddRange(doubtful.Reverse());
            for (int i = tail - 1; i >= begin; i--)
            {
                committed.Add(all[i].Transaction);
                Note(all[i].Transaction, nextVersions);
            }

            end = begin;
        }

        committed.Reverse();
        var log = new TransactionLog(committed, servers);
        log.Contradictions.AddRange(contradictions);
        log.LeftBehind.AddRange(leftBehind);
        return log;
    }

    public static long EpochOf(long zxid) => zxid >> 32;

    /// <summary>Whether later transactions go on from the versions that these have made. A leader commits all it has or none of it.</summary>
    private static bool WentOn(LoggedTransaction[] doubtful, Dictionary<string, int> nextVersions)
    {
        foreach (LoggedTransaction each in doubtful.Reverse())
        {
            foreach (LoggedChange change in each.Changes.Reverse())
                if (!each.IsError && change.Type == OpCode.SetData && nextVersions.TryGetValue(change.Path, out int next)) return next > change.Version;
        }

        return false;
    }

    /// <summary>Notes, going back in time, which version each znode's next write gives.</summary>
    private static void Note(LoggedTransaction transaction, Dictionary<string, int> nextVersions)
    {
        if (transaction.IsError) return;
        foreach (LoggedChange change in transaction.Changes.Reverse())
        {
            if (change.Type == OpCode.SetData) nextVersions[change.Path] = change.Version;
            else if (change.Type is OpCode.Create or OpCode.Delete) nextVersions.Remove(change.Path); // versions begin anew
        }
    }

    public LoggedTransaction? Find(long session, int cxid) => _byRequest.GetValueOrDefault((session, cxid));

    public LoggedTransaction? Find(long zxid) => _byZxid.GetValueOrDefault(zxid);
}
