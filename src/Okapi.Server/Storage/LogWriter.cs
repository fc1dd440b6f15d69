using Microsoft.Win32.SafeHandles;

namespace Okapi.Server.Storage;

/// <summary>One log file, written to its end. After an error it must not be used again: what a failed sync has left on the disk nobody knows, and a second sync would not say.</summary>
internal sealed class LogWriter : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly byte[] _zeros;
    private long _length;

    private LogWriter(SafeFileHandle file, int growth)
    {
        _file = file;
        _zeros = new byte[growth];
    }

    /// <summary>Up to where the file is written and durable.</summary>
    public long Position { get; private set; }

    /// <summary>Creates a log, which must not be there yet.</summary>
    public static LogWriter Create(string path, long id, int growth)
    {
        var log = new LogWriter(File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read), growth);
        try
        {
            log.Write(LogFormat.Header(id));
            Disk.SyncDirectory(Path.GetDirectoryName(path)!);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Appends bytes and returns when they are on the disk.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        long end = Position + bytes.Length;
        if (end > _length)
        {
            RandomAccess.Write(_file, _zeros, end);
            _length = end + _zeros.Length;
        }

        RandomAccess.Write(_file, bytes, Position);
        RandomAccess.FlushToDisk(_file);
        Position = end;
    }

    /// <summary>Ends the file after its last entry. It is a matter of tidiness only: zeros after the entries are not read.</summary>
    public void Trim()
    {
        try
        {
            RandomAccess.SetLength(_file, Position);
        }
        catch (IOException)
        {
            // Then the file stays longer than it needs to be.
        }
    }

    public void Dispose() => _file.Dispose();
}
