using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Rows;

/// <summary>
/// The bodies of requests, field by field: unlike the records of the client these can hold what no client sends, such as a null path or an unknown flag.
/// </summary>
internal static class Body
{
    /// <summary>What a writer writes, to be cut or bent before it is sent.</summary>
    public static byte[] Bytes(this BodyWriter body)
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        body(ref writer);
        writer.Commit();
        return buffer.WrittenSpan.ToArray();
    }

    public static BodyWriter Path(string? path) => (ref JuteWriter writer) => writer.WriteString(path);

    public static BodyWriter Read(string? path, bool watch = false) => (ref JuteWriter writer) =>
    {
        writer.WriteString(path);
        writer.WriteBoolean(watch);
    };

    /// <summary>Create, create2 and createContainer; with a time to live, createTTL.</summary>
    public static BodyWriter Create(string? path, byte[]? data = null, IReadOnlyList<Acl>? acl = null, int flags = 0, long? ttlMs = null) => (ref JuteWriter writer) =>
    {
        writer.WriteString(path);
        WriteBuffer(ref writer, data);
        writer.WriteRecords(acl ?? Acl.Open);
        writer.WriteInt(flags);
        if (ttlMs is { } ttl) writer.WriteLong(ttl);
    };

    /// <summary>Delete, check, addWatch, checkWatches and removeWatches: a path and a number.</summary>
    public static BodyWriter Number(string? path, int number) => (ref JuteWriter writer) =>
    {
        writer.WriteString(path);
        writer.WriteInt(number);
    };

    public static BodyWriter Set(string? path, byte[]? data = null, int version = -1) => (ref JuteWriter writer) =>
    {
        writer.WriteString(path);
        WriteBuffer(ref writer, data);
        writer.WriteInt(version);
    };

    public static BodyWriter SetAcl(string? path, IReadOnlyList<Acl>? acl, int version = -1) => (ref JuteWriter writer) =>
    {
        writer.WriteString(path);
        writer.WriteRecords(acl);
        writer.WriteInt(version);
    };

    public static BodyWriter Auth(string scheme, string credential) => new AuthRequest(scheme, Encoding.UTF8.GetBytes(credential)).Write;

    /// <summary>Operations of a transaction or of a batch of reads, and the end mark.</summary>
    public static BodyWriter Multi(params (OpCode Type, BodyWriter Body)[] operations) => (ref JuteWriter writer) =>
    {
        foreach ((OpCode type, BodyWriter body) in operations)
        {
            new MultiHeader(type, Done: false, -1).Write(ref writer);
            body(ref writer);
        }

        MultiHeader.End.Write(ref writer);
    };

    public static BodyWriter SetWatches(long relativeZxid, string[] data, string[] exist, string[] children, string[]? persistent = null, string[]? recursive = null) => (ref JuteWriter writer) =>
    {
        writer.WriteLong(relativeZxid);
        writer.WriteStrings(data);
        writer.WriteStrings(exist);
        writer.WriteStrings(children);
        if (persistent is null) return;
        writer.WriteStrings(persistent);
        writer.WriteStrings(recursive);
    };

    private static void WriteBuffer(ref JuteWriter writer, byte[]? data) => writer.WriteBuffer(data is null ? default(ReadOnlyMemory<byte>?) : data);
}
