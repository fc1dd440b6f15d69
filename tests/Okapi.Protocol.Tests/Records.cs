using FsCheck;
using FsCheck.Fluent;

namespace Okapi.Protocol.Tests;

/// <summary>One kind of record: how to make values of it, and its two directions.</summary>
/// <param name="Values">Values that come back from the wire as they were.</param>
/// <param name="OptionalTail">How many bytes at the end an older peer leaves out.</param>
/// <param name="Record">The record's type, where it is one <see cref="IJuteRecord{TSelf}"/>.</param>
internal sealed record RecordKind(string Name, Gen<object> Values, Wire.Writes Write, Wire.Reads Read, int OptionalTail = 0, Type? Record = null);

internal static class Records
{
    // Strings that have gone wrong somewhere: empty, beyond ASCII, beyond the BMP, with a NUL, longer than a growth step.
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.Elements("", "/", "/a", "/app/b c", "/\u00e9/\u65e5\u672c", "\ud83e\udd8c", "a\0b", "world", new string('x', 300)),
        Gen.Choose(1, 0xd7ff).Select(c => ((char)c).ToString()).ArrayOf().Select(string.Concat));

    private static readonly Gen<int> Int = Gen.OneOf(
        Gen.Elements(0, 1, -1, -2, -112, -9999, int.MaxValue, int.MinValue),
        Gen.Choose(0, 0xffff).Two().Select(halves => (halves.Item1 << 16) | halves.Item2));

    private static readonly Gen<long> Long = Int.Two().Select(halves => ((long)halves.Item1 << 32) | (uint)halves.Item2);
    private static readonly Gen<bool> Bool = Gen.Elements(true, false);
    private static readonly Gen<byte[]> Bytes = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf();
    private static readonly Gen<byte[]?> BytesOrNull = Gen.Frequency((1, Gen.Constant<byte[]?>(null)), (4, Bytes.Select(byte[]? (bytes) => bytes)));

    // Not `bytes is null ? null : ...`: there the null would become an empty ReadOnlyMemory by way of byte[].
    private static readonly Gen<ReadOnlyMemory<byte>?> Data = Gen.Frequency(
        (1, Gen.Constant(default(ReadOnlyMemory<byte>?))), (4, Bytes.Select(ReadOnlyMemory<byte>? (bytes) => bytes.AsMemory())));

    private static readonly Gen<string?> TextOrNull = Gen.Frequency((1, Gen.Constant<string?>(null)), (3, Text.Select(string? (text) => text)));
    private static readonly Gen<string[]> Texts = Text.ArrayOf();
    private static readonly Gen<WirePath> Path = from chroot in Gen.Elements("", "/app") from path in Text select new WirePath(chroot, path);
    private static readonly Gen<Acl> Acls = from permissions in Int from scheme in Text from id in Text select new Acl((Permissions)permissions, scheme, id);
    private static readonly Gen<ClientInfo> Identities = from scheme in Text from user in Text select new ClientInfo(scheme, user);

    private static readonly Gen<Stat> Stats =
        from zxids in Long.Three()
        from times in Long.Two()
        from versions in Int.Three()
        from owner in Long
        from counts in Int.Two()
        select new Stat(zxids.Item1, zxids.Item2, times.Item1, times.Item2, versions.Item1, versions.Item2, versions.Item3, owner, counts.Item1, counts.Item2, zxids.Item3);

    private static readonly Gen<CreateRequest> PlainCreates = Creates(CreateMode.Persistent, CreateMode.Ephemeral, CreateMode.EphemeralSequential, CreateMode.Container, (CreateMode)99);

    private static readonly Gen<CreateRequest> TtlCreates =
        from create in Creates(CreateMode.PersistentWithTtl, CreateMode.PersistentSequentialWithTtl) from ttl in Long select create with { TtlMs = ttl };

    private static readonly Gen<MultiOperation> Operations = Gen.OneOf(
        from type in Gen.Elements(OpCode.Delete, OpCode.Check) from path in Path from version in Int select new MultiOperation(type, path, Version: version),
        from path in Path from data in Data from version in Int select new MultiOperation(OpCode.SetData, path, data, Version: version),
        from type in Gen.Elements(OpCode.GetData, OpCode.GetChildren) from path in Path select new MultiOperation(type, path),
        from create in Gen.OneOf(PlainCreates, TtlCreates)
        from withStat in Bool
        select new MultiOperation(create.GetOpCode(withStat), create.Path, create.Data, create.Acl, create.Mode, TtlMs: create.TtlMs));

    private static readonly Gen<MultiResult> Results = Gen.OneOf(
        from error in Int select new MultiResult(OpCode.Error, (ErrorCode)error),
        from type in Gen.Elements(OpCode.Delete, OpCode.Check) select new MultiResult(type),
        from stat in Stats select new MultiResult(OpCode.SetData, Stat: stat),
        from path in Text select new MultiResult(OpCode.Create, Path: path),
        from type in Gen.Elements(OpCode.Create2, OpCode.CreateContainer, OpCode.CreateTtl) from path in Text from stat in Stats select new MultiResult(type, Path: path, Stat: stat),
        from data in BytesOrNull from stat in Stats select new MultiResult(OpCode.GetData, Stat: stat, Data: data),
        from names in Texts select new MultiResult(OpCode.GetChildren, Children: names));

    internal static readonly IReadOnlyDictionary<string, RecordKind> All = new[]
    {
        Of(Acls),
        Of(Identities),
        Of(Stats),
        Of(from xid in Int from type in Int select new RequestHeader(xid, (OpCode)type)),
        Of(from xid in Int from zxid in Long from error in Int select new ReplyHeader(xid, zxid, (ErrorCode)error)),
        Of(from type in Int from done in Bool from error in Int select new MultiHeader((OpCode)type, done, error)),
        Of(from path in Text select new PathReply(path)),
        Of(from path in Text from stat in Stats select new CreateReply(path, stat)),
        Of(from data in BytesOrNull from stat in Stats select new DataReply(data, stat)),
        Of(from names in Texts select new NamesReply(names)),
        Of(from names in Texts from stat in Stats select new ChildrenReply(names, stat)),
        Of(from acl in Acls.ArrayOf() from stat in Stats select new AclReply(acl, stat)),
        Of(from value in Int select new CountReply(value)),
        Of(from identities in Identities.ArrayOf() select new WhoAmIReply(identities)),
        Of(from path in Path select new PathRequest(path)),
        Of(from path in Path from watch in Bool select new ReadRequest(path, watch)),
        Of(from path in Path from version in Int select new VersionRequest(path, version)),
        Of(from path in Path from data in Data from version in Int select new SetDataRequest(path, data, version)),
        Of(from path in Path from acl in Acls.ArrayOf() from version in Int select new SetAclRequest(path, acl, version)),
        Of(from texts in TextOrNull.Three() from config in Long select new ReconfigRequest(texts.Item1, texts.Item2, texts.Item3, config)),
        Of(from version in Int from zxid in Long from timeout in Int from id in Long from password in Bytes from readOnly in Bool
           select new ConnectRequest(version, zxid, timeout, id, password, readOnly), optionalTail: 1),
        Of(from version in Int from timeout in Int from id in Long from password in Bytes from readOnly in Bool
           select new ConnectResponse(version, timeout, id, password, readOnly), optionalTail: 1),
        Of(from scheme in Text from auth in Bytes select new AuthRequest(scheme, auth)),
        Of(from token in BytesOrNull select new SaslToken(token)),
        Of(from path in Path from mode in Int select new AddWatchRequest(path, (WatchMode)mode)),
        Of(from path in Path from type in Int select new WatchesRequest(path, (WatcherType)type)),
        Of(from type in Int from state in Int from path in Text select new WatcherEvent((WatchedEventType)type, (KeeperState)state, path)),
        Of(Operations),

        // What is no record of its own on the wire, or is read with an opcode at hand.
        new RecordKind("create", Boxed(PlainCreates), WriteCreate, (ref JuteReader reader) => CreateRequest.Read(ref reader, OpCode.Create)),
        new RecordKind("createTTL", Boxed(TtlCreates), WriteCreate, (ref JuteReader reader) => CreateRequest.Read(ref reader, OpCode.CreateTtl)),
        new RecordKind("setWatches", Boxed(from zxid in Long from paths in Texts.Three() select new SetWatchesRequest(zxid, paths.Item1, paths.Item2, paths.Item3, [], [])),
            WriteSetWatches, (ref JuteReader reader) => SetWatchesRequest.Read(ref reader, OpCode.SetWatches)),
        new RecordKind("setWatches2", Boxed(from zxid in Long from paths in Texts.Four() from one in Text select new SetWatchesRequest(zxid, paths.Item1, paths.Item2, paths.Item3, paths.Item4, [one])),
            WriteSetWatches, (ref JuteReader reader) => SetWatchesRequest.Read(ref reader, OpCode.SetWatches2)),
        new RecordKind("multi", Boxed(Operations.ArrayOf()),
            (object value, ref JuteWriter writer) => MultiOperation.WriteAll((MultiOperation[])value, ref writer),
            (ref JuteReader reader) => MultiOperation.ReadAll(ref reader)),
        new RecordKind("multi reply", Boxed(Results.ArrayOf()),
            (object value, ref JuteWriter writer) => MultiResult.WriteAll((MultiResult[])value, ref writer),
            (ref JuteReader reader) => MultiResult.ReadAll(ref reader)),
    }.ToDictionary(kind => kind.Name);

    public static TheoryData<string> Names => [.. All.Keys];

    /// <summary>A few values of a kind, the same in every run.</summary>
    internal static IReadOnlyList<object> Samples(RecordKind kind, int count) => kind.Values.Sample(count, new Rnd(20240731, 77), 8);

    private static RecordKind Of<T>(Gen<T> values, int optionalTail = 0)
        where T : IJuteRecord<T> => new(
            typeof(T).Name,
            Boxed(values),
            (object value, ref JuteWriter writer) => ((T)value).Write(ref writer),
            (ref JuteReader reader) => T.Read(ref reader),
            optionalTail,
            typeof(T));

    private static Gen<object> Boxed<T>(Gen<T> values) => values.Select(object (value) => value!);

    private static Gen<CreateRequest> Creates(params CreateMode[] modes) =>
        from path in Path from data in Data from acl in Acls.ArrayOf() from mode in Gen.Elements(modes) select new CreateRequest(path, data, acl, mode);

    private static void WriteCreate(object value, ref JuteWriter writer) => ((CreateRequest)value).Write(ref writer);

    private static void WriteSetWatches(object value, ref JuteWriter writer) => ((SetWatchesRequest)value).Write(ref writer);
}
