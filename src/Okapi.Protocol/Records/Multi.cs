namespace Okapi.Protocol;

/// <summary>One operation of a transaction or of a batch of reads. Which of the fields matter follows from <paramref name="Type"/>.</summary>
/// <param name="Type">create, createContainer, createTTL, delete, setData or check; getData or getChildren in a batch of reads.</param>
/// <param name="Path">The path.</param>
/// <param name="Data">What to write.</param>
/// <param name="Acl">Who may do what, for a create.</param>
/// <param name="Mode">What kind of znode, for a create; it decides which of the four creates is written.</param>
/// <param name="Version">The expected version; -1: any.</param>
/// <param name="TtlMs">The time to live in milliseconds, for createTTL.</param>
public readonly record struct MultiOperation(
    OpCode Type,
    WirePath Path,
    ReadOnlyMemory<byte>? Data = null,
    IReadOnlyList<Acl>? Acl = null,
    CreateMode Mode = CreateMode.Persistent,
    int Version = -1,
    long TtlMs = 0) : IJuteRecord<MultiOperation>
{
    /// <inheritdoc/>
    public static MultiOperation Read(ref JuteReader reader)
    {
        MultiHeader header = MultiHeader.Read(ref reader);
        return header.Done ? new(OpCode.Error, string.Empty) : ReadBody(ref reader, header.Type);
    }

    /// <summary>Takes all operations up to the end mark.</summary>
    /// <param name="reader">Where from.</param>
    /// <returns>The operations.</returns>
    public static List<MultiOperation> ReadAll(ref JuteReader reader)
    {
        var operations = new List<MultiOperation>();
        for (MultiOperation operation = Read(ref reader); operation.Type != OpCode.Error; operation = Read(ref reader)) operations.Add(operation);
        return operations;
    }

    /// <summary>Appends operations and the end mark.</summary>
    /// <param name="operations">The operations.</param>
    /// <param name="writer">Where to.</param>
    public static void WriteAll(IReadOnlyList<MultiOperation> operations, ref JuteWriter writer)
    {
        ArgumentNullException.ThrowIfNull(operations);
        for (int i = 0; i < operations.Count; i++) operations[i].Write(ref writer);
        MultiHeader.End.Write(ref writer);
    }

    /// <inheritdoc/>
    public void Write(ref JuteWriter writer)
    {
        switch (Type)
        {
            case OpCode.Delete or OpCode.Check:
                WriteHeader(Type, ref writer);
                new VersionRequest(Path, Version).Write(ref writer);
                break;
            case OpCode.SetData:
                WriteHeader(Type, ref writer);
                new SetDataRequest(Path, Data, Version).Write(ref writer);
                break;
            case OpCode.GetData or OpCode.GetChildren:
                WriteHeader(Type, ref writer);
                new ReadRequest(Path, Watch: false).Write(ref writer);
                break;
            default:
                var create = new CreateRequest(Path, Data, Acl ?? Okapi.Acl.Open, Mode, TtlMs);
                WriteHeader(create.GetOpCode(withStat: Type == OpCode.Create2), ref writer); // also decides whether the time to live follows
                create.Write(ref writer);
                break;
        }
    }

    private static void WriteHeader(OpCode type, ref JuteWriter writer) => new MultiHeader(type, Done: false, -1).Write(ref writer);

    private static MultiOperation ReadBody(ref JuteReader reader, OpCode type)
    {
        switch (type)
        {
            case OpCode.Delete or OpCode.Check:
                VersionRequest version = VersionRequest.Read(ref reader);
                return new(type, version.Path, Version: version.Version);
            case OpCode.SetData:
                SetDataRequest set = SetDataRequest.Read(ref reader);
                return new(type, set.Path, set.Data, Version: set.Version);
            case OpCode.GetData or OpCode.GetChildren:
                return new(type, ReadRequest.Read(ref reader).Path);
            case OpCode.Create or OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                CreateRequest create = CreateRequest.Read(ref reader, type);
                return new(type, create.Path, create.Data, create.Acl, create.Mode, TtlMs: create.TtlMs);
            default:
                throw new ProtocolException($"A transaction holds an operation of type {(int)type}, which no transaction may hold.");
        }
    }
}

/// <summary>One result of a transaction or of a batch of reads.</summary>
/// <param name="Type">What was done; <see cref="OpCode.Error"/> for a failure.</param>
/// <param name="Error">Why it failed. In a failed transaction: Ok before the operation that failed, RuntimeInconsistency after it.</param>
/// <param name="Path">The path of a created znode.</param>
/// <param name="Stat">A Stat, where the reply carries one.</param>
/// <param name="Data">The data read.</param>
/// <param name="Children">The names of the children read.</param>
public readonly record struct MultiResult(
    OpCode Type,
    ErrorCode Error = ErrorCode.Ok,
    string? Path = null,
    Stat? Stat = null,
    byte[]? Data = null,
    string[]? Children = null)
{
    /// <summary>Takes all results up to the end mark.</summary>
    /// <param name="reader">Where from.</param>
    /// <param name="maximum">How many there can be: as many as there were operations. A result takes 40 times its bytes in memory, so a peer must not choose.</param>
    /// <returns>The results.</returns>
    public static List<MultiResult> ReadAll(ref JuteReader reader, int maximum = int.MaxValue)
    {
        var results = new List<MultiResult>();
        for (MultiHeader header = MultiHeader.Read(ref reader); !header.Done; header = MultiHeader.Read(ref reader))
        {
            if (results.Count == maximum) throw new ProtocolException($"A transaction's reply holds more than the {maximum} results it can have.");
            results.Add(Read(ref reader, header.Type));
        }

        return results;
    }

    /// <summary>Appends results and the end mark.</summary>
    /// <param name="results">The results.</param>
    /// <param name="writer">Where to.</param>
    public static void WriteAll(IReadOnlyList<MultiResult> results, ref JuteWriter writer)
    {
        ArgumentNullException.ThrowIfNull(results);
        for (int i = 0; i < results.Count; i++) results[i].Write(ref writer);
        MultiHeader.End.Write(ref writer);
    }

    private static MultiResult Read(ref JuteReader reader, OpCode type)
    {
        switch (type)
        {
            case OpCode.Error:
                return new(type, (ErrorCode)reader.ReadInt());
            case OpCode.Delete or OpCode.Check:
                return new(type);
            case OpCode.SetData:
                return new(type, Stat: Okapi.Stat.Read(ref reader));
            case OpCode.Create:
                return new(type, Path: PathReply.Read(ref reader).Path);
            case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                CreateReply created = CreateReply.Read(ref reader);
                return new(type, Path: created.Path, Stat: created.Stat);
            case OpCode.GetData:
                DataReply data = DataReply.Read(ref reader);
                return new(type, Stat: data.Stat, Data: data.Data);
            case OpCode.GetChildren:
                return new(type, Children: NamesReply.Read(ref reader).Names);
            default:
                throw new ProtocolException($"A transaction's reply holds a result of type {(int)type}, which is not known.");
        }
    }

    private void Write(ref JuteWriter writer)
    {
        new MultiHeader(Type, Done: false, Type == OpCode.Error ? (int)Error : 0).Write(ref writer);
        switch (Type)
        {
            case OpCode.Error:
                writer.WriteInt((int)Error);
                break;
            case OpCode.SetData:
                Stat.GetValueOrDefault().Write(ref writer);
                break;
            case OpCode.Create:
                writer.WriteString(Path);
                break;
            case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                new CreateReply(Path ?? string.Empty, Stat.GetValueOrDefault()).Write(ref writer);
                break;
            case OpCode.GetData:
                new DataReply(Data, Stat.GetValueOrDefault()).Write(ref writer);
                break;
            case OpCode.GetChildren:
                writer.WriteStrings(Children);
                break;
            default:
                break; // delete and check have no body
        }
    }
}
