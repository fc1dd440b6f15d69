using System.Buffers.Binary;

namespace Okapi.Fuzz.Tests.Client;

/// <summary>A server that takes every session and answers every request as it should, with little to say. Only /none is not there.</summary>
internal sealed class SoundPeer(FuzzStream stream, long sessionId)
{
    private readonly JuteBuffer _out = new();
    private bool _isOpen;

    /// <summary>Answers what the client has sent.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool Serve()
    {
        if (stream.IsDisposed || stream.Sent.Count == 0) return false;
        byte[] sent = [.. stream.Sent];
        int at = 0;
        _out.Clear();
        while (sent.Length - at >= 4 && BinaryPrimitives.ReadInt32BigEndian(sent.AsSpan(at)) is var length && sent.Length - at - 4 >= length)
        {
            Answer(sent.AsSpan(at + 4, length));
            at += 4 + length;
        }

        stream.Sent.RemoveRange(0, at);
        stream.Deliver(_out.Written.ToArray());
        return at > 0;
    }

    private void Answer(ReadOnlySpan<byte> frame)
    {
        var reader = new JuteReader(frame);
        var writer = new JuteWriter(_out);
        int start = writer.BeginFrame();
        if (!_isOpen)
        {
            ConnectRequest hello = ConnectRequest.Read(ref reader);
            new ConnectResponse(0, hello.TimeoutMs, hello.SessionId == 0 ? sessionId : hello.SessionId, new byte[16], ReadOnly: false).Write(ref writer);
            _isOpen = true;
        }
        else
        {
            RequestHeader request = RequestHeader.Read(ref reader);
            bool isAbsent = request.Type == OpCode.Exists && frame.IndexOf("/none"u8) >= 0;
            new ReplyHeader(request.Xid, 1, isAbsent ? ErrorCode.NoNode : ErrorCode.Ok).Write(ref writer);
            if (!isAbsent) Body(request.Type, ref reader, ref writer);
        }

        writer.EndFrame(start);
        writer.Commit();
    }

    private static void Body(OpCode type, ref JuteReader reader, ref JuteWriter writer)
    {
        switch (type)
        {
            case OpCode.Create: new PathReply("/made").Write(ref writer); break;
            case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl: new CreateReply("/made", default).Write(ref writer); break;
            case OpCode.Exists or OpCode.SetData or OpCode.SetAcl: default(Stat).Write(ref writer); break;
            case OpCode.GetData: new DataReply([1, 2, 3], default).Write(ref writer); break;
            case OpCode.GetAcl: new AclReply([.. Acl.Open], default).Write(ref writer); break;
            case OpCode.GetChildren or OpCode.GetEphemerals: new NamesReply(["a", "b"]).Write(ref writer); break;
            case OpCode.GetChildren2: new ChildrenReply(["a", "b"], default).Write(ref writer); break;
            case OpCode.Sync: new PathReply("/").Write(ref writer); break;
            case OpCode.GetAllChildrenNumber or OpCode.AddWatch: new CountReply(0).Write(ref writer); break;
            case OpCode.WhoAmI: new WhoAmIReply([]).Write(ref writer); break;
            case OpCode.Multi or OpCode.MultiRead: MultiResult.WriteAll([.. MultiOperation.ReadAll(ref reader).Select(Result)], ref writer); break;
            default: break;
        }
    }

    private static MultiResult Result(MultiOperation part) => part.Type switch
    {
        OpCode.Create => new(OpCode.Create, Path: "/made"),
        OpCode.SetData => new(OpCode.SetData, Stat: default(Stat)),
        OpCode.GetData => new(OpCode.GetData, Data: [], Stat: default(Stat)),
        OpCode.GetChildren => new(OpCode.GetChildren, Children: []),
        _ => new(part.Type),
    };
}
