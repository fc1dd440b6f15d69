namespace Okapi.Chaos.Histories;

/// <summary>Writes down the whole tree as one server has it, after a sync: in the end all servers must have the one that the log tells of.</summary>
public static class FinalTree
{
    // Above any client's number.
    private const int FirstClient = 1_000_000;

    /// <summary>The number under which the reads of a server's tree are recorded: they are held against the log like any other.</summary>
    public static int ClientOf(int server) => FirstClient + server;

    public static async Task RecordAsync(HistoryWriter history, int server, string connectString, CancellationToken cancellationToken = default)
    {
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(
            connectString, new ZooKeeperOptions { ConnectCallback = new WireRecorder(history, ClientOf(server)).ConnectAsync }, cancellationToken);
        await zk.SyncAsync("/", cancellationToken);
        var waiting = new Queue<string>(["/"]);
        while (waiting.TryDequeue(out string? path))
        {
            NodeData node = await zk.GetAsync(path, cancellationToken);
            history.Add(new TreeNodeEntry { Server = server, Path = path, Tag = DataTag.Of(node.Data), Stat = node.Stat });
            if (path == "/zookeeper") continue; // the server's own: quotas and the configuration
            foreach (string name in await zk.GetChildrenAsync(path, cancellationToken)) waiting.Enqueue(path == "/" ? "/" + name : path + "/" + name);
        }
    }
}
