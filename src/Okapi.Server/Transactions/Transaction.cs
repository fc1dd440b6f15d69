using Okapi.Protocol;

namespace Okapi.Server.Transactions;

/// <summary>
/// What happened, decided: a transaction always applies, or is an <see cref="ErrorTransaction"/>. The bodies are those of
/// Apache ZooKeeper's transaction log, so that a log written here can be read there.
/// </summary>
internal abstract record Transaction(OpCode Type)
{
    /// <summary>Writes the body as Apache's log has it.</summary>
    public abstract void Write(ref JuteWriter writer);

    /// <summary>Reads the body of a transaction of this type.</summary>
    /// <exception cref="ProtocolException">The type is unknown, or the body is not what the type says.</exception>
    public static Transaction Read(OpCode type, ref JuteReader reader) => type switch
    {
        OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl => CreateTransaction.Read(type, ref reader),
        OpCode.Delete or OpCode.DeleteContainer => new DeleteTransaction(reader.ReadRequiredString("path"), type),
        OpCode.SetData or OpCode.Reconfig => new SetDataTransaction(reader.ReadRequiredString("path"), reader.ReadByteArray(), reader.ReadInt(), type),
        OpCode.SetAcl => new SetAclTransaction(reader.ReadRequiredString("path"), reader.ReadRecords<Acl>(minimumSize: 12), reader.ReadInt()),
        OpCode.Check => new CheckTransaction(reader.ReadRequiredString("path"), reader.ReadInt()),
        OpCode.CreateSession => new CreateSessionTransaction(reader.ReadInt()),
        OpCode.CloseSession => new CloseSessionTransaction(reader.Remaining == 0 ? [] : reader.ReadStrings()), // logs of 3.5 and before have no body
        OpCode.Error => new ErrorTransaction((ErrorCode)reader.ReadInt()),
        OpCode.Multi => MultiTransaction.Read(ref reader),
        _ => throw new ProtocolException($"{(int)type} is not a type of transaction."),
    };
}

/// <summary>What the log says of a transaction of any type.</summary>
/// <param name="SessionId">The session that asked for it.</param>
/// <param name="Cxid">The xid that the session gave its request.</param>
/// <param name="Zxid">Its place in the order of all transactions.</param>
/// <param name="TimeMs">When it was decided, in milliseconds since 1970.</param>
/// <param name="Type">The type of its body.</param>
internal readonly record struct TransactionHeader(long SessionId, int Cxid, long Zxid, long TimeMs, OpCode Type) : IJuteRecord<TransactionHeader>
{
    public static TransactionHeader Read(ref JuteReader reader) =>
        new(reader.ReadLong(), reader.ReadInt(), reader.ReadLong(), reader.ReadLong(), (OpCode)reader.ReadInt());

    public void Write(ref JuteWriter writer)
    {
        writer.WriteLong(SessionId);
        writer.WriteInt(Cxid);
        writer.WriteLong(Zxid);
        writer.WriteLong(TimeMs);
        writer.WriteInt((int)Type);
    }
}

/// <summary>A znode is created.</summary>
/// <param name="Type">Create, Create2, CreateContainer or CreateTtl: it decides what kind of znode it is (B45), and which fields the log has.</param>
/// <param name="ParentCversion">The parent's raw cversion after it.</param>
internal sealed record CreateTransaction(OpCode Type, string Path, byte[]? Data, IReadOnlyList<Acl> Acl, bool IsEphemeral, int ParentCversion, long TtlMs)
    : Transaction(Type)
{
    public static new CreateTransaction Read(OpCode type, ref JuteReader reader)
    {
        string path = reader.ReadRequiredString("path");
        byte[]? data = reader.ReadByteArray();
        Acl[] acl = reader.ReadRecords<Acl>(minimumSize: 12);
        bool isEphemeral = type is OpCode.Create or OpCode.Create2 && reader.ReadBoolean();
        return new(type, path, data, acl, isEphemeral, reader.ReadInt(), type == OpCode.CreateTtl ? reader.ReadLong() : 0);
    }

    public override void Write(ref JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteBuffer(Data is null ? default(ReadOnlyMemory<byte>?) : Data);
        writer.WriteRecords(Acl);
        if (Type is OpCode.Create or OpCode.Create2) writer.WriteBoolean(IsEphemeral);
        writer.WriteInt(ParentCversion);
        if (Type == OpCode.CreateTtl) writer.WriteLong(TtlMs);
    }
}

/// <summary>A znode is deleted, by a client or (DeleteContainer) because it has outlived its use.</summary>
internal sealed record DeleteTransaction(string Path, OpCode Type = OpCode.Delete) : Transaction(Type)
{
    public override void Write(ref JuteWriter writer) => writer.WriteString(Path);
}

/// <summary>A znode's data is set.</summary>
/// <param name="Version">The version after it.</param>
internal sealed record SetDataTransaction(string Path, byte[]? Data, int Version, OpCode Type = OpCode.SetData) : Transaction(Type)
{
    public override void Write(ref JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteBuffer(Data is null ? default(ReadOnlyMemory<byte>?) : Data);
        writer.WriteInt(Version);
    }
}

/// <summary>A znode's ACL is set.</summary>
/// <param name="Version">The aversion after it.</param>
internal sealed record SetAclTransaction(string Path, IReadOnlyList<Acl> Acl, int Version) : Transaction(OpCode.SetAcl)
{
    public override void Write(ref JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteRecords(Acl);
        writer.WriteInt(Version);
    }
}

/// <summary>A version was checked in a multi.</summary>
internal sealed record CheckTransaction(string Path, int Version) : Transaction(OpCode.Check)
{
    public override void Write(ref JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteInt(Version);
    }
}

/// <summary>A session begins.</summary>
internal sealed record CreateSessionTransaction(int TimeoutMs) : Transaction(OpCode.CreateSession)
{
    public override void Write(ref JuteWriter writer) => writer.WriteInt(TimeoutMs);
}

/// <summary>A session ends, and its ephemerals with it.</summary>
internal sealed record CloseSessionTransaction(IReadOnlyList<string> Ephemerals) : Transaction(OpCode.CloseSession)
{
    public override void Write(ref JuteWriter writer) => writer.WriteStrings(Ephemerals);
}

/// <summary>A write was refused; it takes its place in the order all the same (B33).</summary>
internal sealed record ErrorTransaction(ErrorCode Error) : Transaction(OpCode.Error)
{
    public override void Write(ref JuteWriter writer) => writer.WriteInt((int)Error);
}

/// <summary>Several at once. When one of them was refused, all are errors: 0 before it, RuntimeInconsistency after it (B83).</summary>
internal sealed record MultiTransaction(IReadOnlyList<Transaction> Parts) : Transaction(OpCode.Multi)
{
    public static MultiTransaction Read(ref JuteReader reader)
    {
        int count = reader.ReadInt();
        if (count < 0 || count > reader.Remaining / 8) throw new ProtocolException($"A transaction claims {count} parts where {reader.Remaining} bytes are left.");
        var parts = new Transaction[count];
        for (int i = 0; i < count; i++)
        {
            var type = (OpCode)reader.ReadInt();
            if (type == OpCode.Multi) throw new ProtocolException("A transaction holds another transaction.");
            var body = new JuteReader(reader.ReadBuffer(out _));
            parts[i] = Transaction.Read(type, ref body);
        }

        // Apache logs the parts of a failed transaction as they were asked for, and an error for the one that was refused.
        int failed = Array.FindIndex(parts, part => part is ErrorTransaction);
        for (int i = 0; failed >= 0 && i < count; i++)
        {
            if (parts[i] is not ErrorTransaction) parts[i] = new ErrorTransaction(i < failed ? ErrorCode.Ok : ErrorCode.RuntimeInconsistency);
        }

        return new(parts);
    }

    public override void Write(ref JuteWriter writer)
    {
        writer.WriteInt(Parts.Count);
        foreach (Transaction part in Parts)
        {
            writer.WriteInt((int)(part.Type == OpCode.Create2 ? OpCode.Create : part.Type)); // Apache passes over a Create2 here (DataTree.processTxn)
            int start = writer.BeginFrame();
            part.Write(ref writer);
            writer.EndFrame(start);
        }
    }
}
