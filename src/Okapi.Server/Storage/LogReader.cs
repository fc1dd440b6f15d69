using System.Buffers.Binary;
using System.Globalization;
using Okapi.Protocol;

namespace Okapi.Server.Storage;

/// <summary>
/// Reads a log from front to back. It ends where there is nothing more, or before a tail that was being written when the writer or the machine died; damage before what was once durable is an error.
/// How the two are told apart is decision 0008.
/// </summary>
internal sealed class LogReader(string path) : IDisposable
{
    private readonly FileWindow _file = new(path);
    private long _id, _lastZxid;

    /// <summary>Where the next entry begins; after the last one, where the log ends.</summary>
    public long Position { get; private set; }

    /// <summary>Where the entry that was taken last begins.</summary>
    public long EntryOffset { get; private set; }

    /// <summary>How many bytes there are after the end of the log, up to the last that is not zero; 0 unless the tail is torn.</summary>
    public long TornBytes { get; private set; }

    /// <summary>Whether there has been an entry.</summary>
    public bool HasEntries => _lastZxid != 0;

    /// <summary>Takes the next entry.</summary>
    /// <returns>False when the log has ended.</returns>
    /// <exception cref="InvalidDataException">The log is damaged, or is none; the message names the file and the offset.</exception>
    public bool TryRead(out LogEntry entry)
    {
        entry = default;
        if (Position == 0 && !TryReadHeader()) return false;
        ReadOnlySpan<byte> body = BodyAt(Position);
        if (body.IsEmpty)
        {
            FindEnd();
            return false;
        }

        try
        {
            entry = LogFormat.Read(body);
        }
        catch (ProtocolException e)
        {
            throw Damaged(Position, "its checksum is right, but it is no transaction known here: " + e.Message, e);
        }

        EntryOffset = Position;
        Position += LogFormat.Overhead + body.Length;
        _lastZxid = entry.Header.Zxid;
        return true;
    }

    public void Dispose() => _file.Dispose();

    private bool TryReadHeader()
    {
        ReadOnlySpan<byte> header = _file.At(0, LogFormat.HeaderSize);
        if (LogFormat.TryReadHeader(header, out _id))
        {
            Position = LogFormat.HeaderSize;
            return true;
        }

        // The header is written and synced before any entry, so without it there was no entry yet.
        TornBytes = _file.EndOfContent(0);
        if (TornBytes > 0 && _file.Length >= LogFormat.HeaderSize) throw Damaged(0, "it does not begin as a transaction log does");
        return false;
    }

    /// <summary>The bytes of a whole entry, or none when there is no such entry.</summary>
    private ReadOnlySpan<byte> BodyAt(long position)
    {
        ReadOnlySpan<byte> prefix = _file.At(position, LogFormat.Prefix);
        if (prefix.Length < LogFormat.Prefix) return default;
        long checksum = BinaryPrimitives.ReadInt64BigEndian(prefix);
        int length = BinaryPrimitives.ReadInt32BigEndian(prefix[8..]);
        if (length < LogFormat.MinimumBody || length > _file.Length - position - LogFormat.Overhead) return default;
        ReadOnlySpan<byte> entry = _file.At(position, LogFormat.Overhead + length);
        if (entry.Length < LogFormat.Overhead + length || entry[^1] != LogFormat.EndOfEntry) return default;
        ReadOnlySpan<byte> body = entry[LogFormat.Prefix..^1];
        return Adler32.Of(body) == checksum ? body : default;
    }

    /// <summary>Looks at what is after the last good entry: nothing, a torn tail, or damage.</summary>
    private void FindEnd()
    {
        long end = _file.EndOfContent(Position);
        TornBytes = end - Position;
        for (long at = Position + 1; at <= end - LogFormat.Overhead - LogFormat.MinimumBody; at++)
        {
            if (!MayBeginAt(at, end) || BodyAt(at) is not { IsEmpty: false } body || !TryReadDurable(body, at, out long durableUpTo)) continue;
            if (durableUpTo > Position)
                throw Damaged(Position, string.Create(CultureInfo.InvariantCulture, $"yet an entry at offset {at} is whole, and it was written when this one was on the disk"));
            at += LogFormat.Overhead + body.Length - 1;
        }
    }

    /// <summary>Says cheaply whether an entry could begin somewhere: it would have a length that fits, and a zxid soon after the last.</summary>
    private bool MayBeginAt(long at, long end)
    {
        ReadOnlySpan<byte> bytes = _file.At(at, LogFormat.Prefix + LogFormat.MinimumBody);
        int length = BinaryPrimitives.ReadInt32BigEndian(bytes[8..]);
        if (length < LogFormat.MinimumBody || length > end - at - LogFormat.Overhead) return false;
        long zxid = BinaryPrimitives.ReadInt64BigEndian(bytes[(LogFormat.Prefix + 12)..]);
        return _lastZxid == 0 || (zxid > _lastZxid && (zxid - _lastZxid <= end || (zxid >> 32) > (_lastZxid >> 32)));
    }

    /// <summary>Reads up to where the log was durable when an entry was written: up to the entry itself where another server wrote it, for all that is known.</summary>
    /// <returns>False when it is no entry of this log, but data that looks like one.</returns>
    private bool TryReadDurable(ReadOnlySpan<byte> body, long at, out long durableUpTo)
    {
        durableUpTo = at;
        try
        {
            long? mark = LogFormat.Read(body).Mark;
            if (_id == 0) return true;
            durableUpTo = LogFormat.Mark(mark ?? 0, _id);
            return mark is not null && durableUpTo >= LogFormat.HeaderSize && durableUpTo <= at;
        }
        catch (ProtocolException)
        {
            return false;
        }
    }

    private InvalidDataException Damaged(long offset, string why, Exception? inner = null) =>
        new(string.Create(CultureInfo.InvariantCulture, $"The transaction log {path} is damaged at offset {offset}: {why}."), inner);
}
