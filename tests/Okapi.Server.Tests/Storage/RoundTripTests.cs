using Okapi.Protocol;
using Okapi.Server.Storage;
using Okapi.Server.Transactions;

namespace Okapi.Server.Tests.Storage;

public class RoundTripTests
{
    internal static void WriteEverything(Author author)
    {
        author.Do(new CreateSessionTransaction(6000), session: 0x1001);
        author.Do(new CreateSessionTransaction(300_000), session: Author.NegativeSession);
        author.Do(author.Create("/empty", []));
        author.Do(author.Create("/null", data: null, OpCode.Create2));
        author.Do(author.Create("/a", [1, 2, 3]));
        for (int i = 0; i < 3; i++) author.Do(author.Create($"/a/n-{i:d10}", [(byte)i]));
        author.Do(new DeleteTransaction("/a/n-0000000001"));
        author.Do(author.Create("/a/e", [9], ephemeral: true), session: 0x1001);
        author.Do(author.Create("/a/f", [9], OpCode.Create2, ephemeral: true), session: Author.NegativeSession);
        author.Do(author.Create("/container", [], OpCode.CreateContainer));
        author.Do(author.Create("/container/child", []));
        author.Do(author.Create("/gone", [], OpCode.CreateContainer));
        author.Do(new DeleteTransaction("/gone", OpCode.DeleteContainer));
        author.Do(author.Create("/ttl", [7], OpCode.CreateTtl, ttlMs: 123_456_789));
        author.Do(author.Create("/closed", [4], acl: [new(Permissions.Read, "world", "anyone"), Acl.Digest(Permissions.All, "okapi", "secret")]));
        author.Do(new SetAclTransaction("/a", [new(Permissions.Read | Permissions.Create, "ip", "127.0.0.1/8")], 1));
        author.Do(new SetDataTransaction("/a", [4, 4], 1));
        author.Do(new SetDataTransaction("/a", null, 2));
        author.Do(new SetDataTransaction("/zookeeper/config", [1], 1, OpCode.Reconfig));
        author.Do(new ErrorTransaction(ErrorCode.NoNode));
        author.Do(new MultiTransaction([new CheckTransaction("/a", 2), author.Create("/m", [1]), author.Create("/ä€", [2], OpCode.Create2, add: 2), new SetDataTransaction("/m", [2], 1), new DeleteTransaction("/empty")]));
        author.Do(new MultiTransaction([new ErrorTransaction(ErrorCode.Ok), new ErrorTransaction(ErrorCode.BadVersion), new ErrorTransaction(ErrorCode.RuntimeInconsistency)]));
        author.Do(new MultiTransaction([author.Create("/mc", [1], OpCode.CreateContainer), author.Create("/mt", [1], OpCode.CreateTtl, ttlMs: 1_000_000, add: 2)]));
        author.Do(new MultiTransaction([]));
        author.Do(author.Create("/zookeeper/quota/a", []));
        author.Do(author.Create("/zookeeper/quota/a/zookeeper_limits", "count=100,bytes=-1"u8.ToArray()));
        author.Do(author.Create("/zookeeper/quota/a/zookeeper_stats", "count=0,bytes=0"u8.ToArray()));
        author.Do(author.Create("/a/counted", [1, 2, 3, 4, 5]));
        author.Do(new CloseSessionTransaction(["/a/e"]), session: 0x1001);
    }

    [Fact]
    public void What_the_log_has_is_there_again()
    {
        using var folder = new TestFolder();
        IReadOnlyList<string> written;
        using (var author = new Author(folder))
        {
            WriteEverything(author);
            written = Trees.Describe(author.Tree, author.Sessions);
        }

        Assert.Equal(written, Trees.Describe(folder.Recover()));
        Assert.Contains(written, line => line.StartsWith("/zookeeper/quota/a/zookeeper_stats " + Convert.ToHexString("count=5,bytes=8"u8), StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_snapshot_has_is_there_again()
    {
        using var folder = new TestFolder { Options = new() { LogGrowth = 4096, SnapshotEvery = 10 } };
        IReadOnlyList<string> written;
        using (var author = new Author(folder))
        {
            WriteEverything(author);
            author.OfferSnapshot();
            written = Trees.Describe(author.Tree, author.Sessions);
        }

        File.Delete(folder.File("log.1"));
        Assert.Equal(written, Trees.Describe(folder.Recover()));
    }

    [Fact]
    public void Snapshots_and_logs_at_any_place_give_the_same()
    {
        using var folder = new TestFolder { Options = new() { LogGrowth = 64, SnapshotEvery = 7 } };
        IReadOnlyList<string> written;
        using (var author = new Author(folder))
        {
            WriteEverything(author);
            author.OfferSnapshot();
            WriteMore(author, 0, 10);
            author.OfferSnapshot();
        }

        using (var author = new Author(folder))
        {
            WriteMore(author, 10, 3); // another file: a server never goes on in one that it found
            written = Trees.Describe(author.Tree, author.Sessions);
        }

        Assert.Equal(written, Trees.Describe(folder.Recover()));
    }

    [Fact]
    public void What_was_not_committed_is_not_there()
    {
        using var folder = new TestFolder();
        using (var author = new Author(folder) { CommitsEach = false })
        {
            author.Do(author.Create("/a"));
            author.Folder.Commit();
            author.Do(author.Create("/b"));
        }

        RecoveredState state = folder.Recover();
        Assert.NotNull(state.Tree.Find("/a"));
        Assert.Null(state.Tree.Find("/b"));
    }

    [Fact]
    public void Transactions_since_the_last_snapshot_count_across_restarts()
    {
        using var folder = new TestFolder { Options = new() { LogGrowth = 64, SnapshotEvery = 10 } };
        for (int i = 0; i < 2; i++)
        {
            using var author = new Author(folder);
            WriteMore(author, 5 * i, 5);
            author.OfferSnapshot();
        }

        Assert.Equal(["snapshot.0", "snapshot.a"], folder.Names("snapshot.*"));
    }

    private static void WriteMore(Author author, int from, int count)
    {
        for (int i = from; i < from + count; i++) author.Do(author.Create($"/more-{i}", [(byte)i]));
    }
}
