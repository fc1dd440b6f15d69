using System.Text;
using static Okapi.Samples.Narration;

namespace Okapi.Samples;

/// <summary>The tour, chapter by chapter. Each is a piece of code to copy from; <c>Tell</c> and <c>Check</c> only print what happens.</summary>
internal static class Tour
{
    public static async Task RunAsync(string connectString, CancellationToken ct)
    {
        // All paths below are relative to the chroot, so that the tour can run on a server that has other things on it.
        string chroot = $"/okapi-tour-{Guid.NewGuid():N}";
        ConnectString servers = ConnectString.Parse(connectString);
        string below = (servers with { Chroot = servers.Chroot + chroot }).ToString();

        Tell($"Connecting to {below}");
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(below, new ZooKeeperOptions { ChrootCheck = ChrootCheck.Create }, ct);
        Check(zk.IsConnected, $"session 0x{zk.SessionId:x} on {zk.Server}, timeout {zk.SessionTimeout.TotalSeconds:0.#} s");

        try
        {
            await OneZnodeAsync(zk, ct);
            await TransactionAsync(zk, ct);
            await WatchATreeAsync(zk, ct);
            await ResumeASessionAsync(zk, below, ct);
        }
        finally
        {
            await RemoveAsync(connectString, chroot);
        }
    }

    private static async Task OneZnodeAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        Chapter("The life of a znode");

        // What other clients call the default watcher: a stream of everything that happens from here on.
        IAsyncEnumerable<WatchedEvent> events = zk.EventsAsync(ct);

        Tell("Does /example exist? The question leaves a watch.");
        await using OneShotWatch<Stat?> beforeCreate = await zk.WatchExistsAsync("/example", ct);
        Check(beforeCreate.Value is null, "no: an expected absence is null, not an exception");

        Tell("Create it.");
        string path = await zk.CreateAsync("/example", "Hello world"u8.ToArray(), cancellationToken: ct);
        Check(path == "/example", $"created {path}");

        WatchedEvent fired = await beforeCreate.Fired.WaitAsync(ct);
        Check(fired is { Type: WatchedEventType.NodeCreated, Path: "/example" }, $"the watch has fired: {fired.Type} {fired.Path}");

        Tell("Does it exist now? Again with a watch.");
        await using OneShotWatch<Stat?> beforeSet = await zk.WatchExistsAsync("/example", ct);
        Check(beforeSet.Value?.DataLength == 11, $"yes, with {beforeSet.Value?.DataLength} bytes");

        Tell("Read it.");
        NodeData node = await zk.GetAsync("/example", ct);
        Check(Text(node) == "Hello world", $"\"{Text(node)}\", version {node.Stat.Version}");

        Tell("Write it, on condition that it still has the version that was read.");
        Stat written = await zk.SetAsync("/example", "Bye world"u8.ToArray(), expectedVersion: node.Stat.Version, ct);
        Check(written.Version == node.Stat.Version + 1, $"written, now version {written.Version} with {written.DataLength} bytes");
        Check((await beforeSet.Fired.WaitAsync(ct)).Type == WatchedEventType.NodeDataChanged, "the second watch has fired: NodeDataChanged");

        Tell("Write it once more on the old condition.");
        SetResult stale = await zk.TrySetAsync("/example", "too late"u8.ToArray(), expectedVersion: node.Stat.Version, ct);
        Check(stale.Outcome == SetOutcome.BadVersion, $"refused: {stale.Outcome}, as a value; SetAsync would throw BadVersionException");

        Tell("Give it a child.");
        await zk.CreateAsync("/example/more", "Hello more"u8.ToArray(), cancellationToken: ct);
        IReadOnlyList<string> children = await zk.GetChildrenAsync("/example", ct);
        Check(children is ["more"], $"its children: {string.Join(", ", children)}");

        Tell("Delete it while it has a child.");
        try
        {
            await zk.DeleteAsync("/example", cancellationToken: ct);
            Check(false, "a znode with children cannot be deleted");
        }
        catch (NotEmptyException refused)
        {
            Check(refused.Path == "/example", $"refused: {refused.Message}");
        }

        Tell("Delete the child first, then the znode.");
        await zk.DeleteAsync("/example/more", cancellationToken: ct);
        await zk.DeleteAsync("/example", cancellationToken: ct);
        Check(await zk.ExistsAsync("/example", ct) is null, "/example is gone");

        Tell("What did the stream of events see?");
        var seen = new List<WatchedEvent>();
        await foreach (WatchedEvent each in events)
        {
            seen.Add(each);
            if (seen.Count == 2) break;
        }

        Check(seen is [{ Type: WatchedEventType.NodeCreated, Path: "/example", State: KeeperState.SyncConnected }, { Type: WatchedEventType.NodeDataChanged }],
            $"both one-shot watches, in order: {string.Join(", ", seen.Select(each => each.Type))}");
    }

    private static async Task TransactionAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        Chapter("A transaction: all or nothing");

        Tell("Create /accounts and two children in one go.");
        TransactionResult opened = await zk.Transaction()
            .Create("/accounts")
            .Create("/accounts/ann", "100"u8.ToArray())
            .Create("/accounts/bob", "0"u8.ToArray())
            .CommitAsync(ct);
        Check(opened.IsCommitted, $"committed: {string.Join(", ", opened.Operations.Select(each => each.Path))}");

        Tell("Move 40 from ann to bob; the second write expects a version that bob does not have.");
        TransactionResult refused = await zk.Transaction()
            .Set("/accounts/ann", "60"u8.ToArray(), expectedVersion: 0)
            .Set("/accounts/bob", "40"u8.ToArray(), expectedVersion: 7)
            .Delete("/accounts/carol")
            .TryCommitAsync(ct);
        Check(!refused.IsCommitted && refused.FailedIndex == 1, "not committed: operation 1 failed");
        Check(refused.Operations.Select(each => each.Status).SequenceEqual([OperationStatus.RolledBack, OperationStatus.Failed, OperationStatus.Skipped]),
            $"what became of each: {string.Join(", ", refused.Operations.Select(each => each.Status))} ({refused.Operations[1].Error})");
        Check(Text(await zk.GetAsync("/accounts/ann", ct)) == "100", "ann still has 100");
    }

    private static async Task WatchATreeAsync(ZooKeeperClient zk, CancellationToken ct)
    {
        Chapter("A watch on a whole tree");

        Tell("Watch /jobs and everything below it. It stays: no event is lost between two one-shot watches.");
        await using Watch watch = await zk.WatchAsync("/jobs", WatchMode.PersistentRecursive, ct);

        await zk.EnsurePathAsync("/jobs/queue", cancellationToken: ct);
        string job = await zk.CreateAsync("/jobs/queue/job-", mode: CreateMode.PersistentSequential, cancellationToken: ct);
        await zk.SetAsync(job, "done"u8.ToArray(), cancellationToken: ct);
        await zk.DeleteAsync(job, cancellationToken: ct);

        var seen = new List<string>();
        await foreach (WatchedEvent change in watch.WithCancellation(ct))
        {
            // After a reconnect a Resync says that events may be missing: whoever keeps a copy of the tree reads it again.
            if (change.Type == WatchedEventType.Resync) continue;
            Tell($"  {change.Type} {change.Path}");
            seen.Add($"{change.Type} {change.Path}");
            if (change.Type == WatchedEventType.NodeDeleted) break;
        }

        Check(seen.SequenceEqual(["NodeCreated /jobs", "NodeCreated /jobs/queue", $"NodeCreated {job}", $"NodeDataChanged {job}", $"NodeDeleted {job}"]),
            "five changes, in the order they were made");
    }

    private static async Task ResumeASessionAsync(ZooKeeperClient zk, string connectString, CancellationToken ct)
    {
        Chapter("A session that outlives its client");

        await using ZooKeeperClient first = await ZooKeeperClient.ConnectAsync(connectString, cancellationToken: ct);
        await first.CreateAsync("/worker", mode: CreateMode.Ephemeral, cancellationToken: ct);
        long sessionId = first.SessionId;

        Tell($"A client made the ephemeral znode /worker and leaves; the server keeps session 0x{sessionId:x} for {first.SessionTimeout.TotalSeconds:0.#} s.");
        SessionCredentials? credentials = await first.DetachAsync();

        Tell("Another client, which may be in another process, resumes the session.");
        await using (ZooKeeperClient second = await ZooKeeperClient.ConnectAsync(connectString, new ZooKeeperOptions { Resume = credentials }, ct))
        {
            Check(second.SessionId == sessionId, $"it has session 0x{second.SessionId:x}");
            Stat? worker = await second.ExistsAsync("/worker", ct);
            Check(worker?.EphemeralOwner == sessionId, "/worker is still there, and belongs to it");
        }

        Check(await zk.ExistsAsync("/worker", ct) is null, "closing the client ended the session, and /worker with it");
    }

    /// <summary>Also after a failure or an interrupt, and so without their token.</summary>
    private static async Task RemoveAsync(string connectString, string chroot)
    {
        Console.WriteLine();
        try
        {
            await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(connectString, new ZooKeeperOptions { FirstConnectTimeout = TimeSpan.FromSeconds(5) });
            int removed = await zk.DeleteRecursiveAsync(chroot);
            Tell($"Removed {chroot}: {removed} znodes.");
        }
        catch (ZooKeeperException left)
        {
            Console.Error.WriteLine($"{chroot} could not be removed: {left.Message}");
        }
    }

    private static string Text(NodeData node) => Encoding.UTF8.GetString(node.Data);
}
