using Okapi.Recipes.Queues;

namespace Okapi.Recipes.Tests.Queues;

public sealed class EntryNameTests
{
    [Theory]
    [InlineData(null, "queue-")]
    [InlineData(0, "queue-100000000")]
    [InlineData(5, "queue-100000005")]
    [InlineData(int.MaxValue, "queue-17FFFFFFF")]
    [InlineData(-1, "queue-0FFFFFFFF")]
    [InlineData(int.MinValue, "queue-080000000")]
    public void Priorities_are_written_as_Curator_writes_them(int? priority, string prefix) => Assert.Equal(prefix, EntryName.PrefixFor(NodeNaming.Curator, priority));

    [Theory]
    [InlineData(null, "entry-100-")]
    [InlineData(0, "entry-000-")]
    [InlineData(999, "entry-999-")]
    public void Priorities_are_written_as_kazoo_writes_them(int? priority, string prefix) => Assert.Equal(prefix, EntryName.PrefixFor(NodeNaming.Kazoo, priority));

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    public void kazoo_has_a_thousand_priorities(int priority) => Assert.Throws<ArgumentOutOfRangeException>(() => EntryName.PrefixFor(NodeNaming.Kazoo, priority));

    [Fact]
    public void Lower_priorities_come_first_and_those_without_before_all()
    {
        string[] sorted = [.. EntryName.Sort(NodeNaming.Curator,
        [
            "queue-1000000050000000000", "queue-17FFFFFFF0000000001", "queue-0FFFFFFFF0000000002", "queue-0000000009", "queue-1000000050000000004", "queue-0800000000000000003", "queue-1000000000000000005",
        ]).Select(entry => entry.Name)];
        Assert.Equal(
        [
            "queue-0000000009", "queue-0800000000000000003", "queue-0FFFFFFFF0000000002", "queue-1000000000000000005", "queue-1000000050000000000", "queue-1000000050000000004", "queue-17FFFFFFF0000000001",
        ], sorted);
    }

    [Theory]
    [InlineData(NodeNaming.Curator, "queue-")]
    [InlineData(NodeNaming.Curator, "queue-100000005")]
    [InlineData(NodeNaming.Kazoo, "entry-100-")]
    public void H63_Order_holds_when_numbers_run_over(NodeNaming naming, string prefix)
    {
        // As a server writes them: ten places, the sign among them.
        string[] names = [.. new[] { int.MaxValue - 1, int.MaxValue, int.MinValue, int.MinValue + 1, -2_000_000_000 }.Select(number => prefix + number.ToString(number < 0 ? "000000000" : "0000000000"))];
        Assert.Equal(names, EntryName.Sort(naming, [names[3], names[0], names[4], names[2], names[1]]).Select(entry => entry.Name));
        Assert.Equal(prefix + "-2147483648", names[2]);
        names = [.. new[] { -2, -1, 0, 1 }.Select(number => prefix + number.ToString(number < 0 ? "000000000" : "0000000000"))];
        Assert.Equal(names, EntryName.Sort(naming, [.. names.Reverse()]).Select(entry => entry.Name));
    }

    [Theory]
    [InlineData(NodeNaming.Curator, "queue-")]
    [InlineData(NodeNaming.Curator, "queue-x")]
    [InlineData(NodeNaming.Curator, "queue-00000000-1")]
    [InlineData(NodeNaming.Curator, "queue-000000000x")]
    [InlineData(NodeNaming.Curator, "queue-00000000001")]
    [InlineData(NodeNaming.Curator, "queue-20000000050000000000")]
    [InlineData(NodeNaming.Curator, "queue-1000000 50000000000")]
    [InlineData(NodeNaming.Curator, "entry-100-0000000000")]
    [InlineData(NodeNaming.Curator, "Queue-0000000000")]
    [InlineData(NodeNaming.Curator, "")]
    [InlineData(NodeNaming.Kazoo, "queue-0000000000")]
    [InlineData(NodeNaming.Kazoo, "entry-0000000000")]
    [InlineData(NodeNaming.Kazoo, "entry-10a-0000000000")]
    [InlineData(NodeNaming.Kazoo, "entry-100-")]
    [InlineData(NodeNaming.Kazoo, "entry-")]
    public void H63_What_is_not_named_as_an_entry_is_none(NodeNaming naming, string name) => Assert.Null(EntryName.Parse(naming, name));

    [Fact]
    public void Items_are_written_as_Curator_writes_them()
    {
        byte[] data = ItemFormat.Write(NodeNaming.Curator, "ab"u8.ToArray()).ToArray();
        Assert.Equal([0, 1, 0, 1, 1, 0, 0, 0, 2, (byte)'a', (byte)'b', 2], data);
        Assert.Equal("ab"u8.ToArray(), Assert.Single(ItemFormat.Read(NodeNaming.Curator, data)!).ToArray());
        Assert.Equal([0, 1], ItemFormat.Read(NodeNaming.Curator, new byte[] { 0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 7, 2 })!.Select(item => item.Length));
        Assert.Empty(ItemFormat.Read(NodeNaming.Curator, new byte[] { 0, 1, 0, 1, 2 })!);
    }

    [Fact]
    public void Whatever_is_cut_off_or_false_is_no_item()
    {
        byte[] data = ItemFormat.Write(NodeNaming.Curator, "ab"u8.ToArray()).ToArray();
        for (int length = 0; length < data.Length; length++) Assert.Null(ItemFormat.Read(NodeNaming.Curator, data.AsMemory(0, length)));
        foreach (int at in (int[])[0, 1, 2, 3, 4, 5, 8]) // version, item, length
        {
            byte[] broken = [.. data];
            broken[at] ^= 0xFF;
            Assert.Null(ItemFormat.Read(NodeNaming.Curator, broken));
        }
    }
}
