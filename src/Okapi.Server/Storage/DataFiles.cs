using System.Globalization;

namespace Okapi.Server.Storage;

/// <summary>A log or a snapshot.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Zxid">What its name says: the first transaction of a log, the last one in a snapshot.</param>
internal readonly record struct DataFile(string Path, long Zxid)
{
    public string Name => System.IO.Path.GetFileName(Path);
}

/// <summary>The files in the part of a data folder that it shares with Apache ZooKeeper, by their names.</summary>
internal sealed class DataFiles(string folder)
{
    private const string Log = "log", Snapshot = "snapshot";

    /// <summary>The directory that they are in; "2" is the version of the formats.</summary>
    public string Directory { get; } = Path.Combine(folder, "version-2");

    /// <summary>Where a snapshot is written. Apache takes any name that begins with "snapshot." and a number for a snapshot, whatever follows.</summary>
    public string TemporarySnapshot => Path.Combine(Directory, "okapi-snapshot.tmp");

    /// <summary>Where a log is begun.</summary>
    public string TemporaryLog => Path.Combine(Directory, "okapi-log.tmp");

    public DataFile LogOf(long zxid) => Name(Log, zxid);

    public DataFile SnapshotOf(long zxid) => Name(Snapshot, zxid);

    /// <summary>The logs, from the oldest to the newest.</summary>
    public List<DataFile> Logs() => List(Log, compression: string.Empty);

    /// <summary>The snapshots, from the newest to the oldest.</summary>
    public List<DataFile> Snapshots()
    {
        List<DataFile> found = List(Snapshot, compression: string.Empty);
        found.Reverse();
        return found;
    }

    /// <summary>Snapshots that Apache was told to compress (zookeeper.snapshot.compression.method), from the oldest to the newest.</summary>
    public List<DataFile> CompressedSnapshots() => [.. List(Snapshot, ".gz"), .. List(Snapshot, ".snappy")];

    private DataFile Name(string kind, long zxid) => new(Path.Combine(Directory, string.Create(CultureInfo.InvariantCulture, $"{kind}.{zxid:x}")), zxid);

    private List<DataFile> List(string kind, string compression)
    {
        var found = new List<DataFile>();
        foreach (string path in System.IO.Directory.EnumerateFiles(Directory, kind + ".*" + compression))
        {
            ReadOnlySpan<char> number = Path.GetFileName(path.AsSpan())[(kind.Length + 1)..^compression.Length];
            if (long.TryParse(number, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long zxid)) found.Add(new(path, zxid));
        }

        found.Sort((x, y) => x.Zxid.CompareTo(y.Zxid));
        return found;
    }
}
