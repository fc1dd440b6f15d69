using System.Text;
using Okapi.Protocol;
using Okapi.Server;
using static Okapi.Samples.Narration;

namespace Okapi.Samples;

/// <summary>What only a server of one's own can show: how a program fares when things go wrong. Tests of yours can do the same.</summary>
internal static class FaultTour
{
    public static async Task RunAsync(EmbeddedServer server, CancellationToken ct)
    {
        await LoseAReplyAsync(server, ct);
        await LoseTheSessionAsync(server, ct);
    }

    private static async Task LoseAReplyAsync(EmbeddedServer server, CancellationToken ct)
    {
        Chapter("A fault: the reply to a write is lost");
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);
        await zk.CreateAsync("/stock", "7"u8.ToArray(), cancellationToken: ct);

        Tell("The server will carry out the next setData and cut the connection in place of the reply.");
        using Fault fault = server.Faults.CutInsteadOfReply(request => request.Type == OpCode.SetData);
        try
        {
            await zk.SetAsync("/stock", "6"u8.ToArray(), cancellationToken: ct);
            Check(false, "there is no reply");
        }
        catch (ConnectionLossException lost)
        {
            Check(lost.Outcome == RequestOutcome.Unknown, $"the client says what it knows: {nameof(ConnectionLossException)}, outcome {lost.Outcome}");
        }

        Tell("It connects again by itself, and keeps its session. Was the write done?");
        NodeData node = await zk.GetAsync("/stock", ct);
        Check(Encoding.UTF8.GetString(node.Data) == "6", $"it was: \"{Encoding.UTF8.GetString(node.Data)}\", version {node.Stat.Version}");
        await zk.DeleteAsync("/stock", cancellationToken: ct);
    }

    private static async Task LoseTheSessionAsync(EmbeddedServer server, CancellationToken ct)
    {
        Chapter("A fault: the session expires");
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);
        await using ZooKeeperClient other = await ZooKeeperClient.ConnectAsync(server.ConnectionString, cancellationToken: ct);
        await zk.CreateAsync("/leader", mode: CreateMode.Ephemeral, cancellationToken: ct);
        await using OneShotWatch<Stat?> leader = await other.WatchExistsAsync("/leader", ct);

        Tell($"The server ends session 0x{zk.SessionId:x} as if its time had run out.");
        var lost = new TaskCompletionSource();
        await using CancellationTokenRegistration whenLost = zk.SessionLost.Register(lost.SetResult);
        await server.ExpireSessionAsync(zk.SessionId);
        Check((await leader.Fired.WaitAsync(ct)).Type == WatchedEventType.NodeDeleted, "its ephemeral znode is gone, and who watched it knows");
        await lost.Task.WaitAsync(ct);
        Check(zk.SessionLost.IsCancellationRequested, "SessionLost has tripped: what was done as the leader must stop");
        try
        {
            await zk.ExistsAsync("/leader", ct);
            Check(false, "the client is over");
        }
        catch (SessionExpiredException over)
        {
            Check(true, $"the client is over: {over.Message}");
        }
    }
}
