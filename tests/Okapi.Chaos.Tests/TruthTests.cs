using Okapi.Chaos.Checks;
using Okapi.Chaos.Histories;
using Okapi.Chaos.Truth;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Chaos.Tests;

/// <summary>The whole way, on a real server: a history, its log, Apache's own reader of logs, and the checks.</summary>
public sealed class TruthTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("okapi-chaos-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_run_on_a_real_server_is_what_its_log_says()
    {
        RequireApache();
        CancellationToken stop = TestContext.Current.CancellationToken;
        await using ApacheZooKeeper server = await ApacheZooKeeper.StartAsync();
        using (var history = new HistoryWriter(_folder, "run"))
        {
            history.Add(new RunEntry { Clients = 2, Servers = 1, SessionTimeoutMs = 4000, RecipeRoots = ["/locks"] });
            await Task.WhenAll(WorkAsync(history, 1, server.ConnectString, stop), WorkAsync(history, 2, server.ConnectString, stop));
            await FinalTree.RecordAsync(history, 1, server.ConnectString, stop);
        }

        await server.StopNodeAsync(1);
        ServerLog.Keep(Path.Combine(server.Directory, "1", "data"), _folder, 1);

        Verdict verdict = await Verdict.OfAsync(_folder);
        foreach (CheckResult each in verdict.Results.Where(each => each.Check.Name is "K1" or "K2" or "K3" or "K5"))
        {
            Assert.True(each.Findings.Count == 0, $"{each.Check.Name}: {string.Join('\n', each.Findings.Violations.Take(5).Select(violation => violation.Text))}");
            Assert.True(each.Findings.Looked > 20, $"{each.Check.Name} looked at {each.Findings.Looked} things.");
        }

        // And the checks are not blind on it: one transaction gone, and it is missed.
        ServerLog log = await ServerLog.LoadAsync(_folder, 1);
        LoggedTransaction last = log.Transactions.Last(each => each.Type == OpCode.SetData);
        var evidence = new Evidence(History.Load(_folder), [log with { Transactions = [.. log.Transactions.Where(each => each != last)] }]);
        Assert.NotEqual(0, new WriteCheck().Run(evidence).Count);
        Assert.NotEqual(0, new ReadCheck().Run(evidence).Count);
        Assert.NotEqual(0, new WatchCheck().Run(evidence).Count);
    }

    [Fact]
    public async Task A_log_that_Apaches_tool_reads_otherwise_is_refused()
    {
        RequireApache();
        CancellationToken stop = TestContext.Current.CancellationToken;
        await using ApacheZooKeeper server = await ApacheZooKeeper.StartAsync();
        await using (ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(server.ConnectString, cancellationToken: stop))
        {
            await zk.CreateAsync("/awkward", "11/21/26, 8:15:25 PM UTC session 0x1\ncxid ,x"u8.ToArray(), cancellationToken: stop);
            await zk.CreateAsync("/b", new byte[] { 0, 255, 10, 13 }, cancellationToken: stop);
        }

        await server.StopNodeAsync(1);
        string file = Directory.GetFiles(Path.Combine(server.Directory, "1", "data", "version-2"), "log.*").Single();
        IReadOnlyList<LoggedTransaction> read = [.. LogFile.Read(file)];
        IReadOnlyList<PrintedTransaction> printed = await TxnLogToolkit.PrintAsync(file);
        ServerLog.Confirm(file, read, printed);
        Assert.Equal(["createSession", "create", "create", "closeSession"], printed.Select(each => each.Type));
        Assert.Throws<InvalidDataException>(() => ServerLog.Confirm(file, [.. read.Skip(1)], printed));
        Assert.Throws<InvalidDataException>(() => ServerLog.Confirm(file, [.. read.SkipLast(1)], printed));
        Assert.Throws<InvalidDataException>(() => ServerLog.Confirm(file, [read[0], read[1] with { Cxid = 77 }, .. read.Skip(2)], printed));
        Assert.Throws<InvalidDataException>(() => ServerLog.Confirm(file, [read[0], read[1] with { Changes = [read[1].Changes[0] with { Path = "/other" }] }, .. read.Skip(2)], printed));
    }

    private static void RequireApache() => Assert.SkipUnless(
        ApacheZooKeeper.IsAvailable || Environment.GetEnvironmentVariable("OKAPI_REQUIRE_APACHE") == "1", ApacheZooKeeper.WhyUnavailable);

    /// <summary>A bit of everything that leaves a transaction, or reads one.</summary>
    private static async Task WorkAsync(HistoryWriter history, int client, string connectString, CancellationToken stop)
    {
        var options = new ZooKeeperOptions { ConnectCallback = new WireRecorder(history, client).ConnectAsync };
        await using ZooKeeperClient zk = await ZooKeeperClient.ConnectAsync(connectString, options, stop);
        long invoked = HistoryWriter.Now;
        await using Watch watch = await zk.WatchAsync("/", WatchMode.PersistentRecursive, stop);
        history.Add(new WatchArmedEntry { Client = client, Watch = 1, Kind = WatchKind.PersistentRecursive, Path = "/", Session = zk.SessionId, Invoked = invoked });
        Task reading = ReadAsync();
        string own = $"/{client}";
        await zk.CreateAsync(own, Tag(0), cancellationToken: stop);
        for (int i = 1; i < 30; i++)
        {
            string path = await zk.CreateAsync($"{own}/n-", Tag(i), i % 3 == 0 ? CreateMode.EphemeralSequential : CreateMode.PersistentSequential, cancellationToken: stop);
            await zk.SetAsync(path, Tag(1000 + i), cancellationToken: stop);
            await zk.GetAsync(path, stop);
            await zk.GetChildrenAsync(own, stop);
            await zk.ExistsAsync($"/{3 - client}", stop);
            await zk.TryGetAsync($"/{3 - client}/n-{i:d10}", stop);
            if (i % 5 == 0) await zk.DeleteAsync(path, cancellationToken: stop);
            await Refused(async () => await zk.CreateAsync(own, cancellationToken: stop));
            await Refused(async () => await zk.SetAsync(own, Tag(i), expectedVersion: 999, cancellationToken: stop));
            await Refused(async () => await zk.DeleteAsync(own, cancellationToken: stop));
            await Refused(async () => await zk.CreateAsync("/absent/child", cancellationToken: stop));
        }

        await zk.Transaction().Create($"{own}/m", Tag(2001)).Set($"{own}/m", Tag(2002)).Check($"{own}/m", 1).Delete($"{own}/m").CommitAsync(stop);
        await Refused(async () => await zk.Transaction().Create($"{own}/m", Tag(2003)).Check("/absent", 1).Create("/late").CommitAsync(stop));
        await zk.CreateAsync($"{own}/c", Array.Empty<byte>(), CreateMode.Container, cancellationToken: stop);
        await zk.SetAsync(own, Enumerable.Repeat((byte)'x', 5000).ToArray(), cancellationToken: stop);
        await zk.GetAsync(own, stop);
        history.Add(new WatchEndedEntry { Client = client, Watch = 1 });
        await watch.DisposeAsync();
        await reading;

        byte[] Tag(int number) => System.Text.Encoding.ASCII.GetBytes($"{client}-{number}");

        async Task ReadAsync()
        {
            await foreach (WatchedEvent each in watch) history.Add(new WatchEventEntry { Client = client, Watch = 1, Type = each.Type, Path = each.Path });
        }
    }

    private static async Task Refused(Func<Task> call) => await Assert.ThrowsAnyAsync<ZooKeeperException>(call);
}
