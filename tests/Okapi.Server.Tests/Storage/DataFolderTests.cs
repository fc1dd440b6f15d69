using Okapi.Server.Storage;

namespace Okapi.Server.Tests.Storage;

public class DataFolderTests
{
    [Fact]
    public void A_folder_has_one_server_at_a_time()
    {
        using var folder = new TestFolder();
        using (folder.Open(out _))
        {
            Assert.Contains(folder.Path, folder.Refused<IOException>().Message, StringComparison.Ordinal);
        }

        folder.Recover();
    }

    [Fact]
    public void The_secret_stays_the_same_and_is_the_owners_alone()
    {
        using var folder = new TestFolder();
        byte[] secret;
        using (DataFolder opened = folder.Open(out _)) secret = opened.SessionSecret;
        Assert.Equal(32, secret.Length);
        Assert.Contains(secret, each => each != 0);
        using (DataFolder opened = folder.Open(out _)) Assert.Equal(secret, opened.SessionSecret);
        string path = Path.Combine(folder.Path, "okapi-session-secret");
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        using var other = new TestFolder();
        using (DataFolder opened = other.Open(out _)) Assert.NotEqual(secret, opened.SessionSecret);
        File.WriteAllBytes(path, [1]);
        Assert.Contains(path, folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void After_a_write_that_failed_nothing_is_written_any_more()
    {
        using var folder = new TestFolder { Options = new() { SnapshotEvery = 1 } };
        using (var author = new Author(folder) { CommitsEach = false })
        {
            File.WriteAllText(folder.File("log.1"), "in the way");
            author.Do(author.Create("/a"));
            Assert.Throws<IOException>(author.Folder.Commit);
            File.Delete(folder.File("log.1"));
            Assert.Throws<IOException>(author.Folder.Commit);
            Assert.Throws<IOException>(() => author.Do(author.Create("/b")));
            Assert.Throws<IOException>(author.OfferSnapshot);
        }

        Assert.Equal(["snapshot.0"], folder.Names("*"));
    }

    [Fact]
    public void A_closed_folder_is_closed()
    {
        using var folder = new TestFolder();
        DataFolder opened = folder.Open(out _);
        opened.Dispose();
        opened.Dispose();
        Assert.Throws<ObjectDisposedException>(opened.Commit);
    }

    [Fact]
    public void A_log_grows_ahead_of_its_entries_and_is_trimmed_at_its_end()
    {
        using var folder = new TestFolder();
        using (var author = new Author(folder))
        {
            author.Do(author.Create("/a"));
            Assert.Equal(16 + 4096, new FileInfo(folder.File("log.1")).Length);
            Assert.Equal(1, RecoverCopy(folder).Tree.LastZxid); // as after a kill
            author.Do(author.Create("/b", new byte[5000]));
            author.Do(author.Create("/c"));
            Assert.Equal(3, RecoverCopy(folder).Tree.LastZxid);
        }

        Assert.InRange(new FileInfo(folder.File("log.1")).Length, 5000, 5500);
    }

    private static RecoveredState RecoverCopy(TestFolder folder)
    {
        using var copy = new TestFolder();
        Directory.CreateDirectory(copy.VersionPath);
        foreach (string path in Directory.GetFiles(folder.VersionPath)) File.Copy(path, copy.File(Path.GetFileName(path)));
        return copy.Recover();
    }
}
