using System.Buffers.Binary;
using System.Text;
using Okapi.Protocol;
using Okapi.TestSupport;

namespace Okapi.Conformance.Tests.Scripts;

/// <summary>A script's operations as bytes. It writes what it is told to, right or wrong.</summary>
public static class RequestBytes
{
    private const int HeaderSize = 12; // length, xid, type

    /// <summary>The frame of a request.</summary>
    /// <param name="operation">The request.</param>
    /// <param name="xid">Its number.</param>
    /// <param name="root">What <c>~</c> stands for.</param>
    /// <param name="since">The zxid that <see cref="Operation.Since"/> stands for.</param>
    public static byte[] Frame(Operation operation, int xid, string root, long since)
    {
        using var buffer = new JuteBuffer();
        var writer = new JuteWriter(buffer);
        int start = writer.BeginFrame();
        new RequestHeader(xid, Type(operation)).Write(ref writer);
        WriteBody(operation, root, since, ref writer);
        writer.EndFrame(start);
        writer.Commit();
        byte[] frame = buffer.Written.ToArray();
        if (operation.Verb == "raw") frame = [.. frame, .. Convert.FromHexString(operation.Data ?? "")];
        Array.Resize(ref frame, Math.Max(HeaderSize, frame.Length - operation.Cut) + operation.Pad);
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 4);
        return frame;
    }

    public static int Xid(Operation operation, int next) => operation.Verb switch
    {
        "ping" => Xids.Ping,
        "auth" => Xids.Auth,
        "setWatches" or "setWatches2" => Xids.SetWatches,
        _ => next,
    };

    private static OpCode Type(Operation operation) => operation.Verb == "raw" ? (OpCode)operation.Number : Operation.Requests[operation.Verb];

    private static string? Absolute(string? path, string root) => path is ['~', ..] ? root + path[1..] : path;

    private static void WriteBody(Operation operation, string root, long since, ref JuteWriter writer)
    {
        string? path = Absolute(operation.Path, root);
        switch (operation.Verb)
        {
            case "create" or "create2" or "createContainer" or "createTTL":
                writer.WriteString(path);
                WriteData(operation.Data, ref writer);
                WriteAcl(operation.Acl, ref writer);
                writer.WriteInt(operation.Number);
                if (operation.Verb == "createTTL") writer.WriteLong(operation.Ttl);
                break;
            case "delete" or "check":
                writer.WriteString(path);
                writer.WriteInt(operation.Version);
                break;
            case "setData":
                writer.WriteString(path);
                WriteData(operation.Data, ref writer);
                writer.WriteInt(operation.Version);
                break;
            case "setACL":
                writer.WriteString(path);
                WriteAcl(operation.Acl, ref writer);
                writer.WriteInt(operation.Version);
                break;
            case "getData" or "exists" or "getChildren" or "getChildren2":
                writer.WriteString(path);
                writer.WriteBoolean(operation.Watch);
                break;
            case "getACL" or "sync" or "getEphemerals" or "getAllChildrenNumber":
                writer.WriteString(path);
                break;
            case "addWatch" or "checkWatches" or "removeWatches":
                writer.WriteString(path);
                writer.WriteInt(operation.Number);
                break;
            case "multi" or "multiRead":
                WriteParts(operation.Parts, root, ref writer);
                break;
            case "setWatches" or "setWatches2":
                writer.WriteLong(since);
                string[] lists = operation.Verb == "setWatches" ? ["data", "exist", "child"] : ["data", "exist", "child", "persistent", "recursive"];
                foreach (string list in lists)
                {
                    writer.WriteStrings([.. operation.Parts.Where(part => part.Verb == list).Select(part => Absolute(part.Path, root)!)]);
                }

                break;
            case "auth":
                string[] halves = (operation.Data ?? "").Split(':', 2);
                new AuthRequest(halves[0], Encoding.UTF8.GetBytes(halves[1])).Write(ref writer);
                break;
        }
    }

    private static void WriteParts(IReadOnlyList<Operation> parts, string root, ref JuteWriter writer)
    {
        foreach (Operation part in parts)
        {
            new MultiHeader(Type(part), Done: false, -1).Write(ref writer);
            WriteBody(part, root, 0, ref writer);
        }

        MultiHeader.End.Write(ref writer);
    }

    private static void WriteData(string? data, ref JuteWriter writer) =>
        writer.WriteBuffer(data is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(data));

    private static void WriteAcl(string name, ref JuteWriter writer)
    {
        (int Permissions, string? Scheme, string? Id)[]? entries = Acls.All[name];
        writer.WriteInt(entries?.Length ?? -1);
        foreach ((int permissions, string? scheme, string? id) in entries ?? [])
        {
            writer.WriteInt(permissions);
            writer.WriteString(scheme);
            writer.WriteString(id);
        }
    }
}
