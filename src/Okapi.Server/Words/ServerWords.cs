using System.Globalization;
using System.Text;
using Okapi.Server.Connections;
using Okapi.Server.Trees;

namespace Okapi.Server.Words;

/// <summary>Words that tell how a server does: srvr, stat, srst, mntr.</summary>
internal static class ServerWords
{
    public static void Srvr(Member member, StringBuilder answer)
    {
        AppendHead(member, answer);
        AppendState(member, answer);
    }

    public static void Stat(Member member, StringBuilder answer)
    {
        AppendHead(member, answer);
        answer.Append("Clients:\n");
        foreach (ServerConnection connection in ConnectionWords.Open(member)) ConnectionWords.AppendConnection(connection, isBrief: true, answer);
        answer.Append('\n');
        AppendState(member, answer);
    }

    public static void Srst(Member member, StringBuilder answer)
    {
        member.Statistics.Reset();
        answer.Append("Server stats reset.\n");
    }

    /// <summary>Those of Apache's lines that mean something here, under the same names; the rest tell of its own insides.</summary>
    public static void Mntr(Member member, StringBuilder answer)
    {
        MemberStatistics statistics = member.Statistics;
        Tree tree = member.View;
        Line("version", VersionText.Of(member.Options.Version));
        Line("server_state", ModeOf(member));
        Line("ephemerals_count", tree.EphemeralsBySession.Values.Sum(paths => paths.Count));
        Line("num_alive_connections", ConnectionWords.Open(member).Count());
        Line("avg_latency", JavaText.Number(statistics.Latency.AverageMs));
        Line("outstanding_requests", OutstandingOf(member));
        Line("znode_count", CountOf(tree));
        Line("global_sessions", member.Leader.Sessions.Sessions.Count);
        Line("packets_sent", statistics.Sent);
        Line("packets_received", statistics.Received);
        Line("watch_count", WatchWords.CountOf(member.Watches.Data) + WatchWords.CountOf(member.Watches.Children));
        Line("auth_failed_count", statistics.RefusedLogins);
        Line("min_latency", statistics.Latency.LeastMs);
        Line("approximate_data_size", tree.Nodes.Sum(each => each.Key.Length + (long)(each.Value.Data?.Length ?? 0)));
        Line("local_sessions", member.LocalSessions.Sessions.Count);
        Line("uptime", member.Leader.NowMs);
        Line("max_latency", statistics.Latency.GreatestMs);

        void Line<T>(string name, T value) => answer.Append(CultureInfo.InvariantCulture, $"zk_{name}\t{value}\n");
    }

    private static void AppendHead(Member member, StringBuilder answer)
    {
        answer.Append(CultureInfo.InvariantCulture, $"Zookeeper version: {VersionText.Of(member.Options.Version)}\n");
        if (member.IsReadOnly) answer.Append("READ-ONLY mode; serving only read-only clients\n");
    }

    private static void AppendState(Member member, StringBuilder answer)
    {
        MemberStatistics statistics = member.Statistics;
        Latency latency = statistics.Latency;
        answer.Append(CultureInfo.InvariantCulture, $"Latency min/avg/max: {latency.LeastMs}/{JavaText.Number(latency.AverageMs)}/{latency.GreatestMs}\n");
        answer.Append(CultureInfo.InvariantCulture, $"Received: {statistics.Received}\nSent: {statistics.Sent}\nConnections: {ConnectionWords.Open(member).Count()}\n");
        answer.Append(CultureInfo.InvariantCulture, $"Outstanding: {OutstandingOf(member)}\nZxid: 0x{member.View.LastZxid:x}\nMode: {ModeOf(member)}\nNode count: {CountOf(member.View)}\n");
    }

    private static string ModeOf(Member member) => member.IsReadOnly ? "read-only" : "standalone";

    /// <summary>Requests are answered as they come but for those that wait until their member has caught up.</summary>
    private static int OutstandingOf(Member member) => member.Connections.Count(connection => connection.IsSuspended);

    /// <summary>Apache's tree has its root twice, as "/" and as "", and counts both.</summary>
    private static int CountOf(Tree tree) => tree.Count + 1;
}
