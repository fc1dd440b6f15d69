using System.Buffers.Binary;

namespace Okapi.Recipes.Queues;

/// <summary>How Curator's queues write the data of an entry: a version, then each item with its length, then an end. kazoo's write the item as it is.</summary>
internal static class ItemFormat
{
    private const int Version = 0x00010001;
    private const byte Item = 0x01;
    private const byte End = 0x02;

    public static ReadOnlyMemory<byte> Write(NodeNaming naming, ReadOnlyMemory<byte> item)
    {
        if (naming == NodeNaming.Kazoo) return item;
        byte[] data = new byte[sizeof(int) + 1 + sizeof(int) + item.Length + 1];
        BinaryPrimitives.WriteInt32BigEndian(data, Version);
        data[4] = Item;
        BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(5), item.Length);
        item.Span.CopyTo(data.AsSpan(9));
        data[^1] = End;
        return data;
    }

    /// <returns>Null if the data is not of this format.</returns>
    public static List<ReadOnlyMemory<byte>>? Read(NodeNaming naming, ReadOnlyMemory<byte> data)
    {
        if (naming == NodeNaming.Kazoo) return [data];
        if (data.Length < sizeof(int) || BinaryPrimitives.ReadInt32BigEndian(data.Span) != Version) return null;
        var items = new List<ReadOnlyMemory<byte>>();
        for (ReadOnlyMemory<byte> rest = data[sizeof(int)..]; rest.Length > 0;)
        {
            if (rest.Span[0] == End) return items;
            if (rest.Span[0] != Item || rest.Length < 1 + sizeof(int)) return null;
            int length = BinaryPrimitives.ReadInt32BigEndian(rest.Span[1..]);
            rest = rest[(1 + sizeof(int))..];
            if (length < 0 || length > rest.Length) return null;
            items.Add(rest[..length]);
            rest = rest[length..];
        }

        return null;
    }
}
