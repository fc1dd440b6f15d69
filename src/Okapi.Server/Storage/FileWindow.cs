using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Okapi.Server.Storage;

/// <summary>Bytes of a file as they are asked for, best from front to back.</summary>
internal sealed class FileWindow : IDisposable
{
    private const int Chunk = 1 << 20;

    private readonly SafeFileHandle _file;
    private byte[] _bytes;
    private long _start;
    private int _count;

    public FileWindow(string path)
    {
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Length = RandomAccess.GetLength(_file);
        _bytes = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(Length, 256, Chunk));
    }

    /// <summary>The length of the file in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Bytes from a position on: as many as asked for, or as there are. They are gone with the next call.</summary>
    public ReadOnlySpan<byte> At(long position, int count)
    {
        count = (int)Math.Min(count, Length - position);
        if (position < _start || position + count > _start + _count) Load(position, count);
        return _bytes.AsSpan((int)(position - _start), Math.Min(count, (int)(_start + _count - position)));
    }

    /// <summary>The position after the last byte that is not zero, or <paramref name="from"/> when all from there on are zero.</summary>
    public long EndOfContent(long from)
    {
        for (long end = Length; end > from;)
        {
            int count = (int)Math.Min(Chunk, end - from);
            int last = At(end - count, count).LastIndexOfAnyExcept((byte)0);
            if (last >= 0) return end - count + last + 1;
            end -= count;
        }

        return from;
    }

    public void Dispose()
    {
        _file.Dispose();
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes, clearArray: true);
        _bytes = [];
    }

    private void Load(long position, int count)
    {
        if (count > _bytes.Length)
        {
            ArrayPool<byte>.Shared.Return(_bytes, clearArray: true);
            _bytes = ArrayPool<byte>.Shared.Rent(count);
        }

        (_start, _count) = (position, 0);
        while (_count < _bytes.Length)
        {
            int read = RandomAccess.Read(_file, _bytes.AsSpan(_count), position + _count);
            if (read == 0) break;
            _count += read;
        }
    }
}
