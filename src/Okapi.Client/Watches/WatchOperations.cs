using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>Reads data and leaves a one-shot watch. A znode that is absent leaves none and is no error: the result is null.</summary>
internal readonly struct WatchDataOperation(WirePath path, OneShotHandle handle, bool ask, WatchTable table) : IOperation<NodeData?>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, ask).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out NodeData? result)
    {
        result = error == ErrorCode.Ok ? GetOperation.Decode(ref body) : null;
        if (result is { } read) table.Arm(handle, WatchKind.Data, ask, read.Stat.Mzxid);
        return error is ErrorCode.Ok or ErrorCode.NoNode;
    }
}

/// <summary>Asks for a Stat and leaves a one-shot watch, on an absent znode too.</summary>
internal readonly struct WatchExistsOperation(WirePath path, OneShotHandle handle, bool ask, WatchTable table) : IOperation<Stat?>
{
    public OpCode OpCode => OpCode.Exists;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, ask).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out Stat? result)
    {
        result = error == ErrorCode.Ok ? Stat.Read(ref body) : null;
        if (error is not (ErrorCode.Ok or ErrorCode.NoNode)) return false;
        // Where a znode was absent any that is there now is news, whatever its transaction.
        table.Arm(handle, result is null ? WatchKind.Exist : WatchKind.Data, ask, result?.Mzxid ?? 0);
        return true;
    }
}

/// <summary>Lists children and leaves a one-shot watch. A znode that is absent leaves none and is no error: the result is null.</summary>
internal readonly struct WatchChildrenOperation(WirePath path, OneShotHandle handle, bool ask, WatchTable table) : IOperation<NodeChildren?>
{
    public OpCode OpCode => OpCode.GetChildren2;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, ask).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out NodeChildren? result)
    {
        result = error == ErrorCode.Ok ? GetChildrenWithStatOperation.Decode(ref body) : null;
        if (result is { } read) table.Arm(handle, WatchKind.Children, ask, read.Stat.Pzxid);
        return error is ErrorCode.Ok or ErrorCode.NoNode;
    }
}

/// <summary>Adds a persistent watch. Its result says nothing: that there is one, does.</summary>
internal readonly struct AddWatchOperation(WirePath path, PersistentHandle handle, WatchTable table) : IOperation<bool>
{
    public OpCode OpCode => OpCode.AddWatch;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new AddWatchRequest(path, handle.WireMode).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out bool result)
    {
        result = error == ErrorCode.Ok;
        if (result) table.Arm(handle);
        else table.Refuse(handle);
        return result;
    }
}

/// <summary>Removes watches from the server; the result is the server's answer, whatever it is.</summary>
internal readonly struct RemoveWatchesOperation(WirePath path, WatcherType type) : IOperation<ErrorCode>
{
    public OpCode OpCode => OpCode.RemoveWatches;

    // After a reconnect there is nothing left to remove: what is not in the table is not armed again.
    public bool IsSafeToResend => false;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new WatchesRequest(path, type).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out ErrorCode result)
    {
        result = error;
        return true;
    }
}

/// <summary>Asks whether the server has a watch.</summary>
internal readonly struct CheckWatchesOperation(WirePath path, WatcherType type) : IOperation<bool>
{
    public OpCode OpCode => OpCode.CheckWatches;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new WatchesRequest(path, type).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out bool result)
    {
        result = error == ErrorCode.Ok;
        return error is ErrorCode.Ok or ErrorCode.NoWatcher;
    }
}
