using Okapi.State.Json;

namespace Okapi.State.Sharing;

/// <summary>
/// What this process knows of the state: the newest value seen, when it was verified, and what is wrong. Values are taken in the order of their transactions, wherever they come from, and each is told to the subscribers before it is to be seen.
/// Only what the servers have proven to have lost gives way to something older.
/// </summary>
/// <typeparam name="T">The value's type.</typeparam>
internal sealed class Replica<T>(StatePaths paths, SharedStateOptions options, TimeProvider time)
    where T : notnull
{
    // The outer one is held while documents are compared, which takes time; the inner one only for the change of hands, so that reads do not wait.
    private readonly Lock _adopting = new();
    private readonly Lock _lock = new();
    private readonly List<ChangeReader> _readers = [];
    private Versioned<T>? _known;
    private long _lostUpTo;
    private long? _verifiedAt;
    private bool _isLapsed = true;
    private Exception? _why;
    private Func<Exception?>? _ended;

    /// <summary>The newest value seen.</summary>
    public Versioned<T> Known
    {
        get
        {
            // Under the lock, so that whoever has been told of a change sees it here.
            lock (_lock) return Known_NeedsLock;
        }
    }

    /// <summary>The same; null before anything was read.</summary>
    public Versioned<T>? KnownOrNull
    {
        get
        {
            lock (_lock) return _known;
        }
    }

    /// <summary>How long ago the known value was last found to be the newest.</summary>
    public TimeSpan Age
    {
        get
        {
            lock (_lock) return Age_NeedsLock;
        }
    }

    /// <summary>Why the known value is not verified now; null if nothing is wrong.</summary>
    public Exception? Why
    {
        get
        {
            lock (_lock) return _why;
        }
    }

    /// <summary>How many changes the slowest subscriber has not read.</summary>
    public int Pending
    {
        get
        {
            lock (_lock) return _readers.Count == 0 ? 0 : _readers.Max(reader => reader.Count);
        }
    }

    private Versioned<T> Known_NeedsLock => _known ?? throw new InvalidOperationException("The state has not been read yet.");

    private TimeSpan Age_NeedsLock => _verifiedAt is { } at ? time.GetElapsedTime(at) : TimeSpan.MaxValue;

    /// <summary>The known value, unless it was not verified for too long.</summary>
    /// <exception cref="StaleStateException">It was not.</exception>
    public T ReadFresh()
    {
        lock (_lock)
        {
            TimeSpan age = Age_NeedsLock;
            return _isLapsed || age > options.MaxStaleness ? throw new StaleStateException(paths.Directory, age, options.MaxStaleness, _why) : Known_NeedsLock.Value;
        }
    }

    /// <summary>What is known before anything was read: the initial value, which no znode has.</summary>
    public void Begin(Versioned<T> initial)
    {
        lock (_lock) _known = initial;
    }

    /// <summary>Takes a value that was read or written, unless a newer one is known.</summary>
    /// <param name="next">The value.</param>
    /// <param name="askedAt">When it was asked for.</param>
    /// <param name="lost">What the servers have lost: as long as it is what is known, the value takes its place, however old it is.</param>
    /// <returns>The newest value known.</returns>
    public Versioned<T> Adopt(Versioned<T> next, long askedAt, Versioned<T>? lost = null)
    {
        lock (_adopting)
        {
            Versioned<T>? known = _known; // changes only in here
            bool goesBack = known is not null && ReferenceEquals(known, lost);
            if (known is not null && next.Zxid < known.Zxid && !goesBack) return known;
            bool isNew = known is null || next.Zxid > known.Zxid || goesBack;
            StateDocument document = ToDocument(next);
            List<StateChange> changes = isNew && known is not null ? document.ChangesSince(known.Document) : [];
            lock (_lock)
            {
                if (isNew)
                {
                    foreach (ChangeReader reader in _readers) reader.Post(known is null ? default : ToDocument(known), document, changes, goesBack);
                    _known = next;
                    if (goesBack) _lostUpTo = Math.Max(_lostUpTo, lost!.Zxid);
                }

                Verify_NeedsLock(askedAt);
                return _known!;
            }
        }
    }

    /// <summary>The znode was found to hold a version.</summary>
    /// <returns>Whether it is the one that is known.</returns>
    public bool Confirm(in Stat found, long askedAt)
    {
        lock (_lock)
        {
            if (_known?.IsSameAs(found) != true) return false;
            Verify_NeedsLock(askedAt);
            return true;
        }
    }

    /// <summary>The newest value cannot be read: the payload is missing or not valid, or the server refuses. The known value ages.</summary>
    public void Doubt(Exception why)
    {
        lock (_lock) _why = why;
    }

    /// <summary>The session is over: nobody tells of changes, so the known value counts as stale until it is verified.</summary>
    public void Lapse(Exception why)
    {
        lock (_lock) (_isLapsed, _why) = (true, why);
    }

    /// <summary>Adds a reader.</summary>
    /// <param name="since">What he knows; null: what is known now.</param>
    public ChangeReader AddReader(Versioned<T>? since)
    {
        lock (_lock)
        {
            StateDocument now = ToDocument(Known_NeedsLock);
            StateDocument told = since is null ? now : ToDocument(since);
            // Or it is of before a loss, which this instance has not seen.
            bool isAhead = told.Zxid > now.Zxid && told.Zxid > _lostUpTo && (told.ModifiedMilliseconds == 0 || told.ModifiedMilliseconds >= now.ModifiedMilliseconds);
            var reader = new ChangeReader(options.ChangeBufferSize, told, isAhead ? told : now);
            if (_ended is null) _readers.Add(reader);
            else reader.End(_ended());
            return reader;
        }
    }

    public void RemoveReader(ChangeReader reader)
    {
        lock (_lock) _readers.Remove(reader);
    }

    /// <summary>Ends all streams of changes, and those begun later at once.</summary>
    public void End(Exception? error)
    {
        lock (_lock)
        {
            if (_ended is not null) return;
            _ended = () => error;
            _isLapsed = true;
            _why = error ?? new ObjectDisposedException(paths.Directory);
            foreach (ChangeReader reader in _readers) reader.End(error);
            _readers.Clear();
        }
    }

    private static StateDocument ToDocument(Versioned<T> value) => new(value.Document, value.Version, value.Zxid, value.ModifiedMilliseconds);

    private void Verify_NeedsLock(long askedAt)
    {
        if (_ended is not null) return;
        if (_verifiedAt is null || askedAt > _verifiedAt) _verifiedAt = askedAt;
        (_isLapsed, _why) = (false, null);
    }
}
