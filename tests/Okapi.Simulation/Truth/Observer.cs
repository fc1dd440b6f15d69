using Okapi.Protocol;
using Okapi.Server;
using Okapi.Simulation.Network;

namespace Okapi.Simulation.Truth;

/// <summary>
/// Writes the chronicle: on a member of its own that nothing happens to, without a network between and without the client that is tested, it watches the whole tree and looks at whatever changes.
/// </summary>
internal sealed class Observer(EmbeddedServer server, int member, Chronicle chronicle)
{
    private readonly Queue<Action<ReplyHeader, byte[]>> _asked = new();
    private readonly Frames _frames = new();
    private Stream? _stream;
    private TaskCompletionSource? _opened;
    private long _session;
    private byte[] _password = new byte[16];
    private int _xid;

    private delegate void Body(ref JuteWriter writer);

    /// <summary>Is told of each change.</summary>
    public Action<Entry>? Changed { get; set; }

    public long Session => _session;

    /// <summary>Begins, or goes on after the server has started again.</summary>
    public async Task OpenAsync(bool anew)
    {
        if (anew) (_session, _password) = (0, new byte[16]);
        _asked.Clear();
        _stream = await server.ConnectAsync(member);
        _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Write(new ConnectRequest(0, 0, 86_400_000, _session, _password, false).Write);
        _ = ReadAsync(_stream);
        await _opened.Task;
        await AskAsync(OpCode.Auth, Xids.Auth, new AuthRequest("digest", "super:secret"u8.ToArray()).Write);
        await AskAsync(OpCode.AddWatch, ++_xid, new AddWatchRequest("/", WatchMode.PersistentRecursive).Write);
    }

    public async Task CloseAsync()
    {
        await AskAsync(OpCode.CloseSession, ++_xid, static (ref JuteWriter _) => { });
        await _stream!.DisposeAsync();
    }

    /// <summary>Reads the whole tree.</summary>
    public async Task<Dictionary<string, (byte[] Data, Stat Stat)>> ReadTreeAsync()
    {
        var tree = new Dictionary<string, (byte[], Stat)>(StringComparer.Ordinal);
        var left = new Stack<string>(["/"]);
        while (left.TryPop(out string? path))
        {
            (ReplyHeader header, byte[] body) = await AskAsync(OpCode.GetData, ++_xid, new ReadRequest(path, false).Write);
            if (header.Error != ErrorCode.Ok) continue;
            DataReply data = Read<DataReply>(body);
            if (path != "/") tree[path] = (data.Data ?? [], data.Stat);
            (header, body) = await AskAsync(OpCode.GetChildren, ++_xid, new ReadRequest(path, false).Write);
            if (header.Error != ErrorCode.Ok) continue;
            foreach (string name in Read<NamesReply>(body).Names)
                if (path != "/" || name != "zookeeper") left.Push(ZnodePath.Combine(path, name));
        }

        return tree;
    }

    public Task CreateAsync(string path) => AskAsync(OpCode.Create, ++_xid, new CreateRequest(path, Array.Empty<byte>(), Acl.Open, CreateMode.Persistent).Write);

    public Task SetAsync(string path) => AskAsync(OpCode.SetData, ++_xid, new SetDataRequest(path, Array.Empty<byte>(), -1).Write);

    public Task DeleteAsync(string path) => AskAsync(OpCode.Delete, ++_xid, new VersionRequest(path, -1).Write);

    private static T Read<T>(byte[] body)
        where T : IJuteRecord<T>
    {
        var reader = new JuteReader(body);
        _ = ReplyHeader.Read(ref reader);
        return T.Read(ref reader);
    }

    private Task<(ReplyHeader Header, byte[] Body)> AskAsync(OpCode type, int xid, Body body)
    {
        var answer = new TaskCompletionSource<(ReplyHeader, byte[])>(TaskCreationOptions.RunContinuationsAsynchronously);
        Ask(type, xid, body, (header, reply) => answer.TrySetResult((header, reply)));
        return answer.Task;
    }

    private void Ask(OpCode type, int xid, Body body, Action<ReplyHeader, byte[]> then)
    {
        _asked.Enqueue(then);
        Write((ref JuteWriter writer) =>
        {
            new RequestHeader(xid, type).Write(ref writer);
            body(ref writer);
        });
    }

    private void Write(Body body)
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        int start = writer.BeginFrame();
        body(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        _ = WriteAsync(_stream!, buffer.Written.ToArray());
    }

    private static async Task WriteAsync(Stream stream, byte[] bytes)
    {
        try
        {
            await stream.WriteAsync(bytes);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // A restart; it is opened again.
        }
    }

    private async Task ReadAsync(Stream stream)
    {
        byte[] buffer = new byte[8192];
        try
        {
            while (await stream.ReadAsync(buffer) is > 0 and int count) _frames.Add(buffer.AsSpan(0, count), OnFrame);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // A restart.
        }
    }

    private void OnFrame(byte[] frame)
    {
        var reader = new JuteReader(frame);
        if (_opened is { Task.IsCompleted: false } opened)
        {
            ConnectResponse response = ConnectResponse.Read(ref reader);
            (_session, _password) = (response.SessionId, response.Password);
            opened.SetResult();
            return;
        }

        ReplyHeader header = ReplyHeader.Read(ref reader);
        if (header.Xid != Xids.Notification)
        {
            _asked.Dequeue()(header, frame);
            return;
        }

        WatcherEvent change = WatcherEvent.Read(ref reader);
        Deed deed = change.Type switch
        {
            WatchedEventType.NodeCreated => Deed.Created,
            WatchedEventType.NodeDeleted => Deed.Deleted,
            _ => Deed.Changed,
        };
        Entry entry = chronicle.Add(header.Zxid, change.Path, deed);
        Changed?.Invoke(entry);
        if (deed != Deed.Deleted) Ask(OpCode.GetData, ++_xid, new ReadRequest(change.Path, false).Write, (answer, body) => Note(change.Path, answer, body));
    }

    private void Note(string path, ReplyHeader answer, byte[] body)
    {
        if (answer.Error != ErrorCode.Ok) return;
        DataReply reply = Read<DataReply>(body);
        IReadOnlyList<Entry> entries = chronicle.Of(path);
        for (int i = entries.Count - 1; i >= 0; i--)
        {
            if (entries[i].Zxid != reply.Stat.Mzxid || entries[i].Deed == Deed.Deleted) continue;
            (entries[i].Data, entries[i].Stat) = (reply.Data ?? [], reply.Stat);
            return;
        }
    }
}
