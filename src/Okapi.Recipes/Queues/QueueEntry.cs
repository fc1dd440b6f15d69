using Okapi.Recipes.Queues;

namespace Okapi.Recipes;

/// <summary>What a queue's entry holds.</summary>
public sealed class QueueEntry
{
    internal QueueEntry(NodeNaming naming, string path, NodeData node)
    {
        List<ReadOnlyMemory<byte>>? items = ItemFormat.Read(naming, node.Data);
        (Path, Enqueued, IsRaw, Items) = (path, node.Stat.Created, items is null, items ?? [node.Data]);
    }

    /// <summary>The entry's znode.</summary>
    public string Path { get; }

    /// <summary>The item; of several the first.</summary>
    public ReadOnlyMemory<byte> Data => Items.Count > 0 ? Items[0] : default;

    /// <summary>All items. Curator's <c>putMulti</c> puts several, or none, into one entry; whoever takes the entry has them all.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Items { get; }

    /// <summary>Whether the znode's data is not in Curator's format. It is handed out as it is, so that nothing is lost and the entry does not block the queue.</summary>
    public bool IsRaw { get; }

    /// <summary>When it was enqueued, by the server's clock.</summary>
    public DateTimeOffset Enqueued { get; }
}

/// <summary>
/// An entry was to be taken from a queue and the reply was lost: it is gone, and nobody can tell whether this call took it or another consumer. <see cref="Entry"/> has what it held. To process it may be
/// to do so twice, not to process it may be to lose it.
/// </summary>
public sealed class EntryInDoubtException : Exception
{
    internal EntryInDoubtException(QueueEntry entry, Exception cause)
        : base($"{entry.Path} is gone from the queue, and whether by this call or another's is unknown: {cause.Message}", cause) => Entry = entry;

    /// <summary>What the entry held.</summary>
    public QueueEntry Entry { get; }
}

/// <summary>An entry was completed that is not this consumer's any more: its session had ended, and the entry comes, or came, to another consumer.</summary>
public sealed class EntryLostException : Exception
{
    internal EntryLostException(string entryPath)
        : base($"{entryPath} was held in a session that has ended, so it is another consumer's to complete.")
    {
    }
}
