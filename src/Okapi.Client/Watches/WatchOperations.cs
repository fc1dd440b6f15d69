using Okapi.Protocol;
using Okapi.Requests;

namespace Okapi.Watches;

/// <summary>Reads data and leaves a one-shot watch, which is its result. A znode that is absent leaves none; whether that is an error is the caller's choice.</summary>
internal readonly struct WatchDataOperation(OneShotHandle handle, WatchTable table, Func<WatchHandle, ValueTask> release, bool isRequired) : IOperation<OneShotWatch<NodeData>?>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => handle.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(handle.ServerPath, handle.IsAsked).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out OneShotWatch<NodeData>? result)
    {
        result = null;
        if (error != ErrorCode.Ok) return error == ErrorCode.NoNode && !isRequired;
        NodeData read = GetOperation.Decode(ref body);
        table.Arm(handle, WatchKind.Data, handle.IsAsked, read.Stat.Mzxid);
        result = new(handle, read, release);
        return true;
    }
}

/// <summary>Asks for a Stat and leaves a one-shot watch, on an absent znode too.</summary>
internal readonly struct WatchExistsOperation(OneShotHandle handle, WatchTable table, Func<WatchHandle, ValueTask> release) : IOperation<OneShotWatch<Stat?>>
{
    public OpCode OpCode => OpCode.Exists;

    public bool IsSafeToResend => true;

    public string? Path => handle.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(handle.ServerPath, handle.IsAsked).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out OneShotWatch<Stat?> result)
    {
        result = null!;
        if (error is not (ErrorCode.Ok or ErrorCode.NoNode)) return false;
        Stat? read = error == ErrorCode.Ok ? Stat.Read(ref body) : null;
        // Where a znode was absent any that is there now is news, whatever its transaction.
        table.Arm(handle, read is null ? WatchKind.Exist : WatchKind.Data, handle.IsAsked, read?.Mzxid ?? 0);
        result = new(handle, read, release);
        return true;
    }
}

/// <summary>Lists children and leaves a one-shot watch, which is its result. A znode that is absent leaves none; whether that is an error is the caller's choice.</summary>
internal readonly struct WatchChildrenOperation(OneShotHandle handle, WatchTable table, Func<WatchHandle, ValueTask> release, bool isRequired) : IOperation<OneShotWatch<NodeChildren>?>
{
    public OpCode OpCode => OpCode.GetChildren2;

    public bool IsSafeToResend => true;

    public string? Path => handle.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(handle.ServerPath, handle.IsAsked).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out OneShotWatch<NodeChildren>? result)
    {
        result = null;
        if (error != ErrorCode.Ok) return error == ErrorCode.NoNode && !isRequired;
        NodeChildren read = GetChildrenWithStatOperation.Decode(ref body);
        table.Arm(handle, WatchKind.Children, handle.IsAsked, read.Stat.Pzxid);
        result = new(handle, read, release);
        return true;
    }
}

/// <summary>Adds a persistent watch.</summary>
internal readonly struct AddWatchOperation(PersistentHandle handle, WatchTable table, Func<WatchHandle, ValueTask> release) : IOperation<Watch>
{
    public OpCode OpCode => OpCode.AddWatch;

    public bool IsSafeToResend => true;

    public string? Path => handle.Path;

    public void Write(ref JuteWriter writer) => new AddWatchRequest(handle.ServerPath, handle.WireMode).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out Watch result)
    {
        result = null!;
        if (error != ErrorCode.Ok)
        {
            table.Refuse(handle);
            return false;
        }

        table.Arm(handle);
        result = new(handle, release);
        return true;
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
