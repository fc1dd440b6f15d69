using Okapi.Recipes.Nodes;

namespace Okapi.Recipes;

/// <summary>A znode as a cache holds it. It never changes: a changed znode is another one of these.</summary>
public sealed class CachedNode
{
    internal CachedNode(string path, ReadOnlyMemory<byte> data, Stat stat, bool isForbidden = false)
    {
        Path = path;
        Data = data;
        Stat = stat;
        IsForbidden = isForbidden;
    }

    /// <summary>Its path, as the client that the cache uses knows it.</summary>
    public string Path { get; }

    /// <summary>Its name, the last element of the path; empty for the root.</summary>
    public string Name => ZnodePath.GetName(Path);

    /// <summary>Its data; empty if it has none, if the cache does not keep data, or if <see cref="IsForbidden"/>.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>
    /// Its Stat when its data was read. What it says of children (<see cref="Okapi.Stat.ChildVersion"/>, <see cref="Okapi.Stat.ChildCount"/>, <see cref="Okapi.Stat.Pzxid"/>) and of the ACL may be older than the cache: servers send no
    /// event for the ACL, and for children only the children's own.
    /// </summary>
    public Stat Stat { get; }

    /// <summary>Whether the ACL lets the client see only that it exists. Then its data is not known, nor, since 3.9, its Stat (all zeros), and of its children only those that tell of themselves. Servers do not tell when the ACL changes.</summary>
    public bool IsForbidden { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Path} ({(IsForbidden ? "forbidden" : $"{Data.Length} bytes")}, version {Stat.Version})";

    /// <summary>What it is reckoned at: data and path, and what objects and the tree take on a 64-bit machine.</summary>
    internal long Bytes => 300 + Data.Length + (4L * Path.Length);

    // Versions wrap (H65, ZOOKEEPER-4743); transactions do not.
    internal bool IsSameAs(CachedNode other) => IsSameStat(other.Stat) && IsForbidden == other.IsForbidden;

    internal bool IsSameAs(Stat stat) => IsSameStat(stat) && !IsForbidden;

    internal bool IsNewerThan(CachedNode other) => Stat.Czxid > other.Stat.Czxid || (Stat.Czxid == other.Stat.Czxid && Stat.Mzxid > other.Stat.Mzxid);

    private bool IsSameStat(in Stat stat) => Stat.IsSameZnodeAs(stat) && (Stat.IsSameWriteAs(stat) || (Stat.Mzxid == stat.Mzxid && Path == "/zookeeper/config")); // its time is each server's own
}
