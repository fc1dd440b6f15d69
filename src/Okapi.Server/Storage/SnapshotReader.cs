using System.Buffers.Binary;
using System.Globalization;
using Okapi.Protocol;
using Okapi.Server.Trees;

namespace Okapi.Server.Storage;

/// <summary>Reads one snapshot.</summary>
internal sealed class SnapshotReader : IDisposable
{
    /// <summary>
    /// Stands for an ACL that a znode has but the snapshot has not. Apache writes the ACLs first and the znodes after them, while both change; where an ACL came in between, a transaction of the log
    /// brings it (ZOOKEEPER-4846).
    /// </summary>
    public static readonly IReadOnlyList<Acl> UnknownAcl = [];

    private readonly FileWindow _file;
    private readonly Dictionary<long, IReadOnlyList<Acl>> _acls = new() { [SnapshotFormat.OpenAcl] = Acl.Open };
    private readonly List<string> _quotas = [];
    private uint _checksum = Adler32.Empty;
    private long _position;

    private SnapshotReader(string path) => _file = new(path);

    /// <exception cref="InvalidDataException">It is incomplete or damaged, or no snapshot.</exception>
    public static RecoveredState Read(DataFile snapshot)
    {
        using var reader = new SnapshotReader(snapshot.Path);
        try
        {
            return reader.Read(snapshot.Zxid);
        }
        catch (Exception e) when (e is ProtocolException or InvalidDataException)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The snapshot {snapshot.Path} is incomplete or damaged at offset {reader._position}: {e.Message}"), e);
        }
    }

    /// <summary>Says whether a snapshot looks as if it had been written to its end.</summary>
    public static bool IsSealed(string path)
    {
        using var file = new FileWindow(path);
        return file.Length > SnapshotFormat.HeaderSize && file.At(file.Length - 5, 5).SequenceEqual("\0\0\0\u0001/"u8);
    }

    public void Dispose() => _file.Dispose();

    private RecoveredState Read(long zxid)
    {
        ReadHeader();
        Dictionary<long, int> sessions = ReadSessions();
        ReadAcls();
        var tree = new Tree();
        ReadNodes(tree);
        CheckSeal();
        tree.RestoreZxid(zxid);
        foreach (string path in _quotas) tree.Quotas.OnCreated(path); // again, now that all that they count is there
        return new(tree, sessions);
    }

    private void ReadHeader()
    {
        ReadOnlySpan<byte> header = Take(SnapshotFormat.HeaderSize);
        if (BinaryPrimitives.ReadInt32BigEndian(header) != SnapshotFormat.Magic) throw new InvalidDataException("It does not begin as a snapshot does.");
        int version = BinaryPrimitives.ReadInt32BigEndian(header[4..]);
        if (version != SnapshotFormat.Version) throw new InvalidDataException($"Its format is version {version}; {SnapshotFormat.Version} is known here.");
    }

    private Dictionary<long, int> ReadSessions()
    {
        int count = TakeCount(SnapshotFormat.SessionSize);
        var sessions = new Dictionary<long, int>(count);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> session = Take(SnapshotFormat.SessionSize);
            sessions[BinaryPrimitives.ReadInt64BigEndian(session)] = BinaryPrimitives.ReadInt32BigEndian(session[8..]);
        }

        return sessions;
    }

    private void ReadAcls()
    {
        int count = TakeCount(minimumSize: 12);
        for (int i = 0; i < count; i++)
        {
            long number = BinaryPrimitives.ReadInt64BigEndian(Take(8));
            var acl = new Acl[TakeCount(minimumSize: 12)];
            for (int j = 0; j < acl.Length; j++)
            {
                int schemeSize = 4 + LengthAt(4), idSize = 4 + LengthAt(4 + schemeSize);
                var reader = new JuteReader(Take(4 + schemeSize + idSize));
                acl[j] = Acl.Read(ref reader);
            }

            _acls[number] = acl.SequenceEqual(Acl.Open) ? Acl.Open : acl;
        }
    }

    private void ReadNodes(Tree tree)
    {
        while (true)
        {
            int pathSize = 4 + LengthAt(0);
            if (pathSize == 5)
            {
                var end = new JuteReader(Take(pathSize));
                string? path = end.ReadString();
                if (path != SnapshotFormat.End) throw new InvalidDataException($"A znode has the path {path}.");
                return;
            }

            ReadNode(tree, pathSize);
        }
    }

    private void ReadNode(Tree tree, int pathSize)
    {
        int dataSize = 4 + LengthAt(pathSize);
        var reader = new JuteReader(Take(pathSize + dataSize + SnapshotFormat.NodeTailSize));
        string path = reader.ReadRequiredString("path of a znode");
        byte[]? data = reader.ReadByteArray();
        long acl = reader.ReadLong();
        var node = new Znode
        {
            Data = data,
            Acl = _acls.GetValueOrDefault(acl, UnknownAcl),
            Czxid = reader.ReadLong(),
            Mzxid = reader.ReadLong(),
            Ctime = reader.ReadLong(),
            Mtime = reader.ReadLong(),
            Version = reader.ReadInt(),
            RawCversion = reader.ReadInt(),
            Aversion = reader.ReadInt(),
            Owner = reader.ReadLong(),
            Pzxid = reader.ReadLong(),
        };
        if (path.Length > 0 && (path[0] != '/' || path[^1] == '/')) throw new InvalidDataException($"A znode has the path {path}.");
        tree.Restore(path.Length == 0 ? "/" : path, node);
        if (path.StartsWith(Tree.QuotaRoot, StringComparison.Ordinal)) _quotas.Add(path);
    }

    private void CheckSeal()
    {
        uint expected = _checksum;
        long checksum = BinaryPrimitives.ReadInt64BigEndian(Take(8));
        if (checksum != expected) throw new InvalidDataException("Its checksum does not match.");
        if (!Take(5).SequenceEqual("\0\0\0\u0001/"u8)) throw new InvalidDataException("It has no end.");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> taken = Peek(0, count);
        _checksum = Adler32.Append(_checksum, taken);
        _position += count;
        return taken;
    }

    private ReadOnlySpan<byte> Peek(int offset, int count)
    {
        if (count < 0 || count > _file.Length - _position - offset) throw new InvalidDataException($"{count} bytes are expected where {_file.Length - _position - offset} are left.");
        return _file.At(_position + offset, count);
    }

    /// <summary>The length of a string or buffer that begins some bytes ahead; 0 for null.</summary>
    private int LengthAt(int offset)
    {
        int length = BinaryPrimitives.ReadInt32BigEndian(Peek(offset, 4));
        if (length < -1 || length > _file.Length - _position - offset - 4) throw new InvalidDataException($"A length of {length} does not fit.");
        return Math.Max(length, 0);
    }

    private int TakeCount(int minimumSize)
    {
        int count = BinaryPrimitives.ReadInt32BigEndian(Take(4));
        if (count < -1 || count > (_file.Length - _position) / minimumSize) throw new InvalidDataException($"A count of {count} does not fit.");
        return Math.Max(count, 0);
    }
}
