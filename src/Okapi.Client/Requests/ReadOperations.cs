using Okapi.Protocol;

namespace Okapi.Requests;

internal readonly struct GetOperation(WirePath path) : IOperation<NodeData>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out NodeData result)
    {
        result = error == ErrorCode.Ok ? Decode(ref body) : default;
        return error == ErrorCode.Ok;
    }

    public static NodeData Decode(ref JuteReader body)
    {
        DataReply reply = DataReply.Read(ref body);
        return new(reply.Data ?? [], reply.Stat, reply.Data is null);
    }
}

internal readonly struct TryGetOperation(WirePath path) : IOperation<NodeData?>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out NodeData? result)
    {
        result = error == ErrorCode.Ok ? GetOperation.Decode(ref body) : null;
        return error is ErrorCode.Ok or ErrorCode.NoNode;
    }
}

internal readonly struct ExistsOperation(WirePath path) : IOperation<Stat?>
{
    public OpCode OpCode => OpCode.Exists;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out Stat? result)
    {
        result = error == ErrorCode.Ok ? Stat.Read(ref body) : null;
        return error is ErrorCode.Ok or ErrorCode.NoNode;
    }
}

internal readonly struct GetChildrenOperation(WirePath path) : IOperation<IReadOnlyList<string>>
{
    public OpCode OpCode => OpCode.GetChildren;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out IReadOnlyList<string> result)
    {
        result = error == ErrorCode.Ok ? NamesReply.Read(ref body).Names : [];
        return error == ErrorCode.Ok;
    }
}

internal readonly struct TryGetChildrenOperation(WirePath path) : IOperation<IReadOnlyList<string>?>
{
    public OpCode OpCode => OpCode.GetChildren;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out IReadOnlyList<string>? result)
    {
        result = error == ErrorCode.Ok ? NamesReply.Read(ref body).Names : null;
        return error is ErrorCode.Ok or ErrorCode.NoNode;
    }
}

internal readonly struct GetChildrenWithStatOperation(WirePath path) : IOperation<NodeChildren>
{
    public OpCode OpCode => OpCode.GetChildren2;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out NodeChildren result)
    {
        result = error == ErrorCode.Ok ? Decode(ref body) : default;
        return error == ErrorCode.Ok;
    }

    public static NodeChildren Decode(ref JuteReader body)
    {
        ChildrenReply reply = ChildrenReply.Read(ref body);
        return new(reply.Names, reply.Stat);
    }
}

internal readonly struct GetAclOperation(WirePath path) : IOperation<NodeAcl>
{
    public OpCode OpCode => OpCode.GetAcl;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new PathRequest(path).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out NodeAcl result)
    {
        result = default;
        if (error != ErrorCode.Ok) return false;
        AclReply reply = AclReply.Read(ref body);
        result = new(reply.Acl, reply.Stat);
        return true;
    }
}

/// <summary>Its result says nothing: that there is one, does.</summary>
internal readonly struct SyncOperation(WirePath path) : IOperation<bool>
{
    public OpCode OpCode => OpCode.Sync;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new PathRequest(path).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out bool result) => result = error == ErrorCode.Ok;
}

internal readonly struct GetEphemeralsOperation(WirePath prefix) : IOperation<IReadOnlyList<string>>
{
    public OpCode OpCode => OpCode.GetEphemerals;

    public bool IsSafeToResend => true;

    public string? Path => prefix.Path;

    public void Write(ref JuteWriter writer) => new PathRequest(prefix).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out IReadOnlyList<string> result)
    {
        result = [];
        if (error != ErrorCode.Ok) return false;
        string[] paths = NamesReply.Read(ref body).Names;
        result = prefix.Chroot.Length == 0 ? paths : ChrootPaths.ToClient(paths, prefix.Chroot);
        return true;
    }
}

internal readonly struct CountChildrenOperation(WirePath path) : IOperation<int>
{
    public OpCode OpCode => OpCode.GetAllChildrenNumber;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new PathRequest(path).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out int result)
    {
        result = error == ErrorCode.Ok ? CountReply.Read(ref body).Value : 0;
        return error == ErrorCode.Ok;
    }
}

internal readonly struct WhoAmIOperation : IOperation<IReadOnlyList<ClientInfo>>
{
    public OpCode OpCode => OpCode.WhoAmI;

    public bool IsSafeToResend => true;

    public string? Path => null;

    public void Write(ref JuteWriter writer)
    {
    }

    public bool TryRead(ErrorCode error, ref JuteReader body, out IReadOnlyList<ClientInfo> result)
    {
        result = error == ErrorCode.Ok ? WhoAmIReply.Read(ref body).Identities : [];
        return error == ErrorCode.Ok;
    }
}

internal readonly struct MultiReadOperation(IReadOnlyList<MultiOperation> reads) : IOperation<List<MultiResult>>
{
    public OpCode OpCode => OpCode.MultiRead;

    public bool IsSafeToResend => true;

    public string? Path => null;

    public void Write(ref JuteWriter writer) => MultiOperation.WriteAll(reads, ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out List<MultiResult> result)
    {
        result = error == ErrorCode.Ok ? MultiResult.ReadAll(ref body, reads.Count) : [];
        return error == ErrorCode.Ok;
    }
}
