using System.Globalization;
using Okapi.Protocol;
using Okapi.Server.Storage;
using Okapi.Server.Transactions;

namespace Okapi.Server.Tests.Storage;

/// <summary>What no crash leaves is not opened, lest something acknowledged is lost in silence.</summary>
public class DamageTests
{
    [Fact]
    public void An_entry_with_any_byte_changed_that_later_ones_follow_is_named_with_its_offset()
    {
        using TestFolder folder = Write(5, out byte[] log, out long[] starts);
        for (int entry = 0; entry < 4; entry++)
        {
            for (long at = starts[entry]; at < starts[entry + 1]; at++)
            {
                byte[] changed = [.. log];
                changed[at] ^= 0x10;
                AssertNamed(folder, changed, starts[entry]);
            }
        }
    }

    [Fact]
    public void An_entry_of_zeros_that_later_ones_follow_is_named_with_its_offset()
    {
        using TestFolder folder = Write(5, out byte[] log, out long[] starts);
        for (int entry = 0; entry < 4; entry++)
        {
            byte[] changed = [.. log];
            changed.AsSpan((int)starts[entry]..(int)starts[entry + 1]).Clear();
            AssertNamed(folder, changed, starts[entry]);
        }
    }

    [Fact]
    public void An_entry_that_another_server_wrote_is_damaged_when_any_follows_it()
    {
        using TestFolder folder = Write(0, out _, out _);
        using var log = new JuteBuffer();
        using var scratch = new JuteBuffer();
        log.Append(LogFormat.Header(id: 0));
        int second = 0;
        for (int zxid = 1; zxid <= 3; zxid++)
        {
            if (zxid == 2) second = log.Length;
            LogFormat.Append(log, scratch, new(new(1, 1, zxid, 1, OpCode.CreateSession), new CreateSessionTransaction(1000), Mark: null));
        }

        byte[] bytes = log.Written.ToArray();
        File.WriteAllBytes(folder.File("log.1"), bytes);
        Assert.Equal(3, folder.Recover().Tree.LastZxid);
        bytes[second + 30] ^= 1;
        AssertNamed(folder, bytes, second);
    }

    [Fact]
    public void Data_that_looks_like_a_log_does_not_make_a_torn_tail_damage()
    {
        using TestFolder folder = Write(2, out _, out _);
        using TestFolder other = Write(9, out byte[] log, out _);
        using (var author = new Author(folder)) author.Do(author.Create("/a-log", log));
        byte[] bytes = File.ReadAllBytes(folder.File("log.3"));
        bytes[^1] = 0; // the end of the entry did not reach the disk
        File.WriteAllBytes(folder.File("log.3"), bytes);
        Assert.Equal(2, folder.Recover().Tree.LastZxid);
    }

    [Fact]
    public void A_file_that_is_no_log_is_named()
    {
        using TestFolder folder = Write(1, out byte[] log, out _);
        log[0] ^= 1;
        AssertNamed(folder, log, 0);
    }

    [Fact]
    public void An_entry_of_an_unknown_type_is_named()
    {
        using TestFolder folder = Write(1, out byte[] log, out long[] starts);
        log[starts[0] + 12 + 28 + 3] = 99;
        int length = log.Length - (int)starts[0] - 13;
        uint checksum = Adler32.Of(log.AsSpan((int)starts[0] + 12, length));
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(log.AsSpan((int)starts[0]), checksum);
        AssertNamed(folder, log, starts[0]);
    }

    [Fact]
    public void A_missing_log_is_a_gap()
    {
        using var folder = new TestFolder(inMemory: true);
        for (int i = 0; i < 3; i++)
        {
            using var author = new Author(folder);
            author.Do(author.Create($"/n{i}"));
        }

        File.Delete(folder.File("log.2"));
        string message = folder.Refused<InvalidDataException>().Message;
        Assert.Contains(folder.File("log.3"), message, StringComparison.Ordinal);
        Assert.Contains("transaction 0x3 is not the next after 0x1", message, StringComparison.Ordinal);
        File.Delete(folder.File("log.1"));
        Assert.Contains("after 0x0", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_that_lost_its_end_before_another_is_a_gap()
    {
        using TestFolder folder = Write(3, out byte[] log, out long[] starts);
        using (var author = new Author(folder)) author.Do(author.Create("/after"));
        File.WriteAllBytes(folder.File("log.1"), log.AsSpan(0, (int)starts[2] + 9).ToArray());
        Assert.Contains("transaction 0x4 is not the next after 0x2", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_that_is_there_twice_comes_again()
    {
        using TestFolder folder = Write(3, out byte[] log, out _);
        File.WriteAllBytes(folder.File("log.4"), log);
        Assert.Contains("transaction 0x1 comes again, or too late after 0x3", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_epoch_is_no_gap()
    {
        using TestFolder folder = Write(1, out _, out _);
        using var log = new JuteBuffer();
        using var scratch = new JuteBuffer();
        log.Append(LogFormat.Header(id: 0));
        LogFormat.Append(log, scratch, new(new(1, 1, 0x3_0000_0001, 1, OpCode.CreateSession), new CreateSessionTransaction(1000), Mark: null));
        File.WriteAllBytes(folder.File("log.300000001"), log.Written.ToArray());
        Assert.Equal(0x3_0000_0001, folder.Recover().Tree.LastZxid);
    }

    [Fact]
    public void Logs_without_a_snapshot_are_refused_as_Apache_does()
    {
        using TestFolder folder = Write(1, out _, out _);
        File.Delete(folder.File("snapshot.0"));
        Assert.Contains("no snapshot", folder.Refused<InvalidDataException>().Message, StringComparison.Ordinal);
    }

    private static void AssertNamed(TestFolder folder, byte[] log, long offset)
    {
        File.WriteAllBytes(folder.File("log.1"), log);
        string message = folder.Refused<InvalidDataException>().Message;
        Assert.Contains(folder.File("log.1"), message, StringComparison.Ordinal);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"offset {offset}:"), message, StringComparison.Ordinal);
        Assert.Equal(log, File.ReadAllBytes(folder.File("log.1"))); // and nothing was touched
    }

    private static TestFolder Write(int count, out byte[] log, out long[] starts)
    {
        var folder = new TestFolder(inMemory: true);
        using (var author = new Author(folder))
        {
            for (int i = 0; i < count; i++) author.Do(author.Create($"/n{i}", [(byte)(i + 1), 0, 0, 7]));
        }

        log = count == 0 ? [] : File.ReadAllBytes(folder.File("log.1"));
        var found = new List<long> { 16 };
        if (count > 0)
        {
            using var reader = new LogReader(folder.File("log.1"));
            while (reader.TryRead(out _)) found.Add(reader.Position);
        }

        starts = [.. found];
        return folder;
    }
}
