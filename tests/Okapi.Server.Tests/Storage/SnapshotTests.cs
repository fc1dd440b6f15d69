using Okapi.Server.Storage;
using Okapi.Server.Trees;

namespace Okapi.Server.Tests.Storage;

public class SnapshotTests
{
    [Fact]
    public void A_new_folder_has_a_snapshot_of_the_empty_tree()
    {
        using var folder = new TestFolder();
        RecoveredState state = folder.Recover();
        Assert.Equal(0, state.Tree.LastZxid);
        Assert.Equal(["snapshot.0"], folder.Names("*"));
    }

    [Fact]
    public void A_newest_snapshot_with_any_byte_changed_is_passed_over_for_the_older_one()
    {
        using TestFolder folder = WriteTwo(out IReadOnlyList<string> written);
        byte[] snapshot = File.ReadAllBytes(folder.File("snapshot.4"));
        for (int at = 0; at < snapshot.Length; at++)
        {
            byte[] changed = [.. snapshot];
            changed[at] ^= 0x41;
            File.WriteAllBytes(folder.File("snapshot.4"), changed);
            Assert.Equal(written, Trees.Describe(folder.Recover()));
        }

        using (folder.Open(out _))
        {
        }

        Assert.Contains(folder.File("snapshot.4"), Assert.Single(folder.Log.Entries, entry => entry.Id == 102).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_newest_snapshot_that_was_cut_at_any_byte_is_passed_over_for_the_older_one()
    {
        using TestFolder folder = WriteTwo(out IReadOnlyList<string> written);
        byte[] snapshot = File.ReadAllBytes(folder.File("snapshot.4"));
        for (int length = 0; length < snapshot.Length; length++)
        {
            File.WriteAllBytes(folder.File("snapshot.4"), snapshot.AsSpan(0, length).ToArray());
            Assert.Equal(written, Trees.Describe(folder.Recover()));
        }
    }

    [Fact]
    public void An_older_snapshot_does_not_do_where_its_logs_are_gone()
    {
        using TestFolder folder = WriteTwo(out _);
        byte[] snapshot = File.ReadAllBytes(folder.File("snapshot.4"));
        File.WriteAllBytes(folder.File("snapshot.4"), snapshot.AsSpan(0, 50).ToArray());
        byte[] last = File.ReadAllBytes(folder.File("log.5"));
        File.Delete(folder.File("log.1"));
        Assert.Contains("0x5 is not the next after 0x0", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
        File.Delete(folder.File("log.5"));
        Assert.Contains("has lost transactions", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
        File.WriteAllBytes(folder.File("log.5"), last);
        File.WriteAllBytes(folder.File("snapshot.4"), snapshot);
        Assert.Equal(5, folder.Recover().Tree.LastZxid);
        File.Delete(folder.File("snapshot.0"));
        File.WriteAllBytes(folder.File("snapshot.4"), snapshot.AsSpan(0, 50).ToArray());
        Assert.Contains("No snapshot", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_compressed_snapshot_is_named_where_there_is_no_other_way()
    {
        using TestFolder folder = WriteTwo(out IReadOnlyList<string> written);
        File.Move(folder.File("snapshot.4"), folder.File("snapshot.4.gz"));
        Assert.Equal(written, Trees.Describe(folder.Recover())); // from the logs
        File.Delete(folder.File("snapshot.0"));
        Assert.Contains("snapshot.4.gz is compressed", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Snapshots_beyond_those_kept_are_deleted_and_so_are_logs_that_none_needs()
    {
        using var folder = new TestFolder { Options = new() { LogGrowth = 64, SnapshotEvery = 2, SnapshotsKept = 2 } };
        using (var author = new Author(folder))
        {
            for (int i = 0; i < 9; i++)
            {
                author.Do(author.Create($"/n{i}"));
                author.OfferSnapshot();
            }
        }

        Assert.Equal(["snapshot.6", "snapshot.8"], folder.Names("snapshot.*"));
        Assert.Equal(["log.7", "log.9"], folder.Names("log.*"));
        Assert.Equal(9, folder.Recover().Tree.LastZxid);
        File.WriteAllBytes(folder.File("snapshot.8"), []);
        Assert.Equal(9, folder.Recover().Tree.LastZxid); // what is kept is enough to fall back on
    }

    [Fact]
    public void A_snapshot_that_cannot_be_written_leaves_the_log_going()
    {
        using var folder = new TestFolder { Options = new() { LogGrowth = 64, SnapshotEvery = 2 } };
        using (var author = new Author(folder))
        {
            Directory.CreateDirectory(Path.Combine(folder.VersionPath, "snapshot.2")); // in the way
            for (int i = 0; i < 5; i++)
            {
                author.Do(author.Create($"/n{i}"));
                author.OfferSnapshot();
            }

            Assert.Equal(1, folder.Log.Count(105));
        }

        Assert.Equal(["snapshot.0", "snapshot.4"], folder.Names("snapshot.*"));
        Assert.Equal(5, folder.Recover().Tree.LastZxid);
    }

    [Fact]
    public void A_snapshot_that_was_being_written_is_forgotten()
    {
        using TestFolder folder = WriteTwo(out IReadOnlyList<string> written);
        File.WriteAllBytes(folder.File("okapi-snapshot.tmp"), [1, 2, 3]);
        Assert.Equal(written, Trees.Describe(folder.Recover()));
        Assert.Empty(folder.Names("*.tmp"));
    }

    [Fact]
    public void A_session_that_only_its_ephemerals_know_is_left_to_expire()
    {
        using var folder = new TestFolder();
        using (var author = new Author(folder)) author.Do(author.Create("/e", ephemeral: true), session: 77);
        RecoveredState state = folder.Recover();
        Assert.Equal(10_000, state.SessionTimeouts[77]);
        Assert.NotNull(state.Tree.Find("/e"));
    }

    [Fact]
    public void An_ACL_that_a_snapshot_of_Apaches_missed_comes_from_the_log()
    {
        using var folder = new TestFolder();
        using (var author = new Author(folder)) author.Do(author.Create("/a", acl: Acl.ReadOnly));
        var tree = new Tree();
        tree.Restore("/a", new Znode { Acl = SnapshotReader.UnknownAcl, Czxid = 1, Mzxid = 1, Pzxid = 1 });
        using (var file = File.OpenHandle(folder.File("snapshot.0"), FileMode.Create, FileAccess.Write)) SnapshotWriter.Write(file, tree, new Dictionary<long, int>());
        Assert.Equal(Acl.ReadOnly, folder.Recover().Tree.Find("/a")!.Acl);
        File.Delete(folder.File("log.1"));
        Assert.Contains("have the ACL of /a", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_snapshot_of_Apaches_that_saw_a_znode_come_again_with_a_child_gives_both()
    {
        // Created, deleted, created again and given a child, all while the snapshot was being written, which saw the end of it.
        using var folder = new TestFolder();
        IReadOnlyList<string> written;
        using (var author = new Author(folder))
        {
            author.Do(author.Create("/a"));
            author.Do(new Server.Transactions.DeleteTransaction("/a"));
            author.Do(author.Create("/a"));
            author.Do(author.Create("/a/b"));
            written = Trees.Describe(author.Tree, author.Sessions);
            using var file = File.OpenHandle(folder.File("snapshot.0"), FileMode.Create, FileAccess.Write);
            SnapshotWriter.Write(file, author.Tree, author.Sessions);
        }

        Assert.Equal(written, Trees.Describe(folder.Recover()));
    }

    [Fact]
    public void A_transaction_that_does_not_fit_is_named_with_file_and_offset()
    {
        using var folder = new TestFolder();
        using (DataFolder opened = folder.Open(out _))
        {
            var delete = new Server.Transactions.DeleteTransaction("/");
            opened.Append(new(1, 1, 1, 1, delete.Type), delete);
            opened.Commit();
        }

        Assert.StartsWith("The transaction at offset 16 of " + folder.File("log.1"), folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_snapshot_of_uncommitted_transactions_is_refused()
    {
        using var folder = new TestFolder { Options = new() { SnapshotEvery = 1 } };
        using var author = new Author(folder) { CommitsEach = false };
        author.Do(author.Create("/a"));
        Assert.Throws<InvalidOperationException>(author.OfferSnapshot);
    }

    private static TestFolder WriteTwo(out IReadOnlyList<string> written)
    {
        var folder = new TestFolder(inMemory: true) { Options = new() { LogGrowth = 64, SnapshotEvery = 4 } };
        using var author = new Author(folder);
        author.Do(new Server.Transactions.CreateSessionTransaction(5000), session: 3);
        author.Do(author.Create("/a", [1]));
        author.Do(author.Create("/a/b", acl: Acl.ReadOnly));
        author.Do(author.Create("/a/e", [2], ephemeral: true), session: 3);
        author.OfferSnapshot();
        author.Do(author.Create("/c"));
        written = Trees.Describe(author.Tree, author.Sessions);
        return folder;
    }
}
