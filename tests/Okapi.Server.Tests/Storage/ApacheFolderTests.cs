using Okapi.Server.Storage;
using Okapi.Server.Transactions;
using Okapi.TestSupport;

namespace Okapi.Server.Tests.Storage;

/// <summary>A real Apache ZooKeeper opens what is written here, and the other way round.</summary>
public class ApacheFolderTests
{
    private const int MaxWrites = 20_000; // a snapshot is due every 30 or fewer

    [Theory]
    [InlineData(int.MaxValue)] // all in one log
    [InlineData(10)] // several snapshots, and a log after the last
    public async Task Apache_serves_the_tree_of_a_folder_that_was_written_here(int snapshotEvery)
    {
        await using ApacheZooKeeper apache = await StartAsync();
        using var folder = new TestFolder { Options = new() { SnapshotEvery = snapshotEvery } };
        IReadOnlyList<string> written;
        using (var author = new Author(folder))
        {
            RoundTripTests.WriteEverything(author);
            author.OfferSnapshot();
            author.Do(author.Create("/after", [1]));
            written = Trees.DescribeForClients(author.Tree);
        }

        await apache.StopNodeAsync(1);
        Directory.Delete(DataOf(apache), recursive: true);
        Copy(folder.Path, DataOf(apache));
        await apache.StartNodeAsync(1);
        await using ZooKeeperClient zk = await ConnectAsync(apache);
        Assert.Equal(written, await Trees.DescribeAsync(zk));
        // A word that comes while Apache starts makes one of its connection threads stumble; that has nothing to do with the folder.
        Assert.DoesNotContain(
            await File.ReadAllLinesAsync(Path.Combine(apache.Directory, "1", "zk.log")),
            line => line.Contains(" ERROR ", StringComparison.Ordinal) && !line.Contains("[NIOWorkerThread", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    public async Task A_folder_that_Apache_wrote_has_the_same_tree_here(int seed, bool killed)
    {
        await using ApacheZooKeeper apache = await StartAsync();
        ZooKeeperClient zk = await ConnectAsync(apache);
        await WriteManyAsync(zk, seed);
        // Apache leaves one out while it is busy with the one before.
        for (int i = 0; SnapshotsOf(apache) <= 3; i++)
        {
            Assert.True(i < MaxWrites, $"After {MaxWrites} writes Apache has {SnapshotsOf(apache)} snapshots.");
            await zk.SetAsync("/q", new byte[] { 1 });
        }

        IReadOnlyList<string> served = await Trees.DescribeAsync(zk);
        SessionCredentials session = (await zk.DetachAsync())!; // it goes on
        await (killed ? apache.KillAsync(1) : apache.StopNodeAsync(1));
        using TestFolder folder = CopyOf(apache);
        RecoveredState state = folder.Recover();
        Assert.Equal(served, Trees.DescribeForClients(state.Tree));
        Assert.Contains(session.SessionId, state.SessionTimeouts);
        Assert.Superset(new HashSet<string>(["/e0", "/e1"]), state.Tree.EphemeralsOf(session.SessionId).ToHashSet());
    }

    [Fact]
    public async Task Every_snapshot_of_Apaches_with_the_logs_after_it_gives_the_same_tree()
    {
        // Apache writes them while the tree changes.
        await using ApacheZooKeeper apache = await StartAsync();
        await using ZooKeeperClient zk = await ConnectAsync(apache);
        await WriteManyAsync(zk, seed: 4);
        IReadOnlyList<string> served = await Trees.DescribeAsync(zk);
        await apache.KillAsync(1);

        using TestFolder folder = CopyOf(apache);
        string[] snapshots = Directory.GetFiles(folder.VersionPath, "snapshot.*");
        foreach (string snapshot in snapshots.OrderByDescending(path => Convert.ToInt64(Path.GetExtension(path)[1..], 16)))
        {
            Assert.Equal(served, Trees.DescribeForClients(folder.Recover().Tree));
            File.Delete(snapshot);
        }
    }

    [Fact]
    public async Task A_folder_goes_there_and_back_again()
    {
        await using ApacheZooKeeper apache = await StartAsync();
        await apache.StopNodeAsync(1);
        Directory.Delete(DataOf(apache), recursive: true);
        using var folder = new TestFolder { Options = new() { SnapshotEvery = 7 } };
        using (var author = new Author(folder)) RoundTripTests.WriteEverything(author);

        for (int round = 0; round < 2; round++)
        {
            IReadOnlyList<string> written;
            using (var author = new Author(folder))
            {
                author.Do(author.Create($"/okapi-{round}", [1]));
                author.OfferSnapshot();
                author.Do(author.Create($"/okapi-{round}/e", ephemeral: true), session: Author.NegativeSession);
                written = Trees.DescribeForClients(author.Tree);
            }

            Copy(folder.Path, DataOf(apache));
            await apache.StartNodeAsync(1);
            ZooKeeperClient zk = await ConnectAsync(apache);
            Assert.Equal(written, await Trees.DescribeAsync(zk));
            await WriteManyAsync(zk, seed: 10 + round, root: $"/apache-{round}");
            IReadOnlyList<string> served = await Trees.DescribeAsync(zk);
            await zk.DetachAsync();
            await (round == 0 ? apache.KillAsync(1) : apache.StopNodeAsync(1));
            Directory.Delete(folder.VersionPath, recursive: true);
            Copy(DataOf(apache), folder.Path);
            Assert.Equal(served, Trees.DescribeForClients(folder.Recover().Tree));
            Directory.Delete(DataOf(apache), recursive: true);
        }
    }

    private static async Task WriteManyAsync(ZooKeeperClient zk, int seed, string root = "")
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        if (root.Length > 0) await zk.CreateAsync(root, cancellationToken: cancellation);
        await zk.CreateAsync(root + "/q", cancellationToken: cancellation);
        if (root.Length == 0)
        {
            await zk.CreateAsync("/zookeeper/quota/q", cancellationToken: cancellation);
            await zk.CreateAsync("/zookeeper/quota/q/zookeeper_limits", "count=100000,bytes=-1"u8.ToArray(), cancellationToken: cancellation);
            await zk.CreateAsync("/zookeeper/quota/q/zookeeper_stats", "count=0,bytes=0"u8.ToArray(), cancellationToken: cancellation);
        }

        for (int i = 0; i < 2; i++) await zk.CreateAsync($"{root}/e{i}", new byte[] { 1 }, CreateMode.Ephemeral, cancellationToken: cancellation);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => WriteAsync(zk, new Random((100 * seed) + writer), root, writer)));
    }

    private static async Task WriteAsync(ZooKeeperClient zk, Random random, string root, int writer)
    {
        string[] places = [root + "/q", root + "/q/x", root + "/q/y", $"{root}/q/w{writer}"];
        for (int i = 0; i < 80; i++)
        {
            string place = places[random.Next(places.Length)];
            string path = $"{place}/{random.Next(6)}";
            byte[]? data = random.Next(5) == 0 ? null : new byte[random.Next(60)];
            ReadOnlyMemory<byte>? bytes = data is null ? default(ReadOnlyMemory<byte>?) : data;
            try
            {
                await (random.Next(11) switch
                {
                    0 or 1 => zk.CreateAsync(path, bytes).AsTask(),
                    2 => zk.CreateAsync(place + "/s-", bytes, random.Next(2) == 0 ? CreateMode.PersistentSequential : CreateMode.EphemeralSequential).AsTask(),
                    3 => zk.CreateAsync(path, bytes, CreateMode.Container).AsTask(),
                    4 => zk.CreateAsync(path, bytes, CreateMode.PersistentWithTtl, ttl: TimeSpan.FromHours(1 + random.Next(9))).AsTask(),
                    5 or 6 => zk.SetAsync(random.Next(3) == 0 ? place : path, bytes).AsTask(),
                    7 => zk.DeleteAsync(path).AsTask(),
                    8 => zk.CreateAsync(place, bytes).AsTask(),
                    9 => zk.SetAclAsync(path, random.Next(2) == 0 ? Acl.Open : [Acl.Digest(Permissions.All, "okapi", "secret"), new(Permissions.Read, "ip", "10.0.0.0/8")]).AsTask(),
                    _ => zk.Transaction().Create(path + "-m", new byte[] { 1 }).Set(path + "-m", new byte[] { 2 }).Delete(random.Next(2) == 0 ? path : path + "-m").CommitAsync(),
                });
            }
            catch (ZooKeeperException)
            {
                // Refused: there already, gone already, not empty. A transaction of Apache's log all the same.
            }

            if (random.Next(12) == 0) await DeleteAllAsync(zk, place);
        }
    }

    private static async Task DeleteAllAsync(ZooKeeperClient zk, string path)
    {
        foreach (string name in await zk.TryGetChildrenAsync(path) ?? []) await DeleteAllAsync(zk, ZnodePath.Combine(path, name));
        await zk.TryDeleteAsync(path);
    }

    private static async Task<ApacheZooKeeper> StartAsync()
    {
        NeedApache.OrSkip();
        return await ApacheZooKeeper.StartAsync("--container-check", "900000000", "--cfg", "snapCount=30", "--cfg", "preAllocSize=64"); // nothing goes by itself
    }

    private static Task<ZooKeeperClient> ConnectAsync(ApacheZooKeeper apache)
    {
        var options = new ZooKeeperOptions { SessionTimeout = TimeSpan.FromMinutes(5) };
        options.Auth.Add(AuthInfo.Digest("super", "okapi-super"));
        return ZooKeeperClient.ConnectAsync(apache.ConnectString, options, TestContext.Current.CancellationToken);
    }

    private static int SnapshotsOf(ApacheZooKeeper apache) => Directory.GetFiles(Path.Combine(DataOf(apache), "version-2"), "snapshot.*").Length;

    private static string DataOf(ApacheZooKeeper apache) => Path.Combine(apache.Directory, "1", "data");

    private static TestFolder CopyOf(ApacheZooKeeper apache)
    {
        var folder = new TestFolder();
        Copy(DataOf(apache), folder.Path);
        return folder;
    }

    private static void Copy(string from, string to)
    {
        foreach (string path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target, overwrite: true);
        }
    }
}
