using Okapi.Server.Storage;
using Okapi.Server.Transactions;

namespace Okapi.Server.Tests.Storage;

/// <summary>What a crash can leave must open, with all that had been acknowledged; see decision 0008.</summary>
public class TornTailTests
{
    private const int Header = 16;

    [Fact]
    public void A_log_that_was_cut_at_any_byte_opens_with_the_entries_before_it()
    {
        using TestFolder folder = WriteFive(out byte[] log, out long[] ends);
        for (int length = 0; length <= log.Length; length++)
        {
            Restore(folder, log.AsSpan(0, length));
            AssertOpensWith(folder, ends.Count(end => end <= length));
        }
    }

    [Fact]
    public void A_log_whose_end_was_not_written_at_any_byte_opens_with_the_entries_before_it()
    {
        using TestFolder folder = WriteFive(out byte[] log, out long[] ends);
        for (int length = 0; length <= log.Length; length++)
        {
            if (length is > 0 and < Header) continue; // a disk writes the header whole or not at all
            byte[] left = new byte[log.Length + 3000];
            log.AsSpan(0, length).CopyTo(left);
            Restore(folder, left);
            AssertOpensWith(folder, ends.Count(end => end <= length));
        }
    }

    [Fact]
    public async Task A_log_is_never_seen_without_its_header()
    {
        // A process that is killed just then leaves what another sees just then.
        const int Logs = 500;
        using var folder = new TestFolder(inMemory: true);
        Directory.CreateDirectory(folder.VersionPath);
        using var isLooking = new SemaphoreSlim(0);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task looking = Task.Factory.StartNew(
            () =>
            {
                byte[] header = new byte[Header];
                for (int i = 0; i < Logs; i++)
                {
                    string path = folder.File($"log.{i:x}");
                    isLooking.Release();
                    while (!File.Exists(path)) over.Token.ThrowIfCancellationRequested();
                    using FileStream log = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                    Assert.Equal(Header, log.Read(header));
                    Assert.True(LogFormat.TryReadHeader(header, out _));
                }
            },
            over.Token,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        try
        {
            for (int i = 0; i < Logs; i++)
            {
                if (await Task.WhenAny(looking, isLooking.WaitAsync(over.Token)) == looking) break;
                using LogWriter writer = LogWriter.Create(folder.File($"log.{i:x}"), folder.File("okapi-log.tmp"), id: 1, growth: 4096);
            }

            await looking;
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    [Fact]
    public void A_last_entry_with_any_byte_changed_is_cut_off()
    {
        using TestFolder folder = WriteFive(out byte[] log, out long[] ends);
        for (long at = ends[3]; at < ends[4]; at++)
        {
            byte[] changed = [.. log];
            changed[at] ^= 0x10;
            Restore(folder, changed);
            AssertOpensWith(folder, 4);
        }
    }

    [Fact]
    public void What_is_cut_off_is_said_with_file_and_offset()
    {
        using TestFolder folder = WriteFive(out byte[] log, out long[] ends);
        int length = (int)ends[4] - 10;
        while (log[length - 1] == 0) length--; // zeros at the end could as well be space for entries to come
        Restore(folder, log.AsSpan(0, length));
        using (folder.Open(out _))
        {
        }

        var said = Assert.Single(folder.Log.Entries, entry => entry.Id == 101);
        Assert.Contains(folder.File("log.1"), said.Text, StringComparison.Ordinal);
        Assert.Contains($"{length - ends[3]} bytes from offset {ends[3]}", said.Text, StringComparison.Ordinal);
        Assert.Equal(ends[3], new FileInfo(folder.File("log.1")).Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_batch_whose_pages_reached_the_disk_in_any_order_opens_with_its_beginning(int seed)
    {
        // Three batches of many entries; of the last, any sectors may be missing, though later ones are there.
        var random = new Random(seed);
        using var folder = new TestFolder(inMemory: true);
        long durable;
        var ends = new List<long>();
        using (var author = new Author(folder) { CommitsEach = false })
        {
            for (int i = 0; i < 60; i++)
            {
                author.Do(author.Create($"/n{i}", new byte[random.Next(300)].Select(_ => (byte)random.Next(1, 256)).ToArray()));
                if (i is 19 or 39) author.Folder.Commit();
            }

            author.Folder.Commit();
        }

        byte[] log = File.ReadAllBytes(folder.File("log.1"));
        using (var reader = new LogReader(folder.File("log.1")))
        {
            while (reader.TryRead(out _)) ends.Add(reader.Position);
        }

        durable = ends[39];
        for (int run = 0; run < 60; run++)
        {
            byte[] left = [.. log];
            long firstLost = long.MaxValue;
            for (long sector = durable / 512 * 512; sector < log.Length; sector += 512)
            {
                if (random.Next(4) != 0) continue;
                long from = Math.Max(sector, durable), to = Math.Min(sector + 512, log.Length);
                left.AsSpan((int)from..(int)to).Clear();
                firstLost = Math.Min(firstLost, from);
            }

            Restore(folder, left);
            AssertOpensWith(folder, ends.Count(end => end <= firstLost));
        }
    }

    [Fact]
    public void A_torn_log_is_followed_by_another_and_both_are_read_again()
    {
        using TestFolder folder = WriteFive(out byte[] log, out long[] ends);
        Restore(folder, log.AsSpan(0, (int)ends[2] + 5));
        using (var author = new Author(folder))
        {
            Assert.Equal(3, author.Zxid);
            author.Do(author.Create("/after"));
        }

        Assert.Equal(["log.1", "log.4"], folder.Names("log.*"));
        RecoveredState state = folder.Recover();
        Assert.NotNull(state.Tree.Find("/after"));
        Assert.Equal(4, state.Tree.LastZxid);
    }

    [Fact]
    public void A_torn_log_of_Apaches_that_another_follows_is_no_loss()
    {
        // Apache leaves the torn tail of a log where it is and goes on in a new one.
        using TestFolder folder = WriteFive(out byte[] log, out long[] ends);
        Restore(folder, log.AsSpan(0, (int)ends[2]));
        using (var author = new Author(folder)) author.Do(author.Create("/after"));
        File.WriteAllBytes(folder.File("log.1"), log.AsSpan(0, (int)ends[2] + 20).ToArray());
        Assert.Equal(4, folder.Recover().Tree.LastZxid);
    }

    [Fact]
    public void A_log_without_an_entry_is_removed()
    {
        using TestFolder folder = WriteFive(out byte[] log, out _);
        File.WriteAllBytes(folder.File("log.6"), log.AsSpan(0, Header).ToArray());
        File.WriteAllBytes(folder.File("log.7"), []);
        Assert.Equal(5, folder.Recover().Tree.LastZxid);
        Assert.Equal(["log.1"], folder.Names("log.*"));
    }

    private static TestFolder WriteFive(out byte[] log, out long[] ends)
    {
        var folder = new TestFolder(inMemory: true);
        using (var author = new Author(folder))
        {
            for (int i = 0; i < 5; i++) author.Do(author.Create($"/n{i}", [(byte)(i + 1), 0, 0, 7]));
        }

        log = File.ReadAllBytes(folder.File("log.1"));
        var found = new List<long>();
        using var reader = new LogReader(folder.File("log.1"));
        while (reader.TryRead(out _)) found.Add(reader.Position);
        ends = [.. found];
        Assert.Equal(log.Length, ends[4]);
        return folder;
    }

    private static void Restore(TestFolder folder, ReadOnlySpan<byte> log)
    {
        foreach (string path in Directory.GetFiles(folder.VersionPath, "log.*")) File.Delete(path);
        File.WriteAllBytes(folder.File("log.1"), log.ToArray());
    }

    private static void AssertOpensWith(TestFolder folder, int entries)
    {
        using (var author = new Author(folder))
        {
            Assert.Equal(entries, author.Zxid);
            Assert.Equal(4 + entries, author.Tree.Count);
            author.Do(new CreateSessionTransaction(1000)); // and it goes on
        }

        Assert.Equal(entries + 1, folder.Recover().Tree.LastZxid);
    }
}
