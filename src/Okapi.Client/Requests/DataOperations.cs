using Okapi.Protocol;

namespace Okapi.Requests;

/// <summary>Copies data into memory of the pool. It is rented for a reply that somebody waits for, so a call that is cancelled or fails has none to give back.</summary>
internal readonly struct GetPooledOperation(WirePath path) : IOperation<PooledNodeData>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out PooledNodeData result)
    {
        result = error == ErrorCode.Ok ? Decode(ref body) : default;
        return error == ErrorCode.Ok;
    }

    public static PooledNodeData Decode(ref JuteReader body)
    {
        ReadOnlySpan<byte> data = body.ReadBuffer(out bool isNull);
        Stat stat = Stat.Read(ref body); // before anything is rented: a reply that ends too soon throws
        return new(RentedData.Copy(data), stat, isNull);
    }
}

/// <inheritdoc cref="GetPooledOperation"/>
internal readonly struct TryGetPooledOperation(WirePath path) : IOperation<PooledNodeData?>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out PooledNodeData? result)
    {
        result = error == ErrorCode.Ok ? GetPooledOperation.Decode(ref body) : null;
        return error is ErrorCode.Ok or ErrorCode.NoNode;
    }
}

/// <summary>
/// Copies data into an array of the caller's. A reply is read after it was claimed and before the caller is told, so the array is never written once its owner may use it
/// again: whoever cancels first keeps the reply from being read at all, and whoever cancels later is told of the reply.
/// </summary>
internal readonly struct GetIntoOperation(WirePath path, ArraySegment<byte> buffer) : IOperation<BufferedNodeData>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out BufferedNodeData result)
    {
        result = error == ErrorCode.Ok ? Decode(ref body, buffer) : default;
        return error == ErrorCode.Ok;
    }

    public static BufferedNodeData Decode(ref JuteReader body, Span<byte> buffer)
    {
        ReadOnlySpan<byte> data = body.ReadBuffer(out bool isNull);
        Stat stat = Stat.Read(ref body); // before anything is written: a reply that ends too soon throws
        return new(data.Length, stat, data.TryCopyTo(buffer), isNull);
    }
}

/// <inheritdoc cref="GetIntoOperation"/>
internal readonly struct TryGetIntoOperation(WirePath path, ArraySegment<byte> buffer) : IOperation<BufferedNodeData?>
{
    public OpCode OpCode => OpCode.GetData;

    public bool IsSafeToResend => true;

    public string? Path => path.Path;

    public void Write(ref JuteWriter writer) => new ReadRequest(path, Watch: false).Write(ref writer);

    public bool TryRead(ErrorCode error, ref JuteReader body, out BufferedNodeData? result)
    {
        result = error == ErrorCode.Ok ? GetIntoOperation.Decode(ref body, buffer) : null;
        return error is ErrorCode.Ok or ErrorCode.NoNode;
    }
}
