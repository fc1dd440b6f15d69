using Okapi.Chaos.Histories;
using Okapi.Protocol;

namespace Okapi.Chaos.Truth;

/// <summary>
/// The transactions of one file of Apache's log, byte for byte: its own tool prints times to the second and data as text, which is not enough
/// to compare every Stat. That nothing is misread, <see cref="TxnLogToolkit"/> has to confirm.
/// </summary>
public static class LogFile
{
    private const int Magic = 0x5a4b4c47; // "ZKLG"
    private const int HeaderSize = 16;
    private const long ContainerOwner = long.MinValue;
    private const long TtlMark = unchecked((long)0xff00000000000000);

    /// <summary>How many bytes of a file are in use: what follows is the zeros it was made with.</summary>
    public static int LengthInUse(ReadOnlySpan<byte> file)
    {
        int position = HeaderSize;
        while (TryEntry(file, position, out _, out int next)) position = next;
        return Math.Min(position, file.Length);
    }

    public static IEnumerable<LoggedTransaction> Read(string path) => Read(File.ReadAllBytes(path));

    public static IReadOnlyList<LoggedTransaction> Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderSize) return [];
        if (new JuteReader(file).ReadInt() != Magic) throw new InvalidDataException("This is no transaction log.");
        var transactions = new List<LoggedTransaction>();
        int position = HeaderSize;
        while (TryEntry(file, position, out ReadOnlySpan<byte> entry, out int next))
        {
            transactions.Add(ReadEntry(entry));
            position = next;
        }

        return transactions;
    }

    // A checksum of 8 bytes, a length, the entry, and the letter B. What a crash has left half written ends the file.
    private static bool TryEntry(ReadOnlySpan<byte> file, int position, out ReadOnlySpan<byte> entry, out int next)
    {
        entry = default;
        next = position;
        if (file.Length - position < 12) return false;
        var reader = new JuteReader(file[position..]);
        reader.ReadLong();
        int length = reader.ReadInt();
        if (length <= 0 || length > file.Length - position - 13 || file[position + 12 + length] != 'B') return false;
        entry = file.Slice(position + 12, length);
        next = position + 13 + length;
        return true;
    }

    private static LoggedTransaction ReadEntry(ReadOnlySpan<byte> entry)
    {
        var reader = new JuteReader(entry);
        long session = reader.ReadLong();
        int cxid = reader.ReadInt();
        long zxid = reader.ReadLong();
        long time = reader.ReadLong();
        var type = (OpCode)reader.ReadInt();
        ErrorCode error = ErrorCode.Ok;
        IReadOnlyList<LoggedChange> changes = [];
        string[] closed = [];
        switch (type)
        {
            case OpCode.Error:
                error = (ErrorCode)reader.ReadInt();
                break;
            case OpCode.CreateSession:
                break;
            case OpCode.CloseSession:
                // A body of its own only from 3.6 on, and then with a digest of 12 bytes behind it.
                if (reader.Remaining > 12) closed = reader.ReadStrings();
                break;
            case OpCode.Multi:
                changes = ReadMulti(ref reader, session, out error);
                break;
            default:
                changes = [ReadChange(type, ref reader, session)];
                break;
        }

        return new LoggedTransaction(session, cxid, zxid, time, type, error, changes, closed);
    }

    // One operation that failed undoes all: the others are in the log nonetheless.
    private static List<LoggedChange> ReadMulti(ref JuteReader reader, long session, out ErrorCode error)
    {
        var changes = new List<LoggedChange>();
        error = ErrorCode.Ok;
        for (int left = reader.ReadInt(); left > 0; left--)
        {
            var type = (OpCode)reader.ReadInt();
            ReadOnlySpan<byte> bytes = reader.ReadBuffer(out _);
            var body = new JuteReader(bytes);
            if (type != OpCode.Error)
            {
                changes.Add(ReadChange(type, ref body, session));
                continue;
            }

            // A server that logs what it has applied already (DataTree.processTxn) has made an error of each part, with the part's own bytes behind it.
            ErrorCode code = bytes.Length == sizeof(int) ? (ErrorCode)body.ReadInt() : ErrorCode.RuntimeInconsistency;
            // What came before the one that failed has the code 0, what came after it RuntimeInconsistency.
            if (error is ErrorCode.Ok or ErrorCode.RuntimeInconsistency) error = code == ErrorCode.Ok ? ErrorCode.RuntimeInconsistency : code;
        }

        if (error != ErrorCode.Ok) changes.Clear();
        return changes;
    }

    private static LoggedChange ReadChange(OpCode type, ref JuteReader reader, long session)
    {
        string path = reader.ReadRequiredString("path");
        switch (type)
        {
            case OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                ReadOnlySpan<byte> data = reader.ReadBuffer(out _);
                (string tag, int length) = (DataTag.Of(data), data.Length);
                reader.ReadRecords<Acl>(12);
                bool isEphemeral = type is OpCode.Create or OpCode.Create2 && reader.ReadBoolean();
                int parentVersion = reader.ReadInt();
                long owner = type switch
                {
                    OpCode.CreateContainer => ContainerOwner,
                    OpCode.CreateTtl => TtlMark | reader.ReadLong(),
                    _ => isEphemeral ? session : 0,
                };
                return new LoggedChange(OpCode.Create, path, tag, length, parentVersion, owner);
            case OpCode.SetData or OpCode.Reconfig:
                ReadOnlySpan<byte> written = reader.ReadBuffer(out _);
                return new LoggedChange(OpCode.SetData, path, DataTag.Of(written), written.Length, reader.ReadInt());
            case OpCode.SetAcl:
                reader.ReadRecords<Acl>(12);
                return new LoggedChange(type, path, Version: reader.ReadInt());
            case OpCode.Check:
                return new LoggedChange(type, path, Version: reader.ReadInt());
            case OpCode.Delete or OpCode.DeleteContainer:
                return new LoggedChange(OpCode.Delete, path);
            default:
                throw new InvalidDataException($"A transaction of type {(int)type} is not known.");
        }
    }
}
