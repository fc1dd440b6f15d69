namespace Okapi.Recipes.Caches;

/// <summary>A path that is to be read, or is being read. Guarded by whoever owns the queue.</summary>
internal sealed class PendingRead(string path)
{
    public string Path { get; } = path;

    /// <summary>Whether all is to be looked at anew: the znode, which children it has, and in turn each of them.</summary>
    public bool IsLoad { get; set; }

    public bool IsRunning { get; set; }

    /// <summary>Whether something happened to the path since the read began, so that its answer may be old.</summary>
    public bool IsOutdated { get; set; }

    /// <summary>Whether a load was asked for since the read began.</summary>
    public bool IsLoadAgain { get; set; }
}

/// <summary>
/// What is to be read. One read of a path at a time, so that no answer overtakes a newer one; however much happens to a path meanwhile, it is read once more. Not safe for threads: its owner has a lock.
/// </summary>
internal sealed class ReadQueue
{
    private readonly Dictionary<string, PendingRead> _reads = new(StringComparer.Ordinal);

    // By turns, so that events need not wait until a large tree is loaded, and a tree that changes all the time gets loaded.
    private readonly Queue<PendingRead> _changes = new();
    private readonly Queue<PendingRead> _loads = new();
    private bool _isLoadsTurn;

    /// <summary>How many loads are not done yet.</summary>
    public int Loads { get; private set; }

    /// <summary>How many paths wait because of an event.</summary>
    public int WaitingChanges => _changes.Count;

    public int Waiting => _changes.Count + _loads.Count;

    public bool IsPending(string path) => _reads.ContainsKey(path);

    /// <summary>Asks for a path to be read from now on: an answer that is under way already is not enough.</summary>
    public void Ask(string path, bool load)
    {
        if (!_reads.TryGetValue(path, out PendingRead? read))
        {
            _reads[path] = read = new(path);
            SetLoad(read, load);
            Enqueue(read);
        }
        else if (read.IsRunning)
        {
            read.IsOutdated = true;
            read.IsLoadAgain |= load;
        }
        else if (load)
        {
            SetLoad(read, true);
        }
    }

    /// <summary>Whatever is under way may be old: it is read again.</summary>
    public void Outdate()
    {
        foreach (PendingRead read in _reads.Values)
        {
            if (!read.IsRunning) continue;
            read.IsOutdated = true;
            read.IsLoadAgain |= read.IsLoad;
        }
    }

    public PendingRead? TryTake()
    {
        _isLoadsTurn = !_isLoadsTurn;
        (Queue<PendingRead> first, Queue<PendingRead> second) = _isLoadsTurn ? (_loads, _changes) : (_changes, _loads);
        if (!first.TryDequeue(out PendingRead? read) && !second.TryDequeue(out read)) return null;
        read.IsRunning = true;
        read.IsOutdated = read.IsLoadAgain = false;
        return read;
    }

    /// <summary>A read has ended.</summary>
    /// <param name="read">The read.</param>
    /// <param name="isUsed">Whether its answer was used; one that was not is asked for again.</param>
    public void End(PendingRead read, bool isUsed)
    {
        read.IsRunning = false;
        if (isUsed) SetLoad(read, read.IsOutdated && read.IsLoadAgain);
        else if (read.IsLoadAgain) SetLoad(read, true);
        if (!isUsed || read.IsOutdated) Enqueue(read);
        else _reads.Remove(read.Path);
    }

    private void Enqueue(PendingRead read) => (read.IsLoad ? _loads : _changes).Enqueue(read);

    private void SetLoad(PendingRead read, bool load)
    {
        if (read.IsLoad == load) return;
        read.IsLoad = load;
        Loads += load ? 1 : -1;
    }
}
