using System.Buffers.Binary;
using Okapi.Protocol;
using Okapi.Simulation.Tests.Wire;

namespace Okapi.Simulation.Tests.Model;

/// <summary>A server's end of a connection: it takes a session on and answers its requests.</summary>
internal sealed class ModelConnection
{
    private readonly ModelServer _server;
    private readonly JuteBuffer _out = new();
    private byte[] _in = [];
    private ModelSession? _session;
    private bool _isClosed;
    private bool _hadRequest;

    public ModelConnection(ModelServer server, ClientStream stream)
    {
        _server = server;
        Stream = stream;
        Watches = new(server, (told, zxid) => Send(Xids.Notification, zxid, ErrorCode.Ok, told.Write));
    }

    public ClientStream Stream { get; }

    public WatchBook Watches { get; }

    /// <summary>The session that the client knows to stand on this connection.</summary>
    public long SessionId { get; set; }

    public List<string> Credentials { get; } = [];

    /// <summary>How many of the next replies are not sent.</summary>
    public int Swallow { get; set; }

    /// <summary>How many of the next replies carry a wrong number.</summary>
    public int Misnumber { get; set; }

    /// <summary>The next handshake on this connection is answered with another session.</summary>
    public bool DenySession { get; set; }

    private Ensemble Ensemble => _server.Ensemble;

    private Simulator Simulator => _server.Simulator;

    public void Close(string why)
    {
        if (_isClosed) return;
        _isClosed = true;
        Simulator.Note($"server {_server.Number} closes connection {Stream.Number}: {why}");
        _server.Connections.Remove(this);
        if (_session?.Connection == this) _session.Connection = null;
        Watches.Clear();
        Stream.ToClient.SendEnd();
    }

    public void Receive(byte[] bytes)
    {
        if (_isClosed) return;
        if (_session is not null) _session.HeardAt = Simulator.Now;
        byte[] all = _in.Length == 0 ? bytes : [.. _in, .. bytes];
        int start = 0;
        while (!_isClosed && all.Length - start >= 4)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(all.AsSpan(start));
            if (all.Length - start - 4 < length) break;
            var reader = new JuteReader(all.AsSpan(start + 4, length));
            start += 4 + length;
            if (_session is null) Greet(ref reader);
            else Handle(ref reader);
        }

        _in = all[start..];
    }

    private void Greet(ref JuteReader reader)
    {
        ConnectRequest request = ConnectRequest.Read(ref reader);
        Ensemble.OnHandshake?.Invoke(this, request);
        if (request.LastZxidSeen > _server.Zxid)
        {
            Close($"the client has seen 0x{request.LastZxidSeen:x}, this server 0x{_server.Zxid:x}");
            return;
        }

        ModelSession? session = request.SessionId == 0 ? Ensemble.OpenSession() : Ensemble.Find(request.SessionId);
        if (session is null || session.IsOver || (request.SessionId != 0 && !session.Password.AsSpan().SequenceEqual(request.Password)))
        {
            SendRaw(new ConnectResponse(0, 0, 0, new byte[16], false).Write, 0);
            Close($"session 0x{request.SessionId:x} is over");
            return;
        }

        if (DenySession && request.SessionId != 0)
        {
            _session = Ensemble.OpenSession();
            SendRaw(new ConnectResponse(0, (int)Ensemble.Granted.TotalMilliseconds, _session.Id, _session.Password, false).Write, 0);
            Simulator.Note($"server {_server.Number} answers session 0x{request.SessionId:x} with 0x{_session.Id:x}");
            return;
        }

        session.Connection?.Close("the session has moved");
        _session = session;
        session.Connection = this;
        session.HeardAt = Simulator.Now;
        Simulator.Note($"server {_server.Number} takes session 0x{session.Id:x} on connection {Stream.Number}");
        SendRaw(new ConnectResponse(0, (int)Ensemble.Granted.TotalMilliseconds, session.Id, session.Password, false).Write, session.Id);
    }

    private void Handle(ref JuteReader reader)
    {
        RequestHeader header = RequestHeader.Read(ref reader);
        if (header.Type != OpCode.Auth && !_hadRequest)
        {
            _hadRequest = true;
            Ensemble.OnFirstRequest?.Invoke(this);
        }

        switch (header.Type)
        {
            case OpCode.Ping:
                Send(Xids.Ping, _server.Zxid, ErrorCode.Ok, null);
                break;
            case OpCode.Auth:
                AuthRequest auth = AuthRequest.Read(ref reader);
                Credentials.Add(System.Text.Encoding.UTF8.GetString(auth.Auth.Span));
                Send(Xids.Auth, _server.Zxid, ErrorCode.Ok, null);
                break;
            case OpCode.SetWatches or OpCode.SetWatches2:
                Watches.Restore(SetWatchesRequest.Read(ref reader, header.Type));
                Send(Xids.SetWatches, _server.Zxid, ErrorCode.Ok, null);
                break;
            case OpCode.CloseSession:
                Ensemble.Find(_session!.Id)!.Connection = null;
                Ensemble.EndSession(_session, "the client closed it");
                _server.CatchUp();
                Reply(header, ErrorCode.Ok, null);
                Close("the session is closed");
                break;
            case OpCode.AddWatch:
                AddWatchRequest add = AddWatchRequest.Read(ref reader);
                Watches.AddPersistent(add.Path.Path, add.Mode);
                Reply(header, ErrorCode.Ok, null);
                break;
            case OpCode.RemoveWatches:
                WatchesRequest remove = WatchesRequest.Read(ref reader);
                Simulator.Note($"server {_server.Number} removes {remove.Path.Path} {remove.Type}");
                Reply(header, Watches.Remove(remove.Path.Path, remove.Type), null);
                break;
            case OpCode.Sync:
                string path = PathRequest.Read(ref reader).Path.Path;
                _server.CatchUp();
                Reply(header, ErrorCode.Ok, new PathReply(path).Write);
                break;
            case OpCode.Exists or OpCode.GetData or OpCode.GetChildren or OpCode.GetChildren2:
                ReadNode(header, ReadRequest.Read(ref reader));
                break;
            default:
                WriteNodes(header, ref reader);
                break;
        }
    }

    private void ReadNode(RequestHeader header, ReadRequest request)
    {
        string path = request.Path.Path;
        if (!MayUse(path))
        {
            Reply(header, ErrorCode.NoAuth, null);
            return;
        }

        ModelNode? node = _server.Replica[path];
        bool isList = header.Type is OpCode.GetChildren or OpCode.GetChildren2;
        if (request.Watch && (node is not null || header.Type == OpCode.Exists)) Watches.AddOneShot(path, ofChildren: isList);
        if (node is null)
        {
            Reply(header, ErrorCode.NoNode, null);
            return;
        }

        string[] names = isList ? [.. node.Children] : [];
        Reply(header, ErrorCode.Ok, header.Type switch
        {
            OpCode.Exists => node.Stat.Write,
            OpCode.GetData => new DataReply(node.Data, node.Stat).Write,
            OpCode.GetChildren => new NamesReply(names).Write,
            _ => new ChildrenReply(names, node.Stat).Write,
        });
    }

    private void WriteNodes(RequestHeader header, ref JuteReader reader)
    {
        List<MultiOperation> operations;
        switch (header.Type)
        {
            case OpCode.Multi:
                operations = MultiOperation.ReadAll(ref reader);
                break;
            case OpCode.SetData:
                SetDataRequest set = SetDataRequest.Read(ref reader);
                operations = [new(header.Type, set.Path, set.Data, Version: set.Version)];
                break;
            case OpCode.Delete:
                VersionRequest delete = VersionRequest.Read(ref reader);
                operations = [new(header.Type, delete.Path, Version: delete.Version)];
                break;
            default:
                CreateRequest create = CreateRequest.Read(ref reader, header.Type);
                operations = [new(header.Type, create.Path, create.Data, create.Acl, create.Mode)];
                break;
        }

        if (operations.Any(operation => !MayUse(operation.Path.Path)))
        {
            Ensemble.Commit(_session!.Id, []);
            _server.CatchUp();
            Reply(header, ErrorCode.NoAuth, null);
            return;
        }

        (List<MultiResult> results, ErrorCode error) = Ensemble.Write(operations, _session!.Id);
        _server.CatchUp();
        if (header.Type == OpCode.Multi) Reply(header, ErrorCode.Ok, (ref JuteWriter writer) => MultiResult.WriteAll(results, ref writer));
        else if (error != ErrorCode.Ok) Reply(header, error, null);
        else Reply(header, ErrorCode.Ok, header.Type switch
        {
            OpCode.Create => new PathReply(results[0].Path!).Write,
            OpCode.Create2 => new CreateReply(results[0].Path!, results[0].Stat!.Value).Write,
            OpCode.SetData => results[0].Stat!.Value.Write,
            _ => null,
        });
    }

    private bool MayUse(string path) => !ZnodePath.IsSameOrBelow(path, Ensemble.AuthPath) || Credentials.Contains("okapi:secret");

    private void Reply(RequestHeader header, ErrorCode error, FrameBody? body)
    {
        Simulator.Note($"server {_server.Number} answers {header.Type} xid {header.Xid}: {error}, zxid 0x{_server.Zxid:x}{(Swallow > 0 ? ", swallowed" : Misnumber > 0 ? ", misnumbered" : "")}");
        if (Swallow > 0)
        {
            Swallow--;
            Stream.Taint();
            return;
        }

        int xid = header.Xid;
        if (Misnumber > 0)
        {
            Misnumber--;
            Stream.Taint();
            xid += 1000;
        }

        Send(xid, _server.Zxid, error, body);
    }

    private void Send(int xid, long zxid, ErrorCode error, FrameBody? body)
    {
        if (_isClosed) return;
        _out.Clear();
        var writer = new JuteWriter(_out);
        int start = writer.BeginFrame();
        new ReplyHeader(xid, zxid, error).Write(ref writer);
        body?.Invoke(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        Stream.SendToClient(_out.WrittenSpan, xid, zxid);
    }

    private void SendRaw(FrameBody body, long sessionId)
    {
        _out.Clear();
        var writer = new JuteWriter(_out);
        int start = writer.BeginFrame();
        body(ref writer);
        writer.EndFrame(start);
        writer.Commit();
        Stream.SendToClient(_out.WrittenSpan, 0, 0, sessionId);
    }

    private delegate void FrameBody(ref JuteWriter writer);
}
