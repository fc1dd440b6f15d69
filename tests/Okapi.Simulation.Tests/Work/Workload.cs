using Okapi.Simulation.Tests.Checks;

namespace Okapi.Simulation.Tests.Work;

/// <summary>What the client is asked to do.</summary>
internal sealed class Workload(Scene scene, ClientLife life, CallLedger calls, ReadChecks reads, WatchCalls watches, Credentials credentials)
{
    /// <summary>Where the client's calls and those of others meet.</summary>
    public static readonly string[] Paths = ["/a", "/a/x", "/a/y", "/b", "/b/z", "/b/z/w", "/c", "/auth", "/auth/k"];

    private ZooKeeperClient Client => scene.Client;

    private Simulator Simulator => scene.Simulator;

    private Random Random => scene.Simulator.Random;

    public void Plan(TimeSpan end)
    {
        int count = Random.Next(5, 40);
        for (int i = 0; i < count; i++)
        {
            TimeSpan at = Simulator.Between(0, end.TotalMilliseconds);
            int burst = Simulator.Chance(0.2) ? Random.Next(2, 8) : 1;
            Simulator.At(at, () =>
            {
                for (int k = 0; k < burst; k++) CallSomething();
            });
        }

        if (Simulator.Chance(0.1)) Simulator.At(Simulator.Between(0, end.TotalMilliseconds), life.Close);
        if (Simulator.Chance(0.2)) Simulator.At(Simulator.Between(0, end.TotalMilliseconds), AddCredential);
        if (Simulator.Chance(0.1)) Simulator.At(Simulator.Between(0, end.TotalMilliseconds), UpdateServers);
    }

    private void AddCredential()
    {
        if (life.IsOver || life.Closing is not null) return;
        credentials.Add($"later:{calls.NextTag}");
    }

    private void UpdateServers()
    {
        if (life.IsOver || life.Closing is not null) return;
        int first = Random.Next(1, scene.Ensemble.Servers.Count + 1);
        Simulator.Note($"the list of servers is now {first} and its successors");
        Client.UpdateServers(scene.ServersFrom(first));
    }

    private void CallSomething()
    {
        string path = Simulator.Pick(Paths);
        CancellationTokenSource? cancel = Simulator.Chance(0.1) ? CancelSomeTime() : null;
        CancellationToken token = cancel?.Token ?? CancellationToken.None;
        byte[] data = BitConverter.GetBytes(calls.NextTag);
        int? version = Simulator.Chance(0.3) ? Random.Next(4) : null;
        CreateMode mode = Simulator.Chance(0.3) ? CreateMode.Ephemeral : CreateMode.Persistent;
        switch (Random.Next(20))
        {
            case 0 or 1:
                calls.Add($"create {path} {mode}", Client.TryCreateAsync(path, data, mode, cancellationToken: token), result => result.IsCreated, cancel, isTagged: true);
                break;
            case 2:
                calls.Add($"create {path} {mode} with stat", Client.CreateWithStatAsync(path, data, mode, cancellationToken: token), _ => true, cancel, isTagged: true);
                break;
            case 3:
                calls.Add("create /q/n-", Client.CreateAsync("/q/n-", data, Simulator.Chance(0.5) ? CreateMode.EphemeralSequential : CreateMode.PersistentSequential, cancellationToken: token), _ => true, cancel, isTagged: true);
                break;
            case 4 or 5:
                calls.Add($"set {path}", Client.TrySetAsync(path, data, version, token), result => result.IsWritten, cancel, isTagged: true);
                break;
            case 6:
                calls.Add($"set {path} or throw", Client.SetAsync(path, data, version, token), _ => true, cancel, isTagged: true);
                break;
            case 7:
                calls.Add($"delete {path}", Client.TryDeleteAsync(path, version, token), result => result == DeleteOutcome.Deleted, cancel, deletes: [scene.ServerPath(path)]);
                break;
            case 8 or 9:
                calls.Add($"get {path}", Client.TryGetAsync(path, token), result => reads.OnRead(path, result), cancel, isRead: true);
                break;
            case 10:
                calls.Add($"exists {path}", Client.ExistsAsync(path, token), result => reads.OnStat(path, result), cancel, isRead: true);
                break;
            case 11:
                calls.Add($"list {path}", Client.TryGetChildrenAsync(path, token), _ => true, cancel, isRead: true);
                break;
            case 12:
                calls.Add($"list {path} with stat or throw", Client.GetChildrenWithStatAsync(path, token), _ => true, cancel, isRead: true);
                break;
            case 13:
                Commit(path, data, cancel);
                break;
            case 14:
                watches.AddExists(path, cancel);
                break;
            case 15:
                watches.AddData(path, cancel);
                break;
            case 16:
                watches.AddChildren(path, cancel);
                break;
            case 17 or 18:
                watches.AddStream(path, cancel);
                break;
            default:
                watches.ReleaseOne();
                break;
        }
    }

    private CancellationTokenSource CancelSomeTime()
    {
        var cancel = new CancellationTokenSource();
        if (Simulator.Chance(0.15)) cancel.Cancel();
        else Simulator.After(Simulator.Between(0, Simulator.Chance(0.5) ? 20 : 2000), cancel.Cancel);
        return cancel;
    }

    private void Commit(string path, byte[] data, CancellationTokenSource? cancel)
    {
        string other = Simulator.Pick(Paths);
        Transaction transaction = Client.Transaction().Set(path, data);
        List<string> deletes = [];
        if (Simulator.Chance(0.5)) transaction.Create(other + "t", data);
        if (Simulator.Chance(0.3)) transaction.Check("/a");
        if (Simulator.Chance(0.3))
        {
            transaction.Delete(other + "t");
            deletes.Add(scene.ServerPath(other + "t"));
        }

        if (transaction.Count < 2) transaction.Check("/b");
        calls.Add($"transaction on {path} and {other}", new ValueTask<TransactionResult>(transaction.TryCommitAsync(cancel?.Token ?? default)), result => result.IsCommitted, cancel, isTagged: true, deletes: deletes);
    }
}
