using Microsoft.Win32.SafeHandles;
using Okapi.Protocol;
using Okapi.Server.Trees;

namespace Okapi.Server.Storage;

/// <summary>Writes one snapshot.</summary>
internal sealed class SnapshotWriter : IDisposable
{
    private const int Chunk = 1 << 20;

    private readonly SafeFileHandle _file;
    private readonly JuteBuffer _buffer = new(Chunk + 4096);
    private readonly Dictionary<IReadOnlyList<Acl>, long> _acls = new(AclLists.Comparer);
    private uint _checksum = Adler32.Empty;
    private long _position;

    private SnapshotWriter(SafeFileHandle file) => _file = file;

    public static void Write(SafeFileHandle file, Tree tree, IReadOnlyDictionary<long, int> sessionTimeouts)
    {
        using var writer = new SnapshotWriter(file);
        writer.WriteSessions(sessionTimeouts);
        writer.WriteAcls(tree);
        writer.WriteNodes(tree);
        writer.WriteSeal();
    }

    public void Dispose() => _buffer.Dispose();

    private void WriteSessions(IReadOnlyDictionary<long, int> sessionTimeouts)
    {
        var writer = new JuteWriter(_buffer);
        writer.WriteInt(SnapshotFormat.Magic);
        writer.WriteInt(SnapshotFormat.Version);
        writer.WriteLong(-1); // the database id, as Apache has it
        writer.WriteInt(sessionTimeouts.Count);
        foreach ((long id, int timeoutMs) in sessionTimeouts)
        {
            writer.WriteLong(id);
            writer.WriteInt(timeoutMs);
        }

        writer.Commit();
    }

    private void WriteAcls(Tree tree)
    {
        foreach (Znode node in tree.Nodes.Values)
        {
            if (!ReferenceEquals(node.Acl, Acl.Open)) _acls.TryAdd(node.Acl, _acls.Count + 1);
        }

        var writer = new JuteWriter(_buffer);
        writer.WriteInt(_acls.Count);
        foreach ((IReadOnlyList<Acl> acl, long number) in _acls)
        {
            writer.WriteLong(number);
            writer.WriteRecords(acl);
        }

        writer.Commit();
    }

    private void WriteNodes(Tree tree)
    {
        // Not recursive: a path can have as many levels as a stack has not.
        var paths = new Stack<string>(["/"]);
        while (paths.TryPop(out string? path))
        {
            Znode node = tree.Find(path)!;
            WriteNode(path.Length == 1 ? string.Empty : path, node);
            foreach (string name in node.Children ?? []) paths.Push(ZnodePath.Combine(path, name));
            if (_buffer.Length >= Chunk) Flush();
        }

        var writer = new JuteWriter(_buffer);
        writer.WriteString(SnapshotFormat.End);
        writer.Commit();
    }

    private void WriteNode(string path, Znode node)
    {
        var writer = new JuteWriter(_buffer);
        writer.WriteString(path);
        writer.WriteBuffer(node.Data is null ? default(ReadOnlyMemory<byte>?) : node.Data);
        writer.WriteLong(ReferenceEquals(node.Acl, Acl.Open) ? SnapshotFormat.OpenAcl : _acls[node.Acl]);
        writer.WriteLong(node.Czxid);
        writer.WriteLong(node.Mzxid);
        writer.WriteLong(node.Ctime);
        writer.WriteLong(node.Mtime);
        writer.WriteInt(node.Version);
        writer.WriteInt(node.RawCversion);
        writer.WriteInt(node.Aversion);
        writer.WriteLong(node.Owner);
        writer.WriteLong(node.Pzxid);
        writer.Commit();
    }

    private void WriteSeal()
    {
        Flush();
        var writer = new JuteWriter(_buffer);
        writer.WriteLong(_checksum);
        writer.WriteString(SnapshotFormat.End);
        writer.Commit();
        Flush();
    }

    private void Flush()
    {
        _checksum = Adler32.Append(_checksum, _buffer.WrittenSpan);
        RandomAccess.Write(_file, _buffer.WrittenSpan, _position);
        _position += _buffer.Length;
        _buffer.Clear();
    }
}
