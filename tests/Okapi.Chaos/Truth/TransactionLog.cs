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

    /// <summary>Transactions that two servers have differently, and leaders that nobody knows the beginning of.</summary>
    public List<string> Contradictions { get; } = [];

    /// <summary>Proposals that the next leader did not have: some server's log has them, perhaps behind a snapshot.</summary>
    public List<LoggedTransaction> LeftBehind { get; } = [];

    /// <summary>
    /// Those of <see cref="LeftBehind"/> that clients had been told of, or of later ones: they had been agreed on, and the servers have lost them. By zxid; each stands at the end of its epoch.
    /// </summary>
    public List<LoggedTransaction> Lost { get; } = [];

    /// <summary>Transactions of a request that has one already.</summary>
    public List<LoggedTransaction> RepeatedRequests { get; } = [];

    public long LastZxid => Committed.Count > 0 ? Committed[^1].Zxid : 0;

    /// <summary>Finds what the servers agreed on: all that any of them has written down, except what a later leader did not have (<see cref="Takeover"/>).</summary>
    /// <param name="servers">Each server's log.</param>
    /// <param name="newestSeen">The newest zxid of an epoch that a client has been told of, by epoch.</param>
    public static TransactionLog Merge(IReadOnlyList<ServerLog> servers, IReadOnlyDictionary<long, long> newestSeen)
    {
        var all = new SortedDictionary<long, LoggedTransaction>();
        var contradictions = new List<string>();
        foreach (ServerLog server in servers)
        {
            foreach (LoggedTransaction each in server.Transactions)
            {
                if (!all.TryAdd(each.Zxid, each) && !all[each.Zxid].IsSameAs(each)) contradictions.Add($"Server {server.Server} has {each}, where another has {all[each.Zxid]}.");
            }
        }

        Takeover[] takeovers = TakeoversOf(servers, contradictions);
        var committed = new List<LoggedTransaction>(all.Count);
        var leftBehind = new List<LoggedTransaction>();
        // Back in time, past one leader's beginning after another: also past those that proposed nothing.
        int passed = takeovers.Length;
        long agreed = long.MaxValue;
        foreach (LoggedTransaction each in all.Values.Reverse())
        {
            while (passed > 0 && takeovers[passed - 1].Epoch > EpochOf(each.Zxid)) agreed = Math.Min(agreed, takeovers[--passed].From);
            (each.Zxid <= agreed ? committed : leftBehind).Add(each);
        }

        if (servers.Count > 1)
        {
            foreach (long epoch in all.Keys.Select(EpochOf).Distinct().Skip(1).Except(takeovers.Select(each => each.Epoch))) contradictions.Add($"No server says that it led epoch 0x{epoch:x}.");
        }

        committed.Reverse();
        leftBehind.Reverse();
        var log = new TransactionLog(committed, servers);
        log.Contradictions.AddRange(contradictions);
        log.LeftBehind.AddRange(leftBehind);
        log.Lost.AddRange(leftBehind.Where(each => each.Zxid <= newestSeen.GetValueOrDefault(EpochOf(each.Zxid))));
        return log;
    }

    public static long EpochOf(long zxid) => zxid >> 32;

    public LoggedTransaction? Find(long session, int cxid) => _byRequest.GetValueOrDefault((session, cxid));

    /// <summary>Whether a request was answered and its transaction lost afterwards.</summary>
    public bool HasLost(long session, int cxid, long zxid) => Lost.Any(each => each.Zxid == zxid && each.Session == session && each.Cxid == cxid);

    public LoggedTransaction? Find(long zxid) => _byZxid.GetValueOrDefault(zxid);

    private static Takeover[] TakeoversOf(IReadOnlyList<ServerLog> servers, List<string> contradictions)
    {
        Takeover[] all = [.. servers.SelectMany(server => server.Takeovers).Distinct().OrderBy(each => each.Epoch)];
        foreach ((Takeover one, Takeover next) in all.Zip(all.Skip(1)))
            if (one.Epoch == next.Epoch) contradictions.Add($"Epoch 0x{one.Epoch:x} was led from 0x{one.From:x} and from 0x{next.From:x}.");
        return all;
    }
}
