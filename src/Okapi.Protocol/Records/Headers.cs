namespace Okapi.Protocol;

/// <summary>Stands before every request.</summary>
/// <param name="Xid">The request's number, echoed by its reply.</param>
/// <param name="Type">What is asked for.</param>
public readonly record struct RequestHeader(int Xid, OpCode Type) : IJuteRecord<RequestHeader>
{
    /// <inheritdoc/>
    public static RequestHeader Read(ref JuteReader reader) => new(reader.ReadInt(), (OpCode)reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt(Xid);
        writer.WriteInt((int)Type);
    }
}

/// <summary>Stands before every reply and every watch notification.</summary>
/// <param name="Xid">The number of the request, or one of <see cref="Xids"/>.</param>
/// <param name="Zxid">For a write: its transaction. For a read: the last transaction that the server had applied.</param>
/// <param name="Error">Why the request was refused, or <see cref="ErrorCode.Ok"/>.</param>
public readonly record struct ReplyHeader(int Xid, long Zxid, ErrorCode Error) : IJuteRecord<ReplyHeader>
{
    /// <summary>How many bytes the header has.</summary>
    public const int Size = 16;

    /// <inheritdoc/>
    public static ReplyHeader Read(ref JuteReader reader) => new(reader.ReadInt(), reader.ReadLong(), (ErrorCode)reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt(Xid);
        writer.WriteLong(Zxid);
        writer.WriteInt((int)Error);
    }
}

/// <summary>Stands before every operation and every result of a transaction.</summary>
/// <param name="Type">The operation, or <see cref="OpCode.Error"/>.</param>
/// <param name="Done">Whether this is the end mark.</param>
/// <param name="Error">-1 in requests; the operation's error in results.</param>
public readonly record struct MultiHeader(OpCode Type, bool Done, int Error) : IJuteRecord<MultiHeader>
{
    /// <summary>The mark after the last operation or result.</summary>
    public static MultiHeader End { get; } = new(OpCode.Error, Done: true, -1);

    /// <inheritdoc/>
    public static MultiHeader Read(ref JuteReader reader) => new((OpCode)reader.ReadInt(), reader.ReadBoolean(), reader.ReadInt());

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        writer.WriteInt((int)Type);
        writer.WriteBoolean(Done);
        writer.WriteInt(Error);
    }
}
