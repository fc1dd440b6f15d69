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

    /// <summary>Creates a log, which must not be there yet. It is there with its header or not at all: Apache does not start on a log that has none.</summary>
    public static LogWriter Create(string path, string temporaryPath, long id, int growth)
    {
        if (File.Exists(path)) throw new IOException($"{path} is there already.");
        byte[] header = new byte[LogFormat.HeaderSize + growth];
        LogFormat.Header(id).CopyTo(header, 0);
        Disk.WriteAtomically(path, temporaryPath, file => RandomAccess.Write(file, header, fileOffset: 0));
        return new LogWriter(File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.Read), growth) { Position = LogFormat.HeaderSize, _length = header.Length };
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
