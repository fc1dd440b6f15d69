using System.Globalization;
using System.Text;
using Okapi.Protocol;
using Okapi.Server.Connections;
using Okapi.Server.Sessions;

namespace Okapi.Server.Words;

/// <summary>Words that tell of connections and sessions: cons, crst, dump. Session ids are no secret; passwords, by which sessions can be taken, are not told.</summary>
internal static class ConnectionWords
{
    public static void Cons(Member member, StringBuilder answer)
    {
        foreach (ServerConnection connection in Open(member)) AppendConnection(connection, isBrief: false, answer);
        answer.Append('\n');
    }

    public static void Crst(Member member, StringBuilder answer)
    {
        foreach (ServerConnection connection in member.Connections) connection.Statistics.Reset();
        answer.Append("Connection stats reset.\n");
    }

    public static void Dump(Member member, StringBuilder answer)
    {
        answer.Append("SessionTracker dump:\n");
        if (member.IsReadOnly || member.LocalSessions.Sessions.Count > 0) AppendSessions(member, "Local Session", member.LocalSessions, answer);
        AppendSessions(member, "Session", member.Leader.Sessions, answer);
        IReadOnlyDictionary<long, HashSet<string>> ephemerals = member.View.EphemeralsBySession;
        answer.Append(CultureInfo.InvariantCulture, $"ephemeral nodes dump:\nSessions with Ephemerals ({ephemerals.Count}):\n");
        foreach ((long session, HashSet<string> paths) in ephemerals)
        {
            answer.Append(CultureInfo.InvariantCulture, $"0x{session:x}:\n");
            foreach (string path in paths) answer.Append('\t').Append(path).Append('\n');
        }

        answer.Append("Connections dump:\n");
        AppendSets<ServerConnection>(
            member,
            "Connections",
            [.. Open(member)],
            connection => connection.Session?.ExpiresAtMs ?? member.Leader.NowMs + MsUntilCut(member, connection),
            connection => $"ip: {JavaText.Address(connection.Remote)} sessionId: 0x{connection.SessionId:x}",
            answer);
    }

    /// <summary>The connections that have not ended; one that has is still among the member's until its reader has noticed.</summary>
    public static IEnumerable<ServerConnection> Open(Member member) => member.Connections.Where(connection => !connection.IsClosing);

    /// <summary>A line for a connection: where it comes from, the operations its socket waits for (1 read, 4 write), and what it has done.</summary>
    public static void AppendConnection(ServerConnection connection, bool isBrief, StringBuilder answer)
    {
        ConnectionStatistics statistics = connection.Statistics;
        // One that says a four-letter word is no longer read from.
        int interest = (connection.Session is null ? 0 : 1) | (connection.WaitingBytes > 0 ? 4 : 0);
        answer.Append(CultureInfo.InvariantCulture, $" {JavaText.Address(connection.Remote)}[{interest}](queued={(connection.IsSuspended ? 1 : 0)},recved={statistics.Received},sent={statistics.Sent}");
        if (!isBrief && connection.Session is { } session) AppendDetail(connection, session, statistics, answer);
        answer.Append(")\n");
    }

    private static void AppendDetail(ServerConnection connection, ServerSession session, ConnectionStatistics statistics, StringBuilder answer)
    {
        answer.Append(CultureInfo.InvariantCulture, $",sid=0x{session.Id:x},lop={ShortOf(statistics.LastOperation)},est={connection.Established.ToUnixTimeMilliseconds()},to={session.TimeoutMs}");
        if (statistics.LastCxid >= 0) answer.Append(CultureInfo.InvariantCulture, $",lcxid=0x{statistics.LastCxid:x}");
        Latency latency = statistics.Latency;
        answer.Append(CultureInfo.InvariantCulture, $",lzxid=0x{statistics.LastZxid:x},lresp={statistics.LastReplyMs},llat={statistics.LastLatencyMs}");
        answer.Append(CultureInfo.InvariantCulture, $",minlat={latency.LeastMs},avglat={(long)latency.AverageMs},maxlat={latency.GreatestMs}");
    }

    private static void AppendSessions(Member member, string what, SessionTable sessions, StringBuilder answer) =>
        AppendSets<ServerSession>(member, what, [.. sessions.Sessions.Values], session => session.ExpiresAtMs, session => $"0x{session.Id:x}", answer);

    /// <summary>As Apache's ExpiryQueue shows itself: what expires together stands together.</summary>
    private static void AppendSets<T>(Member member, string what, IReadOnlyCollection<T> all, Func<T, long> expiresAtMs, Func<T, string> show, StringBuilder answer)
    {
        IGrouping<long, T>[] sets = [.. all.GroupBy(expiresAtMs).OrderBy(set => set.Key)];
        answer.Append(CultureInfo.InvariantCulture, $"{what} Sets ({sets.Length})/({all.Count}):\n");
        foreach (IGrouping<long, T> set in sets)
        {
            answer.Append(CultureInfo.InvariantCulture, $"{set.Count()} expire at {JavaText.Date(member.Leader.WallMs + set.Key - member.Leader.NowMs)}:\n");
            foreach (T each in set) answer.Append('\t').Append(show(each)).Append('\n');
        }
    }

    private static long MsUntilCut(Member member, ServerConnection connection) =>
        (long)(connection.Established + member.Options.HandshakeTimeout - member.Options.TimeProvider.GetUtcNow()).TotalMilliseconds;

    /// <summary>The names that Apache's FinalRequestProcessor has for operations.</summary>
    private static string ShortOf(OpCode? type) => type switch
    {
        OpCode.CreateSession => "SESS",
        OpCode.CloseSession => "CLOS",
        OpCode.Ping => "PING",
        OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl => "CREA",
        OpCode.Delete or OpCode.DeleteContainer => "DELE",
        OpCode.SetData => "SETD",
        OpCode.SetAcl => "SETA",
        OpCode.Reconfig => "RECO",
        OpCode.Multi => "MULT",
        OpCode.MultiRead => "MLTR",
        OpCode.Check => "CHEC",
        OpCode.Exists => "EXIS",
        OpCode.GetData => "GETD",
        OpCode.GetAcl => "GETA",
        OpCode.GetChildren or OpCode.GetChildren2 => "GETC",
        OpCode.GetAllChildrenNumber => "GETACN",
        OpCode.GetEphemerals => "GETE",
        OpCode.Sync => "SYNC",
        OpCode.SetWatches => "SETW",
        OpCode.SetWatches2 => "STW2",
        OpCode.AddWatch => "ADDW",
        OpCode.CheckWatches => "CHKW",
        OpCode.RemoveWatches => "REMW",
        OpCode.WhoAmI => "HOMI",
        _ => "NA",
    };
}
