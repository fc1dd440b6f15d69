using Okapi.Protocol;

namespace Okapi.Requests;

internal readonly struct CreateOperation(CreateRequest request) : IOperation<string>
{
    public OpCode OpCode => request.GetOpCode(withStat: false);

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out string result)
    {
        result = error == ErrorCode.Ok ? ChrootPaths.ToClient(PathReply.Read(ref body).Path, request.Path.Chroot) : string.Empty;
        return error == ErrorCode.Ok;
    }
}

internal readonly struct TryCreateOperation(CreateRequest request) : IOperation<CreateResult>
{
    public OpCode OpCode => request.GetOpCode(withStat: false);

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out CreateResult result)
    {
        CreateOutcome? outcome = error switch
        {
            ErrorCode.Ok => CreateOutcome.Created,
            ErrorCode.NodeExists => CreateOutcome.NodeExists,
            ErrorCode.NoNode => CreateOutcome.NoParent,
            ErrorCode.NoChildrenForEphemerals => CreateOutcome.ParentIsEphemeral,
            _ => null,
        };
        string? path = outcome == CreateOutcome.Created ? ChrootPaths.ToClient(PathReply.Read(ref body).Path, request.Path.Chroot) : null;
        result = new(outcome.GetValueOrDefault(), path);
        return outcome is not null;
    }
}

internal readonly struct CreateWithStatOperation(CreateRequest request) : IOperation<CreatedNode>
{
    public OpCode OpCode => request.GetOpCode(withStat: true);

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out CreatedNode result)
    {
        result = default;
        if (error != ErrorCode.Ok) return false;
        CreateReply reply = CreateReply.Read(ref body);
        result = new(ChrootPaths.ToClient(reply.Path, request.Path.Chroot), reply.Stat);
        return true;
    }
}

/// <summary>Its result says nothing: that there is one, does.</summary>
internal readonly struct DeleteOperation(VersionRequest request) : IOperation<bool>
{
    public OpCode OpCode => OpCode.Delete;

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out bool result) => result = error == ErrorCode.Ok;
}

internal readonly struct TryDeleteOperation(VersionRequest request) : IOperation<DeleteOutcome>
{
    public OpCode OpCode => OpCode.Delete;

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out DeleteOutcome result)
    {
        DeleteOutcome? outcome = error switch
        {
            ErrorCode.Ok => DeleteOutcome.Deleted,
            ErrorCode.NoNode => DeleteOutcome.NoNode,
            ErrorCode.BadVersion => DeleteOutcome.BadVersion,
            ErrorCode.NotEmpty => DeleteOutcome.NotEmpty,
            _ => null,
        };
        result = outcome.GetValueOrDefault();
        return outcome is not null;
    }
}

internal readonly struct SetOperation(SetDataRequest request) : IOperation<Stat>
{
    public OpCode OpCode => OpCode.SetData;

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out Stat result)
    {
        result = error == ErrorCode.Ok ? Stat.Read(ref body) : default;
        return error == ErrorCode.Ok;
    }
}

internal readonly struct TrySetOperation(SetDataRequest request) : IOperation<SetResult>
{
    public OpCode OpCode => OpCode.SetData;

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out SetResult result)
    {
        SetOutcome? outcome = error switch
        {
            ErrorCode.Ok => SetOutcome.Written,
            ErrorCode.NoNode => SetOutcome.NoNode,
            ErrorCode.BadVersion => SetOutcome.BadVersion,
            _ => null,
        };
        result = new(outcome.GetValueOrDefault(), outcome == SetOutcome.Written ? Stat.Read(ref body) : default);
        return outcome is not null;
    }
}

internal readonly struct SetAclOperation(SetAclRequest request) : IOperation<Stat>
{
    public OpCode OpCode => OpCode.SetAcl;

    public bool IsSafeToResend => false;

    public string? Path => request.Path.Path;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out Stat result)
    {
        result = error == ErrorCode.Ok ? Stat.Read(ref body) : default;
        return error == ErrorCode.Ok;
    }
}

internal readonly struct ReconfigOperation(ReconfigRequest request) : IOperation<NodeData>
{
    public OpCode OpCode => OpCode.Reconfig;

    public bool IsSafeToResend => false;

    public string? Path => null;

    public void Write(ref JuteWriter writer) => request.Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out NodeData result)
    {
        result = error == ErrorCode.Ok ? GetOperation.Decode(ref body) : default;
        return error == ErrorCode.Ok;
    }
}

internal readonly struct MultiWriteOperation(IReadOnlyList<MultiOperation> operations) : IOperation<List<MultiResult>>
{
    public OpCode OpCode => OpCode.Multi;

    public bool IsSafeToResend => false;

    public string? Path => null;

    public void Write(ref JuteWriter writer) => MultiOperation.WriteAll(operations, ref writer);

    /// <summary>A failed transaction has no error in its header, only in its results (ZOOKEEPER-1636); old servers set both.</summary>
    public bool TryRead(ErrorCode error, ref JuteReader body, out List<MultiResult> result)
    {
        result = body.Remaining > 0 ? MultiResult.ReadAll(ref body, operations.Count) : [];
        return error == ErrorCode.Ok || (result.Count > 0 && result.Count == operations.Count);
    }
}
