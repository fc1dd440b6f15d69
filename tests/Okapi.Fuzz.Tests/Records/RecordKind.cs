namespace Okapi.Fuzz.Tests.Records;

/// <summary>One kind of record: how it lies in bytes, and the code of Okapi that reads and writes it.</summary>
/// <param name="Name">What it is called in failures.</param>
/// <param name="Type">The type whose code it is.</param>
/// <param name="Layout">See <see cref="Records.Layout"/>.</param>
/// <param name="Make">A value of it; null where the type's own parameters say what there can be.</param>
internal sealed record RecordKind(string Name, Type Type, string Layout, Func<JuteBytes, object> Read, Action<object, JuteBuffer> Write, Func<Luck, object> Make)
{
    private const string PathAndAcl = "rbA";

    public static IReadOnlyList<RecordKind> All { get; } =
    [
        Of<RequestHeader>("ii"),
        Of<ReplyHeader>("ili"),
        Of<MultiHeader>("izi"),
        Of<Acl>(Records.Layout.Acl),
        Of<ClientInfo>(Records.Layout.ClientInfo),
        Of<Stat>(Records.Layout.Stat),
        Of<PathReply>("r"),
        Of<CreateReply>("r" + Records.Layout.Stat),
        Of<DataReply>("b" + Records.Layout.Stat),
        Of<NamesReply>("S"),
        Of<ChildrenReply>("S" + Records.Layout.Stat),
        Of<AclReply>("A" + Records.Layout.Stat),
        Of<CountReply>("i"),
        Of<WhoAmIReply>("C"),
        Of<PathRequest>("r"),
        Of<ReadRequest>("rz"),
        Of<VersionRequest>("ri"),
        Of<SetDataRequest>("rbi"),
        Of<SetAclRequest>("rAi"),
        Of<ReconfigRequest>("sssl"),
        Of<ConnectRequest>("ililpZ"),
        Of<ConnectResponse>("iilpZ"),
        Of<AuthRequest>("xep"),
        Of<SaslToken>("b"),
        Of<AddWatchRequest>("ri"),
        Of<WatchesRequest>("ri"),
        Of<WatcherEvent>("iie"),
        Of<MultiOperation>("o", Values.Operation),

        // What is read with an opcode at hand, or is no record of its own on the wire.
        new("create", typeof(CreateRequest), PathAndAcl + "M", bytes => bytes.Read((ref JuteReader reader) => CreateRequest.Read(ref reader, OpCode.Create)), WriteCreate, luck => Values.Create(luck, hasTtl: false)),
        new("createTTL", typeof(CreateRequest), PathAndAcl + "T", bytes => bytes.Read((ref JuteReader reader) => CreateRequest.Read(ref reader, OpCode.CreateTtl)), WriteCreate, luck => Values.Create(luck, hasTtl: true)),
        new("setWatches", typeof(SetWatchesRequest), "lSSS", bytes => bytes.Read((ref JuteReader reader) => SetWatchesRequest.Read(ref reader, OpCode.SetWatches)), WriteWatches, luck => Values.Watches(luck, persistent: false)),
        new("setWatches2", typeof(SetWatchesRequest), "lSSSSS", bytes => bytes.Read((ref JuteReader reader) => SetWatchesRequest.Read(ref reader, OpCode.SetWatches2)), WriteWatches, luck => Values.Watches(luck, persistent: true)),
        new("multi", typeof(MultiOperation), "O", bytes => bytes.Read((ref JuteReader reader) => MultiOperation.ReadAll(ref reader)), WriteAll((IReadOnlyList<MultiOperation> values, ref JuteWriter writer) => MultiOperation.WriteAll(values, ref writer)), luck => Values.List(luck, Values.Operation)),
        new("multi reply", typeof(MultiResult), "R", bytes => bytes.Read((ref JuteReader reader) => MultiResult.ReadAll(ref reader)), WriteAll((IReadOnlyList<MultiResult> values, ref JuteWriter writer) => MultiResult.WriteAll(values, ref writer)), luck => Values.List(luck, Values.Result)),
    ];

    private delegate void WritesAll<in T>(T values, ref JuteWriter writer);

    private static RecordKind Of<T>(string layout, Func<Luck, object>? make = null)
        where T : IJuteRecord<T> => new(
            typeof(T).Name,
            typeof(T),
            layout,
            static bytes => bytes.Read((ref JuteReader reader) => T.Read(ref reader)),
            static (value, buffer) =>
            {
                var writer = new JuteWriter(buffer);
                ((T)value).Write(ref writer);
                writer.Commit();
            },
            make ?? (static luck => Values.Any(typeof(T), luck)));

    private static void WriteCreate(object value, JuteBuffer buffer)
    {
        var writer = new JuteWriter(buffer);
        ((CreateRequest)value).Write(ref writer);
        writer.Commit();
    }

    private static void WriteWatches(object value, JuteBuffer buffer)
    {
        var writer = new JuteWriter(buffer);
        ((SetWatchesRequest)value).Write(ref writer);
        writer.Commit();
    }

    private static Action<object, JuteBuffer> WriteAll<T>(WritesAll<T> write) => (value, buffer) =>
    {
        var writer = new JuteWriter(buffer);
        write((T)value, ref writer);
        writer.Commit();
    };
}

/// <summary>Reads a record.</summary>
internal delegate T Reads<out T>(ref JuteReader reader);

/// <summary>Bytes to read one record from, and how many of them it took.</summary>
internal sealed class JuteBytes(ReadOnlyMemory<byte> bytes)
{
    public int Taken { get; private set; }

    public object Read<T>(Reads<T> read)
    {
        var reader = new JuteReader(bytes.Span);
        object value = read(ref reader)!;
        Taken = bytes.Length - reader.Remaining;
        return value;
    }
}
