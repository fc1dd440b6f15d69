using System.Diagnostics;
using System.Text.Json;

namespace Okapi.Chaos.Histories;

/// <summary>
/// Writes one process's part of a history: lines of JSON in a file of its own, append-only, from any thread. Nothing is kept in memory, so
/// that a run may be of any length and a process that is killed loses at most what <see cref="Flush"/> has not seen.
/// </summary>
public sealed class HistoryWriter : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FileStream _file;
    private readonly Utf8JsonWriter _json;
    private readonly Timer _flushing;
    private bool _isClosed;

    /// <summary>A new file in the folder of a run.</summary>
    /// <param name="folder">The folder; made if it is not there.</param>
    /// <param name="name">What the process is called; it gets the file NAME.history.</param>
    public HistoryWriter(string folder, string name)
    {
        Directory.CreateDirectory(folder);
        _file = new FileStream(Path.Combine(folder, name + ".history"), FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 1 << 16);
        _json = new Utf8JsonWriter(_file);
        _flushing = new Timer(_ => Flush(), state: null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>The machine's monotonic clock in nanoseconds: one clock for all processes.</summary>
    public static long Now => Stopwatch.Frequency == 1_000_000_000
        ? Stopwatch.GetTimestamp()
        : (long)(Stopwatch.GetTimestamp() * (1_000_000_000.0 / Stopwatch.Frequency));

    /// <summary>Writes an entry, with the time of now unless it has one.</summary>
    /// <param name="entry">The entry. After the end of the writer it is left out.</param>
    public void Add(HistoryEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Time == 0) entry.Time = Now;
        lock (_lock)
        {
            if (_isClosed) return;
            _json.Reset();
            JsonSerializer.Serialize(_json, entry, HistoryJson.Default.HistoryEntry);
            _json.Flush();
            _file.WriteByte((byte)'\n');
        }
    }

    /// <summary>Hands what was written to the operating system.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (!_isClosed) _file.Flush();
        }
    }

    public void Dispose()
    {
        _flushing.Dispose();
        lock (_lock)
        {
            if (_isClosed) return;
            _isClosed = true;
            _json.Dispose();
            _file.Dispose();
        }
    }
}
