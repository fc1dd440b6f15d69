using System.Buffers.Binary;
using Okapi.Protocol;
using Okapi.Server.Transactions;

namespace Okapi.Server.Storage;

/// <summary>A transaction as a log has it.</summary>
/// <param name="Mark">
/// The position in the file before which all was on the disk when the entry was written, combined with the log's id; null for an entry that another server wrote, which does not say.
/// </param>
internal readonly record struct LogEntry(TransactionHeader Header, Transaction Transaction, long? Mark);

/// <summary>
/// The bytes of a transaction log: a header, then entries of a checksum (long), a length (int), that many bytes, and the byte 'B' (Apache's FileTxnLog).
/// The bytes are a transaction's header and body. Apache appends 12 bytes more, a digest of the tree, and reads no digest where there are fewer (SerializeUtils.deserializeTxn);
/// Okapi appends 8, see <see cref="LogEntry.Mark"/>.
/// </summary>
internal static class LogFormat
{
    public const int HeaderSize = 16;

    /// <summary>What an entry has before its bytes.</summary>
    public const int Prefix = 12;

    /// <summary>What an entry has before and after its bytes.</summary>
    public const int Overhead = Prefix + 1;

    /// <summary>The fewest bytes of a transaction: those of its header.</summary>
    public const int MinimumBody = 32;

    public const byte EndOfEntry = (byte)'B';

    private const int Magic = ('Z' << 24) | ('K' << 16) | ('L' << 8) | 'G', Version = 2;
    private const int MarkSize = 8, DigestSize = 12;

    /// <summary>What a log begins with.</summary>
    /// <param name="id">The database id, which Apache leaves at 0 and reads nowhere. A log of Okapi's has one of its own, with which its entries are marked: copies of entries elsewhere, as in a znode's data, are not taken for entries.</param>
    public static byte[] Header(long id)
    {
        byte[] header = new byte[HeaderSize];
        BinaryPrimitives.WriteInt32BigEndian(header, Magic);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), Version);
        BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(8), id);
        return header;
    }

    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, out long id)
    {
        id = 0;
        if (bytes.Length < HeaderSize || BinaryPrimitives.ReadInt32BigEndian(bytes) != Magic || BinaryPrimitives.ReadInt32BigEndian(bytes[4..]) != Version) return false;
        id = BinaryPrimitives.ReadInt64BigEndian(bytes[8..]);
        return true;
    }

    /// <summary>The mark of an entry that is written when all before a position is on the disk; and the position, from a mark.</summary>
    public static long Mark(long durableUpTo, long id) => durableUpTo ^ id;

    /// <summary>Appends an entry.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="scratch">A buffer whose contents are lost.</param>
    /// <param name="entry">The entry.</param>
    public static void Append(JuteBuffer to, JuteBuffer scratch, in LogEntry entry)
    {
        scratch.Clear();
        var body = new JuteWriter(scratch);
        entry.Header.Write(ref body);
        entry.Transaction.Write(ref body);
        if (entry.Mark is { } mark) body.WriteLong(mark);
        body.Commit();

        var writer = new JuteWriter(to);
        writer.WriteLong(Adler32.Of(scratch.WrittenSpan));
        writer.WriteBuffer(scratch.WrittenSpan);
        writer.Commit();
        to.Append([EndOfEntry]);
    }

    /// <summary>Reads what an entry has between its length and its end.</summary>
    /// <exception cref="ProtocolException">It is not a transaction.</exception>
    public static LogEntry Read(ReadOnlySpan<byte> body)
    {
        var reader = new JuteReader(body);
        TransactionHeader header = TransactionHeader.Read(ref reader);
        Transaction transaction = IsDigestAlone(header.Type, body[^reader.Remaining..]) ? new CloseSessionTransaction([]) : Transaction.Read(header.Type, ref reader);
        return new(header, transaction, reader.Remaining == MarkSize ? reader.ReadLong() : null);
    }

    /// <summary>Apache with zookeeper.closeSessionTxn.enabled=false logs the end of a session with no body, but with a digest. Two paths would need more bytes than that.</summary>
    private static bool IsDigestAlone(OpCode type, ReadOnlySpan<byte> rest) =>
        type == OpCode.CloseSession && rest.Length == DigestSize && BinaryPrimitives.ReadInt32BigEndian(rest) == 2;
}
