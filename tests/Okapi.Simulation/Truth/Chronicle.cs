namespace Okapi.Simulation.Truth;

/// <summary>What happened to a znode.</summary>
internal enum Deed
{
    Created,
    Changed,
    Deleted,
}

/// <summary>One change of one znode, as the server has made it.</summary>
internal sealed class Entry(int index, long zxid, string path, Deed deed)
{
    /// <summary>Its place among all changes.</summary>
    public int Index { get; } = index;

    public long Zxid { get; } = zxid;

    public string Path { get; } = path;

    public Deed Deed { get; } = deed;

    /// <summary>What the znode holds since; null if nobody has seen it before the next change.</summary>
    public byte[]? Data { get; set; }

    public Stat? Stat { get; set; }
}

/// <summary>All that the server has done, in its order: the truth that clients' views are held against.</summary>
internal sealed class Chronicle
{
    private readonly List<Entry> _all = [];
    private Dictionary<string, List<Entry>>? _byData;
    private readonly Dictionary<string, List<Entry>> _byPath = new(StringComparer.Ordinal);

    public IReadOnlyList<Entry> All => _all;

    public Entry Add(long zxid, string path, Deed deed)
    {
        var entry = new Entry(_all.Count, zxid, path, deed);
        _all.Add(entry);
        if (!_byPath.TryGetValue(path, out List<Entry>? entries)) _byPath.Add(path, entries = []);
        entries.Add(entry);
        return entry;
    }

    public IReadOnlyList<Entry> Of(string path) => _byPath.TryGetValue(path, out List<Entry>? entries) ? entries : [];

    /// <summary>Where some data turned up.</summary>
    public IReadOnlyList<Entry> With(byte[] data)
    {
        if (_byData is null)
        {
            _byData = new(StringComparer.Ordinal);
            foreach (Entry entry in _all)
            {
                if (entry.Data is null || entry.Deed == Deed.Deleted) continue;
                string key = Convert.ToHexString(entry.Data);
                if (!_byData.TryGetValue(key, out List<Entry>? entries)) _byData.Add(key, entries = []);
                entries.Add(entry);
            }
        }

        return _byData.GetValueOrDefault(Convert.ToHexString(data)) ?? [];
    }

    /// <summary>Whether all data written between two transactions is known.</summary>
    public bool IsComplete(long after, long to) => _all.All(entry => entry.Zxid <= after || entry.Zxid > to || entry.Deed == Deed.Deleted || entry.Data is not null);

    /// <summary>What a read of the path could see if it saw the tree as of any transaction from the first to the second: for each the last change before it, null where there was none.</summary>
    public IEnumerable<Entry?> Visible(string path, long from, long to)
    {
        IReadOnlyList<Entry> entries = Of(path);
        Entry? last = null;
        foreach (Entry entry in entries)
        {
            if (entry.Zxid > to) break;
            if (entry.Zxid > from) yield return last;
            last = entry;
        }

        yield return last;
    }
}
